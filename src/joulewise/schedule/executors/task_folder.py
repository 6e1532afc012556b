"""The folder of one task on the disk that submitter and cluster share: what to run, and what became of it.

    FOLDER/task.json     what to run; readable by its owner only, since an environment may hold secrets
    FOLDER/job           the cluster's own id of the job, noted by the submitter and by the job itself
    FOLDER/stop          asked to save and stop   resume  asked to go on, while it was still stopping
    FOLDER/cancel        ended for good
    FOLDER/result.json   how the last attempt ended
    FOLDER/out.log       what it printed, all attempts one after the other
    FOLDER/state/        for its checkpoints

Every file is written whole, then renamed: a reader sees the old or the new one. The path of the folder is the handle.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.core.ulid import is_ulid

STOPPED, ENDED, TERMINATED = "stopped", "ended", "terminated"
"""How an attempt ends: saved, or stopped because it was asked to; by itself; by a signal that nobody explains."""
_TIMES = ("not_before", "latest_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the last attempt ended; `exit_code` as shells say it (128 + signal), None if none is known."""

    job: str
    how: str
    exit_code: int | None
    detail: str = ""


class TaskFolder:
    """See the module. Reading raises ExecutorError only where the folder itself is not there."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, task: Task, within: str = "") -> TaskFolder:
        """The task's folder, by default inside its working folder; what is there already stays.

        Raises ExecutorError if the task can't be handed over: no such folder, no right to write, a zero byte.
        """
        check(task)
        folder = cls(Path(within or f"{os.path.abspath(task.folder)}/.joulewise/tasks") / task.id)
        try:
            (folder.path / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.path.chmod(0o700)
            if not (folder.path / "task.json").exists():
                folder._write("task.json", json.dumps(task_to_dict(task), indent=1))
        except OSError as error:
            raise ExecutorError(
                f"can't keep the task in {folder.path}: {error.strerror}",
                hint="a folder that you may write to, on the disk that the cluster shares",
            ) from error
        return folder

    def exists(self) -> bool:
        """Whether a task was ever kept here."""
        return (self.path / "task.json").exists()

    @property
    def task(self) -> Task:
        """What to run. Raises ExecutorError if the folder is gone or damaged."""
        try:
            return task_from_dict(json.loads((self.path / "task.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExecutorError(
                f"no task in {self.path}: {error}", hint="the folder was moved or removed; submit the task again"
            ) from error

    @property
    def task_id(self) -> str:
        """The ULID of the task: the folder's name."""
        return self.path.name

    @property
    def log(self) -> Path:
        """What the task printed."""
        return self.path / "out.log"

    @property
    def state(self) -> Path:
        """Where the task keeps its checkpoints."""
        return self.path / "state"

    @property
    def job(self) -> str:
        """The cluster's own id of the job, "" as long as none is known."""
        return self._read("job").strip()

    def note_job(self, job: str) -> None:
        """Keep the cluster's id."""
        self._write("job", job)

    @property
    def result(self) -> Result | None:
        """How the last attempt ended, None while it runs, before the first, or if nobody can tell."""
        try:
            return Result(**json.loads(self._read("result.json")))
        except (ValueError, TypeError):  # absent, or torn by a disk that lost power
            return None

    def write_result(self, result: Result) -> None:
        """Keep how the attempt ended."""
        self._write("result.json", json.dumps(asdict(result)))

    def clear_result(self) -> None:
        """A new attempt begins."""
        (self.path / "result.json").unlink(missing_ok=True)

    def marked(self, mark: str) -> bool:
        """Whether "stop", "resume" or "cancel" is asked."""
        return (self.path / mark).exists()

    def mark(self, mark: str, said: str = "") -> None:
        """Ask to "stop", "resume" or "cancel"."""
        self._write(mark, said)

    def said(self, mark: str) -> str:
        """What the mark says, "" if it says nothing or is not there."""
        return self._read(mark)

    def unmark(self, mark: str) -> None:
        """Take it back."""
        (self.path / mark).unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by who submits: two submitters at once must not start two jobs. The kernel frees it if we die."""
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _write(self, name: str, text: str) -> None:
        scratch = self.path / f".{name}.{os.getpid()}"
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, self.path / name)


def check(task: Task) -> None:
    """Refuse what can't be handed over to a place that shares our disk. Raises ExecutorError."""
    check_words(task)
    if not Path(task.folder).is_dir():
        raise ExecutorError(f"there is no folder {task.folder}", hint="start from the folder in which the job works")


def check_words(task: Task) -> None:
    """Refuse what no place could take. Raises ExecutorError."""
    if not is_ulid(task.id):
        raise ExecutorError(f"want a ULID as the task's id, got {task.id!r}")
    if not task.command or not task.command[0]:
        raise ExecutorError("the task has no command", hint="joulewise submit -- python train.py")
    for text in (*task.command, *task.environment, *task.environment.values(), task.folder):
        if "\0" in text:
            raise ExecutorError(f"a zero byte can't be handed to a command: {text!r}")
    for name in task.environment:
        if not name or "=" in name:
            raise ExecutorError(f"{name!r} can't name an environment variable")


def task_to_dict(task: Task) -> dict[str, Any]:
    """For JSON."""
    fields = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    times = {name: fields[name].isoformat() if fields[name] else None for name in _TIMES}
    return {**fields, "environment": dict(task.environment), "resources": dict(task.resources), **times}


def task_from_dict(fields: Mapping[str, Any]) -> Task:
    """From JSON. Raises KeyError, TypeError or ValueError if it is none of ours."""
    times = {name: datetime.fromisoformat(fields[name]) if fields[name] else None for name in _TIMES}
    return Task(**{**fields, "command": tuple(fields["command"]), **times})
