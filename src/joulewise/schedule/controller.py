"""Drives tasks by their plans: waits, starts, pauses, resumes, plans anew each hour. May be killed at any time.

How a task stands is asked of its executor at every step, whose calls are idempotent; what was seen is written to the
task's journal. So whoever takes over, after a kill or a reboot, goes on where the last one was. A task is driven only
under its lock. A source of forecasts that fails leaves the last plan in force.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from joulewise.core.errors import ExecutorError, JoulewiseError, JournalError, NotFound
from joulewise.core.plans import Job, Plan, TaskStatus
from joulewise.core.protocols import Executor
from joulewise.schedule import deaths
from joulewise.schedule.clock import Clock
from joulewise.schedule.driving import (
    job_left,
    latest_start,
    may_pause,
    next_moment,
    share_of,
    wanted,
    worth_it,
)
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import TaskRecord, schedule_of

_log = logging.getLogger(__name__)

REPLAN_S = 3600.0
SEEN_EVERY_S = 300.0
"""A running task is noted as seen so often: so much of its work is taken for not done after a kill."""
SOON_S = 0.05
MOST_LOSSES = 10
"""After so many abrupt ends a task is given up: it would end so for ever."""
Planner = Callable[[TaskRecord, Job, datetime], Plan]


class Controller:
    """`executors` gives the executor of a name; `planner` plans what is left of a job on the newest forecast.

    `on_plan` gets each plan before it holds, `on_end` each record that has ended and was not accounted for: it returns
    what was filed, and must bear a second call. The attribute `saved_at` says when a task saved its newest checkpoint,
    None if that can't be seen. `tell` gets a line of news for people. `poll_s` is how often it looks at running tasks,
    `idle_poll_s` if all of them wait; real seconds.
    """

    def __init__(
        self,
        journal: TaskJournal,
        executors: Callable[[str], Executor],
        planner: Planner,
        clock: Clock | None = None,
        *,
        on_plan: Callable[[TaskRecord, Plan], None] | None = None,
        on_end: Callable[[TaskRecord], str] | None = None,
        tell: Callable[[TaskRecord, str], None] | None = None,
    ) -> None:
        self.journal = journal
        self.clock = clock or Clock()
        self.poll_s = 5.0
        self.idle_poll_s = 15.0
        self.most_losses = MOST_LOSSES
        self._executors = executors
        self._planner = planner
        self.on_plan = on_plan
        self.on_end = on_end
        self.saved_at: Callable[[TaskRecord], datetime | None] | None = None
        self._tell = tell
        self._patience_s = SOON_S
        self._busy = False
        self._held: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._noted: set[tuple[str, str]] = set()
        self._begun: set[str] = set()
        """Started, and not yet seen running: what is lost then is lost anew."""
        self._resting: dict[str, tuple[int, float]] = {}
        """After so many losses it rests until then, by the monotonic clock."""
        self._since: dict[str, tuple[int, float]] = {}
        self._replanned_at: dict[str, datetime] = {}

    # --- the loop ---

    def run(self, only: Collection[str] | None = None) -> None:
        """Drive all open tasks, or `only` these, until none is left that we could drive."""
        try:
            while self.step(only):
                self.clock.sleep(self.pause_s(only))
        finally:
            self.close()

    def step(self, only: Collection[str] | None = None) -> bool:
        """Look at each open task once; False if none is left."""
        some = self._busy = False
        for task_id in list(only) if only is not None else self.journal.ids():
            try:
                some = self._drive(task_id) or some
            except (NotFound, JournalError) as error:  # its folder was deleted in this moment
                if self._told.get(task_id) != error.message:
                    self._told[task_id] = error.message
                    _log.warning("task %s: %s", task_id, error.message)
                self._let_go(task_id)
        return some

    def pause_s(self, only: Collection[str] | None = None) -> float:
        """Seconds of our clock until the next look: at most `poll_s` real ones, fewer after something happened."""
        now = self.clock.now()
        most_s = self._patience_s * self.clock.speed
        self._patience_s = min(2 * self._patience_s, self.poll_s if self._busy else self.idle_poll_s)
        due = [at for task_id in self._held for at in self._due(task_id, now) if only is None or task_id in only]
        until_s = min([most_s, *((at - now).total_seconds() for at in due)])
        return max(until_s, 0.01 * self.clock.speed)

    def _due(self, task_id: str, now: datetime) -> list[datetime]:
        moment = next_moment(self.journal.read(task_id), now) if self.journal.exists(task_id) else None
        rest_s = self._rest_s(task_id)
        return [*([moment] if moment else []), *([now + timedelta(seconds=rest_s)] if rest_s > 0 else [])]

    def close(self) -> None:
        """Let go of all tasks; they go on as they are."""
        for task_id in list(self._held):
            self._let_go(task_id)

    def _let_go(self, task_id: str) -> None:
        self.journal.close(task_id)
        fd = self._held.pop(task_id, None)
        if fd is not None:
            os.close(fd)

    # --- one task ---

    def _drive(self, task_id: str) -> bool:
        """One look at one task; True while there is something to drive."""
        record = self.journal.read(task_id)
        if record.ended and record.accounted:
            return False
        if task_id not in self._held:
            fd = self.journal.take(task_id)
            if fd is None:
                return self.journal.exists(task_id)  # another controller drives it: should that one die, we take over
            self._held[task_id] = fd
            record = self.journal.read(task_id)
        if not record.ended:
            self._advance(record)
            record = self.journal.read(task_id)
        if record.ended:
            self._account(record)
            self._let_go(task_id)
            return False
        return True

    def _advance(self, record: TaskRecord) -> None:
        try:
            executor = self._executors(record.submission.executor)
            if not record.handle:
                record.handle = executor.submit(record.submission.task)
                self.journal.handle(record.id, record.handle)
            status = executor.status(record.handle)
            record = self._observe(record, status)
            if not record.ended:
                self._decide(record, executor, status)
        except ExecutorError as error:
            self._say(record, error.message, note=True)
        except JoulewiseError as error:  # a place that is not installed any more: others must go on
            self._say(record, error.message, note=True)

    def _observe(self, record: TaskRecord, status: TaskStatus) -> TaskRecord:
        """Write down what has changed since the last look."""
        now, journal = self.clock.now(), self.journal
        runs = bool(record.spans) and not record.spans[-1].how
        ran_s = self._ran_s(record, now) if runs else 0.0
        self._busy = self._busy or status.state in ("running", "stopping")
        if status.state != record.state:
            self._patience_s = SOON_S
        if status.state in ("running", "stopping"):
            if not runs:
                journal.runs(record.id, now)
                self._begun.discard(record.id)
            elif (now - record.spans[-1].seen).total_seconds() >= SEEN_EVERY_S:
                journal.seen(record.id, now, ran_s)
        elif status.state in ("finished", "failed", "cancelled"):
            if not record.spans and status.state != "cancelled":  # it began and ended between two looks
                journal.runs(record.id, now)
            journal.end(record.id, now, status, ran_s)
        elif runs:
            journal.rests(record.id, now, "paused" if status.state == "paused" else "lost", ran_s)
        if status.state == "lost":
            self._lost(journal.read(record.id), status)
        return journal.read(record.id)

    def _ran_s(self, record: TaskRecord, now: datetime) -> float:
        """How long the present span has lasted: by the monotonic clock, and by the other one before we were there."""
        number, span = len(record.spans), record.spans[-1]
        since = self._since.get(record.id)
        if since is None or since[0] != number:
            before_s = span.ran_s + max(0.0, (now - span.seen).total_seconds())
            since = self._since[record.id] = (number, self.clock.monotonic_s() - before_s)
        return self.clock.monotonic_s() - since[1]

    def _lost(self, record: TaskRecord, status: TaskStatus) -> None:
        """It vanished: it is started again, unless that has happened too often."""
        if record.id in self._begun or not record.spans or record.spans[-1].how != "lost":
            self.journal.runs(record.id, self.clock.now())  # it ran and vanished between two looks
            self.journal.rests(record.id, self.clock.now(), "lost")
            self._begun.discard(record.id)
        record = self.journal.read(record.id)
        newest = self.saved_at(record) if self.saved_at is not None else None
        count = deaths.in_a_row(record, newest)
        if newest is not None and count >= deaths.MOST_IN_A_ROW:
            detail = (
                f"it ended abruptly {count} times in a row without a new checkpoint; the last time: {status.detail}"
            )
            self.journal.end(record.id, self.clock.now(), replace(status, state="failed", detail=detail))
        elif record.losses >= self.most_losses:
            detail = f"it ended abruptly {self.most_losses} times; the last time: {status.detail}"
            self.journal.end(record.id, self.clock.now(), replace(status, detail=detail))
        else:
            self._rest(record, count, status)

    def _rest(self, record: TaskRecord, count: int, status: TaskStatus) -> None:
        """It is started again, the later the more often in a row it was lost."""
        if self._resting.get(record.id, (0, 0.0))[0] != record.losses:
            rest_s = deaths.rest_s(count)
            self._resting[record.id] = record.losses, self.clock.monotonic_s() + rest_s
            self._say(record, f"lost ({status.detail}): it is started again after {rest_s:.0f} s", note=True)

    def _rest_s(self, task_id: str) -> float:
        """Seconds for which a lost task still rests."""
        return max(0.0, self._resting.get(task_id, (0, 0.0))[1] - self.clock.monotonic_s())

    def _decide(self, record: TaskRecord, executor: Executor, status: TaskStatus) -> None:
        """Start, resume or stop it, as its plan wants."""
        now = self.clock.now()
        self._replan(record, now)
        record = self.journal.read(record.id)
        run, why = wanted(record, now)
        if status.state == "running" and not run and may_pause(record, now):
            if not status.detail:  # else it was asked before and goes on: it is left running
                self.journal.asked(record.id, now)
                executor.stop(record.handle)
                self._say(record, f"pauses: {why}")
            else:
                self._say(record, status.detail, note=True)
        elif status.state in ("waiting", "paused", "lost"):
            if status.state == "lost" and self._rest_s(record.id) > 0:
                return
            if run:
                self._say(record, f"{'starts' if not record.spans else 'goes on'}: {why}")
                (executor.start if status.state == "waiting" else executor.resume)(record.handle)
                self._begun.add(record.id)
            else:
                self._say(record, f"waits until {self._until(record, now)}: {why}")

    def _until(self, record: TaskRecord, now: datetime) -> str:
        starts = [one.start for one in record.schedule.segments if one.start > now] if record.schedule else []
        moment = min([*starts, *filter(None, [latest_start(record)])], default=now)
        return f"{moment.astimezone():%a %H:%M}"

    # --- planning anew ---

    def _replan(self, record: TaskRecord, now: datetime) -> None:
        """Each hour, on what is known then; the minute differs from task to task."""
        if record.schedule is None or now < self._replan_due(record, now):
            return
        self._replanned_at[record.id] = now
        job = job_left(record, now)
        if job is None:
            return
        try:
            plan = self._planner(record, job, now)
        except JoulewiseError as error:
            self._say(record, f"no new plan, the last one holds: {error.message}", note=True)
            return
        except Exception as error:  # noqa: BLE001 - plug-ins of others: a job must not be lost over a forecast
            _log.warning("planning failed: %s: %s", type(error).__name__, error, exc_info=True)
            self._say(record, f"no new plan, the last one holds: {type(error).__name__}", note=True)
            return
        self._adopt(record, plan, now)

    def _adopt(self, record: TaskRecord, plan: Plan, now: datetime) -> None:
        """Take the new plan, unless it would pause a running task for less than that costs, or too often."""
        running = bool(record.spans) and not record.spans[-1].how
        schedule = schedule_of(plan)
        if not schedule.segments:
            return
        if running and schedule.segments[0].start > now and not worth_it(plan, record):
            return
        if self.on_plan is not None:
            self.on_plan(record, plan)
        self.journal.plan(record.id, schedule)

    def _replan_due(self, record: TaskRecord, now: datetime) -> datetime:
        """An hour after the last plan, the first time sooner; at once if the clock was set back before it."""
        made_at = record.schedule.made_at if record.schedule else now
        last = self._replanned_at.get(record.id)
        if last is not None and last <= now:
            return last + timedelta(seconds=REPLAN_S)
        return made_at + timedelta(seconds=REPLAN_S * max(0.25, share_of(record.id))) if made_at <= now else now

    # --- the end ---

    def _account(self, record: TaskRecord) -> None:
        if record.accounted:
            return
        try:
            filed = self.on_end(record) if self.on_end is not None else "-"
        except JoulewiseError as error:
            filed = f"not filed: {error.message}"
        except Exception as error:  # noqa: BLE001 - the task has ended well: its account must not bring the others down
            _log.warning("accounting failed: %s: %s", type(error).__name__, error, exc_info=True)
            filed = f"not filed: {type(error).__name__}: {error}"
        self.journal.accounted(record.id, filed)
        self._say(record, f"{record.state}{f' ({record.detail})' if record.detail else ''}")

    def _say(self, record: TaskRecord, text: str, *, note: bool = False) -> None:
        """News, once; `note` keeps it in the journal, each text once."""
        if self._told.get(record.id) == text or (note and (record.id, text) in self._noted):
            return
        _log.info("task %s: %s", record.id, text)
        if note:
            self._noted.add((record.id, text))
            self.journal.note(record.id, self.clock.now(), text)
        else:
            self._told[record.id] = text
        self._patience_s = SOON_S
        if self._tell is not None:
            self._tell(record, text)
