"""What a shrink is shown as, and the folder that it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise import shrink as room
from joulewise.api.shrink_records import ENERGY
from joulewise.core.errors import NotFound
from joulewise.core.figures import Figure
from joulewise.core.variants import Comparison, Saving
from joulewise.report.shrink_view import ShrinkStep, ShrinkView

if TYPE_CHECKING:
    from joulewise.api.shrinking import Given
    from joulewise.compare import Measured
    from joulewise.measure import Result
    from joulewise.shrink.search import Search


def view_of_search(search: Search, comparison: Comparison, result: Result, place: Path, name: str) -> ShrinkView:
    assert search.winner is not None
    by_name = {one.name: one for one in comparison.variants}
    winner = by_name[search.winner.measured.deployment.name]
    saving = next(one for one in comparison.savings if one.new_id == winner.id)
    base = search.measured[0]
    try:
        energy: Figure | None = result.figure("energy_j")
    except NotFound:
        energy = None
    return ShrinkView(
        title=f"{name}, shrunk",
        baseline=by_name[base.deployment.name],
        winner=winner,
        saving=saving,
        baseline_cost=cost_of(base, saving.quantity),
        winner_cost=cost_of(search.winner.measured, saving.quantity),
        steps=tuple(_steps(search, saving.quantity)),
        search_energy=energy,
        candidates=search.counts,
        folder=str(place),
    )


def _steps(search: Search, quantity: str) -> Iterator[ShrinkStep]:
    """What each transform on the way brought, if the way that was measured leads to the winner."""
    assert search.winner is not None
    if search.path[-1] != search.winner.measured.deployment.name:
        return
    measured = {one.deployment.name: one for one in search.measured}
    batch = search.request.batches[0]
    kind = "energy_j" if quantity == ENERGY else "cpu_s"
    for before, after in zip(search.path, search.path[1:], strict=False):
        older, newer = ([block for block in measured[name].blocks if block.batch == batch] for name in (before, after))
        node = search.nodes[after]
        runtime = measured[after].deployment.runtime
        label = f"{node.moves[-1].words if node.moves else 'same model'} ({runtime})"
        yield ShrinkStep(label=label, ratio=compare.ratio_of(newer, older, kind, search.request.seed))


def cost_of(one: Measured, quantity: str) -> Figure:
    from joulewise.compare.observing import Condition, find

    batch = min((block.batch for block in one.blocks), default=1)
    found = find(one.observations, quantity, Condition(batch=batch))
    if found is None:
        raise NotFound(f"{one.deployment.name} has no {quantity}")
    return found.figure


def losers_of(search: Search) -> Iterator[tuple[str, str]]:
    for proof in search.proofs:
        if search.winner is None or proof is not search.winner:
            yield proof.measured.deployment.name, "; ".join(proof.reasons) or "holds, and costs more"
    yield from ((one.deployment.name, one.failure) for one in search.measured if not one.ok)


def notices_of(search: Search, given: Given) -> Iterator[str]:
    yield from given.rows.notes
    if search.exploration.out_of_time:
        yield "the time budget ended before all candidates were tried: --budget with more tries more"
    yield from (f"not tried: {reason}" for reason in search.silent.values() if "pip install" in reason)


def export(search: Search, comparison: Comparison, given: Given, place: Path) -> None:
    assert search.winner is not None
    deployment = replace(search.winner.measured.deployment, name=place.name)
    winner = next(one for one in comparison.variants if one.name == search.winner.measured.deployment.name)
    savings = [one for one in comparison.savings if one.new_id == winner.id]
    told = {
        "original": {
            "source": given.source,
            "sha256": given.card.sha256,
            "format": given.artifact.format,
            "runtime": search.measured[0].deployment.runtime,
            "threads": search.measured[0].deployment.options.threads,
        },
        "data": {
            "path": given.data,
            "sha256": given.rows.sha256,
            "target": given.target,
            "seed": search.request.seed,
            "held_out": True,
            "calibration": given.training_path,
        },
        "proof": {
            "metric": search.metric.name if search.metric is not None else "",
            "floors": [one.text for one in search.request.floors],
            "batches": list(search.request.batches),
            "chain": deployment.artifact.steps and search.winner.measured.deployment.name,
            "savings": [_told(one) for one in savings],
        },
        "ledger": {
            "run": comparison.run_id,
            "variant": winner.id,
            "baseline": savings[0].baseline_id if savings else "",
            "saving": savings[0].id if savings else "",
        },
    }
    room.write_folder(place, deployment, told, winner.observations)


def _told(saving: Saving) -> dict[str, Any]:
    ratio, change = saving.ratio, saving.quality_change
    return {
        "quantity": saving.quantity,
        "ratio": [ratio.value, ratio.low, ratio.high],
        "quality_change": [change.value, change.low, change.high],
        "metric": saving.metric,
        "n": saving.n,
        "test": saving.test,
        "p_value": saving.p_value,
        "held": saving.held,
    }
