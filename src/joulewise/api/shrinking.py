"""Shrinks a model: the search inside a measured run, the proof into the ledger, the winner into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise import shrink as room
from joulewise.api import load_settings, measure
from joulewise.api.shrink_records import comparison_of, file_comparison, savings_of, variant_of
from joulewise.api.shrink_showing import cost_of, export, losers_of, notices_of, view_of_search
from joulewise.compare.floors import floor_of
from joulewise.core.settings import Settings
from joulewise.core.variants import Comparison, Model
from joulewise.report.shrink_view import ShrinkView

if TYPE_CHECKING:
    from joulewise.compare import Rows
    from joulewise.core.runtimes import Artifact
    from joulewise.shrink.search import Told
    from joulewise.shrink.verify import Verified

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
    comparison = comparison_of(search, given.card, given.rows.dataset(), result)
    file_comparison(comparison, settings)
    view, folder = None, None
    if search.winner is not None:
        view = view_of_search(search, comparison, result, place, name)
        export(search, comparison, given, place)
        folder = place
    return Shrunk(
        run_id=result.run_id,
        comparison=comparison,
        view=view,
        folder=folder,
        losers=tuple(losers_of(search)),
        counts=search.counts,
        notices=tuple(notices_of(search, given)),
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
        variant_of(one, result.run_id, one.card.id, dataset.id) for one in verified.measured if one.card is not None
    )
    savings = tuple(
        savings_of(verified.proof, variants[1].id, variants[0].id, len(verified.rows), result, verified.floors)
    )
    comparison = Comparison(
        run_id=result.run_id, models=models, datasets=(dataset,), variants=variants, savings=savings
    )
    file_comparison(comparison, settings)
    view = ShrinkView(
        title=f"{folder}: the proof repeated here",
        baseline=variants[0],
        winner=variants[1],
        saving=savings[0],
        baseline_cost=cost_of(base, savings[0].quantity),
        winner_cost=cost_of(new, savings[0].quantity),
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
