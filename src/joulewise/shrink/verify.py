"""Repeats the proof of an exported folder on this machine: same rows, same floors, measured anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joulewise.compare import BenchPlan, Measured, Metric, Rows, artifact_of, metric_of, model_card, read_rows
from joulewise.compare.artifacts import overruled
from joulewise.compare.benching import attach_energy, bench
from joulewise.compare.floors import Floor, floor_of
from joulewise.compare.opening import runtime_of
from joulewise.core.errors import DataError, ModelError, UndefinedFigure
from joulewise.core.runtimes import Deployment, RunOptions
from joulewise.core.variants import Dataset
from joulewise.shrink.dealing import deal, proof_rows_wanted
from joulewise.shrink.folder import Manifest, deployment_of, read_folder
from joulewise.shrink.proof import Proof, prove
from joulewise.shrink.workplace import content_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verified:
    """The baseline and the exported model, measured side by side here; the proof comes with the energy."""

    manifest: Manifest
    measured: tuple[Measured, ...]
    rows: Rows
    floors: tuple[Floor, ...]
    metric: Metric
    dataset: Dataset
    proof: Proof | None = None

    def with_energy(self, result: Any) -> Verified:
        """The same with energies and the proof, from the session's result once it has stopped."""
        measured = tuple(attach_energy(self.measured, result))
        if not measured[1].ok:
            raise ModelError(
                f"the exported model does not run here: {measured[1].failure}",
                hint="--trust if it brings code of its own; joulewise shrink again on this machine if it can't run",
            )
        seed, batches = int(self.manifest.data.get("seed", 0)), self.manifest.proof.get("batches", (1,))
        [proof] = prove(measured, self.rows, self.floors, self.metric, seed, batches[0])
        return replace(self, measured=measured, proof=proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where the original, the rows and the training rows lie now; "" for where they were. `trust`: both
    models may run code that they bring."""

    model: str = ""
    data: str = ""
    train: str = ""
    trust: bool = False


def verify_folder(
    place: Path,
    session: Any,
    where: Where | None = None,
    *,
    rounds: int = 6,
    progress: Callable[[float, str], None] | None = None,
) -> Verified:
    """Measure the folder's model and its original again, inside a started session of the caller.

    Raises ModelError or DataError for files that are gone or are not the ones that the proof was made with, and
    PluginMissing for a library that is absent here.
    """
    manifest, where = read_folder(place), where or Where()
    exported = deployment_of(place, manifest, trust=where.trust)
    runtime_of(exported.runtime)  # a library that is absent is told at once, with its cure
    original = _original(manifest, where.model, where.trust)
    rows = _rows(manifest, where.data, where.train)
    proof = manifest.proof
    metric = metric_of(proof["metric"])
    plan = BenchPlan(
        batches=tuple(proof.get("batches", (1,))),
        rounds=rounds,
        cold_starts=1,
        metric=metric.name,
        seed=int(manifest.data["seed"]),
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
    if not text and ":" not in told["source"] and not Path(told["source"]).exists():
        raise ModelError(f"the original is no longer at {told['source']}", hint="say where it lies: --model FILE")
    artifact = overruled(artifact_of(text or told["source"], trust=trust), told.get("task", ""))
    if model_card(artifact).sha256 != told["sha256"] or content_of(artifact) != told.get("content", told["sha256"]):
        raise ModelError(
            f"{artifact.path} is not the model that was shrunk", hint="name the original with --model, or shrink again"
        )
    options = RunOptions(threads=int(told.get("threads", 1)))
    return Deployment(name="original", artifact=artifact, runtime=told["runtime"], options=options)


def _rows(manifest: Manifest, path: str, train: str) -> Rows:
    """The rows of the proof: the whole file, but for what calibrated and screened."""
    told = manifest.data
    rows = _read(path, told["path"], told["sha256"], told.get("target"), "--data")
    training = None
    if told.get("training"):
        training = _read(train, told["training"], told["training_sha256"], told.get("target"), "--train")
    floors = tuple(map(floor_of, manifest.proof.get("floors", ())))
    metric = metric_of(manifest.proof["metric"])
    return deal(rows, int(told["seed"]), calibration=training, wanted=proof_rows_wanted(floors, metric)).proof


def _read(path: str, known: str, sha256: str, target: str | None, option: str) -> Rows:
    place = Path(path or known)
    if not place.exists():
        raise DataError(f"the rows are not at {place}", hint=f"say where they lie: {option} FILE")
    rows = read_rows(place, target or None)
    if rows.sha256 != sha256:
        raise DataError(f"{place} does not hold the rows of the proof", hint=f"name them with {option}")
    return rows
