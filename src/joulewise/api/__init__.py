"""The public Python API, and the one place that wires the rooms together; the front doors call nothing else.

A measured process imports this module, so it loads nothing at its top: each function takes what it needs.
"""

from __future__ import annotations

import os

from joulewise.core import settings as _settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import joulewise.ledger as _ledger
    import joulewise.report as _report
    import joulewise.schedule as _schedule
    from joulewise.api.benching import bench as bench
    from joulewise.api.catalog import check_meters as check_meters
    from joulewise.api.catalog import check_zone as check_zone
    from joulewise.api.catalog import factor_changes as factor_changes
    from joulewise.api.catalog import factor_set as factor_set
    from joulewise.api.catalog import factors as factors
    from joulewise.api.catalog import formulas as formulas
    from joulewise.api.catalog import plugins as plugins
    from joulewise.api.comparing import compare_runs as compare_runs
    from joulewise.api.estimating import estimate as estimate
    from joulewise.api.filing import Recovered
    from joulewise.api.keeping import export as export
    from joulewise.api.keeping import import_codecarbon as import_codecarbon
    from joulewise.api.keeping import import_json as import_json
    from joulewise.api.keeping import ledger_info as ledger_info
    from joulewise.api.keeping import merge as merge
    from joulewise.api.keeping import verify as verify
    from joulewise.api.machines import devices as devices
    from joulewise.api.reading import bundle as bundle
    from joulewise.api.reading import explain as explain
    from joulewise.api.reading import report as report
    from joulewise.api.reading import runs as runs
    from joulewise.api.reading import show as show
    from joulewise.api.reading import trace_of as trace_of
    from joulewise.api.reading import view_of as view_of
    from joulewise.api.submitting import Tasks
    from joulewise.core.settings import Settings
    from joulewise.measure import Calibration, Diagnosis, Measured, Result
    from joulewise.measure.launch import Exit
    from joulewise.measure.session import Session
    from joulewise.schedule.checkpointing import Checkpointing
    from joulewise.schedule.task_record import TaskRecord


def load_settings(**flags: Any) -> Settings:
    """The settings in force here; `flags` that are not None win over environment and files.

    Raises UnknownSetting for a key that does not exist, UsageError for a value that can't be read.
    """
    return _settings.load(flags)


# Measuring


def measure(
    name: str = "",
    *,
    kind: str = "train",
    unit: str | None = None,
    unit_count: float | None = None,
    tags: Mapping[str, str] | None = None,
    seed: int | None = None,
    **options: Any,
) -> Session:
    """Measure a piece of work: `with joulewise.measure("train") as session:`, or `@joulewise.measure("train")`.

    Args:
        name: What people call it.
        kind: train, tune, eval, infer, serve or data.
        unit, unit_count: The functional unit ("inference") and how many were done; `session.count` counts them, too.
        tags, seed: Filed with the run.
        options: Any setting, for this session: zone="DE", pue=1.2, tick_s=1, project="...", strict=True.
    Raises: UnknownSetting, OutOfRange for what can't be set; never because of a meter unless strict.
    """
    from joulewise.measure.job import Job
    from joulewise.measure.session import Session

    found = load_settings(**options)
    job = Job(
        name=name,
        kind=kind,
        unit=unit,
        unit_count=unit_count,
        tags=dict(tags or {}),
        seed=seed,
        project=found.project,
    )
    return Session(job, found, os.environ, finish=lambda result: with_carbon(result, found))


# Runs in the ledger


def open_ledger(settings: Settings | None = None) -> _ledger.Ledger:
    """The ledger in force, made if need be; use it with `with`. Raises LedgerError with the cure."""
    from joulewise.api.filing import opened

    return opened(settings or load_settings())


def current_ledger(settings: Settings | None = None) -> _ledger.Ledger:
    """The ledger in force, with all runs taken in that have ended or died since; use it with `with`."""
    from joulewise.api.filing import current

    return current(settings or load_settings())


# Measuring from outside


def recover(settings: Settings | None = None) -> Recovered:
    """Take in the journals of runs that have ended or died; runs that still measure are left alone."""
    from joulewise.api import filing

    return filing.recover(settings or load_settings())


def with_carbon(result: Result, settings: Settings) -> Result:
    """The result with carbon, water, money and the functional unit added; as it was where no energy was measured."""
    from joulewise.api import filing

    return filing.with_carbon(result, settings)


class Outcome:
    """A command that was measured and settled: how it ended, what it cost, whether that stands in the ledger, and why
    not if it doesn't."""

    __slots__ = ("exit", "filed", "problems", "view")

    def __init__(self, exit: Exit | None, view: _report.RunView, filed: bool, problems: Sequence[str]) -> None:
        self.exit = exit
        self.view = view
        self.filed = filed
        self.problems = tuple(problems)


