"""What a task cost and saved: its parts become one run, and that run's plan a decision.

The parts are runs with the task as their parent. The run of the task itself has the task's id, sums what its parts
measured, and is converted to carbon anew over the hours in which they ran. Filing twice is filing once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joulewise import carbon, schedule
from joulewise.api import filing
from joulewise.core import settings as _settings
from joulewise.core.errors import JoulewiseError, NotFound
from joulewise.core.figures import REPORTED, Figure, exact, total
from joulewise.core.plans import Segment
from joulewise.core.records import Bundle, Measurement, Run
from joulewise.core.settings import Settings
from joulewise.core.ulid import new_ulid
from joulewise.measure.reading import journals_in, read
from joulewise.measure.result import Result, result_from
from joulewise.measure.spool import filed_folder
from joulewise.schedule import savings

if TYPE_CHECKING:
    from joulewise.core.plans import Decision, Plan
    from joulewise.ledger import Ledger
    from joulewise.schedule.clock import Clock
    from joulewise.schedule.task_record import TaskRecord

    Interval = tuple[datetime, datetime, float]

_log = logging.getLogger(__name__)

_ADDITIVE = ("energy_j", "cpu_time_s")
_STATUSES = {"finished": "finished", "failed": "failed", "cancelled": "killed", "lost": "killed"}


def settings_of(record: TaskRecord) -> Settings:
    """The settings under which a task was submitted, whatever they are here and now."""
    kept = record.submission.extra.get("settings", {})
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}
    known: dict[str, Any] = {key: value for key, value in values.items() if key in _settings.KEYS}
    return Settings(**known, origins=dict.fromkeys(known, "the task's settings"))


def file_plan(plan: Plan, settings: Settings) -> None:
    """Keep the plan as it was made. Where the ledger can't be reached the task goes on, and its saving is not known."""
    try:
        with filing.opened(settings) as ledger:
            ledger.append_plan(plan)
    except JoulewiseError as error:
        _log.warning("the plan is not filed: %s", error.message)


def account_for(record: TaskRecord, clock: Clock) -> str:
    """File the task's run and its decision; the run's id, or why there is none."""
    settings = settings_of(record)
    with filing.current(settings) as ledger:
        parts = [ledger.bundle(row.id) for row in ledger.children(record.id)]
        if not parts:
            return "nothing of it was measured"
        result = whole(record, parts, settings)
        try:
            ledger.bundle(record.id)
        except NotFound:
            bundle = filing.with_carbon(result, settings).bundle
            ledger.append(bundle)
        runs = sorted((part.run for part in parts), key=lambda run: run.started_at)
        decide(record, result, runs, settings, ledger, clock)
    return record.id


def whole(record: TaskRecord, parts: Sequence[Bundle], settings: Settings) -> Result:
    """All parts as one run: sums of what each of them measured, and the energy by interval."""
    parts = sorted(parts, key=lambda part: part.run.started_at)
    runs = [part.run for part in parts]
    first = parts[0]
    known = [run.coverage for run in runs if run.coverage is not None]
    run = Run(
        id=record.id,
        kind=first.run.kind,
        name=record.submission.task.name,
        status=_STATUSES.get(record.state, "killed"),
        started_at=runs[0].started_at,
        ended_at=max(one.ended_at for one in runs),
        duration_s=sum(one.duration_s for one in runs),
        host_id=first.run.host_id,
        project=first.run.project,
        command=tuple(record.submission.extra.get("command", ())),
        exit_code=record.exit_code,
        unit=record.submission.extra.get("unit"),
        unit_count=record.submission.extra.get("unit_count"),
        seed=record.submission.extra.get("seed"),
        coverage=sum(known) / len(known) if len(known) == len(runs) else None,
        tags={**first.run.tags, "task": record.submission.executor, "parts": str(len(parts))},
        git=first.run.git,
        environment=first.run.environment,
        warnings=_warnings(parts),
    )
    bundle = Bundle(run=run, host=first.host, measurements=tuple(_sums(record.id, parts)))
    intervals = tuple(interval for part in parts for interval in intervals_of(part, settings))
    return Result(bundle=bundle, energy_by_hour=intervals)


