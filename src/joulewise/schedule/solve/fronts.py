"""Emissions against cost (and finish time): exact lists of the choices that nothing else beats in all of them.

Region x start is enumerated and sorted. With pauses the weighted sum w_g x emissions + w_c x cost is solved exactly for
the weights that matter (Aneja and Nair 1979): all corners of the convex front, each an optimal schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from joulewise.core.errors import OutOfRange
from joulewise.schedule.solve.pauses import cheapest_slots
from joulewise.schedule.solve.runs import best_runs
from joulewise.schedule.solve.shapes import (
    FREE,
    REFUSE,
    Entry,
    Floats,
    Overhead,
    Schedule,
    Work,
    checked,
    emitted_g,
    entry_of,
)
from joulewise.schedule.solve.starts import start_emissions

_Choice = TypeVar("_Choice")
SAME = 1e-10
"""A corner must gain more than this share to count as new."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What running costs, in one currency; each broadcasts to the intensity's shape and may be negative.

    `per_kwh` is for energy, `per_slot` for holding the machine during a slot, `at_entry` [R] is paid once (egress).
    """

    per_kwh: ArrayLike = 0.0
    per_slot: ArrayLike = 0.0
    at_entry: ArrayLike = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class StartFront:
    """Undominated starts, least emissions first. All arrays [N]; `finish_slots` counts from the window's beginning."""

    region: NDArray[np.intp]
    start: NDArray[np.intp]
    finish_slots: Floats
    emissions_g: Floats
    cost: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PauseFront:
    """The corners of the front with pauses, least emissions first. Arrays [N]."""

    schedules: tuple[Schedule, ...]
    emissions_g: Floats
    cost: Floats


def start_front(
    intensity_g_per_kwh: ArrayLike,
    work: Work,
    prices: Prices,
    *,
    entry: Entry | None = None,
    timed: bool = False,
    gaps: str = REFUSE,
) -> StartFront:
    """All (region, start) that nothing beats in emissions and cost; with `timed` also those that finish earlier."""
    rows, _ = checked(intensity_g_per_kwh, gaps)
    grams, waits = entry_of(entry, len(rows))
    emissions_g = start_emissions(np.atleast_2d(intensity_g_per_kwh), work, gaps=gaps) + grams[:, None]
    cost = _start_cost(rows.shape, work, prices, gaps)
    finish = np.broadcast_to(np.arange(emissions_g.shape[1]) + work.length_slots, emissions_g.shape)
    allowed = np.isfinite(emissions_g) & np.isfinite(cost) & (np.arange(emissions_g.shape[1]) >= waits[:, None])
    region, start = np.nonzero(allowed)
    columns = [emissions_g[allowed], cost[allowed], finish[allowed]]
    kept = pareto(np.column_stack(columns if timed else columns[:2]))
    emitted, paid, finished = (column[kept] for column in columns)
    return StartFront(region[kept], start[kept], finished, emitted, paid)


def _start_cost(shape: tuple[int, ...], work: Work, prices: Prices, gaps: str) -> Floats:
    held = np.ones(work.units)
    held[-1] = work.last_share
    per_kwh, per_slot = (
        np.broadcast_to(np.asarray(price, dtype=np.float64), shape) for price in (prices.per_kwh, prices.per_slot)
    )
    cost = start_emissions(per_kwh, work, gaps=gaps)
    cost = cost + start_emissions(per_slot, Work(held, work.length_slots), gaps=gaps)
    return cost + np.broadcast_to(np.asarray(prices.at_entry, dtype=np.float64), shape[:1])[:, None]


