"""Repeats the proof of an exported folder on this machine: same rows, same floors, measured anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joulewise.compare import BenchPlan, Measured, Metric, Rows, artifact_of, metric_of, model_card, read_rows
from joulewise.compare.benching import attach_energy, bench
from joulewise.compare.floors import Floor, floor_of
from joulewise.core.errors import DataError, ModelError, UndefinedFigure
from joulewise.core.runtimes import Deployment, RunOptions
from joulewise.core.variants import Dataset
from joulewise.shrink.folder import Manifest, deployment_of, read_folder
from joulewise.shrink.proof import Proof, prove
from joulewise.shrink.request import deal, proof_rows_wanted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verified:
    """The baseline and the exported model, measured side by side here; the proof comes with the energy."""

    manifest: Manifest
    measured: tuple[Measured, ...]
    rows: Rows
    floors: tuple[Floor, ...]
    metric: Metric | None
    dataset: Dataset
    proof: Proof | None = None

    def with_energy(self, result: Any) -> Verified:
        """The same with energies and the proof, from the session's result once it has stopped."""
        measured = tuple(attach_energy(self.measured, result))
        if not measured[1].ok:
            raise ModelError(f"the exported model does not run here: {measured[1].failure}")
        [proof] = prove(measured, self.rows, self.floors, self.metric, int(self.manifest.data.get("seed", 0)))
        return replace(self, measured=measured, proof=proof)


def verify_folder(
    place: Path,
    session: Any,
    *,
    model: str = "",
    data: str = "",
    trust: bool = False,
    rounds: int = 6,
    progress: Callable[[float, str], None] | None = None,
) -> Verified:
    """Measure the folder's model and its original again, inside a started session of the caller.

    `model` and `data` say where the original and the rows lie now, if not where they were. Raises ModelError or
    DataError for files that are gone or are not the ones that the proof was made with.
    """
    manifest = read_folder(place)
    exported = deployment_of(place, manifest)
    original = _original(manifest, model, trust)
    rows = _rows(manifest, data)
    proof = manifest.proof
    metric = metric_of(proof["metric"]) if proof.get("metric") else None
    plan = BenchPlan(
        batches=tuple(proof.get("batches", (1,))),
        rounds=rounds,
        cold_starts=1,
        metric=metric.name if metric else "",
    )
    measured = bench((original, exported), rows, plan, session, progress)
    if not measured[0].ok:
        raise UndefinedFigure(f"the original does not run here: {measured[0].failure}")
    return Verified(
        manifest=manifest,
        measured=tuple(measured),
        rows=rows,
        floors=tuple(map(floor_of, proof.get("floors", ()))),
        metric=metric,
        dataset=rows.dataset(),
    )


def _original(manifest: Manifest, text: str, trust: bool) -> Deployment:
    told = manifest.original
    artifact = artifact_of(text or told["source"], trust=trust)
    if model_card(artifact).sha256 != told["sha256"]:
        raise ModelError(
            f"{artifact.path} is not the model that was shrunk", hint="name the original with --model, or shrink again"
        )
    options = RunOptions(threads=int(told.get("threads", 1)))
    return Deployment(name="original", artifact=artifact, runtime=told["runtime"], options=options)


def _rows(manifest: Manifest, path: str) -> Rows:
    told = manifest.data
    rows = read_rows(path or told["path"], told.get("target") or None)
    if rows.sha256 != told["sha256"]:
        raise DataError(f"{path or told['path']} does not hold the rows of the proof", hint="name them with --data")
    if told.get("held_out"):  # the whole file, but for what screened
        calibration = read_rows(told["calibration"], told.get("target") or None) if told.get("calibration") else None
        wanted = proof_rows_wanted(tuple(map(floor_of, manifest.proof.get("floors", ()))))
        return deal(rows, int(told["seed"]), calibration=calibration, wanted=wanted).proof
    return rows
