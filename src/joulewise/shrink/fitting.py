"""What fits into the time that is left: how many candidates, rounds and seconds a measurement takes.

A worker's cold start and its answers to all rows are no measurement, but they take their time, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from joulewise.compare import BenchPlan
from joulewise.shrink.screening import Screened

LEAST_BLOCK_S = 0.1
LATE = 1.2
"""A measurement that is slower than was reckoned ends after so many times its time."""
JUDGING_S = 0.3
"""For each candidate: its quality with an interval, its size."""
SINGLY = 64
"""Rows that a bench has answered one by one besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """So many of the lanes, with this plan; `rounds` and `block_s` are in it."""

    lanes: int
    plan: BenchPlan


def fitted(
    lanes: Sequence[Screened], plan: BenchPlan, left_s: float, *, rows_factor: float, least: int, least_rounds: int
) -> Fitted:
    """The most of the lanes that can be measured in `left_s`, at least `least` of them, with as many rounds of
    `plan.rounds` as there is time for. `rows_factor` is how many times the screening rows will be answered."""
    for count in range(len(lanes), least, -1):
        for rounds in range(plan.rounds, least_rounds - 1, -1):
            block_s = _block_s(lanes[:count], plan, rounds, left_s, rows_factor)
            if block_s >= LEAST_BLOCK_S:
                return Fitted(lanes=count, plan=_with(plan, rounds, block_s, left_s))
    count = min(least, len(lanes))
    block_s = max(LEAST_BLOCK_S, _block_s(lanes[:count], plan, least_rounds, left_s, rows_factor))
    return Fitted(lanes=count, plan=_with(plan, least_rounds, block_s, left_s))


def _block_s(lanes: Sequence[Screened], plan: BenchPlan, rounds: int, left_s: float, rows_factor: float) -> float:
    """How long a block may be; negative if the starts alone take too long."""
    overhead_s = sum(_overhead_s(one, rows_factor) for one in lanes)
    # a block is at least one call, however short it was meant to be; two blocks more for warming up
    calls_s = sum(max(0.0, one.cpu_s[batch] * batch - LEAST_BLOCK_S) for one in lanes for batch in plan.batches)
    blocks = (rounds + 2) * len(lanes) * len(plan.batches)
    return (left_s - overhead_s - (rounds + 2) * calls_s) / blocks


def _overhead_s(one: Screened, rows_factor: float) -> float:
    single_s = one.cpu_s.get(1, min(one.cpu_s.values(), default=0.0))
    return JUDGING_S + one.start_s + one.answer_s * rows_factor + SINGLY * single_s


def _with(plan: BenchPlan, rounds: int, block_s: float, left_s: float) -> BenchPlan:
    block_s = min(plan.block_s, block_s)
    return replace(plan, rounds=rounds, block_s=block_s, warm_up_s=2 * block_s, time_limit_s=max(5.0, LATE * left_s))
