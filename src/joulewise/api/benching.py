"""`joulewise.bench`: measure models side by side within a measured run, judge them, rank them, file all of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import api, compare
from joulewise.api import catalog, deploying, filing
from joulewise.api.bench_efficiency import trained_by
from joulewise.api.bench_records import comparison_of, metric_name
from joulewise.api.bench_request import BenchRequest
from joulewise.api.bench_results import BenchResult
from joulewise.api.boards import NO_METER, Asked, boards_of, energy_notices
from joulewise.api.hanging_up import HangingUp, HungUp
from joulewise.api.mode_lists import mode_lists
from joulewise.compare.benching import Stopped
from joulewise.core.errors import JoulewiseError, UsageError
from joulewise.core.runtimes import Deployment
from joulewise.core.settings import Settings
from joulewise.measure import Job, Session
from joulewise.report.digits import seconds
from joulewise.report.energy_rows import find_energy

if TYPE_CHECKING:
    from joulewise.compare import BenchPlan, Measured, Metric, Rows
    from joulewise.core.records import Bundle
    from joulewise.core.variants import Comparison
    from joulewise.measure import Result

_MANY = ("models", "metrics", "batches", "threads", "rates", "runtimes", "floors")
INTERRUPTED = 130
"""As shells count: 128 and the number of SIGINT."""
_SAID_ALREADY = "have no energy: no meter was read"
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A bench that can start: all models were read, all words understood. `duration_s` is about what it will take."""

    request: BenchRequest
    plan: BenchPlan
    rows: Rows
    deployments: tuple[Deployment, ...]
    judges: tuple[Metric, ...]

    @property
    def duration_s(self) -> float:
        """Blocks and warm-ups, starts not counted."""
        lanes = len(self.deployments) * max(1, len(self.plan.threads))
        conditions = len(list(self.plan.conditions()))
        return lanes * conditions * (self.plan.rounds * self.plan.block_s + 0.5 * self.plan.warm_up_s)

    @property
    def told_rows(self) -> str:
        """ "eval, 719 rows"."""
        count = len(self.rows)
        return f"{self.rows.name or 'data'}, {count:,} row{'s' if count != 1 else ''}"

    def summary(self) -> str:
        """What is going to happen, and how long that takes."""
        count, plan = len(self.deployments), self.plan
        conditions = len(list(plan.conditions()))
        what = f"{count} model{'s' if count != 1 else ''} on {self.told_rows}"
        under = f"{conditions} condition{'s' if conditions != 1 else ''}"
        rounds = f"{plan.rounds} rounds of {plan.block_s:g} s under {under}"
        return f"{what}, {rounds}: about {seconds(max(1, round(self.duration_s)))} and the starts"


def bench(
    models: Iterable[str | Path | Deployment] | str | Path,
    data: str | Path | Rows,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
    **wanted: Any,
) -> BenchResult:
    """Say what models cost and how good they are: measured side by side on this machine, ranked, filed in the ledger.

    result = joulewise.bench(["small.onnx", "forest.joblib"], "eval.npz", floors=["accuracy>=0.95"], trust=True)

    Args:
        models: Paths, `name=path@runtime`, `module:factory`, or Deployments; the first is the baseline.
        data: Rows that judge: .npz, .parquet, .csv, a folder of examples by class, or `joulewise.compare.Rows`.
        settings: Those in force unless given.
        progress: Hears the share done (0..1) and what is being done.
        wanted: Fields of BenchRequest: target, metrics, batches, threads, rates, runtimes, rounds, floors, mode, ...
    Raises: ModelError, UntrustedModel, DataError, UsageError and PluginMissing, each with the cure, before anything
        is measured. What goes wrong with one model later is in its variant's `reason`.
    """
    request = request_bench(models=models, data=data, **wanted)
    found = measured_bench(prepare_bench(request), settings or api.load_settings(), progress)
    if found.exit_code not in (0, INTERRUPTED):
        raise HungUp(found.exit_code - 128)  # somebody wants this process to end, and all is filed
    return found


def request_bench(**wanted: Any) -> BenchRequest:
    """What a bench is asked for; lists and lone names become tuples. Raises UsageError for an unknown field."""
    strange = set(wanted) - set(BenchRequest.__dataclass_fields__)
    if strange:
        raise UsageError(f"bench knows no {min(strange)!r}", hint=", ".join(BenchRequest.__dataclass_fields__))
    return BenchRequest(**{key: _several(key, value) for key, value in wanted.items()})


def _several(key: str, value: Any) -> Any:
    if key not in _MANY:
        return value
    return (value,) if isinstance(value, str | Path | Deployment | int | float) else tuple(value)


