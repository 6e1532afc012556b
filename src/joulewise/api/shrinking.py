"""Shrinks a model: the search inside a measured run, the proof into the ledger, the winner into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise import shrink as room
from joulewise.api import current_ledger, load_settings, measure
from joulewise.compare.floors import floor_of
from joulewise.core.errors import JoulewiseError, NotFound
from joulewise.core.figures import Figure, exact
from joulewise.core.settings import Settings
from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Comparison, Model, Observation, Saving, Variant
from joulewise.report.shrink_view import ShrinkStep, ShrinkView

if TYPE_CHECKING:
    from joulewise.compare import Measured, Rows
    from joulewise.core.runtimes import Artifact, Deployment
    from joulewise.measure import Result
    from joulewise.shrink.proof import Proof
    from joulewise.shrink.search import Search, Told
    from joulewise.shrink.verify import Verified

ENERGY, CPU_TIME = "energy_j_per_inference", "cpu_s_per_inference"
WORK = Path(".joulewise") / "shrink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What came of it. `view` and `folder` are None where no candidate keeps the floors and costs less; `losers` are
    the finalists with the reason why they did not win."""

    run_id: str
    comparison: Comparison
    view: ShrinkView | None
    folder: Path | None
    losers: tuple[tuple[str, str], ...]
    counts: dict[str, int]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkFiles:
    """`target` is the column to be told (`y` of an .npz by default), `train` a file of training rows, which calibrate,
    too, and let it prune and distil; `out` the folder of the result, MODEL-shrunk in the working directory by default.
    `trust`: MODEL may run code that it brings."""

    target: str | None = None
    train: str | None = None
    out: str | None = None
    trust: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The user's files, as they were read."""

    source: str
    artifact: Artifact
    card: Model
    rows: Rows
    training: Rows | None
    data: str
    target: str
    training_path: str


def shrink_model(
    model: str,
    data: str,
    *,
    floors: Sequence[str] = (),
    files: ShrinkFiles | None = None,
    settings: Settings | None = None,
    progress: Callable[[Told], None] | None = None,
    **wanted: Any,
) -> Shrunk:
    """Find, prove and export the deployment of a model that costs least above the floors.

    Args:
        model, data: Files as `joulewise bench` takes them.
        floors: "accuracy>=-0.5pt" against the model as it is, "latency_p99<=10ms", "memory<=64MB", ...
        files: The column to be told, training rows, where to export to, whether MODEL is trusted; see `ShrinkFiles`.
        wanted: Fields of `shrink.Request`: metric, batches, threads, time_budget_s, memory_bytes, seed, ...
    Raises: ModelError, DataError, UsageError with the cure.
    """
    settings = settings or load_settings()
    request = room.Request(floors=tuple(map(floor_of, floors)), **wanted)
    files = files or ShrinkFiles()
    given = _given(model, data, files.target, files.train, files.trust)
    name = Path(model.rpartition(":")[2] if ":" in model else model).stem
    place = Path(files.out) if files.out else Path(f"{name}-shrunk")
    _refuse_foreign(place)
    with measure(f"shrink {name}", kind="eval", **_own(settings)) as session:
        work = _work_folder(given, request.seed)
        search = room.shrink(
            given.artifact, given.rows, request, session, work, training=given.training, progress=progress
        )
    result = session.result
    search = search.with_energy(result)
    comparison = _comparison(search, given, result)
    _file(comparison, settings)
    view, folder = None, None
    if search.winner is not None:
        view = _view(search, comparison, result, place, name)
        _export(search, comparison, given, place)
        folder = place
    return Shrunk(
        run_id=result.run_id,
        comparison=comparison,
        view=view,
        folder=folder,
        losers=tuple(_losers(search)),
        counts=search.counts,
        notices=tuple(_notices(search, given)),
    )