def run_command(argv: Sequence[str], settings: Settings | None = None, **job: Any) -> Outcome:
    """Run a command, measured, and file it; its streams, signals and exit code pass through untouched.

    `job` takes name, kind, unit, unit_count, project, tags, seed. `outcome.exit` ends this process as the command did.
    """
    settings = settings or load_settings()
    return settle(measure_command(argv, settings, **job), settings)


def watch(pid: int, settings: Settings | None = None, **job: Any) -> Outcome:
    """Measure a process tree that runs already, until it ends or Ctrl-C, and file it."""
    settings = settings or load_settings()
    return settle(measure_process(pid, settings, **job), settings)


def measure_command(argv: Sequence[str], settings: Settings, **job: Any) -> Measured:
    """Run a command, measured; nothing is filed yet, so that nothing can come between it and its exit code."""
    from joulewise.measure import Job, run_command

    return run_command(argv, Job(project=settings.project, **job), settings, os.environ)


def measure_process(pid: int, settings: Settings, **job: Any) -> Measured:
    """Measure a process tree that runs already; nothing is filed yet."""
    from joulewise.measure import Job, watch

    return watch(pid, Job(project=settings.project, **job), settings, os.environ)


def settle(measured: Measured, settings: Settings) -> Outcome:
    """Add carbon and file what was measured. What can't be filed now stays in the spool, and the figures are shown."""
    from joulewise.api import filing
    from joulewise.api.reading import view_of

    result = measured.result
    filed, problems = filing.settle(result, settings)
    shown, *children = filed or [with_carbon(result, settings).bundle]
    return Outcome(measured.exit, view_of(shown, children, trace=result.trace), bool(filed), problems)


def diagnose(settings: Settings | None = None) -> Diagnosis:
    """What this machine can measure, how well, and what would improve it. Asks for no rights and no network."""
    from joulewise.measure import diagnose

    return diagnose(settings or load_settings())


def calibrate(record: str, run: str = "latest", settings: Settings | None = None) -> tuple[Calibration, str]:
    """Fit wall = a x sum + b from a run's trace and an external meter's CSV; the fit and where it is stored.

    Raises UsageError for a record that can't be read, UndefinedFigure if load or overlap do not suffice.
    """
    from joulewise.api import calibrating

    with open_ledger(settings) as ledger:
        return calibrating.calibrate(record, ledger.bundle(ledger.resolve(run)), ledger.trace_folder)


# Where and when


def plan(settings: Settings | None = None, **wanted: Any) -> _schedule.Planned:
    """Where and when to run a job; `wanted` are fields of `schedule.Request`: run, duration_s, within_s, regions, ...

    Raises UsageError and its kin for an unknown zone, a past deadline, an impossible window or a price that is none.
    """
    from joulewise.api import planning
    from joulewise.schedule import Request

    return planning.plan(Request(**wanted), settings or load_settings())


def plan_request(**wanted: Any) -> _schedule.Request:
    """What a plan is asked for; see `schedule.Request`."""
    from joulewise.schedule import Request

    return Request(**wanted)


def tasks(settings: Settings | None = None) -> Tasks:
    """The submitted tasks of this user: submit, list, cancel, drive them."""
    from joulewise.api.catalog import check_meters as check_meters
    from joulewise.api.catalog import check_zone as check_zone
    from joulewise.api.catalog import factor_changes as factor_changes
    from joulewise.api.catalog import factor_set as factor_set
    from joulewise.api.catalog import factors as factors
    from joulewise.api.catalog import formulas as formulas
    from joulewise.api.catalog import plugins as plugins
    from joulewise.api.keeping import export as export
    from joulewise.api.keeping import import_codecarbon as import_codecarbon
    from joulewise.api.keeping import import_json as import_json
    from joulewise.api.keeping import ledger_info as ledger_info
    from joulewise.api.keeping import merge as merge
    from joulewise.api.keeping import verify as verify
    from joulewise.api.reading import bundle as bundle
    from joulewise.api.reading import explain as explain
    from joulewise.api.reading import report as report
    from joulewise.api.reading import runs as runs
    from joulewise.api.reading import show as show
    from joulewise.api.reading import trace_of as trace_of
    from joulewise.api.reading import view_of as view_of
    from joulewise.api.submitting import Tasks

    return Tasks(settings or load_settings())


def submit(
    command: Sequence[str],
    settings: Settings | None = None,
    *,
    on: str = "local",
    when: str = "cleanest",
    pause: str = "no",
    detach: bool = True,
    details: Mapping[str, Any] | None = None,
    **wanted: Any,
) -> TaskRecord:
    """Hand a command over to run in clean hours: `submit(["python", "train.py"], within_s=86400, pause="checkpoint")`.

    `wanted` are the fields of `schedule.Request`, `details` those of `Tasks.submit`. With `detach` a process in the
    background drives it; without, `tasks().drive()` has to. Raises UsageError and its kin: then nothing was submitted.
    """
    found = tasks(settings)
    wanted.setdefault("max_runs", 1 if pause == "no" else None)
    stop = "checkpoint" if pause == "no" else pause
    record, _ = found.submit(command, plan_request(**wanted), on=on, when=when, stop=stop, **(details or {}))
    if detach:
        found.drive_behind()
    return record


