"""The crash-safe journal: append-only text, a CRC on each line, raw counts. A measured process writes nothing else.

Lines:  <kind> <payload> <crc32 of both, 8 hex digits>
        H header (JSON)   C channels, when a rank takes over the meters (JSON)   T a snapshot of all counts
        P phase begins    E phase ends    N counts so far    L logged metrics    K a fault    F the end (all JSON)
T line: seq, monotonic µs, suspended µs, wall µs, our CPU µs, machine busy µs, steal µs, one count a channel; "-": gap.
Traps:  a full disk tears a line, so the next write starts a new one; a fork must not write (the session sees to that).
Cost:   one write() a line, fdatasync once a minute and at the end. No json module: importing it takes 3 to 10 ms.
"""

from __future__ import annotations

import errno
import os
from zlib import crc32

try:
    from _json import encode_basestring_ascii as _quoted
except ImportError:  # another Python than CPython
    from json.encoder import py_encode_basestring_ascii as _quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

FORMAT = 1
SYNC_EVERY_US = 60_000_000
SUFFIX = ".jnl"


def as_json(value: object) -> str:
    """JSON of plain values (None, bool, numbers, text, lists, mappings) on one line; else of the value as text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(value) if value - value == 0 else "null"  # NaN and infinities have no JSON
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(as_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(str(key))}:{as_json(item)}" for key, item in value.items()) + "}"
    return _quoted(str(value))


def line_of(kind: str, payload: str) -> bytes:
    """One journal line, with its CRC and line end."""
    body = f"{kind} {payload}".encode("ascii", "replace")
    return b"%b %08x\n" % (body, crc32(body))


class Journal:
    """Appends lines to one file; keeps them in memory while the file can't be written.

    `open_journal` tries folders in turn. `problem` says why nothing is on disk, "" if all is well.
    """

    def __init__(self, path: str | None, fd: int | None, problem: str = "") -> None:
        self.path = path
        self.problem = problem
        self.pending: list[bytes] = []
        self._fd = fd
        self._torn = False
        self._synced_us: int | None = None
        self._file = _identity(fd)

    def record(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Append a JSON line."""
        self.append(line_of(kind, as_json(payload)))

    def snapshot(self, counts: list[int | None], now_us: int) -> None:
        """Append a T line, and sync when a minute has passed."""
        self.append(line_of("T", " ".join(["-" if count is None else str(count) for count in counts])))
        if self._synced_us is None:
            self._synced_us = now_us
        elif now_us - self._synced_us > SYNC_EVERY_US:
            self._synced_us = now_us
            self.sync()

    def append(self, line: bytes) -> None:
        """Write a line now; on failure keep it and try again with the next. Never raises."""
        self.pending.append(line)
        if self._fd is None or not self._is_ours():
            return
        data = b"".join((b"\n" if self._torn else b"", *self.pending))
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self.problem = _reason(error)
            return
        if written == len(data):
            self.pending.clear()
            self._torn = False
            self.problem = ""
        else:  # the disk became full in the middle: all of it again, on a line of its own
            self._torn = True
            self.problem = _reason(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _is_ours(self) -> bool:
        """False once the program has closed our descriptor (daemons close all): the number may be its own file now."""
        if _identity(self._fd) == self._file:
            return True
        self._fd = None
        self.problem = "its file was closed by the program"
        return False

    def sync(self) -> None:
        """Bring what is written to the disk."""
        if self._fd is not None and self._is_ours():
            try:
                os.fdatasync(self._fd)
            except OSError as error:  # pipes and some network disks can't; the data are with the kernel all the same
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                    self.problem = _reason(error)

    def close(self) -> None:
        """Sync and close; may be called twice."""
        if self._fd is not None:
            self.sync()
            self.forget()

    def forget(self) -> None:
        """Close without writing, in a forked child."""
        if self._fd is not None and self._is_ours():
            fd, self._fd = self._fd, None
            os.close(fd)

    def content(self) -> bytes:
        """All lines, from the file and from memory."""
        written = b""
        for path in (self.path, filed_place(self.path)) if self.path is not None else ():
            try:
                with open(path, "rb") as file:
                    written = file.read()
                break
            except OSError as error:
                self.problem = _reason(error)
        if self._torn:
            written += b"\n"
        return written + b"".join(self.pending)


def open_journal(folders: list[str], name: str, warn: Callable[[str], None]) -> Journal:
    """Create the journal in the first folder that takes it; with none, keep it in memory and say so."""
    problems = []
    for folder in folders:
        path = os.path.join(os.path.abspath(folder), name)  # the program may change its folder
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problems.append(f"{folder}: {_reason(error)}")
            continue
        if problems:
            warn(f"journal not where it belongs ({'; '.join(problems)}); using {folder}")
        return Journal(path, fd)
    problem = "; ".join(problems)
    warn(f"journal kept in memory only, a crash would lose it ({problem}); set JOULEWISE_SPOOL to a writable folder")
    return Journal(None, None, problem)


def _identity(fd: int | None) -> tuple[int, int] | None:
    try:
        found = os.fstat(fd) if fd is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def filed_place(path: str) -> str:
    """Where a journal of the spool lies after another command has filed its run."""
    folder, name = os.path.split(path)
    spool, run = os.path.split(folder)
    return os.path.join(spool, "filed", run, name)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