def pareto(objectives: ArrayLike) -> NDArray[np.intp]:
    """Rows of [N, 2] or [N, 3] (less is better) that no other row dominates, by the first objective; of equal rows one.

    O(N log N); with three columns times the number of different values in the third, so put time there.
    """
    points = np.asarray(objectives, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] not in (2, 3) or not np.all(np.isfinite(points)):
        raise OutOfRange(f"want finite objectives of shape [N, 2] or [N, 3], got {points.shape}")
    everyone = np.arange(len(points))
    if points.shape[1] == 2:
        return _front(points, everyone)
    levels = np.unique(points[:, 2])
    order = np.argsort(points[:, 2], kind="stable")
    groups = np.split(order, np.searchsorted(points[order, 2], levels[1:]))
    kept: list[NDArray[np.intp]] = []
    best = everyone[:0]  # the front of emissions and cost of all that finish earlier
    for group in groups:
        new = _front(points, np.sort(group))
        if len(best):
            below = np.searchsorted(points[best, 0], points[new, 0], side="right") - 1
            new = new[(below < 0) | (points[best[below], 1] > points[new, 1])]
        kept.append(new)
        best = _front(points, np.concatenate((best, new)))
    found = np.concatenate(kept) if kept else everyone
    return found[np.lexsort((points[found, 2], points[found, 1], points[found, 0]))]


def _front(points: Floats, among: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of the rows `among`, those undominated in the first two columns, by the first."""
    if not len(among):
        return among
    ordered = among[np.lexsort((points[among, 1], points[among, 0]))]
    second = points[ordered, 1]
    before = np.minimum.accumulate(second)
    return ordered[np.concatenate(([True], second[1:] < before[:-1]))]


def pause_front(
    intensity_g_per_kwh: ArrayLike,
    work: Work,
    price_per_kwh: ArrayLike,
    overhead: Overhead = FREE,
    *,
    max_runs: int | None = None,
    gaps: str = REFUSE,
) -> PauseFront:
    """The corners of emissions against cost for a job that may pause, in one region ([T]) or the best one ([R, T]).

    The rent of a machine at constant power counts as price_per_kwh = rent per slot / kWh per slot.
    """
    intensity = np.asarray(intensity_g_per_kwh, dtype=np.float64)
    price = np.broadcast_to(np.asarray(price_per_kwh, dtype=np.float64), intensity.shape)
    free = overhead == FREE and max_runs is None and work.steady_kwh is not None

    def solve(weight_g: float, weight_cost: float) -> tuple[float, float, Schedule]:
        values = weight_g * intensity + weight_cost * price
        if free:
            found = cheapest_slots(values, work, gaps=gaps)
        else:
            found = best_runs(values, work, overhead, max_runs=max_runs, gaps=gaps)
        emissions_g = found.emissions_on(intensity)
        return emissions_g, emitted_g(price, found.energy_kwh), Schedule(found.runs, emissions_g, found.energy_kwh)

    corners = supported_front(solve)
    values = np.array([corner[:2] for corner in corners])
    return PauseFront(tuple(corner[2] for corner in corners), values[:, 0], values[:, 1])


def supported_front(
    solve: Callable[[float, float], tuple[float, float, _Choice]],
) -> list[tuple[float, float, _Choice]]:
    """All corners (emissions, cost, choice) of a front, given an exact minimiser of w_g x emissions + w_c x cost.

    Asks `solve` once or twice per corner. Choices off the convex hull are not found: no weights make them optimal.
    """
    corners = [solve(1.0, 0.0), solve(0.0, 1.0)]
    open_pairs = [(corners[0], corners[1])]
    while open_pairs:
        left, right = open_pairs.pop()
        weight_g, weight_cost = left[1] - right[1], right[0] - left[0]
        if weight_g <= 0 and weight_cost <= 0:
            continue
        # scaled so that neither objective drowns in the rounding of the other
        size = abs(weight_g) + abs(weight_cost)
        weight_g, weight_cost = max(0.0, weight_g / size), max(0.0, weight_cost / size)
        found = solve(weight_g, weight_cost)
        values = [weight_g * one[0] + weight_cost * one[1] for one in (found, left, right)]
        if values[0] < min(values[1:]) - SAME * max(abs(value) for value in values):
            corners.append(found)
            open_pairs += [(left, found), (found, right)]
    kept = pareto([corner[:2] for corner in corners])
    return [corners[index] for index in kept]
