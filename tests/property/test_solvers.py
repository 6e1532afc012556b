"""Every optimiser against brute force on small cases, and the laws that hold for any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.schedule.solve import (
    Move,
    Overhead,
    Schedule,
    Work,
    best_runs,
    best_start,
    best_start_each,
    cheapest_slots,
    start_emissions,
)

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
    return sum(value * max(0.0, min(t + 1, end) - max(t, start)) for t, value in enumerate(row))


def spent(row: Sequence[float], energy: float, start: float, end: float, instead: int) -> float:
    """g of energy spread over [start, end), or spent in slot `instead` if that is no time at all."""
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
        if r0 == r1:
            total += overhead.idle_kwh * integral(rows[r0], saved, restoring)
        elif move is not None:
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