def prepare_bench(request: BenchRequest) -> Prepared:
    """Read rows, metrics, floors and models: whatever is wrong with them is said before time is spent."""
    plan = request.plan()
    request.limits()
    if not request.models:
        raise UsageError("no model is named", hint="joulewise bench model.onnx --data eval.npz --target y")
    rows = request.rows()
    judges = request.judges(rows)
    deployments = deploying.deployments_of(
        request.models, runtimes=request.runtimes, trust=request.trust, task=request.task
    )
    strange = set(request.training) - {""} - {one.name for one in deployments}
    if strange:
        raise UsageError(
            f"no model {min(strange)!r} to go with a training run", hint=", ".join(one.name for one in deployments)
        )
    ordered = deploying.baseline_first(deployments, request.baseline)
    return Prepared(request=request, plan=plan, rows=rows, deployments=tuple(ordered), judges=judges)


def measured_bench(prepared: Prepared, settings: Settings, progress: Progress | None = None) -> BenchResult:
    """Measure what was prepared and file it. Ctrl-C, SIGTERM and a closed terminal end it early: what was measured is
    filed as a killed run, and `exit_code` of the result is what a shell would tell."""
    catalog.check_meters(settings)
    request = prepared.request
    name = request.name or "bench " + ", ".join(one.name for one in prepared.deployments)
    training = trained_by(request.training, settings)  # a run that is not in the ledger is said before time is spent
    session = _session(name, request, settings)
    exit_code = 0
    with HangingUp() as ending:
        try:
            with session:
                measured = _measured(prepared, session, progress)
        except Stopped as error:
            measured, exit_code = error.measured, INTERRUPTED
        except BaseException:
            ending.hurry = False
            filing.keep(session, settings)
            raise
        ending.hurry = False
        measured = compare.attach_energy(measured, session.result)
        exit_code = 128 + ending.number if ending.number is not None else exit_code
        found = _settled(prepared, measured, session.result, settings, exit_code)
    return replace(found, training=training)


def _measured(prepared: Prepared, session: Session, progress: Progress | None) -> list[Measured]:
    """The remarks about models stay with the run, however it ends."""
    measured: list[Measured] = []
    try:
        measured = compare.bench(prepared.deployments, prepared.rows, prepared.plan, session, progress)
    except Stopped as error:
        measured = error.measured
        raise
    finally:
        _tell(session.note, measured)
    return measured


def _session(name: str, request: BenchRequest, settings: Settings) -> Session:
    job = Job(name=name, kind="eval", tags=dict(request.tags), seed=request.seed, project=settings.project)
    return Session(job, settings, os.environ, finish=lambda result: filing.with_carbon(result, settings))


def _tell(note: Callable[[str], None], measured: Sequence[Measured]) -> None:
    """The remarks about models stay with the run."""
    for text in notes_of(measured):
        note(text)


def notes_of(measured: Iterable[Measured]) -> list[str]:
    """Remarks about single models, each once, with the names of those that it holds for."""
    by_note: dict[str, list[str]] = {}
    for one in measured:
        for note in one.notes:
            by_note.setdefault(note, []).append(one.deployment.name)
    return [f"{', '.join(names)}: {note}" for note, names in by_note.items()]


def _settled(
    prepared: Prepared, measured: list[Measured], result: Result, settings: Settings, exit_code: int
) -> BenchResult:
    boundary = _boundary(result.bundle)
    found = comparison_of(result.run_id, measured, prepared.rows, prepared.request, boundary)
    filed, problems = _file(result, found, settings)
    metric = metric_name(measured, prepared.judges)
    notices = tuple(_notices(found, exit_code != 0))
    notes = [one for one in notes_of(measured) if NO_METER not in notices or not one.endswith(_SAID_ALREADY)]
    asked = Asked(
        metric=metric.name if metric else "quality",
        greater_is_better=metric.greater_is_better if metric else True,
        floors=prepared.request.limits(),
        baseline_id=found.variants[0].id if len(found.variants) > 1 and found.variants[0].status == "ok" else "",
        title=f"Models on {prepared.told_rows}",
        boundary=boundary,
        notices=(*notices, *notes),
    )
    models = {one.id: one for one in found.models}
    return BenchResult(
        run=filed[0] if filed else result.bundle,
        comparison=found,
        boards=boards_of(found.variants, models, found.savings, asked),
        measured=tuple(measured),
        metric=asked.metric,
        notes=tuple(notes),
        notices=notices,
        filed=bool(filed),
        problems=tuple(problems),
        exit_code=exit_code,
        listings=tuple(mode_lists(prepared.request.mode, measured, boundary)),
    )


def _boundary(bundle: Bundle) -> str:
    """What the energy covers."""
    energy = find_energy(bundle, "with_idle_share")
    return energy.boundary if energy is not None else "device"


def _file(result: Result, found: Comparison, settings: Settings) -> tuple[list[Bundle], list[str]]:
    """The run first, then what it found out; what can't be filed now is told, with its figures still in hand."""
    filed, problems = filing.settle(result, settings)
    if not filed:
        return filed, problems
    try:
        with filing.opened(settings) as ledger:
            ledger.append_comparison(found)
    except JoulewiseError as error:
        return filed, [*problems, f"the variants are not in the ledger: {error}"]
    return filed, problems


def _notices(found: Comparison, stopped: bool) -> list[str]:
    told = ["Stopped early: these are the figures of the rounds that were done."] if stopped else []
    return told + energy_notices(found.variants)
