"""The files of the cache: JSON with series of signals and times, read without trust and replaced whole.

A folder that can't be written costs the memory, not the answer.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from joulewise.core.errors import JoulewiseError
from joulewise.core.signal_series import Series, from_series, moment_text, to_series
from joulewise.core.signals import Signal

_log = logging.getLogger(__name__)

VERSION = 1
"""Of the files' shape; files of another version are fetched anew."""
PATIENCE_S = 20.0
"""So long a file that another process holds is waited for; then we go on without its lock."""
_POLL_S = 0.05
Content = TypeVar("Content")


@dataclass(slots=True)
class Month:
    """Signals of a source and zone in a month, and when each hour was asked for."""

    signals: list[Signal] = field(default_factory=list)
    asked: dict[datetime, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a source said when it was asked for the time until `until`."""

    asked_at: datetime
    until: datetime
    signals: tuple[Signal, ...]


@contextmanager
def locked(path: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Alone with a file, among processes and threads; a holder that was stopped or hangs is not waited for."""
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        yield
        return
    try:
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(lock)


def read_month(path: Path) -> Month:
    """Empty if the file is absent, damaged or of another version."""
    return _read(path, _month) or Month()


def write_month(path: Path, month: Month) -> None:
    """Replace the file."""
    asked = [[moment_text(hour), moment_text(at)] for hour, at in sorted(month.asked.items())]
    _write(path, {"signals": _kept(month.signals), "asked": asked})


def read_forecasts(path: Path) -> list[Forecast]:
    """Oldest first; [] if the file is absent, damaged or of another version."""
    return _read(path, _forecasts) or []


def write_forecasts(path: Path, forecasts: list[Forecast]) -> None:
    """Replace the file."""
    rows = [
        {"asked_at": moment_text(one.asked_at), "until": moment_text(one.until), "signals": _kept(one.signals)}
        for one in forecasts
    ]
    _write(path, {"forecasts": rows})


def read_failure(path: Path) -> tuple[datetime, str] | None:
    """When a source failed last, and why."""
    return _read(path, lambda found: (_moment(found["at"]), str(found["why"])))


def write_failure(path: Path, at: datetime, why: str) -> None:
    """Replace the file."""
    _write(path, {"at": moment_text(at), "why": why})


def _kept(signals: Iterable[Signal]) -> list[Series]:
    """What comes back from here is graded `cache`, however it came."""
    return [{**one, "grade": "cache"} for one in to_series(signals)]


def _month(found: dict[str, Any]) -> Month:
    return Month(list(from_series(found["signals"])), {_moment(hour): _moment(at) for hour, at in found["asked"]})


def _forecasts(found: dict[str, Any]) -> list[Forecast]:
    return [
        Forecast(_moment(row["asked_at"]), _moment(row["until"]), from_series(row["signals"]))
        for row in found["forecasts"]
    ]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError("a time without a zone")
    return moment


def _read(path: Path, parse: Callable[[dict[str, Any]], Content]) -> Content | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return parse(found) if found["version"] == VERSION else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, JoulewiseError) as error:
        _log.warning("%s is damaged (%s) and is fetched anew", path.name, type(error).__name__)
        return None


def _write(path: Path, content: dict[str, Any]) -> None:
    """A reader sees the old or the new file, never half of one."""
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch.write_text(json.dumps({"version": VERSION, **content}, separators=(",", ":")), encoding="utf-8")
        os.replace(scratch, path)
    except OSError as error:
        _log.info("%s can't be kept: %s", path.name, error)
