"""The calendar: hours of the clock, days with 23 and 25 of them, months, gaps, scale."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.report.heat_map import MOST_LEVELS, local_hours, scale_of, week, year
from joulewise.testing.grids import HOLE, example_grid, example_signal, hourly

BERLIN, DELHI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
HOUR = timedelta(hours=1)


def grid_around(day: date, clock: ZoneInfo, days: int = 3):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    return example_grid(clock=clock, signals=tuple(hourly(start, 24 * (days + 2))))


def counts(row):
    return [len(slot) for slot in row.slots]


def test_a_day_has_its_24_hours_by_the_clock():
    heat = week(grid_around(date(2026, 1, 13), BERLIN), date(2026, 1, 13), days=1)

    assert counts(heat.rows[0]) == [1] * 24
    assert heat.rows[0].slots[0][0].start == datetime(2026, 1, 12, 23, tzinfo=UTC)
    assert heat.rows[0].label == "Tue 13"
    assert heat.offsets == (HOUR,)


def test_the_day_that_the_clock_goes_forward_lacks_an_hour():
    heat = week(grid_around(date(2026, 3, 29), BERLIN), date(2026, 3, 29), days=1)

    assert counts(heat.rows[0]) == [1, 1, 0, *[1] * 21]
    assert heat.rows[0].slots[3][0].start == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert heat.offsets == (HOUR, 2 * HOUR)
    assert heat.gap_count() == 0


def test_the_day_that_the_clock_goes_back_has_an_hour_twice():
    heat = week(grid_around(date(2026, 10, 25), BERLIN), date(2026, 10, 25), days=1)

    assert counts(heat.rows[0]) == [1, 1, 2, *[1] * 21]
    assert [cell.start.hour for cell in heat.rows[0].slots[2]] == [0, 1]
    assert len({cell.mean.intensity_g_per_kwh for cell in heat.rows[0].slots[2]}) == 2


@given(st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/Sao_Paulo"]
))  # fmt: skip
def test_the_hours_of_a_day_fill_it_without_overlap(day, name):
    hours = list(local_hours(day, ZoneInfo(name)))
    after = list(local_hours(day + timedelta(days=1), ZoneInfo(name)))

    assert all(end == start for (_, end), (start, _) in itertools.pairwise(hours))
    assert hours[-1][1] == after[0][0]
    assert hours[0][0].astimezone(ZoneInfo(name)).date() == day
    assert 23 <= len(hours) <= 25


def test_half_an_hour_off_utc_is_the_mean_of_both_hours():
    start = datetime(2026, 1, 12, 18, tzinfo=UTC)
    signals = (example_signal(start, 100.0), example_signal(start + HOUR, 300.0))
    heat = week(example_grid(clock=DELHI, signals=signals), date(2026, 1, 13), days=1)

    assert heat.rows[0].slots[0][0].mean.intensity_g_per_kwh == pytest.approx(200)


def test_an_hour_that_is_known_in_part_is_a_gap():
    heat = week(example_grid(), date(2026, 1, 13), days=2)
    first = [at for at, slot in enumerate(heat.rows[0].slots) if slot[0].mean is None]
    second = [at for at, slot in enumerate(heat.rows[1].slots) if slot[0].mean is None]

    assert first == [0, *(hour + 1 for hour in HOLE)]
    assert second == []


def test_the_three_cleanest_hours_of_a_day_are_marked():
    heat = week(example_grid(), date(2026, 1, 14), days=1)

    assert [at for at, slot in enumerate(heat.rows[0].slots) if slot[0].marked] == [12, 13, 14]


def test_where_all_hours_are_alike_none_is_marked():
    signal = example_signal(datetime(2026, 1, 12, tzinfo=UTC), 250.0, hours=72, status="annual", grade="annual")
    heat = week(example_grid(signals=(signal,)), date(2026, 1, 13), days=2)

    assert not any(cell.marked for row in heat.rows for cell in row.cells())
    assert heat.scale.levels == 1
    assert heat.scale.shade(0) == MOST_LEVELS // 2


def test_a_year_has_twelve_typical_days_by_the_clock():
    signals = list(hourly(datetime(2025, 12, 31, 23, tzinfo=UTC), 8760))
    heat = year(signals, BERLIN)
    cleanest = {row.label: min(row.cells(), key=lambda cell: cell.mean.intensity_g_per_kwh) for row in heat.rows}

    assert [row.label for row in heat.rows[:2]] == ["Jan", "Feb"]
    assert len(heat.rows) == 12
    assert cleanest["Jan"].start.astimezone(BERLIN).hour == 13
    assert cleanest["Jul"].start.astimezone(BERLIN).hour == 14
    assert heat.offsets == (HOUR, 2 * HOUR)


def test_a_month_with_a_hole_has_a_gap_at_that_hour():
    signals = list(hourly(datetime(2026, 1, 1, tzinfo=UTC), 24 * 31, skip=[24 * 5 + 7]))
    heat = year(signals, ZoneInfo("UTC"))

    assert [at for at, slot in enumerate(heat.rows[0].slots) if slot[0].mean is None] == [7]


def test_no_signals_make_no_months_and_no_scale():
    assert year([], BERLIN).rows == ()
    assert year([], BERLIN).scale is None


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=50))
def test_every_value_lies_in_its_level(values):
    scale = scale_of(values)
    edges = scale.edges_g_per_kwh

    assert 1 <= scale.levels <= MOST_LEVELS
    assert list(edges) == sorted(set(edges))
    for value in values:
        level = scale.level(value)
        assert edges[level] - 1e-6 <= value <= edges[level + 1] + 1e-6
        assert 0 <= scale.shade(level) < MOST_LEVELS
