"""What a task cost and saved: its parts become one run, and that run's plan a decision.

The parts are runs with the task as their parent. The run of the task itself has the task's id, sums what its parts
measured, and is converted to carbon anew over the hours in which they ran. Filing twice is filing once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joulewise import carbon, schedule
from joulewise.api import filing, kept_plans, task_pauses
from joulewise.core import settings as _settings
from joulewise.core.errors import JoulewiseError, LedgerError, NotFound
from joulewise.core.figures import REPORTED, Figure, exact, total
from joulewise.core.plans import Segment, in_words
from joulewise.core.records import Bundle, Measurement, Run
from joulewise.core.settings import Settings
from joulewise.core.units import readable
from joulewise.measure.reading import journals_in, read
from joulewise.measure.result import Result, result_from
from joulewise.measure.spool import filed_folder
from joulewise.schedule import savings

if TYPE_CHECKING:
    from joulewise.api.task_pauses import Stretch, Worked
    from joulewise.core.plans import Decision, Plan
    from joulewise.ledger import Ledger
    from joulewise.schedule.checkpoint_costs import PauseCosts
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


def file_plan(plan: Plan, settings: Settings) -> bool:
    """File the plan as it was made. False where the ledger can't be reached: the task goes on, its account files it."""
    try:
        with filing.opened(settings) as ledger:
            ledger.append_plan(plan)
    except JoulewiseError as error:
        _log.warning("the plan is filed when the task has ended, since it can't be now: %s", error.message)
        return False
    return True


def account_for(record: TaskRecord, clock: Clock, folder: str = "") -> str:
    """File the task's run and its decision; the run's id, or why there is none.

    `folder` is that of all tasks: what pausing cost is read from the task's own there. A task that failed or was
    cancelled is filed with what it used, and claims no saving: its work is still to be done.
    """
    settings = settings_of(record)
    with filing.current(settings) as ledger:
        kept_plans.file_kept(folder, record.id, ledger)
        parts = [ledger.bundle(row.id) for row in ledger.children(record.id)]
        if not parts:
            return "nothing of it was measured"
        out = task_pauses.frozen_times(record, clock)
        worked = {part.run.id: found for part in parts if (found := task_pauses.without(part, out, settings))}
        ran = sorted(one for part in parts for one in _stretches(part, worked))
        costs = task_pauses.pause_costs(record, folder, ran)
        result = whole(record, parts, settings, worked, costs)
        _file_once(result, settings, ledger)
        if record.state == "finished":
            decide(record, result, ran, settings, ledger, clock, costs)
    return record.id


def _stretches(part: Bundle, worked: Mapping[str, Worked]) -> Sequence[Stretch]:
    found = worked.get(part.run.id)
    return found.stretches if found else [(part.run.started_at, part.run.ended_at)]


def _file_once(result: Result, settings: Settings, ledger: Ledger) -> None:
    """File the task's run unless it is there; another driver may do so in this very moment."""
    if filing.filed(ledger, result.run_id) is not None:
        return
    bundle = filing.with_carbon(result, settings).bundle
    try:
        ledger.append(bundle)
    except LedgerError:
        if filing.filed(ledger, result.run_id) is None:
            raise
        _log.info("another driver has filed %s", result.run_id)


def whole(
    record: TaskRecord, parts: Sequence[Bundle], settings: Settings,
    worked: Mapping[str, Worked] | None = None, costs: PauseCosts | None = None,
) -> Result:  # fmt: skip
    """All parts as one run: sums of what each of them measured, and the energy by interval.

    `worked` are the parts that were frozen for a time, without it.
    """
    worked = worked or {}
    told = _frozen(parts, worked)
    parts = sorted(parts, key=lambda part: part.run.started_at)
    intervals = tuple(
        interval
        for part in parts
        for interval in (worked[part.run.id].intervals if part.run.id in worked else intervals_of(part, settings))
    )
    parts = [worked[part.run.id].part if part.run.id in worked else part for part in parts]
    runs = [part.run for part in parts]
    first = parts[0]
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
        coverage=_coverage(runs),
        tags={**first.run.tags, "task": record.submission.executor, "parts": str(len(parts)), **_cost_tags(costs)},
        git=first.run.git,
        environment=first.run.environment,
        warnings=(*told, *_warnings(parts)),
    )
    bundle = Bundle(run=run, host=first.host, measurements=tuple(_sums(record.id, parts)))
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
            sums.append(replace(ones[0], run_id=run_id, figure=figure, coverage=None, supersedes=None))
    return sums