def checkpointing(path: str, **options: Any) -> Checkpointing:
    """The contract of a job that may be paused; see `joulewise.schedule.checkpointing`.

    checkpoint = joulewise.checkpointing("train.ckpt")
    state = checkpoint.resume({"epoch": 0})
    ... in the loop: checkpoint.step(state)
    """
    from joulewise.schedule.checkpointing import checkpointing

    return checkpointing(path, **options)


def rank_regions(by: str = "average", **wanted: Any) -> list[_schedule.RankedRegion]:
    """The cloud regions by average, marginal, adjusted (x PUE), price or egress; see `schedule.rank_regions`."""
    from joulewise.schedule import rank_regions

    return rank_regions(by, **wanted)


# What the front doors draw with

_DRAWING = ("draw", "draw_run", "draw_steps", "lists", "one_line", "plan_view", "FORMATS", "Style")
_ELSEWHERE = {
    "runs": "joulewise.api.reading",
    "bundle": "joulewise.api.reading",
    "show": "joulewise.api.reading",
    "report": "joulewise.api.reading",
    "explain": "joulewise.api.reading",
    "view_of": "joulewise.api.reading",
    "trace_of": "joulewise.api.reading",
    "verify": "joulewise.api.keeping",
    "merge": "joulewise.api.keeping",
    "export": "joulewise.api.keeping",
    "import_codecarbon": "joulewise.api.keeping",
    "import_json": "joulewise.api.keeping",
    "ledger_info": "joulewise.api.keeping",
    "check_meters": "joulewise.api.catalog",
    "check_zone": "joulewise.api.catalog",
    "factor_set": "joulewise.api.catalog",
    "factors": "joulewise.api.catalog",
    "factor_changes": "joulewise.api.catalog",
    "formulas": "joulewise.api.catalog",
    "plugins": "joulewise.api.catalog",
    "bench": "joulewise.api.benching",
    "bench_html": "joulewise.api.bench_drawing",
    "request_bench": "joulewise.api.benching",
    "bench_svg": "joulewise.api.bench_drawing",
    "compare_runs": "joulewise.api.comparing",
    "devices": "joulewise.api.machines",
    "condition": "joulewise.api.machines",
    "draw_below": "joulewise.report.listing",
    "draw_bench": "joulewise.api.bench_drawing",
    "draw_estimate": "joulewise.report.estimate_view",
    "draw_waterfall": "joulewise.report.waterfall",
    "waterfall_page": "joulewise.report.bench_page",
    "waterfall_svg": "joulewise.report.bench_page",
    "edge_checks": "joulewise.api.machines",
    "edge_profile_list": "joulewise.api.machines",
    "estimate": "joulewise.api.estimating",
    "estimate_page": "joulewise.report.bench_page",
    "hardware_list": "joulewise.api.estimating",
    "measured_bench": "joulewise.api.benching",
    "prepare_bench": "joulewise.api.benching",
    "what_if_words": "joulewise.api.what_ifs",
    "backfill": "joulewise.api.backfilling",
    "backfill_list": "joulewise.report.savings_view",
    "saved_jobs": "joulewise.api.saving",
    "savings": "joulewise.api.saving",
    "savings_account": "joulewise.report.savings_view",
    "savings_jobs": "joulewise.report.savings_view",
    "grid_of": "joulewise.api.grid",
    "grid_rank": "joulewise.api.grid",
    "grid_zones": "joulewise.api.grid",
    "calendar_page": "joulewise.report.grid_page",
    "calendar_svg": "joulewise.report.grid_page",
    "course_page": "joulewise.report.grid_page",
    "course_svg": "joulewise.report.grid_page",
    "draw_calendar": "joulewise.report.grid_drawing",
    "draw_course": "joulewise.report.grid_drawing",
    "draw_present": "joulewise.report.grid_drawing",
    "draw_windows": "joulewise.report.grid_drawing",
    "draw_shrink": "joulewise.report.shrink_view",
    "load_folder": "joulewise.shrink.folder",
    "ShrinkFiles": "joulewise.api.shrinking",
    "shrink_model": "joulewise.api.shrinking",
    "verify_model": "joulewise.api.shrink_verifying",
    "Where": "joulewise.shrink.verify",
    "candidate_list": "joulewise.api.shrink_candidates",
}
"""Names of this API that are written in full where they are wired; they load when they are asked for."""


def run_query(**wanted: Any) -> _ledger.RunQuery:
    """Which runs to list; see RunQuery. Raises UsageError, OutOfRange."""
    from joulewise.ledger import RunQuery

    return RunQuery(**wanted)


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        from importlib import import_module

        return getattr(import_module(_ELSEWHERE[name]), name)
    if name not in _DRAWING:
        raise AttributeError(f"module 'joulewise.api' has no attribute {name!r}")
    import joulewise.report

    return getattr(joulewise.report, name)
