"""Gaps, ways into a region, profiles, and what optimisers refuse."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.schedule.solve import (
    EXCLUDE,
    Entry,
    Move,
    Overhead,
    Run,
    Work,
    best_runs,
    best_start,
    best_start_each,
    cheapest_slots,
    pareto,
    start_emissions,
)
from joulewise.testing.solving import CLOSE, path_g, paths, patient, rows_of, whole_g

# Gaps, entries, shapes


@patient
@given(rows_of(2, 4, 8), st.data())
def test_excluded_gaps_are_never_used(rows, data):
    holes = np.array([[data.draw(st.booleans()) for _ in row] for row in rows])
    work = Work.steady(data.draw(st.sampled_from([1, 1.5, 2])), 2.0)
    overhead = Overhead(0.5, 0.5, 0.5, 0.5)
    gappy = np.where(holes, np.nan, rows)
    every = {
        "runs": [path_g(gappy, path, work, overhead, None) for path in paths(rows, work.units, moving=False)],
        "start": start_emissions(gappy, work, gaps=EXCLUDE).ravel().tolist(),
        "free": [path_g(gappy, path, work, Overhead(), None) for path in paths(rows, work.units, moving=False)],
    }
    solve = {
        "runs": lambda: best_runs(gappy, work, overhead, gaps=EXCLUDE),
        "start": lambda: best_start(gappy, work, gaps=EXCLUDE),
        "free": lambda: cheapest_slots(gappy, work, gaps=EXCLUDE),
    }
    for name, values in every.items():
        possible = [value for value in values if value < inf]
        if not possible:
            with pytest.raises(ImpossibleWindow):
                solve[name]()
            continue
        found = solve[name]()
        if name != "free" or work.last_share == 1:
            assert found.emissions_g == pytest.approx(min(possible), **CLOSE)
        assert found.emissions_on(gappy) == pytest.approx(found.emissions_g, **CLOSE)


def test_gaps_are_refused_by_default():
    gappy, work = [1.0, np.nan, 2.0], Work.steady(1)
    for solve in (best_start, cheapest_slots, best_runs, start_emissions):
        with pytest.raises(OutOfRange, match="1 slots have no intensity"):
            solve(gappy, work)
    with pytest.raises(OutOfRange, match="no intensity"):
        best_start_each(gappy, work, 1)
    with pytest.raises(OutOfRange, match="idle"):
        best_runs(gappy, work, Overhead(idle_kwh=0.1), gaps=EXCLUDE)
    with pytest.raises(OutOfRange, match="finite"):
        best_start([1.0, np.inf], work)
    assert best_start_each(gappy, work, 1, gaps=EXCLUDE).start.tolist() == [0, 2, 2]
    assert best_start_each([np.nan, 1.0], work, 0, gaps=EXCLUDE).emissions_g.tolist() == [inf, 1.0]


@patient
@given(rows_of(2, 3, 6), st.data())
def test_entering_a_region_costs_grams_and_time(rows, data):
    work = Work.steady(data.draw(st.sampled_from([1, 1.5, 2])), 2.0)
    grams = [0.0, data.draw(whole_g)]
    wait = data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    entry = Entry(grams, [0.0, wait])
    path_least = min(
        path_g(rows, path, work, Overhead(), None) + grams[path[0][0]]
        for path in paths(rows, work.units, moving=False)
        if path[0][0] == 0 or path[0][1] >= wait
    )
    start_least = min(
        float(row[s : s + work.units] @ work.energy_kwh) + grams[region]
        for region, row in enumerate(rows)
        for s in range(ceil(wait) if region else 0, rows.shape[1] - work.units + 1)
    )
    started, ran, chose = best_start(rows, work, entry=entry), best_runs(rows, work, entry=entry), None
    if work.last_share == 1:
        chose = cheapest_slots(rows, work, entry=entry)
        assert chose.emissions_g == pytest.approx(path_least, **CLOSE)

    assert started.emissions_g == pytest.approx(start_least, **CLOSE)
    assert ran.emissions_g == pytest.approx(path_least, **CLOSE)
    for found in (started, ran, chose or ran):
        assert found.moved_g == grams[found.runs[0].region]
        assert found.emissions_on(rows) == pytest.approx(found.emissions_g, **CLOSE)


@patient
@given(
    st.lists(st.tuples(st.sampled_from([30.0, 450.0, 3600.0, 5000.0]), st.floats(0, 500)), min_size=1, max_size=5),
    st.sampled_from([300.0, 900.0, 3600.0]),
)
def test_a_power_profile_keeps_its_energy_in_its_slots(profile, slot_s):
    work = Work.of_power(profile, slot_s)
    times = np.cumsum([0.0] + [seconds for seconds, _ in profile])

    assert work.length_slots == pytest.approx(times[-1] / slot_s)
    for unit, energy in enumerate(work.energy_kwh):
        begin, end = unit * slot_s, (unit + 1) * slot_s
        inside = sum(
            watts * max(0.0, min(end, t1) - max(begin, t0))
            for (_, watts), (t0, t1) in zip(profile, pairwise(times), strict=True)
        )
        assert energy * 3.6e6 == pytest.approx(inside, rel=1e-9, abs=1e-6)


def test_a_long_profile_is_correlated_as_exactly_as_a_short_one():
    rng = np.random.default_rng(3)
    rows = rng.uniform(0, 500, (2, 1000))
    work = Work(rng.uniform(0, 3, 400), 399.5)
    every = [[row[s : s + 400] @ work.energy_kwh for s in range(601)] for row in rows]

    assert start_emissions(rows, work) == pytest.approx(np.array(every), rel=1e-9)
    assert best_start(rows, work).emissions_g == pytest.approx(np.min(every), rel=1e-12)


def test_what_the_results_say():
    found = best_runs([5, 1, 9, 1, 5], Work.steady(2), Overhead(save_kwh=0.1, save_slots=0.25, restore_slots=0.5))

    assert found.runs == (Run(0, 1.0, 2.25), Run(0, 2.5, 4.0))
    assert found.energy_kwh.tolist() == pytest.approx([0, 1, 0.1, 1, 0])
    assert found.emissions_g == pytest.approx(2.9)
    assert cheapest_slots([1, 2, 3, 4], Work.steady(2.5)).runs == (Run(0, 0.0, 2.5),)
    assert cheapest_slots([3, 2, 1, 4], Work.steady(2.5)).runs == (Run(0, 0.5, 3.0),)
    assert cheapest_slots([1, 2, 1, 4], Work.steady(2.5)).runs == (Run(0, 0.0, 1.5), Run(0, 2.0, 3.0))
    assert cheapest_slots([1, 9, 2, 9], Work.steady(1.5)).runs == (Run(0, 0.0, 1.0), Run(0, 2.0, 2.5))
    assert best_start([9, 2, 1, 1, 4], Work.steady(2.5), anywhere=True).runs == (Run(0, 1.5, 4.0),)
    assert Work.steady(0.3 / 0.1).units == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Work.steady(0),
        lambda: Work.steady(float("nan")),
        lambda: Work.steady(2, -1),
        lambda: Work(np.array([1.0, np.nan]), 2),
        lambda: Work(np.array([]), 0),
        lambda: Work(np.array([1.0]), 1.5),
        lambda: Work.of_power([(10, 5)], 0),
        lambda: Overhead(save_slots=-1),
        lambda: best_start(np.zeros((2, 2, 2)), Work.steady(1)),
        lambda: best_start([], Work.steady(1)),
        lambda: best_start([1, 2], Work.steady(1), gaps="ignore"),
        lambda: best_start([1, 2, 3], Work(np.array([1.0, 2.0]), 1.5), anywhere=True),
        lambda: best_start([[1, 2]], Work.steady(1), entry=Entry([np.nan])),
        lambda: best_start_each([1, 2], Work.steady(1), -1),
        lambda: cheapest_slots([1, 2], Work(np.array([1.0, 2.0]), 2)),
        lambda: best_runs([1, 2], Work.steady(1), max_runs=0),
        lambda: best_runs([[1, 2], [1, 2]], Work.steady(1), move=Move(np.zeros((3, 3)))),
        lambda: best_runs([[1, 2], [1, 2]], Work.steady(1), move=Move(-1.0)),
        lambda: pareto([[1, np.nan]]),
        lambda: pareto([1, 2]),
    ],
)
def test_bad_input_is_refused(make):
    with pytest.raises(OutOfRange):
        make()


def test_a_window_that_is_too_short_is_impossible():
    for solve in (best_start, cheapest_slots, best_runs, start_emissions):
        with pytest.raises(ImpossibleWindow, match=r"takes 2\.5 slots, the window has 2"):
            solve([1, 2], Work.steady(2.5))


@pytest.mark.parametrize(
    ("code", "want"),
    [
        ("solve.best_start", "pip install 'joulewise[schedule]'"),
        ("solve.fastest", "has no attribute 'fastest'"),
    ],
)
def test_without_numpy_it_says_what_to_install(code, want):
    program = f"import sys; sys.modules['numpy'] = None; from joulewise.schedule import solve; {code}"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert process.returncode == 1
    assert want in process.stderr
