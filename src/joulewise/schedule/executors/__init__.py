"""Places that run tasks: this machine, Slurm, Ray, Kubernetes.

Each is a plug-in of the group `joulewise.executors`: a callable `(folder, clock) -> Executor`, where `folder` is the
folder of the tasks on this machine (one below it a task) and `clock` the time they live in.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from joulewise.core import plugins

if TYPE_CHECKING:
    from joulewise.core.plans import Task
    from joulewise.core.protocols import Executor
    from joulewise.schedule.clock import Clock

STOPPED_AT_CHECKPOINT = 75
"""Exit code of a job that has saved its state and stopped because it was asked to (EX_TEMPFAIL of sysexits.h)."""


def executor(name: str, folder: str, clock: Clock) -> Executor:
    """The executor of that name. Raises NotFound, PluginMissing, ExecutorError."""
    found: Executor = plugins.load("executors", name)(folder, clock)
    return found


def state_folder(name: str, folder: str, task: Task) -> str:
    """Where a task at that place keeps its checkpoints, as seen from here; "" if that can't be seen from here."""
    if name == "local":
        return os.path.join(folder, task.id, "state")
    shared = os.path.join(os.path.abspath(task.folder), ".joulewise", "tasks", task.id, "state")
    return shared if name in ("slurm", "ray") and os.path.isdir(shared) else ""
