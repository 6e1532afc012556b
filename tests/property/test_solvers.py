"""Every optimiser against brute force on small cases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.schedule.solve import (
    Entry,
    Move,
    Overhead,
    Prices,
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
from joulewise.testing.solving import (
    CLOSE,
    assert_consistent,
    integral,
    kwh,
    overheads,
    path_g,
    paths,
    patient,
    rows_of,
    runs_in,
    slots,
    whole_g,
)

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
