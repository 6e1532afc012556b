"""Forked Python children report themselves through a pipe, also those that daemonise and leave our tree.

A child of os.fork() (multiprocessing, daemon libraries, double forks) writes its pid at birth; its own forks do so too.
Traps: a daemon may have closed the pipe and opened its own files under the same numbers, so the pipe's identity is
checked before each write; the pipe never blocks a child (it takes 64 KiB, then reports are dropped) and never kills one
(a forked child holds the reading end as well, so there is no SIGPIPE).
Children made by vfork and exec (subprocess without preexec_fn) don't run Python code and don't report.
"""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_open: list[ForkReports] = []
_hooked = False


class ForkReports:
    """One pipe of reports. `forsake` is called in a forked child: what is inherited there is not the child's."""

    def __init__(self, forsake: Callable[[], None]) -> None:
        self._ends = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._identity = self._now()
        self._arrivals = (
            select.poll()
        )  # one cheap call a tick, where fstat and a read that fails cost three times as much
        self._arrivals.register(self._ends[0], select.POLLIN)
        self._forsake: Callable[[], None] | None = forsake
        _open.append(self)
        _hook()

    def take(self) -> list[tuple[int, int]]:
        """(pid, nanoseconds since boot) of each fork since the last call; whoever is gone by now is listed too."""
        if not self._arrivals.poll(0) or self._now() != self._identity:
            return []  # nobody forked, or the user's program closed all descriptors, ours too
        try:
            text = os.read(self._ends[0], 65536)
        except OSError:  # EAGAIN: somebody else took them
            return []
        words = [int.from_bytes(text[at : at + 8], "little") for at in range(0, len(text), 8)]
        return list(zip(words[::2], words[1::2], strict=False))

    def report(self) -> None:
        """Tell our pid; called in a forked child."""
        if self._now() == self._identity:
            record = os.getpid().to_bytes(8, "little") + time.clock_gettime_ns(time.CLOCK_BOOTTIME).to_bytes(
                8, "little"
            )
            try:
                os.write(self._ends[1], record)
            except OSError:  # EAGAIN, the pipe is full: the child may still be found through its parent
                return

    def forsake(self) -> None:
        """In a forked child: drop what was inherited, once."""
        forsake, self._forsake = self._forsake, None
        if forsake:
            forsake()

    def close(self) -> None:
        """Stop listening. Children that still hold the pipe write into the void."""
        if self in _open and self._forsake:
            _open.remove(self)
            if self._now() == self._identity:
                os.close(self._ends[0])
                os.close(self._ends[1])

    def _now(self) -> tuple[tuple[int, int, int], ...] | None:
        try:
            stats = [os.fstat(end) for end in self._ends]
        except OSError:
            return None
        return tuple((stat.st_dev, stat.st_ino, stat.st_mode) for stat in stats)


def _hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    for reports in _open:
        reports.forsake()
        reports.report()
