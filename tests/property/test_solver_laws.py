"""The laws that hold for any optimiser, on cases too large for brute force."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.schedule.solve import (
    Move,
    Overhead,
    Prices,
    Run,
    Work,
    best_elastic,
    best_runs,
    best_start,
    best_start_each,
    cheapest_slots,
    pause_front,
    start_front,
)
from joulewise.testing.solving import CLOSE, overheads, path_g, patient, rows_of

# Laws of them all


@st.composite
def jobs(draw: st.DrawFn) -> tuple[np.ndarray, Work, Overhead]:
    """Too large for brute force: a day or two of hours in three regions."""
    seed = draw(st.integers(0, 10_000))
    count = draw(st.integers(12, 48))
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0, 500, (3, count)) + 200 * np.sin(np.arange(count) / 4) + 200
    return rows, Work.steady(draw(st.sampled_from([1, 2.5, 6, 11])), 2.0), draw(overheads)


def solutions(rows: np.ndarray, work: Work, overhead: Overhead) -> dict[str, float]:
    """Every optimiser's emissions for the same job."""
    return {
        "start": best_start(rows[0], work).emissions_g,
        "start anywhere": best_start(rows[0], work, anywhere=True).emissions_g,
        "start each": best_start_each(rows[0], work, rows.shape[1]).emissions_g[0],
        "start, region": best_start(rows, work).emissions_g,
        "free": cheapest_slots(rows[0], work).emissions_g,
        "free, region": cheapest_slots(rows, work).emissions_g,
        "3 runs": best_runs(rows[0], work, overhead, max_runs=3).emissions_g,
        "runs": best_runs(rows[0], work, overhead).emissions_g,
        "runs, region": best_runs(rows, work, overhead).emissions_g,
        "moves": best_runs(rows, work, overhead, move=Move(100.0, 0.5)).emissions_g,
        "elastic": best_elastic(rows[0], work.length_slots, [1, 1.8], [2, 4]).emissions_g,
        "front": float(start_front(rows, work, Prices(per_slot=1.0)).emissions_g[0]),
        "pause front": float(pause_front(rows[0], work, 1.0, overhead).emissions_g[0]),
    }


@patient
@given(jobs())
def test_no_optimiser_is_worse_than_run_now(case):
    rows, work, overhead = case
    now = float(rows[0, : work.units] @ work.energy_kwh)

    assert {name: grams for name, grams in solutions(rows, work, overhead).items() if grams > now * (1 + 1e-12)} == {}


@patient
@given(jobs(), st.integers(1, 10))
def test_more_slack_is_never_worse(case, more):
    rows, work, overhead = case
    wide = solutions(rows, work, overhead)
    narrow_rows = rows[:, : max(work.units, rows.shape[1] - more)]
    narrow = solutions(narrow_rows, work, overhead)

    assert {name for name in wide if wide[name] > narrow[name] * (1 + 1e-12)} == set()


@patient
@given(jobs())
def test_more_freedom_is_never_worse(case):
    rows, work, overhead = case
    found = solutions(rows, work, overhead)
    order = [
        ("start each", "start"),
        ("start anywhere", "start"),
        ("3 runs", "start"),
        ("runs", "3 runs"),
        ("free", "runs"),
        ("runs, region", "runs"),
        ("moves", "runs, region"),
        ("free, region", "free"),
        ("elastic", "free"),
    ]

    assert [pair for pair in order if found[pair[0]] > found[pair[1]] * (1 + 1e-12)] == []


def heuristics(rows: np.ndarray, work: Work, rng: np.random.Generator) -> Iterator[list[tuple[int, int]]]:
    """Plans that others use: now, best start, cheapest hours blind to overheads, below the mean, random."""
    row, count = rows[0], rows.shape[1]
    yield [(0, slot) for slot in range(work.units)]
    start = int(best_start(row, work).runs[0].start_slots)
    yield [(0, start + unit) for unit in range(work.units)]
    yield [(0, int(slot)) for slot in np.sort(np.argsort(row)[: work.units])]
    below = np.flatnonzero(row <= row.mean())[: work.units]
    if len(below) == work.units:
        yield [(0, int(slot)) for slot in below]
    for _ in range(5):
        yield [(0, int(slot)) for slot in np.sort(rng.choice(count, work.units, replace=False))]


@patient
@given(jobs(), st.integers(0, 100))
def test_the_programme_beats_every_heuristic(case, seed):
    rows, work, overhead = case
    found = best_runs(rows[0], work, overhead)

    for path in heuristics(rows, work, np.random.default_rng(seed)):
        assert found.emissions_g <= path_g(rows[:1], path, work, overhead, None) * (1 + 1e-12)


@patient
@given(jobs())
def test_without_overheads_the_programme_is_selection_and_one_run_is_a_start(case):
    rows, work, overhead = case
    whole = Work.steady(work.units, 2.0)

    assert best_runs(rows, whole).emissions_g == pytest.approx(cheapest_slots(rows, whole).emissions_g, **CLOSE)
    assert best_runs(rows, work, overhead, max_runs=1).emissions_g == pytest.approx(
        best_start(rows, work).emissions_g, **CLOSE
    )


@patient
@given(st.integers(1, 5), st.integers(0, 9), st.floats(0, 900), overheads)
def test_on_a_flat_grid_it_runs_now_at_home_without_a_pause(units, more, level_g, overhead):
    rows = np.full((2, units + more), level_g)
    work = Work.steady(units - 0.5, 3.0)
    now = (Run(0, 0.0, units - 0.5),)

    assert best_start(rows, work).runs == now
    assert best_start(rows, work, anywhere=True).runs == now
    assert cheapest_slots(rows, work).runs == now
    assert best_runs(rows, work, overhead).runs == now
    assert best_runs(rows, work, overhead, max_runs=2, move=Move(0.0, 0.0)).runs == now


@patient
@given(st.integers(1, 5), st.integers(0, 30), st.integers(0, 900))
def test_on_a_flat_grid_each_origin_starts_at_once(units, more, level_g):
    found = best_start_each([level_g] * (units + more), Work.steady(units), 4)

    assert found.start.tolist() == list(range(more + 1))


@patient
@given(rows_of(1, 3, 12), st.integers(0, 9))
def test_each_start_takes_negative_values(rows, slack):
    totals = rows[0] - rows.mean()
    found = best_start_each(totals, Work.steady(1), slack)
    least = [min(totals[origin : origin + slack + 1]) for origin in range(len(totals))]

    assert found.emissions_g == pytest.approx(least, rel=1e-9, abs=1e-6)
