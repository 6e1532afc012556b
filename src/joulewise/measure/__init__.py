"""Joules of a piece of work.

A session takes snapshots of raw counters into a journal; `fold` makes figures of a journal's counts afterwards, whether
the process lived, died or had many ranks. Other rooms use what is named here; each name is imported when asked for, so
that a measured process carries no more than it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.measure.calibrate import Calibration
    from joulewise.measure.commands import Measured, run_command, watch
    from joulewise.measure.doctor import Diagnosis, diagnose
    from joulewise.measure.job import Job
    from joulewise.measure.result import Result
    from joulewise.measure.session import Session
    from joulewise.measure.spool import Taken, filed_folder, mark_filed, running, take_in

_PLACES = {
    "Calibration": "calibrate",
    "Diagnosis": "doctor",
    "Job": "job",
    "Measured": "commands",
    "Result": "result",
    "Session": "session",
    "Taken": "spool",
    "diagnose": "doctor",
    "filed_folder": "spool",
    "mark_filed": "spool",
    "run_command": "commands",
    "running": "spool",
    "take_in": "spool",
    "watch": "commands",
}

__all__ = [
    "Calibration",
    "Diagnosis",
    "Job",
    "Measured",
    "Result",
    "Session",
    "Taken",
    "diagnose",
    "filed_folder",
    "mark_filed",
    "run_command",
    "running",
    "take_in",
    "watch",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sys

    module_name = f"{__name__}.{_PLACES[name]}"
    __import__(module_name)
    return getattr(sys.modules[module_name], name)
