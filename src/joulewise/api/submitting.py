"""Tasks that wait for clean hours: submit, list, cancel, drive. The controller runs here or in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from joulewise import carbon, schedule
from joulewise.api import kept_plans, task_accounting, task_planning
from joulewise.core import plugins
from joulewise.core import settings as _settings
from joulewise.core.errors import UsageError
from joulewise.core.plans import Plan, Task
from joulewise.core.ulid import is_ulid, new_ulid
from joulewise.measure.commands import check_command, name_of
from joulewise.schedule.clock import Clock
from joulewise.schedule.controller import Controller
from joulewise.schedule.deaths import saved_at
from joulewise.schedule.executors import executor
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Submission, TaskRecord, schedule_of

if TYPE_CHECKING:
    from joulewise.core.plans import Job
    from joulewise.core.protocols import Executor
    from joulewise.core.settings import Settings
    from joulewise.schedule import Request

WHENS = ("cleanest", "now")
STOPS = ("checkpoint", "freeze")
JITTER_S = 600.0
"""Starts that many people plan for the same clean hour are spread over at most so long."""
_OUR_HOME = ("local", "slurm", "in-front")
"""Places that share our home, and so our environment; others get only what is named: it may hold keys."""
_HERE = ("local", "in-front")
_OUTSIDE = ("JOULEWISE_PARENT", "JOULEWISE_RUN_ID", "JOULEWISE_TASK_ID", "JOULEWISE_TASK_STATE")


class Tasks:
    """The tasks of this user. `folder` is by default in the state folder; `clock` may be faster than real time."""

    def __init__(self, settings: Settings, *, folder: str = "", clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.folder = folder or os.path.join(_settings.state_folder(os.environ), "tasks")
        self.journal = TaskJournal(self.folder)

    # --- submitting ---

    def submit(
        self,
        command: Sequence[str],
        request: Request,
        *,
        on: str = "local",
        when: str = "cleanest",
        stop: str = "checkpoint",
        task_id: str = "",
        **details: object,
    ) -> tuple[TaskRecord, Plan | None]:
        """Keep a command as a task with its plan; nothing runs before somebody drives it.

        `details`: name, folder, environment, resources, measured (False: the command is run as it is), jitter_s,
        run_kind, tags, seed, unit and unit_count (of the whole task), quiet (True: its parts don't say what they cost).
        Submitting the same `task_id` twice is submitting once. Raises UsageError and its kin, ExecutorError,
        JournalError, CommandNotStarted: then nothing was submitted.
        """
        _check(command, when, stop, task_id)
        _check_resources(_mapping(details.get("resources")))
        carbon.check_sources(self.settings, os.environ)
        if on in _HERE and not details.get("folder") and not details.get("environment"):
            check_command(command, os.environ)  # rather now than after hours of waiting
        name = str(details.get("name") or name_of(command))
        now = self.clock.now()
        job, plan, notices = self._planned(request, name, now) if when == "cleanest" else (None, None, [])
        task = self._task(task_id or new_ulid(), name, command, request, stop, on, details)
        if job is not None:  # a place that can wait by itself begins then, should nobody drive the task any more
            task = replace(task, latest_start=job.deadline - timedelta(seconds=job.duration_s))
        submission = Submission(
            task=task,
            job=job,
            executor=on,
            submitted_at=now,
            jitter_s=float(str(details.get("jitter_s", JITTER_S))),
            extra={
                "command": list(command),
                "kind": request.kind,
                "settings": _kept(self.settings),
                **{name: details.get(name) for name in ("unit", "unit_count", "seed")},
            },
        )
        if on != IN_FRONT:  # a place that is not there, or will never take the task, is better said now
            check = getattr(executor(on, self.folder, self.clock), "check", None)
            if check is not None:
                check(task)
        if self.journal.create(submission):
            if plan is not None:  # at once: a task without a plan runs at once, should we be killed from here on
                self.journal.plan(task.id, schedule_of(plan))
            for notice in notices:
                self.journal.note(task.id, now, notice)
            if plan is not None:
                kept_plans.keep(plan, self.folder, task.id)
                if task_accounting.file_plan(plan, self.settings):
                    kept_plans.forget(self.folder, task.id)
        self.journal.close(task.id)
        return self.journal.read(task.id), plan

    def _planned(self, request: Request, name: str, now: datetime) -> tuple[Job, Plan, list[str]]:
        job, settings, notices = task_planning.job_for(request, self.settings, name, now)
        self.settings = settings
        planned = schedule.plan_with(carbon.chain_of(settings, os.environ), job, settings, now, kind=request.kind)
        plan = replace(planned.plan, notices=(*notices, *planned.plan.notices))
        return job, plan, list(plan.notices)

    def _task(
        self, task_id: str, name: str, command: Sequence[str], request: Request, stop: str, on: str,
        details: Mapping[str, object],
    ) -> Task:  # fmt: skip
        kept = {**(os.environ if on in _OUR_HOME else {}), **_mapping(details.get("environment"))}
        kept = {key: value for key, value in kept.items() if key not in _OUTSIDE}
        measured = details.get("measured", True)
        return Task(
            id=task_id,
            name=name,
            command=tuple(_measured(command, name, on, details)) if measured else tuple(command),
            folder=os.path.abspath(str(details.get("folder") or ".")),
            environment={**kept, **_as_environment(self.settings), "JOULEWISE_PARENT": task_id},
            stop=stop,
            save_s=request.save_s or 60.0,
            resources=_mapping(details.get("resources")),
        )

    # --- looking ---

    def all(self) -> list[TaskRecord]:
        """All tasks, oldest first."""
        return list(self.journal.tasks())

    def one(self, text: str = "last") -> TaskRecord:
        """A task by its id, start or end of one, name, or "last". Raises NotFound."""
        return self.journal.read(self.journal.resolve(text))

    def log_path(self, text: str = "last") -> str:
        """Where what the task printed lies. Raises NotFound, UsageError where its place keeps it elsewhere."""
        record = self.one(text)
        place = self._executor(record.submission.executor)
        if not hasattr(place, "log_path"):
            raise UsageError(f"{place.name} keeps what the task printed", hint=f"ask {place.name} for {record.handle}")
        return str(place.log_path(record.handle or record.id))

    def driver(self, task_id: str) -> int | None:
        """The pid of who drives the task now."""
        return self.journal.driver(task_id)

    # --- driving ---

    def cancel(self, text: str) -> TaskRecord:
        """End a task for good, wherever it stands. Raises NotFound, ExecutorError."""
        record = self.one(text)
        if record.ended:
            return record
        place = self._executor(record.submission.executor)
        handle = record.handle or place.submit(record.submission.task)
        place.cancel(handle)
        controller = self.controller()
        controller.step([record.id])  # takes note, unless somebody else drives it, who will
        controller.close()
        return self.journal.read(record.id)

    def controller(
        self, tell: Callable[[TaskRecord, str], None] | None = None, places: Mapping[str, Executor] | None = None
    ) -> Controller:
        """What drives the tasks; `places` are executors to take instead of those that are installed."""
        known = dict(places or {})

        def place_of(name: str) -> Executor:
            if name not in known:
                known[name] = self._executor(name)
            return known[name]

        controller = Controller(
            self.journal,
            place_of,
            self._plan_anew,
            self.clock,
            on_end=lambda record: task_accounting.account_for(record, self.clock, self.folder),
            tell=tell,
        )
        controller.saved_at = lambda record: saved_at(record, self.folder, self.clock)
        return controller

    def drive(
        self, only: Collection[str] | None = None, *, tell: Callable[[TaskRecord, str], None] | None = None
    ) -> None:
        """Drive the open tasks until all have ended; returns at once if there are none."""
        self.controller(tell).run(only)

    def drive_behind(self) -> int:
        """Start a process that drives all open tasks and outlives us; its pid."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with open(os.path.join(self.folder, "controller.log"), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _BEHIND, self.folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        process.wait()  # it leaves a child behind, which is the one
        return process.pid

    def _plan_anew(self, record: TaskRecord, job: Job, now: datetime) -> Plan:
        settings = task_accounting.settings_of(record)
        kind = str(record.submission.extra.get("kind", "average"))
        return schedule.plan_with(carbon.chain_of(settings, os.environ), job, settings, now, kind=kind).plan

    def _executor(self, name: str) -> Executor:
        return executor(name, self.folder, self.clock)


IN_FRONT = "in-front"
"""Not a place of its own: the command runs in the process that waits for it."""

_BEHIND = """
import os, sys
if os.fork():
    os._exit(0)
from joulewise.api.submitting import keep_driving
keep_driving(sys.argv[1])
"""


def keep_driving(folder: str) -> None:
    """Drive all tasks below a folder; if another process does so already, leave it to that one."""
    import fcntl
    import logging

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    lock = os.open(os.path.join(folder, "controller.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    clock = Clock()
    for _ in range(20):  # the other one may be on its way out, and not have seen the newest task
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            clock.sleep(1.0)
            continue
        Tasks(_settings.load(), folder=folder).drive()
        return


def executors() -> list[str]:
    """The places that tasks can be submitted to."""
    return plugins.names("executors")


def _check(command: Sequence[str], when: str, stop: str, task_id: str) -> None:
    if task_id and not is_ulid(task_id):
        raise UsageError(f"the id of a task is a ULID, not {task_id!r:.60}", hint="joulewise.core.ulid.new_ulid()")
    if not command:
        raise UsageError("no command was given", hint="joulewise submit -- python train.py")
    if when not in WHENS:
        raise UsageError(f"when {when!r} is not one of {', '.join(WHENS)}", hint="--when cleanest")
    if stop not in STOPS:
        raise UsageError(f"a task is paused by {' or '.join(STOPS)}, not by {stop!r}", hint="--pause checkpoint")


def _check_resources(resources: Mapping[str, object]) -> None:
    """No place has less than nothing. Words that are no numbers are left to the place."""
    for word, value in resources.items():
        try:
            amount = float(str(value))
        except ValueError:
            continue
        if not 0 <= amount < float("inf"):
            raise UsageError(f"a task can't have {word}={value}", hint=f"a number >= 0: --resource {word}=1")


def _measured(command: Sequence[str], name: str, on: str, details: Mapping[str, object]) -> list[str]:
    """The command under `joulewise run`: each part of the task is a run."""
    kind = str(details.get("run_kind") or "train")
    launcher = [sys.executable, "-m", "joulewise"] if on != "k8s" else ["joulewise"]
    words = [*launcher, *(["--quiet"] if details.get("quiet") else []), "run", "--name", name, "--kind", kind]
    for key, value in _mapping(details.get("tags")).items():
        words += ["--tag", f"{key}={value}"]
    return [*words, "--", *command]


def _mapping(found: object) -> dict[str, str]:
    return dict(found) if isinstance(found, Mapping) else {}


def _as_environment(settings: Settings) -> dict[str, str]:
    """The settings that were given by flags, as the command will find them; the others it finds by itself."""
    found = {}
    for key in _settings.KEYS:
        if settings.origins.get(key) == "flag":
            value = getattr(settings, key)
            found[f"JOULEWISE_{key.upper()}"] = ",".join(value) if isinstance(value, tuple) else str(value)
    return found


def _kept(settings: Settings) -> dict[str, object]:
    """The settings that a controller of another process needs, for planning anew and for the account."""
    return {key: getattr(settings, key) for key in _settings.KEYS if key not in ("redfish_user",)}
