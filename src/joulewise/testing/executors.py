"""The contract of executors, to run over any of them, and the fake place that it needs.

In your tests:

    class TestMyExecutor(ExecutorContract):
        @pytest.fixture
        def place(self, tmp_path):
            return FakePlace(executor=MyExecutor(...), reopen=lambda: MyExecutor(...), commands=scripts(tmp_path), ...)

`joulewise.executors` entry points are callables `(folder, clock) -> Executor`: `folder` is where the tasks of this user
are kept (one folder below it a task), `clock` the time they live in. An executor may also have
`log_path(handle) -> str`, where what a task printed lies.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import TASK_STATES, Task, TaskStatus
from joulewise.core.protocols import Executor
from joulewise.core.ulid import new_ulid

BEHAVIOURS = ("quick", "fails", "checkpoints", "stubborn", "forever")
"""Ends well at once; ends with exit code 3; runs until it is asked to stop, saves, ends with exit code 75, and ends
well at its next start; runs on although it is asked to stop, until a file `enough` appears; runs until it is ended."""

ENDED = ("finished", "failed", "cancelled")

_SCRIPT = """
import os, signal, sys, time
behaviour, folder = sys.argv[1:3]
task = os.environ.get("JOULEWISE_TASK_ID", "unknown")
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1) if behaviour != "forever" else os._exit(143))
with open(os.path.join(folder, task + ".starts"), "a") as file:
    file.write("start\\n")
print("behaves:", behaviour, flush=True)
saved = os.path.join(folder, task + ".saved")
if behaviour == "fails":
    sys.exit(3)
until = time.monotonic() + 120
while behaviour != "quick" and time.monotonic() < until:
    if behaviour == "checkpoints" and os.path.exists(saved):
        break
    if behaviour == "checkpoints" and asked:
        open(saved, "w").close()
        sys.exit(75)
    if behaviour == "stubborn" and os.path.exists(os.path.join(folder, "enough")):
        break
    time.sleep(0.01)
"""


def scripts(folder: object) -> dict[str, tuple[str, ...]]:
    """A command for each behaviour; each start of one is a line in FOLDER/<task id>.starts."""
    return {name: (sys.executable, "-c", _SCRIPT, name, str(folder)) for name in BEHAVIOURS}


def starts_in(folder: object) -> Callable[[str], int]:
    """How often the commands of `scripts(folder)` were really started, by task id."""

    def starts(task_id: str) -> int:
        path = os.path.join(str(folder), f"{task_id}.starts")
        if not os.path.exists(path):
            return 0
        with open(path, encoding="ascii") as file:
            return len(file.readlines())

    return starts


def _nothing() -> None:
    """A step that this place needs not take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePlace:
    """A place that a test can drive.

    `commands` has one for each of BEHAVIOURS. `starts(task id)` counts how often a command was really started there.
    `reopen` makes the executor anew, as after our own restart. `advance` lets the place go on, where that takes
    something. `stops` says how tasks are paused there ("checkpoint", "freeze"). `patience_s` bounds each waiting, which
    looks every `look_every_s`: make it longer where a look costs the place a process or a request.
    """

    executor: Executor
    reopen: Callable[[], Executor]
    commands: Mapping[str, tuple[str, ...]]
    starts: Callable[[str], int]
    folder: str
    advance: Callable[[], None] = _nothing
    stops: Sequence[str] = ("checkpoint",)
    save_s: float = 30.0
    patience_s: float = 30.0
    look_every_s: float = 0.02
    resources: Mapping[str, object] = field(default_factory=dict)

    def task(self, behaviour: str, stop: str = "checkpoint", save_s: float | None = None) -> Task:
        """A new task that behaves so."""
        return Task(
            id=new_ulid(),
            name=behaviour,
            command=self.commands[behaviour],
            folder=self.folder,
            stop=stop,
            save_s=self.save_s if save_s is None else save_s,
            resources=dict(self.resources),
        )

    def begun(self, behaviour: str, stop: str = "checkpoint") -> tuple[Task, str]:
        """A new task that behaves so, submitted and told to start, and its handle."""
        task = self.task(behaviour, stop)
        handle = self.executor.submit(task)
        self.executor.start(handle)
        return task, handle

    def settled(self, handle: str, *states: str, executor: Executor | None = None) -> TaskStatus:
        """Wait until the task is in one of these states; it fails at once if the task has come to another end."""
        until = time.monotonic() + self.patience_s
        while True:
            self.advance()
            status = (executor or self.executor).status(handle)
            if status.state in states:
                return status
            assert status.state not in ENDED, f"want {' or '.join(states)}, but it has ended: {status}"
            assert time.monotonic() < until, f"want {' or '.join(states)}, got {status} after {self.patience_s} s"
            time.sleep(self.look_every_s)

    def started(self, task_id: str, times: int = 1) -> None:
        """Wait until the command has really been started so often."""
        until = time.monotonic() + self.patience_s
        while self.starts(task_id) < times:
            self.advance()
            assert time.monotonic() < until, f"{self.starts(task_id)} starts after {self.patience_s} s, want {times}"
            time.sleep(0.02)


