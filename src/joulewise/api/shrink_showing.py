"""What a shrink is shown as, and the folder that it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise import shrink as room
from joulewise.api.shrink_records import CPU_TIME, ENERGY
from joulewise.compare.observing import Condition, find
from joulewise.core.errors import NotFound, UndefinedFigure
from joulewise.core.figures import Figure
from joulewise.core.variants import Comparison, Saving
from joulewise.report.bench_page import shrink_page
from joulewise.report.shrink_view import ShrinkStep, ShrinkView, draw_shrink
from joulewise.report.shrink_view import proof as sentence
from joulewise.shrink.workplace import content_of

if TYPE_CHECKING:
    from joulewise.api.shrinking import Given
    from joulewise.compare import Measured
    from joulewise.measure import Result
    from joulewise.shrink.folder import Manifest
    from joulewise.shrink.found import Search
    from joulewise.shrink.proof import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One that was tried. `cost_ratio` is its CPU time against the original's as screened, None where it was not timed;
    `status` is won, lost, discarded or failed, `reason` why."""

    name: str
    status: str
    reason: str
    cost_ratio: float | None = None


def view_of_search(search: Search, comparison: Comparison, result: Result, place: Path, name: str) -> ShrinkView:
    """The winner against the original, at the batch that decides."""
    assert search.winner is not None
    by_name = {one.name: one for one in comparison.variants}
    winner, base = by_name[search.winner.name], search.measured[0]
    saving = deciding([one for one in comparison.savings if one.new_id == winner.id], search.winner)
    batch = search.winner.batch
    try:
        energy: Figure | None = result.figure("energy_j")
    except NotFound:
        energy = None
    return ShrinkView(
        title=f"{name}, shrunk",
        baseline=by_name[base.deployment.name],
        winner=winner,
        saving=saving,
        baseline_cost=cost_of(base, saving.quantity, batch),
        winner_cost=cost_of(search.winner.measured, saving.quantity, batch),
        in_points=search.metric.greater_is_better,
        batch=batch,
        cpu_ratio=search.winner.cpu_ratios.get(batch),
        at_batches=at_batches(search.winner, saving.quantity, search.request.batches[1:]),
        steps=tuple(_steps(search, saving.quantity)),
        search_energy=energy,
        search_s=search.duration_s,
        candidates=search.counts,
        folder=str(place),
    )


def deciding(savings: Sequence[Saving], proof: Proof) -> Saving:
    """Of a proof's savings the one to show: energy where it was metered or is sure, else CPU time, which decided."""
    energy = proof.energy_ratio
    sure = energy is not None and (energy == proof.price() or energy.high < 1)
    order = (ENERGY, CPU_TIME) if sure else (CPU_TIME, ENERGY)
    return min(savings, key=lambda one: order.index(one.quantity))


def at_batches(proof: Proof, quantity: str, batches: Sequence[int]) -> dict[int, Figure]:
    """The ratio of a quantity at other batches than the one that decides, as far as they were measured."""
    ratios = proof.energy_ratios if quantity == ENERGY else proof.cpu_ratios
    return {batch: ratios[batch] for batch in batches if batch in ratios and batch != proof.batch}


def claimed(manifest: Manifest, quantity: str) -> Figure | None:
    """What a folder says that its model takes of the original's; None where it says nothing of that quantity."""
    for told in manifest.proof.get("savings", ()):
        if told["quantity"] == quantity:
            value, low, high = told["ratio"]
            return Figure(value=value, low=low, high=high, unit="1", method=told["method"])
    return None


def _steps(search: Search, quantity: str) -> Iterator[ShrinkStep]:
    """What each transform on the way brought, where the way was measured; several at once where it was not."""
    assert search.winner is not None
    measured = {one.deployment.name: one for one in search.measured}
    batch = search.winner.batch
    kind = "energy_j" if quantity == ENERGY else "cpu_s"
    way = search.way
    for before, after in pairwise(way):
        older, newer = ([block for block in measured[name].blocks if block.batch == batch] for name in (before, after))
        done = len(search.nodes[before].moves) if before != way[0] else 0
        moves = search.nodes[after].moves[done:]
        words = " + ".join(move.words for move in moves) or "same model"
        try:
            ratio = compare.ratio_of(newer, older, kind)
        except UndefinedFigure:  # a step without two rounds in common: the final measurement stands alone
            return
        yield ShrinkStep(label=f"{words} ({measured[after].deployment.runtime})", ratio=ratio)


