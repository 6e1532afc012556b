"""What is said of the data: a typical hour is never called a measurement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from joulewise.report.grid_view import Window
from joulewise.report.grid_words import (
    as_sentences,
    best_starts,
    clock_words,
    data_words,
    difference_words,
    mean_text,
    moment_words,
    status_words,
    window_words,
)
from joulewise.testing.grids import NOW, example_grid, example_signal

SHAPE = "shape 1 (EIA-930; US-CAL-CISO 2020-22, fuel factors of IPCC 2014) x intensity:US-CAMX:2023:egrid2023@ab"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "climatology", "grade": "shape", "source": SHAPE},
         "typical hours of 2020-22, scaled to the annual factor of 2023, not a measurement"),
        ({"status": "climatology", "grade": "shape", "source": "uk, typical hours of its own record"},
         "typical hours, not a measurement"),
        ({"status": "annual", "grade": "annual", "source": "intensity:FR:2025:ember"},
         "annual average of 2025, the same in every hour, not a measurement"),
        ({"status": "annual", "grade": "country", "source": ""},
         "its country's annual average, the same in every hour, not a measurement"),
        ({"status": "annual", "grade": "world", "source": ""},
         "the world's annual average, the same in every hour, not a measurement"),
        ({"status": "measured"}, "measured"),
        ({"status": "measured", "grade": "cache"}, "measured, kept from an earlier answer"),
        ({"status": "estimated"}, "estimated by the source"),
        ({"status": "forecast", "issued_at": NOW}, "forecast of 2026-01-13 09:20 UTC"),
        ({"status": "forecast", "grade": "cache"}, "forecast, kept from an earlier answer"),
    ],
)  # fmt: skip
def test_status_in_words(fields, words):
    assert status_words(example_signal(NOW, 300.0, **fields)) == words


def test_data_words_say_how_much_is_what_and_what_is_counted():
    signals = [
        example_signal(NOW, 300.0),
        example_signal(NOW + timedelta(hours=1), 300.0, hours=3, status="forecast", issued_at=NOW),
    ]

    assert data_words(signals) == [
        "Forecast of 2026-01-13 09:20 UTC (75 % of the time). Source: example; licence: CC0.",
        "Measured (25 % of the time). Source: example; licence: CC0.",
        "Counted: average of all generation, lifecycle of the plants, with imports.",
    ]
    assert data_words([]) == ["Nothing is known."]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW, "now"),
        (NOW.replace(hour=13, minute=0), "today 14:00 (13:00 UTC)"),
        (NOW.replace(hour=23, minute=30), "tomorrow 00:30 (23:30 UTC)"),
        (NOW + timedelta(days=3), "Fri 16 Jan 10:20 (09:20 UTC)"),
    ],
)
def test_moments_by_the_clock(moment, words):
    assert moment_words(moment, example_grid()) == words


def test_in_utc_the_hour_is_said_once():
    assert moment_words(NOW + timedelta(hours=1), example_grid(clock=ZoneInfo("UTC"))) == "today 10:20"
    assert clock_words(example_grid(clock=UTC)) == "UTC"
    assert clock_words(example_grid()) == "Europe/Berlin, now UTC+1"


def test_the_best_start_in_plain_words():
    one, three, _ = example_grid().windows()

    assert window_words(three, example_grid()) == (
        "Best 3 h start: today 12:00 (11:00 UTC), 6 % below now; the 95 % bands overlap"
    )
    assert difference_words(one, is_now=True) == "no later start is cleaner"


def test_where_every_hour_is_alike_no_start_is_named():
    start = NOW.replace(minute=0)
    signal = example_signal(start, 250.0, hours=40, status="annual", grade="annual")
    alike = example_grid(start=start, end=start + timedelta(hours=40), signals=(signal,))

    assert best_starts(alike) == ["Every hour is alike, as far as is known: no start is better than another."]
    assert len(best_starts(example_grid())) == 3
    assert best_starts(example_grid(signals=())) == []


def test_a_clear_difference_and_none():
    view = example_grid()
    low, high = (example_signal(datetime(2026, 1, 13, 12, tzinfo=UTC), value) for value in (100.0, 400.0))

    assert difference_words(Window(hours=1, best=low, at_once=high), is_now=False) == "75 % below now"
    assert difference_words(Window(hours=1, best=low, at_once=low), is_now=False) == "as clean as now"
    assert difference_words(Window(hours=1, best=low, at_once=None), is_now=False) == "what now emits is unknown"
    assert view.windows()


def test_means_as_text():
    assert mean_text(example_signal(NOW, 300.4)) == "300 (225 – 376)"
    assert mean_text(example_signal(NOW, 4.04)) == "4 (3 – 5)"
    assert mean_text(None) == "unknown"
    exact = example_signal(NOW, 21.0, low_g_per_kwh=21.0, high_g_per_kwh=21.0)
    assert mean_text(exact) == "21"


def test_notices_become_sentences():
    assert as_sentences(["no answer from uk", "", "Done."]) == ["No answer from uk.", "Done."]
