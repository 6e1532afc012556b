"""Waits for the end of a process that is not our child: by a pidfd, else by looking at its start time. No ptrace."""

from __future__ import annotations

import os
import select
import time

from joulewise.core.errors import MeterUnavailable, NotFound
from joulewise.measure.proctree import Processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from joulewise.measure.proctree import Probe

_LOOK_EVERY_S = 0.2


class Target:
    """A process to watch, held until `close()` or the end of a `with`, so that its number means no other process.

    Raises NotFound if there is none, MeterUnavailable if we may not look at it.
    """

    def __init__(self, pid: int, *, use_pidfd: bool = True) -> None:
        self.pid = pid
        self._view = Processes()
        self._probe: Probe = self._held()
        self._pidfd = _pidfd(pid) if use_pidfd else -1
        if not self.alive():
            self.close()
            raise NotFound(f"process {pid} has ended", hint="start watching while it runs: pgrep -af NAME")

    def alive(self) -> bool:
        """False once it has ended, also while its parent has not waited for it yet."""
        stat = self._probe.read()
        return stat is not None and stat.state not in "ZX"

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended; False if `timeout_s` passed first."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self.alive():
            left_s = _LOOK_EVERY_S if deadline_s is None else min(_LOOK_EVERY_S, deadline_s - time.monotonic())
            if left_s <= 0:
                return False
            if self._pidfd < 0:
                time.sleep(left_s)
            else:
                self._sleep_on_pidfd(deadline_s)
        return True

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; may be called twice."""
        self._probe.close()
        self._view.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def _sleep_on_pidfd(self, deadline_s: float | None) -> None:
        ended = select.poll()
        ended.register(self._pidfd, select.POLLIN)
        ended.poll(None if deadline_s is None else max(0, deadline_s - time.monotonic()) * 1000)

    def _held(self) -> Probe:
        probe = self._view.look(self.pid)
        if probe is not None:
            return probe
        self._view.close()
        raise _why_not(self.pid)


def watch(
    target: Target,
    others: Callable[[], frozenset[int]] = frozenset,
    *,
    timeout_s: float | None = None,
    every_s: float = 0.5,
) -> bool:
    """Wait until `target` and all of `others()` (say, TreeClock.pids) have ended; False if `timeout_s` passed first."""
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    if not target.wait(timeout_s):
        return False
    while others() - {target.pid}:
        if deadline_s is not None and time.monotonic() >= deadline_s:
            return False
        time.sleep(every_s)
    return True


def _why_not(pid: int) -> NotFound | MeterUnavailable:
    if os.path.exists(f"/proc/{pid}/task/{pid}"):
        return _thread_or_hidden(pid)
    try:
        os.kill(pid, 0) if pid > 0 else None
    except PermissionError:
        return MeterUnavailable(f"process {pid} is hidden from you (hidepid)", hint=f"sudo joulewise watch {pid}")
    except (ProcessLookupError, OverflowError):
        return _missing(pid)
    return _missing(pid)


def _thread_or_hidden(pid: int) -> NotFound | MeterUnavailable:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            leader = next((line.split()[1] for line in file if line.startswith("Tgid:")), "")
    except OSError:
        return MeterUnavailable(f"process {pid} can't be read", hint=f"sudo joulewise watch {pid}")
    if leader and leader != str(pid):
        return NotFound(f"{pid} is a thread of process {leader}", hint=f"joulewise watch {leader}")
    return _missing(pid)


def _missing(pid: int) -> NotFound:
    return NotFound(f"no process {pid}", hint="pgrep -af NAME; inside a container PIDs are others than outside")


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # before Linux 5.3, or a sandbox forbids it
        return -1
