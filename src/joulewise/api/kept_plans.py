"""A plan beside its task's journal until the ledger has it: one that can't be reached at submit may be there later."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

from joulewise.core.errors import JoulewiseError

if TYPE_CHECKING:
    from joulewise.core.plans import Plan
    from joulewise.ledger import Ledger

_log = logging.getLogger(__name__)
_FILE = "plan.json"


def keep(plan: Plan, folder: str, task_id: str) -> None:
    """Write the whole plan into the task's folder. On a full disk it is left out: the task goes on without it."""
    from joulewise.ledger.plan_document import plan_document

    path = _path(folder, task_id)
    scratch = f"{path}.{os.getpid()}"
    try:
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            json.dump(plan_document(plan), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError as error:
        _log.warning("the plan of task %s is not kept beside it: %s", task_id, error.strerror)


def file_kept(folder: str, task_id: str, ledger: Ledger) -> None:
    """File the plan that is still kept, if there is one; filing twice is filing once."""
    from joulewise.ledger.plan_document import plan_from

    try:
        with open(_path(folder, task_id), encoding="utf-8") as file:
            plan = plan_from(json.load(file))
    except FileNotFoundError:  # the ledger has it, or there never was one
        return
    except (OSError, ValueError, JoulewiseError) as error:
        _log.warning("the plan kept with task %s can't be read: %s", task_id, error)
        return
    ledger.append_plan(plan)
    forget(folder, task_id)


def forget(folder: str, task_id: str) -> None:
    """The ledger has the plan."""
    try:
        os.unlink(_path(folder, task_id))
    except OSError as error:  # it is filed once more, which changes nothing
        _log.info("the plan kept with task %s stays: %s", task_id, error.strerror)


def _path(folder: str, task_id: str) -> str:
    return os.path.join(folder, os.path.basename(task_id), _FILE)
