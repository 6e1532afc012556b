"""The Pareto list and plans of several workers, on grids whose answers are plain to see."""

from __future__ import annotations

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import REPORTED, exact
from joulewise.schedule import Place, plan_in_full
from joulewise.testing.plans import FIRST, HOUR, hourly, small_job

PUE = exact(1.0, "1", REPORTED, "test")
STEADY = {"power_profile": ((7_200.0, 500.0),)}


def planned(job, speedup=(), **values):
    places = {name: Place(region=name, zone=name, pue=PUE) for name in values}
    signals = {name: hourly(name, *hours, band=0.01, status="forecast") for name, hours in values.items()}
    return plan_in_full(job, signals, places, FIRST, speedup=speedup)


def test_nothing_on_the_list_is_beaten():
    job = small_job(regions=("SE", "PL"), price_per_hour={"DE": 2.0, "SE": 5.0, "PL": 1.0}, **STEADY)
    found = planned(
        job, DE=[500, 450, 400, 300, 300, 400, 500, 500], SE=[50] * 8, PL=[700, 700, 600, 600, 700, 700, 700, 700]
    )
    points = [(one.emissions_g, one.finish_at, one.cost.value) for one in found.front]
    assert len(points) >= 5
    for one in points:
        assert not any(all(a <= b for a, b in zip(other, one, strict=True)) and other != one for other in points)
    assert min(one.emissions_g for one in found.front) == min(o.emissions.value for o in found.plan.options)
    assert {one.region for one in found.front} == {"DE", "SE", "PL"}
    assert [one.finish_at for one in found.front] == sorted(one.finish_at for one in found.front)


def test_a_place_that_is_clean_cheap_and_soon_leaves_one_choice():
    job = small_job(regions=("SE",), price_per_hour={"DE": 2.0, "SE": 1.0}, **STEADY)
    found = planned(job, DE=[500] * 8, SE=[50] * 8)
    assert [(one.name, one.region) for one in found.front] == [("best-region", "SE")]


def test_unknown_costs_are_compared_among_themselves():
    job = small_job(regions=("SE",), price_per_hour={"DE": 2.0}, **STEADY)
    found = planned(job, DE=[500] * 8, SE=[50] * 8)
    assert [(one.region, one.cost and one.cost.value) for one in found.front] == [("SE", None), ("DE", 4.0)]


def test_starts_that_hardly_differ_are_thinned():
    found = planned(small_job(**STEADY), DE=[500, 499, 498, 497, 496, 495, 494, 493])
    assert len(found.front) <= 3
    assert found.front[-1].emissions_g == pytest.approx(493.5)


def test_energy_of_a_choice_holds_that_of_its_data():
    job = small_job(regions=("SE",), data_gb=10.0, **STEADY)
    moved = next(one for one in planned(job, DE=[500] * 8, SE=[50] * 8).front if one.region == "SE")
    assert moved.energy_j == pytest.approx((1.0 + 10 * 0.0077) * 3.6e6)


def test_more_workers_run_in_the_clean_hours():
    found = planned(small_job(**STEADY), (1.0, 1.9), DE=[500, 500, 100, 500, 500, 500, 500, 500]).elastic
    pairs = [(crew.start, crew.end) for crew in found.crews if crew.workers == 2]
    assert pairs == [(FIRST + 2 * HOUR, FIRST + 3 * HOUR)]
    done = sum((crew.end - crew.start) / HOUR * (1.0, 1.9)[crew.workers - 1] for crew in found.crews)
    assert done == pytest.approx(2.0)
    assert found.saved.value == pytest.approx(500 - found.emissions.value)
    assert found.emissions.value < 0.5 * 500
    assert found.finish_at == found.crews[-1].end


def test_one_worker_is_the_free_pause():
    found = planned(small_job(**STEADY), (1.0,), DE=[500, 100, 500, 500, 100, 500, 500, 500]).elastic
    assert [(crew.start, crew.end, crew.workers) for crew in found.crews] == [
        (FIRST + HOUR, FIRST + 2 * HOUR, 1), (FIRST + 4 * HOUR, FIRST + 5 * HOUR, 1),
    ]  # fmt: skip
    assert found.emissions.value == pytest.approx(100.0)
    assert found.energy.value == pytest.approx(3.6e6)


@pytest.mark.parametrize("curve", [(1.0, 0.9), (1.0, 2.5), (0.0,), (float("nan"),), (2.0, 4.0)])
def test_an_impossible_speedup_is_refused(curve):
    with pytest.raises(OutOfRange):
        planned(small_job(**STEADY), curve, DE=[500] * 8)


def test_without_a_speedup_there_is_no_plan_for_workers():
    assert planned(small_job(**STEADY), DE=[500] * 8).elastic is None
