"""Windows and gaps: the cleanest start is the cleanest, and what is unknown is in no mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.report.grid_view import Timeline, cleanest
from joulewise.testing.grids import NOW, example_grid, example_signal, hourly

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 13, tzinfo=UTC)


def test_gaps_are_found_inside_and_at_both_ends():
    view = example_grid(signals=tuple(hourly(START + HOUR, 4, skip=[2])), end=START + 6 * HOUR)

    assert list(view.gaps()) == [(START, START + HOUR), (START + 3 * HOUR, START + 4 * HOUR),
                                 (START + 5 * HOUR, START + 6 * HOUR)]  # fmt: skip


def test_a_grid_of_which_nothing_is_known_is_one_gap():
    view = example_grid(signals=())

    assert list(view.gaps()) == [(view.start, view.end)]
    assert view.windows() == []


def test_a_mean_weighs_by_time():
    line = Timeline([example_signal(START, 100.0), example_signal(START + HOUR, 200.0, hours=0.5)])
    mean = line.mean(START + HOUR / 2, START + 1.5 * HOUR)

    assert mean is not None
    assert mean.intensity_g_per_kwh == pytest.approx(150)
    assert (mean.low_g_per_kwh, mean.high_g_per_kwh) == (pytest.approx(112.5), pytest.approx(187.5))


def test_a_mean_over_a_gap_is_unknown():
    assert Timeline(list(hourly(START, 4, skip=[1]))).mean(START, START + 3 * HOUR) is None


def test_the_cleanest_window_is_around_noon():
    one, three, six = example_grid().windows()

    assert [window.hours for window in (one, three, six)] == [1, 3, 6]
    assert one.best.start == START + 12 * HOUR
    assert three.best.start == START + 11 * HOUR
    assert one.below_ratio == pytest.approx(1 - 180 / one.at_once.intensity_g_per_kwh)
    assert one.is_tie


def test_bands_that_lie_apart_are_no_tie():
    signals = [example_signal(START, 400.0), example_signal(START + HOUR, 100.0)]
    (window,) = cleanest(signals, START, START + 2 * HOUR, [1])

    assert window.best.start == START + HOUR
    assert not window.is_tie
    assert window.below_ratio == pytest.approx(0.75)


def test_of_equals_the_earliest_is_best():
    signals = [example_signal(START + number * HOUR, 200.0) for number in range(8)]
    windows = cleanest(signals, START + HOUR / 3, START + 8 * HOUR)

    assert {window.best.start for window in windows} == {START + HOUR / 3}
    assert {window.below_ratio for window in windows} == {0}


def test_a_window_never_contains_a_gap():
    signals = list(hourly(START, 12, skip=[3, 7]))
    windows = cleanest(signals, START, START + 12 * HOUR)

    assert [window.hours for window in windows] == [1, 3]
    assert windows[1].best.start == START + 9 * HOUR
    assert cleanest(signals, START + 1.5 * HOUR, START + 4 * HOUR, [2]) == []


def test_what_now_emits_may_be_unknown():
    (window,) = cleanest([example_signal(START + HOUR, 90.0)], START, START + 2 * HOUR, [1])

    assert window.at_once is None
    assert window.below_ratio is None
    assert window.is_tie


def test_a_grid_without_emissions_has_no_ratio():
    (window,) = cleanest([example_signal(START, 0.0)], START, START + HOUR, [1])

    assert window.below_ratio is None


@given(
    st.lists(st.floats(0, 1000), min_size=2, max_size=12),
    st.integers(1, 3),
    st.integers(0, 59),
)
def test_no_start_on_a_fine_grid_is_cleaner(values, hours, minute):
    signals = [example_signal(START + number * HOUR, value) for number, value in enumerate(values)]
    now, end = START + timedelta(minutes=minute), START + len(values) * HOUR
    found = cleanest(signals, now, end, [hours])
    line, length = Timeline(signals), hours * HOUR
    tried = [line.mean(now + timedelta(minutes=5 * step), now + timedelta(minutes=5 * step) + length)
             for step in range(12 * len(values)) if now + timedelta(minutes=5 * step) + length <= end]  # fmt: skip

    assert bool(found) == bool(tried)
    if found:
        least = min(mean.intensity_g_per_kwh for mean in tried)
        assert found[0].best.intensity_g_per_kwh <= least + 1e-6


def test_the_title_names_the_region_and_its_grid():
    assert example_grid().title == "aws:eu-central-1 (grid DE)"
    assert example_grid(asked="").title == "DE"
    assert example_grid().now == NOW
