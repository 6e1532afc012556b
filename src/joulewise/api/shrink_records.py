"""What a shrink found, as the ledger's records: every candidate with its reason, the savings that were proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from joulewise.api import filing
from joulewise.core.errors import JoulewiseError
from joulewise.core.figures import exact
from joulewise.core.settings import Settings
from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Comparison, Dataset, Model, Observation, Saving, Variant

if TYPE_CHECKING:
    from joulewise.compare import Measured
    from joulewise.core.runtimes import Deployment
    from joulewise.measure import Result
    from joulewise.shrink.found import Search
    from joulewise.shrink.proof import Proof

ENERGY, CPU_TIME = "energy_j_per_inference", "cpu_s_per_inference"


def file_found(result: Result, found: Comparison, settings: Settings) -> list[str]:
    """The run first, then what it found out; what can't be filed now is told, with its figures still in hand."""
    filed, problems = filing.settle(result, settings)
    if not filed:
        return list(problems)
    try:
        with filing.opened(settings) as ledger:
            ledger.append_comparison(found, actor="joulewise shrink")
    except JoulewiseError as error:
        return [*problems, f"the variants are not in the ledger: {error}"]
    return list(problems)


def comparison_of(search: Search, model: Model, dataset: Dataset, result: Result) -> Comparison:
    ids: dict[str, str] = {}
    variants = []
    for one in search.measured:
        variant = variant_of(one, result.run_id, model.id, dataset.id)
        ids[one.deployment.name] = variant.id
        variants.append(variant)
    variants += [one for one in _also_rans(search, model, result.run_id, dataset.id) if one.name not in ids]
    base_id = ids[search.measured[0].deployment.name]
    savings = [
        saving
        for proof in search.proofs
        for saving in savings_of(
            proof, (base_id, ids[proof.name]), len(search.dealt.proof), result, search.request.floors
        )
    ]
    return Comparison(
        run_id=result.run_id,
        models=(model,),
        datasets=(dataset,),
        variants=tuple(variants),
        savings=tuple(savings),
    )


def variant_of(one: Measured, run_id: str, model_id: str, dataset_id: str) -> Variant:
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


def _also_rans(search: Search, model: Model, run_id: str, dataset_id: str) -> Iterator[Variant]:
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
            model_id=model.id,
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
            model_id=model.id,
            dataset_id=dataset_id,
            name=f"{made.parent.name} + {made.move.words}",
            runtime="",
            steps=made.parent.artifact.steps,
            status="failed",
            reason=made.reason or "it could not be made",
        )


def savings_of(
    proof: Proof, ids: tuple[str, str], rows: int, result: Result, floors: Sequence[Any]
) -> Iterator[Saving]:
    """Energy first, where a meter or a model gave it; then CPU time, which is counted. `ids` of baseline and new."""
    if proof.change is None:
        return
    batch, (base_id, new_id) = proof.batch, ids
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
                "energy_ratios": {str(one): figure.value for one, figure in proof.energy_ratios.items()},
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
