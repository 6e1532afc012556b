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

FIRST_ROUNDS = 2
Progress = Callable[[float, str], None]


def halve(
    deployments: Sequence[Deployment], rows: Rows, plan: BenchPlan, session: Any, keep: int, progress: Progress | None
) -> tuple[list[Deployment], list[tuple[str, str]]]:
    """The `keep` deployments that take least energy (CPU time where no meter reads), best first; why others went."""
    left, lost = list(deployments), list[tuple[str, str]]()
    rounds = FIRST_ROUNDS
    while len(left) > keep:
        measured = bench(left, rows, replace(plan, rounds=rounds), session, progress)
        measured = attach_energy(measured, session.result)
        costs = {one.deployment.name: cost_of(one) for one in measured if one.ok}
        lost += [(one.deployment.name, one.failure) for one in measured if not one.ok]
        order = sorted(costs, key=lambda name: costs[name])
        kept = order[: max(keep, (len(order) + 1) // 2)]
        lost += [
            (name, f"left behind in halving: {costs[name] / costs[order[0]]:.2f} times the best's energy")
            for name in order[len(kept) :]
        ]
        by_name = {one.name: one for one in left}
        left, rounds = [by_name[name] for name in kept], rounds * 2
        if len(kept) == len(order):
            break
    return left, lost


def cost_of(measured: Measured) -> float:
    """Energy per inference, the geometric mean over the batches; CPU time where a block has no energy."""
    batches: dict[int, list[float]] = {}
    metered = all(block.energy is not None for block in measured.blocks)
    for block in measured.blocks:
        cost = block.energy.value if metered and block.energy is not None else block.cpu_s
        batches.setdefault(block.batch, []).append(cost / block.rows)
    means = [float(np.mean(costs)) for costs in batches.values()]
    return float(np.exp(np.mean(np.log(np.maximum(means, 1e-18)))))
