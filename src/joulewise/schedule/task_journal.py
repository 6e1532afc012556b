"""The state of submitted tasks on disk, an append-only journal each, so that whoever drives them may die at any time.

    FOLDER/<task id>/task.jnl   the journal: lines of measure.journal (kind, JSON, CRC)
    FOLDER/<task id>/lock       held by the one that drives the task now, with who that is

Lines:  T what was submitted   P a plan   H the executor's handle   R it runs   S seen running   Q asked to stop
        Z it runs no longer, and why   E the end   A its saving is filed   K a note
A torn or damaged line is left out and named; the rest counts. Readable by its owner only: an environment may hold keys.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from joulewise.core.errors import JournalError, NotFound
from joulewise.core.plans import TaskStatus
from joulewise.core.ulid import is_ulid
from joulewise.measure.facts import boot_id, start_ticks
from joulewise.measure.journal import Journal, line_of
from joulewise.measure.meters.sysfs import entries, text_of
from joulewise.measure.reading import valid_lines
from joulewise.schedule.task_record import (
    OPEN,
    Schedule,
    Span,
    Submission,
    TaskRecord,
    plain,
    schedule_from,
    submission_as_plain,
    submission_from,
)

_FILE, _LOCK = "task.jnl", "lock"


class TaskJournal:
    """The tasks below a folder. One object may be used by one thread only."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._open: dict[str, Journal] = {}
        self._read: dict[str, tuple[tuple[int, int, int], TaskRecord]] = {}

    # --- writing ---

    def create(self, submission: Submission) -> bool:
        """Begin a task's journal; False if there is one. Raises JournalError if it can't be written whole."""
        task_id = submission.task.id
        path = self._path(task_id, _FILE)
        if os.path.exists(path):
            return False
        scratch = f"{path}.{os.getpid()}"
        line = line_of("T", json.dumps(submission_as_plain(submission)))
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            _write_whole(scratch, line)
            os.link(scratch, path)  # refused if another process was first
        except FileExistsError:
            return False
        except OSError as error:
            hint = "free some disk space, or set XDG_STATE_HOME to a disk with hard links"
            raise JournalError(f"can't keep the task: {path}: {error.strerror}", hint=hint) from error
        finally:
            _tidy(scratch)
        return True

    def plan(self, task_id: str, schedule: Schedule) -> None:
        """A plan holds from now on."""
        self._record(task_id, "P", plain(asdict(schedule)))

    def handle(self, task_id: str, handle: str) -> None:
        """The executor has taken it."""
        self._record(task_id, "H", {"handle": handle})

    def runs(self, task_id: str, at: datetime) -> None:
        """It is seen running for the first time since it was started."""
        self._record(task_id, "R", {"at": at.isoformat()})

    def seen(self, task_id: str, at: datetime, ran_s: float) -> None:
        """It still runs, since its start for `ran_s`."""
        self._record(task_id, "S", {"at": at.isoformat(), "ran_s": ran_s}, sync=False)

    def asked(self, task_id: str, at: datetime) -> None:
        """It was asked to stop."""
        self._record(task_id, "Q", {"at": at.isoformat()})

    def rests(self, task_id: str, at: datetime, how: str, ran_s: float = 0.0) -> None:
        """It runs no longer: paused, after `ran_s`, or lost."""
        self._record(task_id, "Z", {"at": at.isoformat(), "how": how, "ran_s": ran_s})

    def end(self, task_id: str, at: datetime, status: TaskStatus, ran_s: float = 0.0) -> None:
        """It has ended for good."""
        told = {"state": status.state, "exit_code": status.exit_code, "detail": status.detail}
        self._record(task_id, "E", {"at": at.isoformat(), "ran_s": ran_s, **told})

    def accounted(self, task_id: str, what: str) -> None:
        """Its saving has been filed, or can't be."""
        self._record(task_id, "A", {"what": what})

    def note(self, task_id: str, at: datetime, text: str) -> None:
        """Something that its owner should know."""
        self._record(task_id, "K", {"at": at.isoformat(), "text": text})

    def problem(self, task_id: str) -> str:
        """Why lines are still in memory only; "" if all is on disk."""
        journal = self._open.get(task_id)
        return journal.problem if journal is not None else ""

    def _record(self, task_id: str, kind: str, payload: dict[str, Any], *, sync: bool = True) -> None:
        """Append; what can't be written now is kept in memory and written with the next line."""
        journal = self._open.get(task_id) or self._opened(task_id)
        journal.append(line_of(kind, json.dumps(payload)))
        if sync:
            journal.sync()

    def _opened(self, task_id: str) -> Journal:
        path = self._path(task_id, _FILE)
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise NotFound(
                f"the journal of task {task_id} is gone: {error.strerror}", hint="joulewise tasks"
            ) from error
        journal = self._open[task_id] = Journal(path, fd)
        if not _ends_a_line(fd):  # torn by a full disk or a power cut
            journal.pending.append(b"\n")
        return journal

    def close(self, task_id: str = "") -> None:
        """Close one journal, or all."""
        for one in [task_id] if task_id else list(self._open):
            journal = self._open.pop(one, None)
            if journal is not None:
                journal.close()

    # --- reading ---

    def read(self, task_id: str) -> TaskRecord:
        """What is known of a task, lines that are in memory only included. Raises NotFound, JournalError."""
        path = self._path(task_id, _FILE)
        journal = self._open.get(task_id)
        pending = b"".join([b"\n", *journal.pending]) if journal is not None and journal.pending else b""
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                state = (found.st_ino, found.st_size, len(pending))
                known = self._read.get(task_id)
                if known is not None and known[0] == state:
                    return known[1]
                content = file.read()
        except OSError as error:
            raise NotFound(f"no task {task_id}: {error.strerror}", hint="joulewise tasks lists them") from error
        record = _folded(path, content + pending)
        self._read[task_id] = (state, record)
        return record

    def exists(self, task_id: str) -> bool:
        """False once its folder was deleted."""
        return os.path.exists(self._path(task_id, _FILE))

    def ids(self) -> list[str]:
        """All tasks, oldest first."""
        return [name for name in entries(self.folder) if is_ulid(name) and self.exists(name)]

    def tasks(self, *, only_open: bool = False) -> Iterator[TaskRecord]:
        """All tasks whose journal can be read, oldest first."""
        for task_id in self.ids():
            try:
                record = self.read(task_id)
            except (JournalError, NotFound):  # deleted in this moment, or damaged: its folder stays for a look
                continue
            if not only_open or record.state in OPEN:
                yield record

    def resolve(self, text: str) -> str:
        """The id of a task by its id, start or end of one, its name, or "last". Raises NotFound."""
        found = self.ids()
        if text == "last" and found:
            return found[-1]
        upper = text.upper()
        matching = [one for one in found if upper and (one.startswith(upper) or one.endswith(upper))]
        if not matching:
            matching = [record.id for record in self.tasks() if record.submission.task.name == text][-1:]
        if len(matching) != 1:
            what = f"{len(matching)} tasks match" if matching else "no task is called"
            raise NotFound(f"{what} {text!r}", hint="joulewise tasks lists them")
        return matching[0]

    # --- who drives ---

    def take(self, task_id: str) -> int | None:
        """The right to drive a task: a descriptor to close afterwards. None if another process has it."""
        path = self._path(task_id, _LOCK)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # its folder is gone
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        if _driven_by_another(os.pread(fd, 256, 0).decode("ascii", "replace")) or not _same_file(fd, path):
            os.close(fd)
            return None
        _sign(fd)
        return fd

    def driver(self, task_id: str) -> int | None:
        """The pid of who drives a task now, None if nobody does."""
        words = text_of(self._path(task_id, _LOCK)).split()
        return int(words[0]) if _lives(words) else None

    def _path(self, task_id: str, name: str) -> str:
        return os.path.join(self.folder, os.path.basename(task_id), name)


