"""A command that waits in the foreground for its clean hours, and then has the terminal to itself."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from joulewise.api import kept_plans, task_accounting
from joulewise.api.hanging_up import HangingUp, HungUp
from joulewise.api.submitting import IN_FRONT, Tasks
from joulewise.core.errors import JoulewiseError
from joulewise.core.plans import Task, TaskStatus
from joulewise.schedule.executors.local import LocalExecutor

if TYPE_CHECKING:
    from joulewise.core.settings import Settings
    from joulewise.measure import Measured
    from joulewise.schedule import Request
    from joulewise.schedule.clock import Clock
    from joulewise.schedule.task_record import TaskRecord

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]


class InFront:
    """An executor that runs the command in this process: its streams, signals and terminal are ours."""

    name = IN_FRONT

    def __init__(self, run: Callable[[], Measured]) -> None:
        self._run = run
        self.measured: Measured | None = None
        self.error: JoulewiseError | None = None

    def submit(self, task: Task) -> str:
        """Nothing to do before it starts."""
        return task.id

    def start(self, handle: str) -> None:
        """Run it, to its end. That it can't be started is its end, too: it would not start the next time either."""
        if self.measured is None and self.error is None:
            try:
                self.measured = self._run()
            except JoulewiseError as error:
                self.error = error

    def stop(self, handle: str) -> None:
        """It has the terminal, and is not paused."""

    resume = start

    def status(self, handle: str) -> TaskStatus:
        """Not yet, or over."""
        if self.error is not None:
            return TaskStatus(state="failed", exit_code=self.error.exit_code)
        if self.measured is None or self.measured.exit is None:
            return TaskStatus(state="waiting")
        code = self.measured.exit.shell_code
        return TaskStatus(state="failed" if code else "finished", exit_code=code)

    cancel = stop


def run_when(
    command: Sequence[str], request: Request, settings: Settings, tell: Tell, job: dict[str, Any], *,
    clock: Clock | None = None, lines: Callable[[TaskRecord, Any], Sequence[str]] | None = None,
) -> Measured:  # fmt: skip
    """Wait for the best start before the deadline, planning anew each hour, then run the command, measured.

    Ctrl-C while it waits raises KeyboardInterrupt, a closed terminal (SIGHUP) or SIGTERM HungUp, which is a SystemExit:
    nothing has run. Once it runs, signals are its own. Raises UsageError and its kin.
    """
    from joulewise import api

    tell = _heard(tell)
    with tempfile.TemporaryDirectory(prefix="joulewise-") as folder, HangingUp() as ending:
        tasks = Tasks(settings, folder=folder, clock=clock)
        record, plan = tasks.submit(command, request, on=IN_FRONT, name=job.get("name") or "", measured=False)
        for line in lines(record, plan) if lines is not None else ():
            tell(line)

        def begin() -> Measured:
            ending.hurry = False  # what was measured is filed, whoever has left meanwhile
            return api.measure_command(command, settings, **job)

        front = InFront(begin)
        controller = tasks.controller(lambda _, text: tell(text), {IN_FRONT: front})
        controller.on_end = lambda ended: _account(ended, front, tasks)
        controller.run([record.id])
        if front.error is not None:
            raise front.error
        assert front.measured is not None
        return front.measured


def _account(record: TaskRecord, front: InFront, tasks: Tasks) -> str:
    """File the run and its decision: here the run is the whole task."""
    from joulewise.api import filing

    if front.measured is None:
        return "it never ran"
    result, settings = front.measured.result, tasks.settings
    filing.settle(result, settings)
    run = result.bundle.run
    if run.status == "finished":  # the work of one that failed is still to be done: nothing is saved
        with filing.opened(settings) as ledger:
            kept_plans.file_kept(tasks.folder, record.id, ledger)
            task_accounting.decide(record, result, [(run.started_at, run.ended_at)], settings, ledger, tasks.clock)
    return run.id


def _heard(tell: Tell) -> Tell:
    """As long as somebody listens: a terminal that was closed must not end what goes on without it."""

    def say(text: str) -> None:
        try:
            tell(text)
        except OSError as error:
            _log.info("nobody hears %r: %s", text, error)

    return say


def run_in_parts(
    command: Sequence[str], request: Request, settings: Settings, tell: Tell, details: dict[str, Any], *,
    clock: Clock | None = None, lines: Callable[[TaskRecord, Any], Sequence[str]] | None = None,
) -> TaskRecord:  # fmt: skip
    """The same for a command that is paused and resumed: it runs beside us and writes to our output.

    Ctrl-C ends it: once, so that it may save; twice, at once. A closed terminal or SIGTERM ends it as well: it may
    save, and its journal says why. Should we be killed, it goes on, and `joulewise tasks drive` takes over.
    """
    tell = _heard(tell)
    tasks = Tasks(settings, clock=clock)
    record, plan = tasks.submit(command, request, **details)
    for line in lines(record, plan) if lines is not None else ():
        tell(line)
    local = LocalExecutor(tasks.folder, tasks.clock, output="-")
    with HangingUp():
        while not record.ended:
            try:
                tasks.controller(lambda _, text: tell(text), {"local": local}).run([record.id])
            except KeyboardInterrupt:
                tell("cancelling; Ctrl-C again ends it at once")
                _cancel(record.id, tasks, local)
            except HungUp as ending:
                tasks.journal.note(record.id, tasks.clock.now(), f"{ending.why}: it is asked to save and end")
                _cancel(record.id, tasks, local)
            record = tasks.one(record.id)
    return record


def _cancel(task_id: str, tasks: Tasks, local: LocalExecutor) -> None:
    """End it by the executor that writes to our output; before there is one, by its journal."""
    local.cancel(task_id) if tasks.one(task_id).handle else tasks.cancel(task_id)
