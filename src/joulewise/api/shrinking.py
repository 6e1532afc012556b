"""Shrinks a model: the search inside a measured run, the proof into the ledger, the winner into a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import compare
from joulewise import shrink as room
from joulewise.api import catalog, filing, load_settings
from joulewise.api.hanging_up import HangingUp, HungUp
from joulewise.api.shrink_attempts import attempts_of
from joulewise.api.shrink_records import comparison_of, file_found
from joulewise.api.shrink_showing import candidates_of, export, losers_of, notices_of, view_of_search
from joulewise.compare.floors import floor_of
from joulewise.core.settings import Settings
from joulewise.core.variants import Comparison, Model
from joulewise.measure import Job, Session
from joulewise.report.shrink_view import ShrinkView
from joulewise.shrink.attempts import settle
from joulewise.shrink.folder import refuse_foreign
from joulewise.shrink.workplace import clear

if TYPE_CHECKING:
    from joulewise.api.shrink_showing import Candidate
    from joulewise.compare import Rows
    from joulewise.core.runtimes import Artifact
    from joulewise.measure import Result
    from joulewise.shrink import Request
    from joulewise.shrink.found import Search
    from joulewise.shrink.search import Told

WORK = Path(".joulewise") / "shrink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What came of it. `view` and `folder` are None where no candidate keeps the floors and surely costs less; `losers`
    are the finalists with the reason why they did not win, `candidates` all that were tried, with what became of each.
    `problems` says what could not be filed."""

    run_id: str
    comparison: Comparison
    view: ShrinkView | None
    folder: Path | None
    losers: tuple[tuple[str, str], ...]
    candidates: tuple[Candidate, ...]
    counts: dict[str, int]
    notices: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkFiles:
    """`target` is the column to be told (`y` of an .npz by default), `train` a file of training rows, which calibrate,
    too, and let it prune and distil; `out` the folder of the result, MODEL-shrunk in the working directory by default.
    `trust`: MODEL may run code that it brings; `task` is what it does, where that is only guessed. `keep` leaves the
    work folder .joulewise/shrink where it is."""

    target: str | None = None
    train: str | None = None
    out: str | None = None
    trust: bool = False
    keep: bool = False
    task: str | None = None


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
    floors: Sequence[str] | str = (),
    files: ShrinkFiles | None = None,
    settings: Settings | None = None,
    progress: Callable[[Told], None] | None = None,
    **wanted: Any,
) -> Shrunk:
    """Find, prove and export the deployment of a model that costs least above the floors.

    Args:
        model, data: Files as `joulewise bench` takes them.
        floors: "accuracy>=-0.5pt" against the model as it is, "latency_p99<=10ms", "memory<=64MB", ...; where none is
            about quality, half a point (1 % of an error, a cosine of 0.99) may be lost.
        files: The column to be told, training rows, where to export to, whether MODEL is trusted; see `ShrinkFiles`.
        wanted: Fields of `shrink.Request`: metric, batches, threads, time_budget_s, memory_bytes, seed, ...
    Raises: ModelError, DataError, UsageError with the cure, before time is spent wherever that can be known.
    """
    settings, files = settings or load_settings(), files or ShrinkFiles()
    floors = (floors,) if isinstance(floors, str) else floors
    request = room.Request(floors=tuple(map(floor_of, floors)), **wanted)
    name = _name(model)
    place = Path(files.out or f"{name}-shrunk")
    refuse_foreign(place)
    catalog.check_meters(settings)
    given = _given(model, data, files)
    room.prepare(given.artifact, given.rows, request, given.training)
    job = Job(name=f"shrink {name}", kind="eval", seed=request.seed, project=settings.project)
    session = Session(job, settings, os.environ, finish=lambda result: filing.with_carbon(result, settings))
    with HangingUp() as ending:
        search = _searched(session, given, request, settings, progress, ending)
        found = _settled(search, session.result, given, settings, files, place)
    if ending.number is not None:
        raise HungUp(ending.number)
    return found


def _settled(
    search: Search, result: Result, given: Given, settings: Settings, files: ShrinkFiles, place: Path
) -> Shrunk:
    """Prove, export, file."""
    attempts = attempts_of(search.earlier, settings)
    search = search.with_energy(result)
    comparison = comparison_of(search, given.card, given.rows.dataset(), result)
    view, folder = None, None
    if search.winner is not None:
        view = view_of_search(search, comparison, result, place, _name(given.source))
        view = replace(view, search_energy=attempts.all_told(view.search_energy))
        export(search, comparison, given, place, view)
        folder = place
    problems = file_found(result, comparison, settings)
    if search.folder is not None and not problems:
        settle(search.folder)
    if not files.keep and folder is not None:
        _clear(search.folder)
    return Shrunk(
        run_id=result.run_id,
        comparison=comparison,
        view=view,
        folder=folder,
        losers=tuple(losers_of(search)),
        candidates=tuple(candidates_of(search)),
        counts=search.counts,
        notices=(*notices_of(search, given), *attempts.notices()),
        problems=tuple(problems),
    )


def _searched(
    session: Session,
    given: Given,
    request: Request,
    settings: Settings,
    progress: Callable[[Told], None] | None,
    ending: HangingUp,
) -> Search:
    """The search; however it ends, what it took is filed."""
    try:
        with session:
            search = room.shrink(
                given.artifact, given.rows, request, session, WORK, training=given.training, progress=progress
            )
            if search.earlier:
                session.note(f"it goes on where earlier runs were stopped: {', '.join(search.earlier)}")
            return search
    except BaseException:
        ending.hurry = False
        filing.keep(session, settings)
        raise
    finally:
        ending.hurry = False  # what was found is filed first


def _name(model: str) -> str:
    """What the folder is named after: the file without its ending, or the factory's name."""
    if Path(model).exists():
        return Path(model).resolve().stem
    return model.rpartition(":")[2] or Path(model).stem


def _given(model: str, data: str, files: ShrinkFiles) -> Given:
    artifact = compare.overruled(compare.artifact_of(model, trust=files.trust), files.task or "")
    rows = compare.read_rows(data, files.target)
    train = files.train
    return Given(
        source=str(Path(model).resolve()) if Path(model).exists() else model,
        artifact=artifact,
        card=compare.model_card(artifact),
        rows=rows,
        training=compare.read_rows(train, rows.target_name or None) if train else None,
        data=str(Path(data).resolve()),
        target=rows.target_name,
        training_path=str(Path(train).resolve()) if train else "",
    )


def _clear(folder: Path | None) -> None:
    """The work folder, and those above it if nothing else is in them."""
    if folder is None:
        return
    clear(folder)
    with suppress(OSError):  # something else lies there
        for above in (WORK, WORK.parent):
            above.rmdir()
