"""Successive halving by measured energy: many candidates for a few rounds, the better half for more.

Jamieson, Talwalkar 2016, AISTATS, arXiv:1502.07943. Rounds are interleaved, so that drift of the machine hits all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from joulewise.compare import BenchPlan, Measured, Rows, bench
from joulewise.compare.benching import attach_energy
from joulewise.core.runtimes import Deployment
from joulewise.shrink.turns import Costs, in_turns

FIRST_ROUNDS = 2
Progress = Callable[[float, str], None]


def halve(
    deployments: Sequence[Deployment], rows: Rows, plan: BenchPlan, session: Any, keep: int, progress: Progress | None
) -> tuple[list[Deployment], list[tuple[str, str]]]:
    """The `keep` deployments that take least energy (CPU time where no meter reads), those of each batch in turns; why
    others went.

    They come with the likeliest first: where no time is left to measure any, that order stands.
    The session runs on: its result up to now is asked for once after each halving.
    """
    left, lost = list(deployments), list[tuple[str, str]]()
    rounds = FIRST_ROUNDS
    while len(left) > keep:
        measured = bench(left, rows, replace(plan, rounds=rounds), session, progress)
        measured = attach_energy(measured, session.result)
        lost += [(one.deployment.name, one.failure) for one in measured if not one.ok]
        what, costs = costs_of([one for one in measured if one.ok and one.blocks])
        late = [one.deployment.name for one in measured if one.ok and not one.blocks]
        by_name = {one.name: one for one in left}
        if not costs:
            return [by_name[name] for name in late[:keep]], lost + _late(late[keep:])
        lost += _late(late)
        order = in_turns(costs, plan.batches)
        kept = order[: max(keep, (len(order) + 1) // 2)]
        lost += [
            (name, f"left behind in halving: {_behind(costs, name):.2f} times the best's {what}")
            for name in order[len(kept) :]
        ]
        left, rounds = [by_name[name] for name in kept], rounds * 2
    return left, lost


def _late(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, "no time was left for it") for name in names]


def costs_of(measured: Sequence[Measured]) -> tuple[str, dict[str, dict[int, float]]]:
    """What is compared, "energy" or "CPU time", and how much of it an inference takes, by name and batch.

    Energy only where every block of every candidate has it: joules and seconds are never put in one order.
    """
    metered = all(block.energy is not None for one in measured for block in one.blocks)
    return "energy" if metered else "CPU time", {one.deployment.name: _cost_of(one, metered) for one in measured}


def _behind(costs: Costs, name: str) -> float:
    """How many times the best's cost it takes at the batch where it comes nearest."""
    return min(
        cost / min(other[batch] for other in costs.values() if batch in other) for batch, cost in costs[name].items()
    )


def _cost_of(measured: Measured, metered: bool) -> dict[int, float]:
    """Per inference, by batch."""
    batches: dict[int, list[float]] = {}
    for block in measured.blocks:
        cost = block.energy.value if metered and block.energy is not None else block.cpu_s
        batches.setdefault(block.batch, []).append(cost / block.rows)
    return {batch: max(float(np.mean(costs)), 1e-18) for batch, costs in batches.items()}
