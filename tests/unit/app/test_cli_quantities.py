"""Amounts and times as people write them; what would be a guess is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import pytest

from joulewise.app.cli.quantities import DURATION, ENERGY, POWER, PRICE, SIZE, Moment

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (DURATION, "6h", 21_600.0),
        (DURATION, "1h30m", 5_400.0),
        (DURATION, "1.5 h", 5_400.0),
        (DURATION, "2d 3h", 183_600.0),
        (DURATION, "90min", 5_400.0),
        (DURATION, "1e3s", 1_000.0),
        (DURATION, 42.0, 42.0),
        (ENERGY, "5kWh", 18e6),
        (ENERGY, "300 Wh", 1.08e6),
        (ENERGY, "2MJ", 2e6),
        (POWER, "250W", 250.0),
        (POWER, ".5kW", 500.0),
        (SIZE, "50GB", 50.0),
        (SIZE, "2tb", 2_000.0),
    ],
)
def test_amounts_become_numbers_in_our_units(kind, text, value):
    assert kind.convert(text, None, None) == pytest.approx(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DURATION, "6"), (DURATION, ""), (DURATION, "h"), (DURATION, "6 parsecs"), (DURATION, "6h!"),
        (ENERGY, "5kWh 3Wh"), (ENERGY, "5"), (POWER, "nanW"), (POWER, "1e999W"), (SIZE, "50 books"),
    ],
)  # fmt: skip
def test_what_is_no_amount_shows_how_to_write_one(kind, text):
    with pytest.raises(click.BadParameter, match="write it like"):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("kind", "text", "most"),
    [(DURATION, "11000d", "10 years"), (POWER, "2000MW", "1 GW"), (ENERGY, "1e18kWh", "10 years"),
     (SIZE, "2000000PB", "exabyte")],
)  # fmt: skip
def test_what_nobody_can_mean_is_refused(kind, text, most):
    with pytest.raises(click.BadParameter, match=f"more than .*{most}; write it like"):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("now", "text", "moment"),
    [
        ((2026, 1, 5, 9), "2026-01-06T08:00", (2026, 1, 6, 7)),
        ((2026, 1, 5, 9), "2026-01-06T08:00Z", (2026, 1, 6, 8)),
        ((2026, 1, 5, 9), "2026-01-06T08:00-05:00", (2026, 1, 6, 13)),
        ((2026, 1, 5, 9), "2026-07-06", (2026, 7, 5, 22)),
        ((2026, 1, 5, 9), "10:30", (2026, 1, 5, 9, 30)),
        ((2026, 1, 5, 9), "8:30", (2026, 1, 6, 7, 30)),
        ((2026, 3, 28, 20), "08:00", (2026, 3, 29, 6)),
        ((2026, 10, 24, 20), "08:00", (2026, 10, 25, 7)),
    ],
)
def test_times_without_an_offset_are_local(now, text, moment):
    found = Moment(datetime(*now, tzinfo=BERLIN)).convert(text, None, None)
    assert found == datetime(*moment, tzinfo=UTC)


def test_the_systems_own_clock_is_local_too():
    here = datetime(2026, 1, 6, 8).astimezone()
    assert Moment().convert("2026-01-06T08:00", None, None) == here
    now = datetime.now(UTC)
    found = Moment().convert("08:00", None, None)
    assert now < found <= now.astimezone() + (here - here) + (datetime(2026, 1, 7) - datetime(2026, 1, 5))
    assert Moment().convert(here, None, None) is here


@pytest.mark.parametrize("text", ["tomorrow", "25:00", "2026-13-01", ""])
def test_what_is_no_time_shows_how_to_write_one(text):
    with pytest.raises(click.BadParameter, match="write it like"):
        Moment().convert(text, None, None)


def test_prices_are_by_place():
    assert PRICE.convert("aws:eu-north-1=-2.5", None, None) == ("aws:eu-north-1", -2.5)
    assert PRICE.convert(("DE", 1.0), None, None) == ("DE", 1.0)
    for text in ("2.5", "DE=", "DE=nan", "DE=much", "=2"):
        with pytest.raises(click.BadParameter, match="write it like"):
            PRICE.convert(text, None, None)