class ExecutorContract:
    """What every executor keeps; give it a fixture `place`."""

    def test_it_has_a_name_and_the_shape(self, place: FakePlace) -> None:
        assert place.executor.name
        for method in ("submit", "start", "stop", "resume", "status", "cancel"):
            assert callable(getattr(place.executor, method))

    def test_a_submitted_task_waits(self, place: FakePlace) -> None:
        task = place.task("quick")
        handle = place.executor.submit(task)
        assert isinstance(handle, str)
        assert place.executor.status(handle).state == "waiting"
        assert place.starts(task.id) == 0
        place.executor.cancel(handle)

    def test_submitting_twice_is_submitting_once(self, place: FakePlace) -> None:
        task = place.task("quick")
        handle = place.executor.submit(task)
        assert place.executor.submit(task) == handle
        assert place.reopen().submit(task) == handle
        place.executor.start(handle)
        place.settled(handle, "finished")
        assert place.executor.submit(task) == handle
        place.executor.start(handle)
        assert place.settled(handle, "finished").exit_code == 0
        assert place.starts(task.id) == 1

    def test_a_task_finishes(self, place: FakePlace) -> None:
        task, handle = place.begun("quick")
        status = place.settled(handle, *ENDED)
        assert (status.state, status.exit_code) == ("finished", 0)
        assert place.starts(task.id) == 1

    def test_a_task_that_fails_says_its_exit_code(self, place: FakePlace) -> None:
        task, handle = place.begun("fails")
        status = place.settled(handle, *ENDED)
        assert (status.state, status.exit_code) == ("failed", 3)
        place.executor.start(handle)
        assert place.settled(handle, *ENDED).state == "failed"
        assert place.starts(task.id) == 1

    def test_starting_a_running_task_does_nothing(self, place: FakePlace) -> None:
        task, handle = place.begun("forever")
        place.executor.start(handle)
        place.started(task.id)
        place.settled(handle, "running")
        place.executor.start(handle)
        place.executor.resume(handle)
        place.reopen().start(handle)
        assert place.settled(handle, "running").state in TASK_STATES
        place.executor.cancel(handle)
        place.settled(handle, "cancelled")
        assert place.starts(task.id) == 1

    def test_it_stops_at_a_checkpoint_and_goes_on(self, place: FakePlace) -> None:
        task, handle = place.begun("checkpoints")
        place.started(task.id)
        place.settled(handle, "running")
        place.executor.stop(handle)
        place.executor.stop(handle)
        place.settled(handle, "paused")
        place.executor.stop(handle)
        assert place.executor.status(handle).state == "paused"
        place.executor.resume(handle)
        assert place.settled(handle, *ENDED).state == "finished"
        assert place.starts(task.id) == 2

    def test_a_paused_task_survives_our_restart(self, place: FakePlace) -> None:
        task, handle = place.begun("checkpoints")
        place.started(task.id)
        place.settled(handle, "running")
        later = place.reopen()
        later.stop(handle)
        place.settled(handle, "paused", executor=later)
        last = place.reopen()
        last.resume(handle)
        assert place.settled(handle, *ENDED, executor=last).state == "finished"

    def test_a_frozen_task_goes_on(self, place: FakePlace) -> None:
        if "freeze" not in place.stops:
            return
        task, handle = place.begun("stubborn", stop="freeze")
        place.started(task.id)
        place.executor.stop(handle)
        place.settled(handle, "paused")
        with open(os.path.join(place.folder, "enough"), "w", encoding="ascii"):
            place.advance()
        assert place.executor.status(handle).state == "paused"
        place.executor.resume(handle)
        assert place.settled(handle, *ENDED).state == "finished"
        assert place.starts(task.id) == 1

    def test_cancelling_ends_it_for_good(self, place: FakePlace) -> None:
        waiting, running = place.task("quick"), place.task("forever")
        first, second = place.executor.submit(waiting), place.executor.submit(running)
        place.executor.start(second)
        place.started(running.id)
        for handle in (first, second):
            place.executor.cancel(handle)
            place.settled(handle, "cancelled")
            place.executor.cancel(handle)
            place.executor.start(handle)
            place.executor.resume(handle)
            assert place.settled(handle, "cancelled").state == "cancelled"
        assert (place.starts(waiting.id), place.starts(running.id)) == (0, 1)

    def test_a_finished_task_stays_finished(self, place: FakePlace) -> None:
        _, handle = place.begun("quick")
        place.settled(handle, "finished")
        place.executor.stop(handle)
        place.executor.resume(handle)
        place.executor.cancel(handle)
        assert place.executor.status(handle).state == "finished"

    def test_an_unknown_handle_is_lost_or_refused(self, place: FakePlace) -> None:
        handle = place.executor.submit(place.task("quick"))
        unknown = handle[:-1] + ("0" if handle[-1] != "0" else "1")
        assert place.executor.status(unknown).state == "lost"
        assert _refused(lambda: place.executor.start(unknown)), "starting what was never submitted must be refused"
        place.executor.cancel(handle)


def _refused(call: Callable[[], None]) -> str:
    """The cure that a refusal names; "" if there was none."""
    try:
        call()
    except ExecutorError as error:
        return error.hint
    return ""