def cost_of(one: Measured, quantity: str, batch: int) -> Figure:
    """What an inference of it takes. Raises NotFound where nobody measured that."""
    found = find(one.observations, quantity, Condition(batch=batch))
    if found is None:
        raise NotFound(f"{one.deployment.name} has no {quantity}")
    return found.figure


def losers_of(search: Search) -> Iterator[tuple[str, str]]:
    """The finalists that did not win, and why."""
    for proof in search.proofs:
        if search.winner is None or proof is not search.winner:
            yield proof.name, proof.verdict or "it holds, and costs more than the winner"
    between = set(search.between)
    failed = (one for one in search.measured if not one.ok and one.deployment.name not in between)
    yield from ((one.deployment.name, one.failure) for one in failed)


def candidates_of(search: Search) -> Iterator[Candidate]:
    """All that were tried, the winner first, then by cost; at last those that could not be made."""
    reasons = dict(search.lost) | dict(losers_of(search))
    winner = search.winner.name if search.winner is not None else ""
    found = []
    for one in search.exploration.seen[1:]:
        name = one.deployment.name
        status = "won" if name == winner else "lost" if one.ok else "discarded"
        ratio = search.exploration.cost_of(one) if one.cpu_s else None
        reason = "" if status == "won" else one.reason or reasons.get(name, "another costs less")
        found.append(Candidate(name=name, status=status, reason=reason, cost_ratio=ratio))
    known = {one.name for one in found}
    for proof in search.proofs:  # with more threads
        if proof.name not in known:
            status = "won" if proof.name == winner else "lost"
            found.append(Candidate(name=proof.name, status=status, reason=reasons.get(proof.name, "")))
    yield from sorted(found, key=lambda one: (one.status != "won", one.status != "lost", one.cost_ratio or inf))
    for made in search.exploration.unmade:
        name = f"{made.parent.name} + {made.move.words}"
        yield Candidate(name=name, status="failed", reason=made.reason or "it could not be made")


def notices_of(search: Search, given: Given) -> Iterator[str]:
    """What the user should know."""
    yield from given.rows.notes
    yield from search.notes
    yield from (f"not tried: {reason}" for reason in search.silent.values() if "pip install" in reason)
    if search.winner is not None and search.winner.measured.deployment.artifact.format == "torch-module":
        yield f"the winner is still built by {given.source}: keep that code and its weights where they are"


def export(search: Search, comparison: Comparison, given: Given, place: Path, view: ShrinkView) -> None:
    """Write the folder: the model, the manifest, the loader, the report."""
    assert search.winner is not None
    deployment = replace(search.winner.measured.deployment, name=place.resolve().name)
    winner = next(one for one in comparison.variants if one.name == search.winner.name)
    savings = [one for one in comparison.savings if one.new_id == winner.id]
    told = {
        "original": _original(search, given),
        "data": {
            "path": given.data,
            "sha256": given.rows.sha256,
            "target": given.target,
            "seed": search.request.seed,
            "rows": len(search.dealt.proof),
            "training": given.training_path,
            "training_sha256": given.training.sha256 if given.training is not None else "",
        },
        "proof": {
            "metric": search.metric.name,
            "floors": [one.text for one in search.request.floors],
            "batches": list(search.request.batches),
            "chain": search.winner.name,
            "sentence": sentence(view),
            "savings": [_told(one) for one in savings],
        },
        "ledger": {
            "run": comparison.run_id,
            "variant": winner.id,
            "baseline": savings[0].baseline_id,
            **{f"saving_{one.quantity}": one.id for one in savings},
        },
    }
    pages = {"report.md": draw_shrink(view, "markdown"), "report.html": shrink_page(view)}
    room.write_folder(place, deployment, told, winner.observations, pages)


def _original(search: Search, given: Given) -> dict[str, Any]:
    base = search.measured[0].deployment
    return {
        "source": given.source,
        "sha256": given.card.sha256,
        "content": content_of(given.artifact),
        "format": given.artifact.format,
        "task": given.artifact.facts.get("task", ""),
        "runtime": base.runtime,
        "threads": base.options.threads,
    }


def _told(saving: Saving) -> dict[str, Any]:
    ratio, change = saving.ratio, saving.quality_change
    return {
        "quantity": saving.quantity,
        "ratio": [ratio.value, ratio.low, ratio.high],
        "method": ratio.method,
        "quality_change": [change.value, change.low, change.high],
        "metric": saving.metric,
        "n": saving.n,
        "test": saving.test,
        "p_value": saving.p_value,
        "held": saving.held,
    }
