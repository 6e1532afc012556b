"""Power and duration of a job: as given, or from a filed run and its trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulewise.core.errors import OutOfRange, UndefinedFigure, UsageError
from joulewise.schedule import profile
from joulewise.testing.ledgers import small_bundle, total_energy

NAN = float("nan")


@pytest.mark.parametrize(
    ("duration_s", "energy_j", "power_w"),
    [(3_600.0, None, 250.0), (3_600.0, 900_000.0, None), (None, 900_000.0, 250.0), (3_600.0, 900_000.0, 250.0)],
)
def test_two_of_three_are_enough(duration_s, energy_j, power_w):
    found = profile.given(duration_s=duration_s, energy_j=energy_j, power_w=power_w)
    assert found.stretches == ((3_600.0, 250.0),)
    assert (found.duration_s, found.energy_j, found.name) == (3_600.0, 900_000.0, "")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, UsageError, "how long"),
        ({"power_w": 250.0}, UsageError, "how long"),
        ({"duration_s": 60.0}, UsageError, "how much power"),
        ({"duration_s": 60.0, "power_w": 1.0, "energy_j": 90.0}, UsageError, "contradict"),
        ({"duration_s": NAN, "power_w": 1.0}, OutOfRange, "duration"),
        ({"duration_s": 60.0, "power_w": 0.0}, OutOfRange, "power"),
        ({"energy_j": -1.0, "power_w": 1.0}, OutOfRange, "energy"),
    ],
)
def test_less_or_nonsense_is_told(given, error, words):
    with pytest.raises(error, match=words):
        profile.given(**{"duration_s": None, "energy_j": None, "power_w": None, **given})


def test_a_run_without_a_trace_is_steady():
    found = profile.of_run(small_bundle(energy_j=600.0))
    assert (found.stretches, found.name) == (((60.0, 10.0),), "run-1")
    assert found.run_id is not None


def test_a_trace_gives_the_course_and_the_run_the_energy():
    trace = {"t_s": [15.0, 30.0, 45.0, 60.0], "mine_w": [10.0, 10.0, 30.0, 30.0], "cpu_w": [1.0] * 4}
    found = profile.of_run(small_bundle(energy_j=2_400.0), trace)
    assert found.stretches == ((30.0, 20.0), (30.0, 60.0))


def test_gaps_of_a_trace_take_the_power_around_them():
    trace = {"t_s": [15.0, 30.0, 45.0, 60.0], "mine_w": [10.0, NAN, None, 30.0]}
    assert profile.of_run(small_bundle(energy_j=600.0), trace).stretches == ((60.0, 10.0),)
    short = {"t_s": [5.0, 10.0, 15.0, 20.0], "mine_w": [10.0, 10.0, 20.0, 20.0]}
    found = profile.of_run(small_bundle(energy_j=600.0), short)
    assert found.energy_j == pytest.approx(600.0)
    assert found.stretches[1][1] > found.stretches[0][1]


def test_a_long_trace_becomes_few_stretches():
    trace = {"t_s": [0.06 * number for number in range(1, 1_001)], "mine_w": [10.0] * 1_000}
    found = profile.of_run(small_bundle(energy_j=600.0), trace)
    assert len(found.stretches) == profile.MOST_STRETCHES
    assert found.energy_j == pytest.approx(600.0)


def test_a_trace_of_nothing_is_no_course():
    trace = {"t_s": [15.0, 30.0, 45.0, 60.0], "mine_w": [0.0] * 4}
    assert profile.of_run(small_bundle(energy_j=600.0), trace).stretches == ((60.0, 10.0),)


def test_energy_at_the_facility_is_known_to_hold_pue():
    bundle = small_bundle()
    metered = replace(bundle, measurements=(total_energy(bundle.run.id, 90.0, boundary="facility"),))
    assert profile.of_run(metered).pue_included
    assert not profile.of_run(bundle).pue_included


def test_a_run_without_energy_can_not_be_planned():
    with pytest.raises(UndefinedFigure, match="--power"):
        profile.of_run(small_bundle(energy_j=None))


def test_what_the_user_knows_better_wins():
    past = profile.of_run(small_bundle(energy_j=600.0))
    longer = profile.corrected(past, duration_s=120.0, energy_j=None, power_w=None)
    assert (longer.duration_s, longer.energy_j, longer.run_id) == (120.0, 1_200.0, past.run_id)
    assert profile.corrected(past, duration_s=None, energy_j=300.0, power_w=None).stretches == ((60.0, 5.0),)
    assert profile.corrected(past, duration_s=120.0, energy_j=None, power_w=20.0).energy_j == 2_400.0
    with pytest.raises(UsageError, match="one of them"):
        profile.corrected(past, duration_s=None, energy_j=1.0, power_w=1.0)
    with pytest.raises(OutOfRange):
        profile.corrected(past, duration_s=None, energy_j=NAN, power_w=None)


def test_quantiles_of_past_durations():
    assert profile.quantile_s([10.0, 30.0, 20.0], 0.5) == 20.0
    assert profile.quantile_s([10.0, 20.0], 0.9) == pytest.approx(19.0)
    assert profile.quantile_s([10.0], 0.9) == 10.0
    for share in (0.0, 1.0, NAN):
        with pytest.raises(OutOfRange, match="--quantile"):
            profile.quantile_s([10.0], share)
    with pytest.raises(UndefinedFigure, match="--duration"):
        profile.quantile_s([], 0.9)


def test_the_meters_bounds_go_with_the_profile_until_the_user_says_better():
    bundle = small_bundle(energy_j=600.0)
    found = profile.of_run(bundle)
    figure = profile.energy_of(bundle).figure

    assert (found.low_ratio, found.high_ratio) == (figure.low / figure.value, figure.high / figure.value)
    assert found.lasting(60.0).high_ratio == found.high_ratio
    assert profile.corrected(found, duration_s=None, energy_j=5.0, power_w=None).high_ratio == 1.0
