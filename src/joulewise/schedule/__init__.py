"""Where and when a job runs best, the places that run it, and what that saved.

Other rooms use the names below; they load on first use: a measured process that asks for checkpoints needs no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

_HOME: dict[str, str] = {}

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"joulewise.schedule.{_HOME[name]}"), name)
