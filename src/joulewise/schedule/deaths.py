"""Abrupt ends of a task: how many in a row brought it no further, how long to wait after them, when to give up."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from joulewise.schedule.executors import state_folder

if TYPE_CHECKING:
    from joulewise.schedule.clock import Clock
    from joulewise.schedule.task_record import TaskRecord

MOST_IN_A_ROW = 3
"""After so many without a new checkpoint the next one would end alike."""
LONGEST_REST_S = 60.0
_NOT_PROGRESS = (".jnl", ".sums", ".new")
"""Notes beside a checkpoint, and one that was not finished."""


def saved_at(record: TaskRecord, folder: str, clock: Clock) -> datetime | None:
    """When the newest checkpoint was saved, as `clock` shows it; long ago if none was.

    None where that can't be seen from here. `folder` is that of all tasks.
    """
    state = state_folder(record.submission.executor, folder, record.submission.task)
    if not state:
        return None
    times = [changed_s for path in _files(state) if (changed_s := _changed_s(path)) is not None]
    return clock.shown_at(datetime.fromtimestamp(max(times), UTC)) if times else datetime.min.replace(tzinfo=UTC)


def _files(folder: str) -> list[str]:
    return [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if not name.endswith(_NOT_PROGRESS)
    ]


def _changed_s(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:  # replaced in this moment
        return None


def in_a_row(record: TaskRecord, newest: datetime | None) -> int:
    """Abrupt ends since it was paused, or since the execution that saved the `newest` checkpoint; None counts all."""
    count = 0
    for index in reversed(range(len(record.spans))):
        before = record.spans[index - 1].seen if index else record.submission.submitted_at
        if record.spans[index].how != "lost" or (newest is not None and newest > before):
            break
        count += 1
    return count


def rest_s(deaths: int) -> float:
    """How long to wait before it is started again: 1, 2, 4, ... s, at most a minute; >= 1."""
    return float(min(2.0 ** min(max(0, deaths - 1), 10), LONGEST_REST_S))