def _sums(run_id: str, parts: Sequence[Bundle]) -> list[Measurement]:
    """Each additive quantity that all parts have: a sum over some of them would be too small."""
    found: dict[tuple[str, str, str | None], list[Measurement]] = {}
    for part in parts:
        for one in part.measurements:
            if one.quantity in _ADDITIVE and one.phase_id is None and one.device_id is None:
                found.setdefault((one.quantity, one.component, one.attribution), []).append(one)
    sums = []
    for ones in found.values():
        if len(ones) == len(parts) and len({(one.boundary, one.pue_included) for one in ones}) == 1:
            figure = replace(total(one.figure for one in ones), source=f"sum of {len(ones)} parts")
            sums.append(replace(ones[0], id=new_ulid(), run_id=run_id, figure=figure, coverage=None, supersedes=None))
    return sums


def _warnings(parts: Sequence[Bundle]) -> tuple[str, ...]:
    bare = [part for part in parts if not any(one.quantity == "energy_j" for one in part.measurements)]
    told = [f"{len(bare)} of {len(parts)} parts have no energy: there is no sum"] if bare else []
    return tuple(told)


def intervals_of(part: Bundle, settings: Settings) -> list[Interval]:
    """A part's energy by clock hour, from its journals; where they are gone, evenly over its time."""
    for spool in _settings.spool_folders(settings, os.environ):
        folder = filed_folder(spool, part.run.id)
        if folder is not None:
            try:
                return list(result_from([read(path) for path in journals_in(folder)]).energy_by_hour)
            except (JoulewiseError, OSError, LookupError, ValueError) as error:
                _log.info("journals of %s: %s", part.run.id, error)
    return _evenly(part)


def _evenly(part: Bundle) -> list[Interval]:
    try:
        energy_j = Result(bundle=part).figure("energy_j").value
    except NotFound:
        return []
    end = max(part.run.ended_at, part.run.started_at + timedelta(microseconds=1))
    return [(part.run.started_at, end, energy_j)]


def decide(
    record: TaskRecord, result: Result, runs: Sequence[Run], settings: Settings, ledger: Ledger, clock: Clock
) -> Decision | None:
    """File what the plan saved against running at once at home, once; None if there is nothing to compare with.

    `runs` are those in which it really ran. In accelerated time their hours are those that the clock showed.
    """
    job = record.submission.job
    if job is None or not record.first_plan_id or not result.energy_by_hour or ledger.decisions(result.run_id):
        return None
    try:
        plan = ledger.plan(record.first_plan_id)
        shown = clock.shown_at
        pieces = [(shown(start), shown(end), energy_j) for start, end, energy_j in result.energy_by_hour]
        segments = [Segment(region=job.home, start=shown(run.started_at), end=shown(run.ended_at)) for run in runs]
        end = max(clock.now(), *(segment.end for segment in segments))
        place = schedule.place_of(job.home, settings)
        chain = carbon.chain_of(settings, os.environ)
        decision = savings.decide(
            plan,
            result.run_id,
            pieces,
            segments,
            {job.home: chain.signals(place.zone, plan.created_at, end)},
            savings.Terms(
                energy=result.figure("energy_j"),
                pue={job.home: place.pue},
                market=_market(job.home, settings),
                notices=tuple(chain.notices),
            ),
            decided_at=clock.now(),
        )
        ledger.append_decision(decision)
    except JoulewiseError as error:
        _log.warning("what was saved is not known: %s", error.message)
        return None
    return decision


def _market(home: str, settings: Settings) -> dict[str, Figure]:
    """The supply contract's intensity, if there is one."""
    if settings.market_g_per_kwh is None:
        return {}
    return {home: exact(settings.market_g_per_kwh, "g/kWh", REPORTED, "setting market_g_per_kwh")}
