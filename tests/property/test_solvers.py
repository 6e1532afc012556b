"""Every optimiser against brute force on small cases, and the laws that hold for any."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.schedule.solve import (
    EXCLUDE,
    Entry,
    Move,
    Overhead,
    Prices,
    Run,
    Schedule,
    Work,
    best_elastic,
    best_runs,
    best_start,
    best_start_each,
    cheapest_slots,
    pareto,
    pause_front,
    start_emissions,
    start_front,
)

patient = settings(deadline=None)
CLOSE = {"rel": 1e-9, "abs": 1e-9}
whole_g = st.integers(0, 9).map(float)
"""Few whole values: many ties."""
real_g = st.floats(0, 1000)
kwh = st.sampled_from([0.0, 0.5, 1.0, 2.0, 0.3])
slots = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5])


def rows_of(regions: int, least: int, most: int) -> st.SearchStrategy[np.ndarray]:
    """Intensities [regions, T]: few whole values, or any."""
    return st.integers(least, most).flatmap(
        lambda count: st.one_of(
            *(
                st.lists(st.lists(one, min_size=count, max_size=count), min_size=regions, max_size=regions)
                for one in (whole_g, real_g)
            )
        ).map(np.array)
    )


overheads = st.builds(
    Overhead, save_kwh=kwh, save_slots=slots, restore_kwh=kwh, restore_slots=slots, idle_kwh=st.sampled_from([0, 0.2])
)


def integral(row: Sequence[float], start: float, end: float) -> float:
    """Of a piecewise constant row; inf beyond its ends."""
    if start < 0 or end > len(row):
        return inf
    shares = (max(0.0, min(t + 1, end) - max(t, start)) for t in range(len(row)))
    return sum(value * share for value, share in zip(row, shares, strict=True) if share)


def spent(row: Sequence[float], energy: float, start: float, end: float, instead: int) -> float:
    """g of energy spread over [start, end), or spent in slot `instead` if that is no time at all."""
    if not energy:
        return 0.0
    if end > start:
        return integral(row, start, end) * energy / (end - start)
    return row[instead] * energy


def paths(rows: np.ndarray, units: int, *, moving: bool) -> Iterator[list[tuple[int, int]]]:
    """Every way to lay the units into slots and regions."""
    regions = range(len(rows))
    routes = list(product(regions, repeat=units)) if moving else [(one,) * units for one in regions]
    for chosen in combinations(range(rows.shape[1]), units):
        for route in routes:
            yield list(zip(route, chosen, strict=True))


def path_g(rows: np.ndarray, path: list[tuple[int, int]], work: Work, overhead: Overhead, move: Move | None) -> float:
    """Emissions of a path, told step by step; inf if a break is too short for what it holds."""
    total = sum(rows[r, t] * energy for (r, t), energy in zip(path, work.energy_kwh, strict=True))
    for (r0, t0), (r1, t1) in pairwise(path):
        end, begin = t0 + 1, t1
        if r0 == r1 and end == begin:
            continue
        saved, restoring = end + overhead.save_slots, begin - overhead.restore_slots
        needed = 0.0 if r0 == r1 or move is None else move.transfer_slots
        if restoring - saved < needed:
            return inf
        total += spent(rows[r0], overhead.save_kwh, end, saved, min(end, rows.shape[1] - 1))
        total += spent(rows[r1], overhead.restore_kwh, restoring, begin, begin - 1)
        if r0 == r1 and overhead.idle_kwh:
            total += overhead.idle_kwh * integral(rows[r0], saved, restoring)
        elif r0 != r1 and move is not None:
            total += float(np.broadcast_to(move.transfer_g, (len(rows), len(rows)))[r0, r1])
    return total


def runs_in(path: list[tuple[int, int]]) -> int:
    return 1 + sum(one[0] != two[0] or one[1] + 1 != two[1] for one, two in pairwise(path))


def assert_consistent(found: Schedule, rows: np.ndarray, work: Work) -> None:
    """The runs lie in the window in order, hold the work, and the energy by slot gives the emissions."""
    assert found.emissions_on(rows) == pytest.approx(found.emissions_g, **CLOSE)
    assert found.runs[0].start_slots >= 0
    assert found.runs[-1].end_slots <= rows.shape[-1] + 1e-9
    assert all(one.end_slots <= two.start_slots + 1e-9 for one, two in pairwise(found.runs))
    assert sum(run.end_slots - run.start_slots for run in found.runs) >= work.length_slots - 1e-9
    assert found.energy_kwh.sum() >= work.energy_kwh.sum() - 1e-9


# Flexible start


@st.composite
def starting(draw: st.DrawFn) -> tuple[np.ndarray, Work]:
    rows = draw(rows_of(draw(st.integers(1, 3)), 3, 8))
    length = draw(st.sampled_from([0.3, 1, 1.5, 2, 2.75, 3]))
    if draw(st.booleans()):
        return rows, Work.steady(length, draw(st.sampled_from([0.5, 1, 3])))
    return rows, Work(np.array([draw(kwh) for _ in range(ceil(length))]), length)


@patient
@given(starting())
def test_best_start_is_that_of_brute_force(case):
    rows, work = case
    every = [
        sum(row[s + u] * work.energy_kwh[u] for u in range(work.units))
        for row in rows
        for s in range(rows.shape[1] - work.units + 1)
    ]
    found = best_start(rows, work)

    assert start_emissions(rows, work).ravel() == pytest.approx(every, **CLOSE)
    assert found.emissions_g == pytest.approx(min(every), **CLOSE)
    assert_consistent(found, rows, work)


@patient
@given(rows_of(2, 3, 6), st.sampled_from([0.3, 1.5, 2.75, 3]))
def test_a_start_between_slots_is_that_of_brute_force(rows, length):
    work = Work.steady(length, 2)
    moments = np.concatenate([np.arange(0, rows.shape[1] - length + 1e-9, 1 / 64), [rows.shape[1] - length]])
    every = [2 * integral(row, s, s + length) for row in rows for s in moments]
    found = best_start(rows, work, anywhere=True)

    assert found.emissions_g <= min(every) + 1e-9 * max(1, min(every))
    assert found.emissions_g == pytest.approx(
        2 * integral(rows[found.runs[0].region], found.runs[0].start_slots, found.runs[0].end_slots), **CLOSE
    )
    assert_consistent(found, rows, work)


@patient
@given(starting(), st.integers(0, 9))
def test_each_start_is_that_of_brute_force(case, slack):
    rows, work = case
    totals = start_emissions(rows, work)
    found = best_start_each(rows, work, slack)

    for region, row in enumerate(totals):
        for origin in range(len(row)):
            least = min(row[origin : origin + slack + 1])
            assert found.emissions_g[region, origin] == pytest.approx(least, **CLOSE)
            assert origin <= found.start[region, origin] <= origin + slack
            assert row[found.start[region, origin]] == pytest.approx(least, **CLOSE)


# Pauses


@patient
@given(rows_of(2, 3, 7), st.sampled_from([0.4, 1, 1.5, 2, 2.25, 3]))
def test_cheapest_slots_are_those_of_brute_force(rows, length):
    work = Work.steady(length, 2)
    every = [
        2 * (sum(row[list(chosen)]) - row[part] * (1 - work.last_share))
        for row in rows
        for chosen in combinations(range(rows.shape[1]), work.units)
        for part in chosen
    ]
    found = cheapest_slots(rows, work)

    assert found.emissions_g == pytest.approx(min(every), **CLOSE)
    assert sum(run.end_slots - run.start_slots for run in found.runs) == pytest.approx(length)
    assert_consistent(found, rows, work)


@st.composite
def pausing(draw: st.DrawFn) -> tuple[np.ndarray, Work, Overhead, int | None]:
    rows = draw(rows_of(draw(st.integers(1, 2)), 3, 8))
    length = draw(st.sampled_from([1, 2, 2.5, 3]))
    work = Work(np.array([draw(kwh) for _ in range(ceil(length))]), length)
    return rows, work, draw(overheads), draw(st.sampled_from([None, 1, 2, 3]))


@patient
@given(pausing())
def test_runs_with_overheads_are_those_of_brute_force(case):
    rows, work, overhead, most = case
    every = [
        path_g(rows, path, work, overhead, None)
        for path in paths(rows, work.units, moving=False)
        if runs_in(path) <= (most or inf)
    ]
    found = best_runs(rows, work, overhead, max_runs=most)

    assert found.emissions_g == pytest.approx(min(every), **CLOSE)
    assert len(found.runs) <= (most or inf)
    assert_consistent(found, rows, work)


@st.composite
def moving(draw: st.DrawFn) -> tuple[np.ndarray, Work, Overhead, Move, int | None]:
    regions = draw(st.integers(2, 3))
    rows = draw(rows_of(regions, 3, 5))
    length = draw(st.sampled_from([1, 2, 2.5, 3]))
    work = Work(np.array([draw(kwh) for _ in range(ceil(length))]), length)
    grams = st.sampled_from([0.0, 1.0, 4.0])
    transfer_g = (
        draw(grams)
        if draw(st.booleans())
        else np.array([[draw(grams) for _ in range(regions)] for _ in range(regions)])
    )
    move = Move(transfer_g, draw(slots))
    return rows, work, draw(overheads), move, draw(st.sampled_from([None, 1, 2]))


@patient
@given(moving())
def test_moves_are_those_of_brute_force(case):
    rows, work, overhead, move, most = case
    every = [
        path_g(rows, path, work, overhead, move)
        for path in paths(rows, work.units, moving=True)
        if runs_in(path) <= (most or inf)
    ]
    found = best_runs(rows, work, overhead, max_runs=most, move=move)

    assert found.emissions_g == pytest.approx(min(every), **CLOSE)
    assert len(found.runs) <= (most or inf)
    assert_consistent(found, rows, work)


# Elastic workers


@st.composite
def elastic(draw: st.DrawFn) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """(intensity, work, throughput, kWh): throughput concave in energy, up to three levels, four slots."""
    levels = draw(st.integers(1, 3))
    work_steps = np.array([draw(st.sampled_from([0.5, 1.0, 2.0])) for _ in range(levels)])
    rates = np.sort([draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])) for _ in range(levels)])
    throughput = np.cumsum(work_steps)
    row = draw(rows_of(1, 2, 4))[0]
    share = draw(st.floats(0.05, 1))
    return row, share * len(row) * throughput[-1], throughput, np.cumsum(work_steps * rates)


def elastic_brute_g(row: np.ndarray, work: float, throughput: np.ndarray, energy_kwh: np.ndarray) -> float:
    """Least grams over all levels of all slots, one of which is lowered by a level for a part of its slot."""
    does, takes = np.concatenate(([0], throughput)), np.concatenate(([0], energy_kwh))
    least = inf
    for levels in product(range(len(does)), repeat=len(row)):
        chosen = list(levels)
        total, grams = does[chosen].sum(), row @ takes[chosen]
        for slot, level in enumerate(levels):
            if level and total >= work - 1e-12:
                step = does[level] - does[level - 1]
                part = min(1.0, (total - work) / step)
                if abs(total - part * step - work) < 1e-9:
                    least = min(least, grams - part * row[slot] * (takes[level] - takes[level - 1]))
    return least


@patient
@given(elastic())
def test_elastic_levels_are_those_of_brute_force(case):
    row, work, throughput, energy_kwh = case
    found = best_elastic(row, work, throughput, energy_kwh)
    does = np.concatenate(([0], throughput))
    done = does[found.level].sum() - (1 - found.cut_share) * np.diff(does)[found.level[found.cut] - 1]

    assert found.emissions_g == pytest.approx(elastic_brute_g(row, work, throughput, energy_kwh), **CLOSE)
    assert found.emissions_on(row) == found.emissions_g
    assert done == pytest.approx(work)


def test_elastic_refuses_what_it_can_not_solve():
    with pytest.raises(OutOfRange, match="work per kWh rises"):
        best_elastic([1, 2], 1, [1, 3], [1, 2])
    with pytest.raises(OutOfRange, match="rises from level to level"):
        best_elastic([1, 2], 1, [2, 1], [1, 2])
    with pytest.raises(OutOfRange, match=">= 0 of one region"):
        best_elastic([1, -2], 1, [1], [1])
    with pytest.raises(ImpossibleWindow, match="at most 4"):
        best_elastic([1, 2], 5, [1, 2], [1, 2])


# Pareto lists


def dominated(point: Sequence[float], points: Sequence[Sequence[float]]) -> bool:
    return any(
        all(a <= b for a, b in zip(other, point, strict=True)) and tuple(other) != tuple(point) for other in points
    )


@patient
@given(st.integers(2, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(-4, 4)] * n), min_size=1, max_size=40)))
def test_pareto_keeps_what_nothing_dominates(points):
    kept = [points[index] for index in pareto(points)]

    assert sorted(kept) == sorted({point for point in points if not dominated(point, points)})
    assert kept == sorted(kept)


prices = st.integers(-5, 5).map(float)


@patient
@given(starting(), st.data(), st.booleans())
def test_the_front_of_starts_is_that_of_brute_force(case, data, timed):
    rows, work = case
    per_kwh = np.array([[data.draw(prices) for _ in row] for row in rows])
    per_slot = np.array([[data.draw(prices)] for _ in rows])
    at_entry = [data.draw(prices) for _ in rows]
    entry = Entry([data.draw(whole_g) for _ in rows], [data.draw(slots) for _ in rows])
    held = [1.0] * (work.units - 1) + [work.last_share]
    every = []
    for region, row in enumerate(rows):
        for s in range(ceil(entry.transfer_slots[region]), rows.shape[1] - work.units + 1):
            used = range(work.units)
            grams = entry.transfer_g[region] + sum(row[s + u] * work.energy_kwh[u] for u in used)
            cost = sum(per_kwh[region, s + u] * work.energy_kwh[u] + per_slot[region, 0] * held[u] for u in used)
            every.append((grams, cost + at_entry[region], s + work.length_slots)[: 3 if timed else 2])
    found = start_front(rows, work, Prices(per_kwh, per_slot, at_entry), entry=entry, timed=timed)
    columns = (found.emissions_g, found.cost, found.finish_slots)[: 3 if timed else 2]
    kept = np.column_stack(columns)

    # rounding may part what is equal: compare within it, both ways
    for point in every:
        assert (kept <= np.array(point) + 1e-6).all(axis=1).any()
    for point in kept:
        assert np.isclose(every, point, rtol=1e-9, atol=1e-6).all(axis=1).any()
        assert not (np.array(every) < point - 1e-6).all(axis=1).any()


@patient
@given(pausing(), st.data())
def test_the_corners_with_pauses_are_best_for_every_weight(case, data):
    rows, work, overhead, most = case
    row = rows[:1]
    price = np.array([data.draw(prices) for _ in row[0]])
    every = [
        (path_g(row, path, work, overhead, None), path_g(price[None], path, work, overhead, None))
        for path in paths(row, work.units, moving=False)
        if runs_in(path) <= (most or inf)
    ]
    every = [pair for pair in every if pair[0] < inf]
    found = pause_front(row[0], work, price, overhead, max_runs=most)
    corners = list(zip(found.emissions_g, found.cost, strict=True))

    for weight in (0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1):
        least = min((1 - weight) * grams + weight * cost for grams, cost in every)
        assert min((1 - weight) * grams + weight * cost for grams, cost in corners) == pytest.approx(
            least, rel=1e-6, abs=1e-6
        )
    for schedule, grams, cost in zip(found.schedules, found.emissions_g, found.cost, strict=True):
        assert schedule.emissions_on(row[0]) == pytest.approx(grams, **CLOSE)
        assert schedule.emissions_on(price) == pytest.approx(cost, **CLOSE)
        assert not any(a < grams - 1e-6 and b < cost - 1e-6 for a, b in every)


def test_a_front_of_free_pauses_is_found_by_selection():
    found = pause_front([1, 2, 3, 4], Work.steady(2), [4, 3, -2, 1])

    assert found.emissions_g.tolist() == [3, 4, 7]
    assert found.cost.tolist() == [7, 2, -1]


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
