"""Small planning problems, and brute force over every way to solve them, for tests of optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product
from math import inf

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from joulewise.schedule.solve import (
    Move,
    Overhead,
    Schedule,
    Work,
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
    total: float = sum(float(rows[r, t]) * energy for (r, t), energy in zip(path, work.energy_kwh, strict=True))
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
    assert found.emissions_on(rows) == pytest.approx(found.emissions_g, rel=1e-9, abs=1e-9)
    assert found.runs[0].start_slots >= 0
    assert found.runs[-1].end_slots <= rows.shape[-1] + 1e-9
    assert all(one.end_slots <= two.start_slots + 1e-9 for one, two in pairwise(found.runs))
    assert sum(run.end_slots - run.start_slots for run in found.runs) >= work.length_slots - 1e-9
    assert found.energy_kwh.sum() >= work.energy_kwh.sum() - 1e-9
