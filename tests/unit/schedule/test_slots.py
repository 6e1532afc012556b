"""Signals on a grid of slots: means are exact, holes and mixtures are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from joulewise.core.errors import FactorError, SignalMismatch
from joulewise.schedule.slots import MOST_SLOTS, lay_out, resolution_s, slot_length_s
from joulewise.testing.plans import HOUR, hourly

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_slot_holds_the_mean_over_its_time():
    slots = lay_out({"DE": hourly("DE", 100, 300, start=NOON)}, NOON + HOUR / 2, NOON + 2 * HOUR, 3_600.0)
    assert slots.intensity_g_per_kwh == pytest.approx(np.array([[200.0, 300.0]]))
    assert slots.low_g_per_kwh == pytest.approx(np.array([[180.0, 270.0]]))
    assert (slots.count, slots.whole_count, slots.window_s) == (2, 1, 5_400.0)


def test_places_share_a_grid_and_know_their_zones():
    signals = {"home": hourly("DE", *[100] * 4, start=NOON), "away": hourly("SE", *[20] * 4, start=NOON)}
    slots = lay_out(signals, NOON, NOON + 4 * HOUR, 1_800.0)
    assert slots.intensity_g_per_kwh.shape == (2, 8)
    assert (slots.places, slots.zones, slots.row("away")) == (("home", "away"), ("DE", "SE"), 1)


def test_coverage_is_to_the_second():
    slots = lay_out({"DE": hourly("DE", *[100] * 3, start=NOON)}, NOON, NOON + 3 * HOUR, 3_600.0)
    assert slots.coverage_s(1_800, 7_201).tolist() == [1_800, 3_600, 1]


@pytest.mark.parametrize("wrong", [[], [0, 2], [1, 2, 3], [0, 1, 2]])
def test_a_hole_is_refused_never_filled(wrong):
    every = hourly("DE", *[100] * 4, start=NOON)
    with pytest.raises(FactorError, match="without holes"):
        lay_out({"DE": [every[number] for number in wrong]}, NOON, NOON + 4 * HOUR, 3_600.0)


def test_unlike_signals_are_refused():
    mixed = {"DE": hourly("DE", 100, start=NOON), "US": hourly("US", 100, start=NOON, basis="direct")}
    with pytest.raises(SignalMismatch):
        lay_out(mixed, NOON, NOON + HOUR, 3_600.0)


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])
def test_a_local_day_of_23_or_25_hours_has_as_many_slots(day, hours):
    berlin = ZoneInfo("Europe/Berlin")
    start = day.replace(tzinfo=berlin).astimezone(UTC)
    end = (day + timedelta(days=1)).replace(tzinfo=berlin).astimezone(UTC)
    slots = lay_out({"DE": hourly("DE", *range(100, 130), start=start)}, start, end, 3_600.0)
    assert slots.intensity_g_per_kwh[0].tolist() == pytest.approx(list(range(100, 100 + hours)))


@pytest.mark.parametrize(
    ("duration_s", "window_s", "resolution", "length_s"),
    [
        (86_400, 259_200, 3_600, 3_600),
        (6 * 3_600, 86_400, 3_600, 1_800),
        (7_200, 86_400, 3_600, 900),
        (86_400, 259_200, 1_800, 1_800),
        (1_200, 86_400, 3_600, 60),
        (10, 3_600, 3_600, 60),
        (1_200, 30 * 86_400, 3_600, 900),
        (7_200, 366 * 86_400, 3_600, 10_800),
    ],
)
def test_slots_are_as_long_as_signals_and_job_allow(duration_s, window_s, resolution, length_s):
    assert slot_length_s(duration_s, window_s, resolution) == length_s
    assert window_s / length_s <= MOST_SLOTS


def test_resolution_is_that_of_whole_signals():
    hours = hourly("DE", *[100] * 4, start=NOON)
    cut = [replace(hours[0], start=NOON + HOUR / 3), *hours[1:]]
    halves = [replace(hours[1], end=NOON + 1.5 * HOUR), replace(hours[1], start=NOON + 1.5 * HOUR)]
    assert resolution_s([cut]) == 3_600
    assert resolution_s([[hours[0], *halves, hours[2]]]) == 1_800
    assert resolution_s([[replace(hours[0], end=NOON + 8_760 * HOUR)]]) == 3_600


def test_slots_choose_their_own_length():
    slots = lay_out({"DE": hourly("DE", *[100] * 24, start=NOON)}, NOON, NOON + 24 * HOUR, None, job_s=6 * 3_600)
    assert slots.slot_s == 1_800


def test_the_share_of_annual_factors_is_known():
    hours = hourly("DE", *[100] * 4, start=NOON)
    mixed = [hours[0], replace(hours[1], end=NOON + 4 * HOUR, status="annual")]
    assert lay_out({"DE": mixed}, NOON, NOON + 4 * HOUR, 3_600.0).annual_share.tolist() == [0.75]
