"""Tasks as lists and lines for people. Times are UTC in records and in the local time zone for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joulewise.api.task_runs import whole_runs
from joulewise.report.digits import seconds
from joulewise.report.listing import Listing, simple
from joulewise.schedule.driving import latest_start, next_moment, wanted

if TYPE_CHECKING:
    from joulewise.api.submitting import Tasks
    from joulewise.core.plans import Plan
    from joulewise.ledger import RunRow
    from joulewise.schedule.task_record import TaskRecord

RECENT = timedelta(days=7)
BY_THE_CLOCK = "by the clock, start-up included"
"""What is said of a time for which there is no run."""


def listing(tasks: Tasks, *, every: bool = False) -> Listing:
    """All tasks that are open or ended in the last week, newest first."""
    now = tasks.clock.now()
    found = [one for one in tasks.all() if every or one.ended_at is None or now - one.ended_at < RECENT]
    runs = whole_runs(found)
    lines = [
        (local(one.submission.submitted_at), one.submission.task.name, one.submission.executor, one.state,
         what_next(tasks, one), _ran(one, runs.get(one.id)), one.id[-8:])
        for one in reversed(found)
    ]  # fmt: skip
    columns = ("Submitted", "Name", "On", "State", "Next", "Ran", "Task")
    unmeasured = any(one.spans and one.id not in runs for one in found)
    return Listing(
        grid=simple("Tasks", columns, lines, numeric=("Submitted", "State", "Ran", "Task")),
        records=tuple(record_of(tasks, one, runs.get(one.id)) for one in reversed(found)),
        notes=(f"* {BY_THE_CLOCK}: no run of it is filed",) if unmeasured else (),
    )


def _ran(record: TaskRecord, run: RunRow | None) -> str:
    if run is not None:
        return seconds(run.duration_s)
    return f"{seconds(ran_s(record))} *" if record.spans else ""


def ran_s(record: TaskRecord) -> float:
    """Seconds that its processes were seen running, start-up included."""
    return sum(span.ran_s for span in record.spans)


def in_front(record: TaskRecord, plan: Plan | None) -> list[str]:
    """What to say of a command that waits in the foreground."""
    waits = record.schedule is not None and record.schedule.chosen != "now"
    where = ["it waits here and is not in joulewise tasks; once it has run, joulewise runs lists it"]
    return [*submitted(record, plan), *(where if waits else [])]


def submitted(record: TaskRecord, plan: Plan | None) -> list[str]:
    """What to say of a task that was just submitted."""
    notes = [text for _, text in record.notes]
    job, schedule = record.submission.job, record.schedule
    if job is None or schedule is None:
        return [f"{record.submission.task.name} runs now", *notes]
    hours = ", ".join(f"{local(one.start)} to {local(one.end)}" for one in schedule.segments[:4])
    more = f" and {len(schedule.segments) - 4} more" if len(schedule.segments) > 4 else ""
    why = f"; {plan.reason}" if plan is not None else ""
    start = "runs now" if schedule.chosen == "now" else f"is planned for {hours}{more}"
    latest = latest_start(record)
    return [
        f"{record.submission.task.name} {start}{why}",
        f"done by {local(job.deadline)} at the latest: from {local(latest) if latest else '?'} on it runs in any case",
        *notes,
    ]


def what_next(tasks: Tasks, record: TaskRecord) -> str:
    """What a task waits for, or how it ended."""
    if record.ended:
        return record.detail or (f"exit code {record.exit_code}" if record.exit_code else "")
    if tasks.driver(record.id) is None:
        return "nobody drives it: joulewise tasks drive"
    now = tasks.clock.now()
    run, why = wanted(record, now)
    moment = next_moment(record, now)
    if not run and moment is not None:
        return f"waits until {local(_start(record, now) or moment)}"
    return why


def local(moment: datetime) -> str:
    """Day and time here."""
    return f"{moment.astimezone():%a %H:%M}"


def _start(record: TaskRecord, now: datetime) -> datetime | None:
    starts = [one.start for one in record.schedule.segments if one.start > now] if record.schedule else []
    return min(starts, default=None)


def record_of(tasks: Tasks, record: TaskRecord, run: RunRow | None) -> dict[str, Any]:
    """A task for machines; `run` is that of the whole task, if it is filed."""
    submission, job, schedule = record.submission, record.submission.job, record.schedule
    return {
        "id": record.id,
        "name": submission.task.name,
        "command": " ".join(map(str, submission.extra.get("command", submission.task.command))),
        "on": submission.executor,
        "state": record.state,
        "next": what_next(tasks, record),
        "submitted_at": submission.submitted_at.isoformat(),
        "deadline": job.deadline.isoformat() if job else None,
        "latest_start": moment.isoformat() if (moment := latest_start(record)) else None,
        "planned": [[one.region, one.start.isoformat(), one.end.isoformat()] for one in schedule.segments]
        if schedule
        else None,
        "plan": schedule.plan_id if schedule else None,
        "reason": schedule.reason if schedule else None,
        "ran_s": ran_s(record) if record.spans else None,
        "measured_s": run.duration_s if run is not None else None,
        "parts": len(record.spans),
        "exit_code": record.exit_code,
        "ended_at": record.ended_at.isoformat() if record.ended_at else None,
        "run": record.accounted or None,
        "notes": [f"{at.isoformat()} {text}" for at, text in record.notes],
    }
