"""Repeats the proof of an exported folder in a measured run, and files it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from joulewise import shrink as room
from joulewise.api import filing, load_settings
from joulewise.api.shrink_records import file_found, savings_of, variant_of
from joulewise.api.shrink_showing import at_batches, claimed, cost_of, deciding
from joulewise.core.errors import UndefinedFigure
from joulewise.core.settings import Settings
from joulewise.core.variants import Comparison
from joulewise.measure import Job, Session
from joulewise.report.shrink_view import ShrinkView
from joulewise.shrink.folder import differences
from joulewise.shrink.proof import Proof
from joulewise.shrink.verify import Verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The proof here. `held`: every floor holds at the bad end, and the model surely costs less than its original."""

    view: ShrinkView
    proof: Proof
    comparison: Comparison
    held: bool
    problems: tuple[str, ...] = ()


def verify_model(
    folder: str | Path,
    *,
    where: room.Where | None = None,
    rounds: int = 6,
    settings: Settings | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Repeated:
    """Repeat the proof of an exported folder on this machine, and file it. Raises as `shrink.verify_folder`."""
    settings = settings or load_settings()
    job = Job(name=f"verify {Path(folder).name}", kind="eval", project=settings.project)
    session = Session(job, settings, os.environ, finish=lambda result: filing.with_carbon(result, settings))
    with session:
        verified = room.verify_folder(Path(folder), session, where, rounds=rounds, progress=progress)
    result = session.result
    verified = verified.with_energy(result)
    proof, (base, new), dataset = verified.proof, verified.measured, verified.dataset
    if proof is None or base.card is None or new.card is None:
        raise UndefinedFigure("the models could not be measured here", hint="joulewise bench says more")
    variants = tuple(
        variant_of(one, result.run_id, card.id, dataset.id) for one, card in ((base, base.card), (new, new.card))
    )
    base_id, new_id = (one.id for one in variants)
    savings = tuple(savings_of(proof, (base_id, new_id), len(verified.rows), result, verified.floors))
    if not savings:
        raise UndefinedFigure("there is no ratio of two rounds: they took too long", hint="more time, or --rounds")
    found = Comparison(
        run_id=result.run_id,
        models=tuple({card.id: card for card in (base.card, new.card)}.values()),
        datasets=(dataset,),
        variants=variants,
        savings=savings,
    )
    saving = deciding(savings, proof)
    view = ShrinkView(
        title=f"{folder}: the proof repeated here",
        baseline=variants[0],
        winner=variants[1],
        saving=saving,
        baseline_cost=cost_of(base, saving.quantity, proof.batch),
        winner_cost=cost_of(new, saving.quantity, proof.batch),
        in_points=verified.metric.greater_is_better,
        batch=proof.batch,
        cpu_ratio=proof.cpu_ratios.get(proof.batch),
        at_batches=at_batches(proof, saving.quantity, sorted(proof.cpu_ratios)),
        claimed=claimed(verified.manifest, saving.quantity),
        notices=tuple(_notices(verified)),
    )
    return Repeated(
        view=view,
        proof=proof,
        comparison=found,
        held=not proof.verdict,
        problems=tuple(file_found(result, found, settings)),
    )


def _notices(verified: Verified) -> Iterator[str]:
    """Why the proof does not hold here, and what else is different here."""
    if verified.proof is not None and verified.proof.verdict:
        yield verified.proof.verdict
    if others := differences(verified.manifest):
        yield f"Not as it was where this was proven: {'; '.join(others)}."