def _tidy(scratch: str) -> None:
    """Remove what a submission leaves: its scratch file, and its folder if nothing else came of it."""
    for remove, path in ((os.unlink, scratch), (os.rmdir, os.path.dirname(scratch))):
        try:
            remove(path)
        except OSError:  # not there, or in use: then it belongs there
            continue


def _write_whole(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(28, "No space left on device")
        os.fsync(fd)
    finally:
        os.close(fd)


def _ends_a_line(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


def _sign(fd: int) -> None:
    """Write who drives, over who did; on a full disk the lock alone must do."""
    try:
        os.pwrite(fd, f"{os.getpid()} {start_ticks(os.getpid())} {boot_id()}".ljust(96).encode("ascii"), 0)
    except OSError:
        return


def _driven_by_another(text: str) -> bool:
    """True if the one that signed lives and is not us: the lock does not hold on every network disk."""
    words = text.split()
    return _lives(words) and int(words[0]) != os.getpid()


def _lives(words: list[str]) -> bool:
    if len(words) != 3 or not words[0].isdigit():
        return False
    return words[2] == boot_id() and str(start_ticks(int(words[0]))) == words[1]


def _same_file(fd: int, path: str) -> bool:
    """False if the folder was deleted, and perhaps made anew, in this moment."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False


def _folded(path: str, content: bytes) -> TaskRecord:
    record: TaskRecord | None = None
    problems: list[str] = []
    for kind, payload in valid_lines(content, problems):
        values = json.loads(payload)
        if kind == "T":
            record = _begun(path, values)
        elif record is not None:
            _apply(record, kind, values)
    if record is None:
        raise JournalError(f"{path} holds no task", hint="its folder can be deleted")
    record.problems = problems
    return record


def _begun(path: str, values: dict[str, Any]) -> TaskRecord:
    try:
        return TaskRecord(submission=submission_from(values))
    except (LookupError, TypeError, ValueError) as error:
        raise JournalError(f"{path} can't be read: {error!r}", hint="it may be of another version") from error


def _apply(record: TaskRecord, kind: str, values: dict[str, Any]) -> None:
    """One line of those after the first."""
    if kind == "P":
        record.schedule = schedule_from(values)
        record.first_plan_id = record.first_plan_id or record.schedule.plan_id
    elif kind == "H":
        record.handle = values["handle"]
    elif kind == "A":
        record.accounted = values["what"]
    elif "at" in values:
        _happened(record, kind, datetime.fromisoformat(values["at"]), values)


def _happened(record: TaskRecord, kind: str, at: datetime, values: dict[str, Any]) -> None:
    """One line with a time. A span goes on with "S" and ends with "Z" or "E"; a lost one as it was seen last."""
    if kind == "K":
        record.notes.append((at, values["text"]))
    elif kind == "R":
        record.spans.append(Span(at, at))
        record.state = "running"
    elif kind == "Q":
        record.state = "stopping"
    elif kind == "S":
        _go_on(record, at, values["ran_s"])
        record.state = "running"
    elif kind == "Z":
        _go_on(record, at, values["ran_s"], values["how"])
        record.state = "paused" if values["how"] == "paused" else "waiting"
    elif kind == "E":
        _go_on(record, at, values["ran_s"], values["state"])
        record.state, record.exit_code, record.detail = values["state"], values["exit_code"], values["detail"]
        record.ended_at = at


def _go_on(record: TaskRecord, seen: datetime, ran_s: float, how: str = "") -> None:
    if not record.spans or record.spans[-1].how:
        return
    last = record.spans[-1]
    if how == "lost":
        seen = last.seen
    record.spans[-1] = replace(last, seen=max(seen, last.seen), ran_s=max(ran_s, last.ran_s), how=how)