def _frozen(parts: Sequence[Bundle], worked: Mapping[str, Worked]) -> tuple[str, ...]:
    """What is said of frozen times: how long, and how much of what the meter read they hold."""
    before = [part for part in parts if part.run.id in worked]
    if not before:
        return ()
    paused_s = sum(part.run.duration_s - worked[part.run.id].part.run.duration_s for part in before)
    pairs = [(_energy_j(part), _energy_j(worked[part.run.id].part)) for part in before]
    idle_j = sum(whole_j - kept_j for whole_j, kept_j in pairs if whole_j is not None and kept_j is not None)
    idle, unit = readable(idle_j, "J")
    amount = f"{idle:.0f}" if idle >= 10 else f"{idle:.1f}"
    return (f"frozen for {in_words(paused_s)}: {amount} {unit} of idle power in that time are not in its sums",)


def _energy_j(part: Bundle) -> float | None:
    return Result(bundle=part).energy_j


def _cost_tags(costs: PauseCosts | None) -> dict[str, str]:
    """What pausing took, for the plan of the next run of that name."""
    if costs is None:
        return {}
    pairs = (("save_s", costs.save_s), ("restore_s", costs.restore_s))
    return {name: f"{max(values):.3g}" for name, values in pairs if values}


def _warnings(parts: Sequence[Bundle]) -> tuple[str, ...]:
    """How much of the task was not metered; the totals of the ledger take the parts that were."""
    bare = [part for part in parts if not any(one.quantity == "energy_j" for one in part.measurements)]
    if not bare:
        return ()
    whole_s, bare_s = (sum(part.run.duration_s for part in some) for some in (parts, bare))
    share = f", {100 * bare_s / whole_s:.3g} % of its time" if whole_s > 0 else ""
    return (f"{len(bare)} of {len(parts)} parts{share}, have no energy: there is no sum",)


def _coverage(runs: Sequence[Run]) -> float | None:
    """The share of the whole time in which a meter was read; in a part without a meter none was."""
    whole_s = sum(run.duration_s for run in runs)
    if not whole_s > 0 or all(run.coverage is None for run in runs):
        return None
    return min(1.0, sum((run.coverage or 0.0) * run.duration_s for run in runs) / whole_s)


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
    record: TaskRecord, result: Result, ran: Sequence[Stretch], settings: Settings, ledger: Ledger, clock: Clock,
    costs: PauseCosts | None = None,
) -> Decision | None:  # fmt: skip
    """File what the plan saved against running at once at home, once; None if there is nothing to compare with.

    `ran` are the times in which it really ran, in order. In accelerated time their hours are those that the clock
    showed. `costs` are those of pausing as measured; None takes those that the plan assumed.
    """
    job = record.submission.job
    if job is None or not record.first_plan_id or not result.energy_by_hour or ledger.decisions(result.run_id):
        return None
    try:
        plan = ledger.plan(record.first_plan_id)
        shown = clock.shown_at
        pieces = [(shown(start), shown(end), energy_j) for start, end, energy_j in result.energy_by_hour]
        segments = [Segment(region=job.home, start=shown(start), end=shown(end)) for start, end in ran]
        overheads = None if costs is None else [(shown(start), shown(end)) for start, end in costs.overheads]
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
                overheads=overheads,
                notices=tuple(chain.notices),
            ),
            decided_at=clock.now(),
        )
        return _decided_once(decision, ledger)
    except JoulewiseError as error:
        _log.warning("what was saved is not known: %s", error.message)
        return None


def _decided_once(decision: Decision, ledger: Ledger) -> Decision:
    """File a first decision; the one that is there, if another driver decided in this very moment."""
    try:
        ledger.append_decision(decision)
    except LedgerError:
        there = [one for one in ledger.decisions(decision.run_id, include_superseded=True) if one.id == decision.id]
        if not there:
            raise
        _log.info("another driver has decided on %s", decision.run_id)
        return there[0]
    return decision


def _market(home: str, settings: Settings) -> dict[str, Figure]:
    """The supply contract's intensity, if there is one."""
    if settings.market_g_per_kwh is None:
        return {}
    return {home: exact(settings.market_g_per_kwh, "g/kWh", REPORTED, "setting market_g_per_kwh")}
