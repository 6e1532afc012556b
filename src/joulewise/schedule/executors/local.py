"""Runs tasks on this machine: each part of a task is a process group, under a small process that outlives us.

Files:  FOLDER/<task id>/task.json what was submitted   out.log what it printed   state/ for the job's checkpoints
        FOLDER/<task id>/run/lock  held while a part runs   cancel  ended for good
        FOLDER/<task id>/run/part-N.run who runs   part-N.stop asked to stop   part-N.end how it ended
Who runs is a pid with its start in ticks and the boot's id: no process of another boot, and none that took over the
pid, is ever signalled. A task is paused by SIGTERM to its group (`stop="checkpoint"`: it saves, ends with exit code 75
and is started again) or by SIGSTOP (`stop="freeze"`). A job that has not ended `save_s` after SIGTERM is left running.
Exit codes: 0 finished; 75 paused, asked or not; ended by SIGKILL, SIGTERM or SIGHUP from somewhere: lost, to be started
again (not a third time in a row if it was for want of memory); any other: failed, or paused if it had been asked
to stop.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task, TaskStatus
from joulewise.measure.facts import boot_id
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors import STOPPED_AT_CHECKPOINT, local_part
from joulewise.schedule.executors.local_processes import Part, last_part, processes_of

_FROM_OUTSIDE = (128 + signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGHUP)
_MOST_OOM = 3
"""Killed so often in a row for want of memory, it would be for ever."""
_WANT = "is the disk full, or the folder gone?"
_RESOURCES = ("cpus", "gpus", "memory_gb")
_KEPT = ("id", "name", "command", "folder", "environment", "stop", "save_s")


class LocalExecutor:
    """Executor of this machine. `output` "-" lets parts write to our own stdout and stderr, not to the task's log.

    `root` is where /proc lies, for tests. `settle_s` real seconds are given beside a task's `save_s`: what measured it
    still has to file it.
    """

    name = "local"

    def __init__(
        self, folder: str, clock: Clock | None = None, *, output: str = "", root: str = "", settle_s: float = 5.0
    ) -> None:
        self.folder = folder
        self._clock = clock or Clock()
        self._output = output
        self._root = root
        self._settle_s = settle_s

    def check(self, task: Task) -> None:
        """Refuse resources that mean nothing here. The known ones are taken note of, and keep nothing free."""
        for word in task.resources:
            if word not in _RESOURCES:
                hint = f"one of {', '.join(_RESOURCES)}; or --on slurm, ray or k8s, which know others"
                raise ExecutorError(f"tasks on this machine have no resource {word!r}", hint=hint)
            try:
                float(task.resources[word])
            except (TypeError, ValueError) as error:
                raise ExecutorError(f"{word}={task.resources[word]!r} is no number", hint=f"{word}=4") from error

    # --- the Protocol ---

    def submit(self, task: Task) -> str:
        """Keep the task; it does not run yet. Raises ExecutorError if it can't be kept."""
        path = self._path(task.id, "task.json")
        if os.path.exists(path):
            return task.id
        if processes_of(task.id, self._root):
            raise ExecutorError(f"task {task.id} still runs, although its folder is gone", hint="end it, or wait")
        kept = {name: getattr(task, name) for name in _KEPT}
        try:
            os.makedirs(self._path(task.id, "run"), mode=0o700, exist_ok=True)
            os.makedirs(self._path(task.id, "state"), mode=0o700, exist_ok=True)
            local_part.put(path, json.dumps({**kept, "environment": dict(task.environment)}))
        except OSError as error:
            raise ExecutorError(f"can't keep task {task.id}: {error.strerror}", hint=_WANT) from error
        return task.id

    def start(self, handle: str) -> None:
        """Start the next part, or let a frozen one go on; nothing if one runs or the task has ended."""
        task = self._task(handle)
        if self.status(handle).state not in ("waiting", "paused", "lost") or self._thaw(handle, task):
            return
        lock = self._lock(handle, fcntl.LOCK_EX)
        if lock is None:
            return
        try:
            if self._state(handle, task, locked=False).state in ("waiting", "paused", "lost"):
                self._spawn(handle, task, lock)
        finally:
            os.close(lock)  # the process that was started holds it, too

    def stop(self, handle: str) -> None:
        """Ask the running part to save and end, or freeze it."""
        task = self._task(handle)
        part = self._part(handle)
        if part is None or part.ended or self._asked_s(handle, part) is not None or not part.alive(handle, self._root):
            return
        self._mark(handle, f"part-{part.number}.stop")
        part.signal(signal.SIGSTOP if task["stop"] == "freeze" else signal.SIGTERM)

    def resume(self, handle: str) -> None:
        """Let a frozen part go on, or start the next one."""
        self.start(handle)

    def status(self, handle: str) -> TaskStatus:
        """How it stands; "lost" if its folder is gone, or its process without a word."""
        try:
            task = self._task(handle)
            lock = self._lock(handle, fcntl.LOCK_SH)
        except ExecutorError as error:
            return TaskStatus(state="lost", detail=error.message)
        if lock is not None:
            os.close(lock)
        return self._state(handle, task, locked=lock is None)

    def cancel(self, handle: str) -> None:
        """End it: SIGTERM now, SIGKILL `save_s` later or at a second call. Raises ExecutorError."""
        task = self._task(handle)
        if self._state(handle, task, locked=False).state in ("finished", "failed", "cancelled"):
            return
        again = os.path.exists(self._path(handle, "run/cancel"))
        try:
            local_part.put(self._path(handle, "run/cancel"), "")
        except OSError as error:
            raise ExecutorError(f"can't cancel task {handle}: {error.strerror}", hint=_WANT) from error
        part = self._part(handle)
        if part is not None and not part.ended and part.alive(handle, self._root):
            for number in (signal.SIGKILL,) if again else (signal.SIGTERM, signal.SIGCONT):
                part.signal(number)
            part.wake(self._root)

    def log_path(self, handle: str) -> str:
        """Where what the task printed lies."""
        return self._path(handle, "out.log")

    # --- how it stands ---

    def _state(self, handle: str, task: dict[str, Any], *, locked: bool) -> TaskStatus:
        part = self._part(handle)
        cancelled = os.path.exists(self._path(handle, "run/cancel"))
        if part is not None and part.ended:
            # the lock is freed a moment after the end is written down: a next part can't start before
            return TaskStatus(state="stopping") if locked and part.code != 0 else self._ended(part, handle)
        alive = part is not None and part.alive(handle, self._root)
        if cancelled:
            return TaskStatus(state="stopping" if alive or locked else "cancelled")
        if part is not None and alive:
            return self._running(handle, task, part, locked=locked)
        if locked:
            return TaskStatus(state="running", detail="it starts, or its end is being written down")
        if part is None:
            return TaskStatus(state="waiting")
        if self._asked_s(handle, part) is not None:
            return TaskStatus(state="paused")
        return TaskStatus(
            state="lost", detail="it ended without a word: the machine, or all of its processes, were stopped"
        )

    def _running(self, handle: str, task: dict[str, Any], part: Part, *, locked: bool) -> TaskStatus:
        asked_s = self._asked_s(handle, part)
        if asked_s is None:
            return TaskStatus(state="running", detail="" if locked else "the process that watched it was killed")
        if task["stop"] == "freeze":
            return TaskStatus(state="paused", detail="frozen")
        if asked_s <= self._clock.real_s(task["save_s"]) + self._settle_s:
            return TaskStatus(state="stopping")
        return TaskStatus(state="running", detail="asked to stop, it goes on: left running")

    def _ended(self, part: Part, handle: str) -> TaskStatus:
        code = part.code if part.code is not None else 128 + (part.by_signal or 0)
        ending = f"exit code {code}" if part.by_signal is None else f"ended by signal {part.by_signal}"
        if code == 0:
            return TaskStatus(state="finished", exit_code=0)
        if os.path.exists(self._path(handle, "run/cancel")):
            return TaskStatus(state="cancelled", exit_code=code)
        if code == STOPPED_AT_CHECKPOINT or self._asked_s(handle, part) is not None:
            return TaskStatus(state="paused", exit_code=code, detail=ending)
        if part.oom:
            again = f", {part.oom} times in a row" if part.oom > 1 else ""
            ending = f"out of memory, most likely: the kernel killed it{again}"
        state = "lost" if code in _FROM_OUTSIDE and part.oom < _MOST_OOM else "failed"
        return TaskStatus(state=state, exit_code=code, detail=ending)

    # --- parts ---

    def _part(self, handle: str) -> Part | None:
        return last_part(self._path(handle, "run"), self._root)

    def _spawn(self, handle: str, task: dict[str, Any], lock: int) -> None:
        part = self._part(handle)
        state = self._path(handle, "state")
        given = task["environment"]
        environ = given if "PATH" in given else {**os.environ, **given}  # that of whoever drives would be another's
        environ = {**environ, "JOULEWISE_TASK_ID": handle, "JOULEWISE_TASK_STATE": state}
        grace_s = self._clock.real_s(task["save_s"]) + self._settle_s
        number = part.number + 1 if part else 1
        words = [local_part.__file__, self._path(handle, "run"), str(number), str(lock)]
        words += [self._output or self.log_path(handle), repr(grace_s), *task["command"]]
        streams = None if self._output == "-" else subprocess.DEVNULL
        try:
            os.makedirs(state, mode=0o700, exist_ok=True)
            subprocess.run(
                [sys.executable, "-I", "-S", *words],
                check=False,
                cwd=task["folder"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=streams,
                stderr=streams,
                pass_fds=(lock,),
                start_new_session=True,
            )
        except OSError as error:
            raise ExecutorError(f"can't start task {handle}: {error}", hint="is its folder still there?") from error

    def _thaw(self, handle: str, task: dict[str, Any]) -> bool:
        """Let a frozen part go on; False if there is none."""
        part = self._part(handle)
        frozen = task["stop"] == "freeze" and part is not None and self._asked_s(handle, part) is not None
        if part is None or not frozen or part.ended or not part.alive(handle, self._root):
            return False
        part.signal(signal.SIGCONT)
        os.unlink(self._path(handle, f"run/part-{part.number}.stop"))
        return True

    # --- files ---

    def _path(self, handle: str, name: str) -> str:
        return os.path.join(self.folder, os.path.basename(handle), name)

    def _task(self, handle: str) -> dict[str, Any]:
        try:
            with open(self._path(handle, "task.json"), encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
        except (OSError, ValueError) as error:
            hint = "joulewise tasks lists those that there are"
            raise ExecutorError(f"nothing is kept of task {handle}: {error}", hint=hint) from error
        return found

    def _lock(self, handle: str, kind: int) -> int | None:
        """The lock of the task's parts, if none runs: LOCK_EX to start one, LOCK_SH to look."""
        try:
            fd = os.open(self._path(handle, "run/lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ExecutorError(f"can't lock task {handle}: {error.strerror}", hint=_WANT) from error
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except OSError:  # a part runs, or somebody looks: whoever wants to start one tries again later
            os.close(fd)
            return None
        return fd

    def _mark(self, handle: str, name: str) -> None:
        try:
            local_part.put(self._path(handle, f"run/{name}"), f"{time.monotonic()} {boot_id(self._root)}")
        except OSError:  # a full disk: the signal matters more than the note
            return

    def _asked_s(self, handle: str, part: Part) -> float | None:
        """Real seconds since the part was asked to stop; None if it was not. Infinite if that was before a reboot."""
        try:
            with open(self._path(handle, f"run/part-{part.number}.stop"), encoding="ascii") as file:
                asked_s, boot = file.read().split()
        except (OSError, ValueError):
            return None
        return time.monotonic() - float(asked_s) if boot == boot_id(self._root) else float("inf")
