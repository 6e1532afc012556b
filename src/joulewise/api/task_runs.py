"""What the ledger knows of tasks: the run of the whole task, those of its parts, and what its plan saved."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joulewise.api import filing
from joulewise.api.task_accounting import settings_of
from joulewise.core import settings as _settings
from joulewise.core.errors import JoulewiseError

if TYPE_CHECKING:
    from joulewise.core.plans import Decision
    from joulewise.ledger import RunRow
    from joulewise.schedule.task_record import TaskRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRuns:
    """The run of the task (None: not filed, or not yet), its parts, oldest first, and the decision that holds."""

    whole: RunRow | None = None
    parts: tuple[RunRow, ...] = ()
    decision: Decision | None = None


def runs_of(record: TaskRecord) -> TaskRuns:
    """All that is filed of a task. A ledger that can't be reached now is logged, and nothing is known."""
    if not _is_filed(record):
        return TaskRuns()
    try:
        with filing.opened(settings_of(record)) as ledger:
            return TaskRuns(
                whole=next(iter(ledger.rows([record.id])), None),
                parts=ledger.children(record.id),
                decision=next(reversed(ledger.decisions(record.id)), None),
            )
    except JoulewiseError as error:
        _log.warning("the runs of task %s: %s", record.id, error.message)
        return TaskRuns()


def whole_runs(records: Iterable[TaskRecord]) -> dict[str, RunRow]:
    """The runs of the tasks that are filed, by id; each ledger is opened once."""
    by_ledger: dict[str, list[TaskRecord]] = {}
    for record in filter(_is_filed, records):
        by_ledger.setdefault(_settings.ledger_url(settings_of(record), os.environ), []).append(record)
    found: dict[str, RunRow] = {}
    for filed in by_ledger.values():
        try:
            with filing.opened(settings_of(filed[0])) as ledger:
                found.update({row.id: row for row in ledger.rows([record.id for record in filed])})
        except JoulewiseError as error:
            _log.warning("the runs of %d tasks: %s", len(filed), error.message)
    return found


def _is_filed(record: TaskRecord) -> bool:
    return record.accounted == record.id
