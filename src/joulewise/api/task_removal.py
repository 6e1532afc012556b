"""Removing tasks that have ended: what was asked, printed and saved as checkpoints. Their runs stay in the ledger."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from joulewise.core.errors import JournalError, UsageError
from joulewise.schedule.executors import state_folder

if TYPE_CHECKING:
    from joulewise.api.submitting import Tasks
    from joulewise.schedule.task_record import TaskRecord

_GOING = ".removed-"
"""What a folder is called while it goes: should we be killed meanwhile, the next removal finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The tasks that are gone, and the bytes that they took."""

    ids: tuple[str, ...]
    size_bytes: int

    def __str__(self) -> str:
        """A line for people."""
        if not self.ids:
            return "no task was removed"
        size = f"{self.size_bytes / 1e6:.1f} MB" if self.size_bytes >= 1e5 else f"{self.size_bytes / 1e3:.1f} kB"
        return f"removed {len(self.ids)} task{'s' * (len(self.ids) != 1)}, {size}; their runs stay in the ledger"


def remove(tasks: Tasks, names: tuple[str, ...]) -> Removed:
    """Remove tasks by id, start or end of one, name or "last". Nothing is removed if one of them has not ended.

    Raises NotFound, UsageError for one that has not ended or is not accounted for, JournalError if a folder can't go.
    """
    found = [tasks.one(name) for name in dict.fromkeys(names)]
    for record in found:
        _require_ended(record)
    return _remove(tasks, found)


def remove_ended(tasks: Tasks, older_than_s: float = 0.0) -> Removed:
    """Remove all tasks that ended at least so many seconds ago and are accounted for. Raises JournalError."""
    limit = tasks.clock.now() - timedelta(seconds=older_than_s)
    ended = [one for one in tasks.all() if one.ended and one.accounted]
    return _remove(tasks, [one for one in ended if one.ended_at is not None and one.ended_at <= limit])


def _require_ended(record: TaskRecord) -> None:
    if not record.ended:
        raise UsageError(f"task {record.id} has not ended: {record.state}", hint=f"joulewise tasks cancel {record.id}")
    if not record.accounted:
        raise UsageError(f"what task {record.id} cost is not filed yet", hint="joulewise tasks drive")


def _remove(tasks: Tasks, records: list[TaskRecord]) -> Removed:
    gone, size_bytes = [], 0
    _sweep(tasks.folder)
    for record in records:
        fd = tasks.journal.take(record.id)
        if fd is None:  # somebody looks after it in this moment
            continue
        try:
            size_bytes += _take_away(tasks, record)
        finally:
            os.close(fd)
        gone.append(record.id)
    return Removed(ids=tuple(gone), size_bytes=size_bytes)


def _take_away(tasks: Tasks, record: TaskRecord) -> int:
    """Remove its folder, and that on the disk which it shares with a cluster; the bytes that they took."""
    place = record.submission.executor
    state = state_folder(place, tasks.folder, record.submission.task)
    shared = [os.path.dirname(state)] if state and place != "local" else []
    own = os.path.join(tasks.folder, record.id)
    size_bytes = sum(_size_bytes(one) for one in (own, *shared))
    going = os.path.join(tasks.folder, _GOING + record.id)
    tasks.journal.close(record.id)
    try:
        for one in shared:
            shutil.rmtree(one)
        os.rename(own, going)
        shutil.rmtree(going)
    except OSError as error:
        raise JournalError(f"can't remove task {record.id}: {error}", hint="whose files are they?") from error
    return size_bytes


def _sweep(folder: str) -> None:
    """Finish what an earlier removal did not."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.startswith(_GOING):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _size_bytes(folder: str) -> int:
    return sum(
        os.lstat(os.path.join(where, name)).st_size for where, _, names in os.walk(folder) for name in names
    )  # fmt: skip