def verify_model(
    folder: str,
    *,
    model: str = "",
    data: str = "",
    trust: bool = False,
    rounds: int = 6,
    settings: Settings | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[ShrinkView, Verified]:
    """Repeat the proof of an exported folder on this machine, and file it. Raises as `shrink.verify_folder`."""
    settings = settings or load_settings()
    with measure(f"verify {Path(folder).name}", kind="eval", **_own(settings)) as session:
        verified = room.verify_folder(
            Path(folder), session, model=model, data=data, trust=trust, rounds=rounds, progress=progress
        )
    result = session.result
    verified = verified.with_energy(result)
    assert verified.proof is not None
    base, new = verified.measured
    dataset = verified.dataset
    models = tuple(card for card in (base.card, new.card) if card is not None)
    variants = tuple(
        _variant(one, result.run_id, one.card.id, dataset.id) for one in verified.measured if one.card is not None
    )
    savings = tuple(
        _savings(verified.proof, variants[1].id, variants[0].id, len(verified.rows), result, verified.floors)
    )
    comparison = Comparison(
        run_id=result.run_id, models=models, datasets=(dataset,), variants=variants, savings=savings
    )
    _file(comparison, settings)
    view = ShrinkView(
        title=f"{folder}: the proof repeated here",
        baseline=variants[0],
        winner=variants[1],
        saving=savings[0],
        baseline_cost=_cost(base, savings[0].quantity),
        winner_cost=_cost(new, savings[0].quantity),
        notices=verified.proof.reasons,
    )
    return view, verified


# What was given


def _given(model: str, data: str, target: str | None, train: str | None, trust: bool) -> Given:
    artifact = compare.artifact_of(model, trust=trust)
    rows = compare.read_rows(data, target)
    training = compare.read_rows(train, rows.target_name or None) if train else None
    return Given(
        source=str(Path(model).resolve()) if Path(model).exists() else model,
        artifact=artifact,
        card=compare.model_card(artifact),
        rows=rows,
        training=training,
        data=str(Path(data).resolve()),
        target=rows.target_name,
        training_path=str(Path(train).resolve()) if train else "",
    )


def _work_folder(given: Given, seed: int) -> Path:
    """One folder for the same model, rows and seed, so that a search that was killed goes on."""
    training = given.training.sha256 if given.training is not None else ""
    words = f"{given.card.sha256} {given.rows.sha256} {training} {seed}"
    folder = WORK / hashlib.sha256(words.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _refuse_foreign(place: Path) -> None:
    from joulewise.core.errors import UsageError
    from joulewise.shrink.folder import MANIFEST

    if place.exists() and not (place.is_dir() and (not any(place.iterdir()) or (place / MANIFEST).exists())):
        raise UsageError(f"{place} is there and is not of joulewise shrink", hint="--out with a new folder")


def _own(settings: Settings) -> dict[str, Any]:
    """The settings that were set, for the session."""
    return {key: getattr(settings, key) for key, origin in settings.origins.items() if origin != "default"}


# Into the ledger


def _file(comparison: Comparison, settings: Settings) -> None:
    with current_ledger(settings) as ledger:
        ledger.append_comparison(comparison, actor="joulewise shrink")


def _comparison(search: Search, given: Given, result: Result) -> Comparison:
    dataset = given.rows.dataset()
    ids: dict[str, str] = {}
    variants = []
    for one in search.measured:
        variant = _variant(one, result.run_id, given.card.id, dataset.id)
        ids[one.deployment.name] = variant.id
        variants.append(variant)
    variants += [one for one in _also_rans(search, given, result.run_id, dataset.id) if one.name not in ids]
    base_id = ids[search.measured[0].deployment.name]
    savings = [
        saving
        for proof in search.proofs
        for saving in _savings(
            proof, ids[proof.measured.deployment.name], base_id, len(search.dealt.proof), result, search.request.floors
        )
    ]
    return Comparison(
        run_id=result.run_id,
        models=(given.card,),
        datasets=(dataset,),
        variants=tuple(variants),
        savings=tuple(savings),
    )


def _variant(one: Measured, run_id: str, model_id: str, dataset_id: str) -> Variant:
    size = (
        ()
        if one.card is None
        else (Observation(quantity="size_bytes", figure=exact(float(one.card.size_bytes), "bytes")),)
    )
    return Variant(
        id=new_ulid(),
        run_id=run_id,
        model_id=model_id,
        dataset_id=dataset_id,
        name=one.deployment.name,
        runtime=one.deployment.runtime,
        runtime_version=_version(one.deployment),
        steps=one.deployment.artifact.steps,
        options=_options(one.deployment),
        status="ok" if one.ok else "failed",
        reason=one.failure,
        observations=(*one.observations, *size) if one.ok else (),
    )


def _also_rans(search: Search, given: Given, run_id: str, dataset_id: str) -> Iterator[Variant]:
    """Those that were left behind, with the reason: a search that hides its failures proves nothing."""
    lost = dict(search.lost)
    told = {
        one.deployment.name: one.reason or lost.get(one.deployment.name, "another costs less")
        for one in search.exploration.seen[1:]
    }
    deployments = {one.deployment.name: one.deployment for one in search.exploration.seen[1:]}
    for name, reason in told.items():
        deployment = deployments[name]
        yield Variant(
            id=new_ulid(),
            run_id=run_id,
            model_id=given.card.id,
            dataset_id=dataset_id,
            name=name,
            runtime=deployment.runtime,
            runtime_version=_version(deployment),
            steps=deployment.artifact.steps,
            options=_options(deployment),
            status="discarded",
            reason=reason,
        )
    for made in search.exploration.unmade:
        yield Variant(
            id=new_ulid(),
            run_id=run_id,
            model_id=given.card.id,
            dataset_id=dataset_id,
            name=f"{made.parent.name} + {made.move.words}",
            runtime="",
            steps=made.parent.artifact.steps,
            status="failed",
            reason=made.reason or "it could not be made",
        )


def _savings(
    proof: Proof, new_id: str, base_id: str, rows: int, result: Result, floors: Sequence[Any]
) -> Iterator[Saving]:
    """Energy first, where a meter or a model gave it; then CPU time, which is counted."""
    if proof.change is None:
        return
    batch = min(proof.cpu_ratios, default=1)
    ratios = ((ENERGY, proof.energy_ratio), (CPU_TIME, proof.cpu_ratios.get(batch)))
    for quantity, ratio in ratios:
        if ratio is None or ratio.low <= 0:
            continue
        yield Saving(
            id=new_ulid(),
            run_id=result.run_id,
            baseline_id=base_id,
            new_id=new_id,
            quantity=quantity,
            unit="inference",
            boundary=_boundary(result) if quantity == ENERGY else "device",
            ratio=ratio,
            metric=proof.change.metric,
            quality_change=proof.change.figure,
            n=rows,
            test=proof.change.test,
            p_value=proof.change.p_value,
            held=proof.held,
            floor=", ".join(one.text for one in floors),
            details={
                "batch": batch,
                "cpu_ratios": {str(one): figure.value for one, figure in proof.cpu_ratios.items()},
            },
        )


def _boundary(result: Result) -> str:
    found = (
        one.boundary for one in result.bundle.measurements if one.quantity == "energy_j" and one.component == "total"
    )
    return next(found, "device")


def _version(deployment: Deployment) -> str:
    from joulewise.compare.opening import runtime_of

    try:
        return str(runtime_of(deployment.runtime).version)
    except JoulewiseError:
        return ""


def _options(deployment: Deployment) -> dict[str, Any]:
    options = deployment.options
    return {"threads": options.threads, "spinning": options.spinning, **dict(options.more)}


# What is shown and written


def _view(search: Search, comparison: Comparison, result: Result, place: Path, name: str) -> ShrinkView:
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
        baseline_cost=_cost(base, saving.quantity),
        winner_cost=_cost(search.winner.measured, saving.quantity),
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


def _cost(one: Measured, quantity: str) -> Figure:
    from joulewise.compare.observing import Condition, find

    batch = min((block.batch for block in one.blocks), default=1)
    found = find(one.observations, quantity, Condition(batch=batch))
    if found is None:
        raise NotFound(f"{one.deployment.name} has no {quantity}")
    return found.figure


def _losers(search: Search) -> Iterator[tuple[str, str]]:
    for proof in search.proofs:
        if search.winner is None or proof is not search.winner:
            yield proof.measured.deployment.name, "; ".join(proof.reasons) or "holds, and costs more"
    yield from ((one.deployment.name, one.failure) for one in search.measured if not one.ok)


def _notices(search: Search, given: Given) -> Iterator[str]:
    yield from given.rows.notes
    if search.exploration.out_of_time:
        yield "the time budget ended before all candidates were tried: --budget with more tries more"
    yield from (f"not tried: {reason}" for reason in search.silent.values() if "pip install" in reason)


def _export(search: Search, comparison: Comparison, given: Given, place: Path) -> None:
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
