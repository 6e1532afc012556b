"""A task as a card: how it stands, where and when it ran, what it cost, and what to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from joulewise.api.task_lines import BY_THE_CLOCK, local, ran_s, record_of, what_next
from joulewise.api.task_runs import TaskRuns, runs_of
from joulewise.core.errors import UsageError
from joulewise.report.digits import seconds, shown
from joulewise.report.listing import Listing, figure_fields, simple
from joulewise.report.savings_rows import percent
from joulewise.schedule.driving import latest_start

if TYPE_CHECKING:
    from joulewise.api.submitting import Tasks
    from joulewise.schedule.task_record import TaskRecord

    Lines = Iterator[tuple[str, str]]

LAST_LINES, LAST_BYTES = 5, 8192
"""As much as is shown of the output of a task that failed."""


def card(tasks: Tasks, record: TaskRecord) -> Listing:
    """All that is known of one task: lines for people, one record for machines."""
    runs = runs_of(record)
    lines = [
        *_asked(tasks, record),
        *_planned(record, tasks.clock.now()),
        *_ran(record, runs, tasks.clock.now()),
        *_cost(tasks, record, runs),
        *_told(tasks, record),
        ("Next", next_command(tasks, record)),
    ]
    more = {
        "folder": record.submission.task.folder,
        "measured_s": runs.whole.duration_s if runs.whole else None,
        "spans": [[one.start.isoformat(), one.seen.isoformat(), one.ran_s, one.how] for one in record.spans],
        "part_runs": [row.id for row in runs.parts],
        **figure_fields("energy", "j", runs.whole.energy if runs.whole else None),
        **figure_fields("emissions", "g", runs.whole.emissions if runs.whole else None),
        **figure_fields("saved", "g", runs.decision.saved if runs.decision else None),
        "problems": list(record.problems),
    }
    grid = simple("Task", ("What", "Value"), lines)
    return Listing(grid=grid, records=({**record_of(tasks, record, runs.whole), **more},))


def next_command(tasks: Tasks, record: TaskRecord) -> str:
    """What a person would type next."""
    name = record.id[-8:]
    if not record.ended:
        if tasks.driver(record.id) is None:
            return "joulewise tasks drive"
        logs, cancel = f"joulewise tasks logs {name}", f"joulewise tasks cancel {name}"
        return logs if record.spans else f"nothing to do; {cancel} calls it off"
    if record.spans and not record.accounted:
        again = f"joulewise tasks status {name}"
        return f"{again}, in some seconds" if tasks.driver(record.id) is not None else "joulewise tasks drive"
    if record.state == "finished" and record.accounted == record.id:
        return f"joulewise show {name}"
    return f"joulewise tasks logs {name}" if record.spans else "joulewise submit -- COMMAND"


def _asked(tasks: Tasks, record: TaskRecord) -> Lines:
    submission = record.submission
    words = submission.extra.get("command", submission.task.command)
    yield "Task", f"{submission.task.name}, {record.id}"
    yield "State", ": ".join(filter(None, (record.state, what_next(tasks, record))))
    yield "Command", shlex.join(map(str, words))
    yield "Where", f"{submission.executor}, in {submission.task.folder}"
    yield "Submitted", _moment(submission.submitted_at, tasks.clock.now())


def _planned(record: TaskRecord, now: datetime) -> Lines:
    schedule, job = record.schedule, record.submission.job
    if schedule is None or job is None:
        return
    for index, one in enumerate(schedule.segments):
        yield "" if index else "Planned", f"{_span(one.start, one.end)}, {one.region}"
    yield "Why then", schedule.reason
    latest = latest_start(record)
    in_any_case = f"; from {local(latest)} on it runs in any case" if latest and not record.ended else ""
    yield "Deadline", _moment(job.deadline, now) + in_any_case


def _ran(record: TaskRecord, runs: TaskRuns, now: datetime) -> Lines:
    if record.spans:
        yield "Ran", f"{_span(record.spans[0].start, record.spans[-1].seen)}, {seconds(ran_s(record))} {BY_THE_CLOCK}"
    if runs.whole is not None:
        yield "Measured", f"{seconds(runs.whole.duration_s)} in {len(runs.parts)} part{'s' * (len(runs.parts) != 1)}"
    for index, text in enumerate(part_lines(runs), start=1):
        yield f"Part {index}", text
    if record.ended_at is not None:
        yield "Ended", _moment(record.ended_at, now)


def part_lines(runs: TaskRuns) -> list[str]:
    """A line a part, if there are several."""
    size = runs.whole.energy if runs.whole else None
    return [
        ", ".join(
            (_span(row.started_at, row.ended_at), seconds(row.duration_s),
             shown(row.energy, size_of=size) if row.energy else "energy not measured")
        )
        for row in runs.parts
    ] if len(runs.parts) > 1 else []  # fmt: skip


def afterwards(record: TaskRecord) -> list[str]:
    """What to say beside the summary of a task that has run in view: its parts, or why there is no summary."""
    if record.accounted != record.id:
        why = record.accounted or "it is not accounted for"
        return [f"what it cost is not known: {why} · joulewise tasks status {record.id[-8:]}"]
    return [f"  part {index}: {text}" for index, text in enumerate(part_lines(runs_of(record)), start=1)]


def _cost(tasks: Tasks, record: TaskRecord, runs: TaskRuns) -> Lines:
    if runs.whole is not None and runs.whole.energy:
        yield "Energy", shown(runs.whole.energy)
    if runs.whole is not None and runs.whole.emissions:
        yield "Carbon", shown(runs.whole.emissions)
    if runs.decision is not None:
        share = f", {percent(runs.decision.ratio)}" if runs.decision.ratio else ""
        yield "Saved", f"{shown(runs.decision.saved)}{share} against running at once at home"
    if record.ended and record.spans and not record.accounted:
        driven = "being accounted" if tasks.driver(record.id) is not None else "not accounted yet: nobody drives it"
        yield "Cost", driven
    elif record.ended and record.accounted not in ("", record.id):
        yield "Cost", record.accounted


def _told(tasks: Tasks, record: TaskRecord) -> Lines:
    for at, text in record.notes:
        yield "Note", f"{local(at)} {text}"
    for problem in record.problems:
        yield "Problem", problem
    if record.ended and record.state != "finished":
        for index, line in enumerate(last_words(tasks, record)):
            yield "" if index else "Last words", line


def last_words(tasks: Tasks, record: TaskRecord) -> list[str]:
    """The last lines that the task printed, our own summary left out; [] if nothing was kept here."""
    try:
        with open(tasks.log_path(record.id), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except (OSError, UsageError):  # it printed nothing, or its place keeps what it printed
        return []
    return [line for line in lines if line.strip() and " · joulewise show " not in line][-LAST_LINES:]


def _moment(moment: datetime, now: datetime) -> str:
    """Like "Sun 22 Nov 14:14 CET"; with its year if that is not the present one."""
    here = moment.astimezone()
    year = "" if here.year == now.astimezone().year else f" {here.year}"
    return f"{here:%a} {here.day} {here:%b}{year} {here:%H:%M %Z}"


def _span(start: datetime, end: datetime) -> str:
    """Like "Sun 22 Nov 14:14 to 16:14 CET"; the day of the end where it is another, seconds below two minutes."""
    first, last = start.astimezone(), end.astimezone()
    clock = "%H:%M:%S" if (end - start).total_seconds() < 120 else "%H:%M"
    day = "" if first.date() == last.date() else f"{last:%a} {last.day} {last:%b} "
    return f"{first:%a} {first.day} {first:%b} {first:{clock}} to {day}{last:{clock} %Z}"
