"""Processes as the kernel shows them: one stat line each through a descriptor that is kept open, and who came lately.

Reads:  /proc/PID/stat, /proc/PID/task/TID/children, /proc/loadavg (its last field is the last PID handed out).
Traps:  a thread's id has a /proc folder too, which no listing shows and whose stat repeats the whole process;
        PIDs are recycled: an open descriptor of a dead process fails, it never turns to the next owner of the number;
        times in stat are floored to clock ticks (10 ms), twice; the process's CPU clock has nanoseconds.
Never lists all processes, but once at the start on a kernel that has no `children` files (CONFIG_PROC_CHILDREN).
Source: proc(5), clock_getcpuclockid(3); Linux kernel/time/posix-cpu-timers.c for the layout of the clock's id.
"""

from __future__ import annotations

import os
import time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Probe(Protocol):
        """One process that is looked at again and again."""

        pid: int

        def read(self) -> Stat | None:
            """How it stands now; None once it is gone."""
            ...

        def close(self) -> None:
            """Let go of it; may be called twice."""
            ...

    class ProcessView(Protocol):
        """What a TreeClock wants to know of the kernel; the tests bring one of their own."""

        me: int
        tick_us: int

        def own(self, counted: bool) -> Probe: ...
        def look(self, pid: int) -> Probe | None: ...
        def start_tick(self) -> int: ...
        def last_pid(self) -> int | None: ...
        def born_between(self, last: int, now: int) -> range | list[int]: ...
        def children(self, pid: int) -> list[int] | None: ...
        def listed(self) -> list[int]: ...
        def childless(self) -> bool: ...
        def own_threads(self) -> int: ...
        def ignores_children(self, pid: int) -> bool: ...
        def close(self) -> None: ...


MICROSECONDS = 1_000_000
MAX_KEPT_OPEN = 128
"""Descriptors that we hold at most in the user's process; further processes are opened at each reading."""
_WAIT_ANY_KIND = 0x40000000  # __WALL: also children that clone(2) made without SIGCHLD
_SIGCHLD_BIT = 1 << 16
_THREAD = -1
"""`exit_signal` of every thread but the first of a process."""


class Stat:
    """One reading of a process; microseconds of CPU time, user and system together."""

    __slots__ = ("exit_signal", "own_us", "ppid", "start_tick", "state", "threads", "waited_us")

    def __init__(self, own_us: int, waited_us: int, ppid: int = 0, state: str = "R", start_tick: int = 0) -> None:
        self.own_us, self.waited_us = own_us, waited_us
        self.ppid, self.state, self.start_tick = ppid, state, start_tick
        self.threads, self.exit_signal = 1, 0


def parse_stat(line: bytes, tick_us: int) -> Stat:
    """One line of /proc/PID/stat. The name may hold blanks and brackets: fields count from the last bracket."""
    fields = line[line.rindex(b")") + 2 :].split(None, 36)
    stat = Stat(
        (int(fields[11]) + int(fields[12])) * tick_us,
        (int(fields[13]) + int(fields[14])) * tick_us,
        int(fields[1]),
        fields[0].decode("ascii"),
        int(fields[19]),
    )
    stat.threads = int(fields[17])
    stat.exit_signal = int(fields[35])
    return stat


class _Own:
    """Our own process by getrusage(2): exact to the microsecond, 3 us for both calls."""

    __slots__ = ("_counted", "pid")

    def __init__(self, pid: int, counted: bool) -> None:
        self.pid, self._counted = pid, counted

    def read(self) -> Stat:
        # What was waited for comes first: a child that ends in between is then missed for now, never counted twice.
        waited = getrusage(RUSAGE_CHILDREN)
        own = getrusage(RUSAGE_SELF)
        own_us = round((own.ru_utime + own.ru_stime) * MICROSECONDS) if self._counted else 0
        return Stat(own_us, round((waited.ru_utime + waited.ru_stime) * MICROSECONDS))

    def close(self) -> None:
        """Nothing is held."""


class _Other:
    """Another process by its stat file, and by its CPU clock where the kernel lets us."""

    __slots__ = ("_fd", "_path", "_start_tick", "_view", "pid")

    def __init__(self, view: Processes, pid: int, path: str, start_tick: int, fd: int) -> None:
        self.pid, self._view, self._path, self._start_tick, self._fd = pid, view, path, start_tick, fd

    def read(self) -> Stat | None:
        line = _pread(self._fd) if self._fd >= 0 else _slurp(self._path)
        if line and not line.startswith(b"%d (" % self.pid):
            self._fd = -1  # the user's program closed all descriptors and opened its own under our number
            line = _slurp(self._path)
        if not line:
            return None
        stat = parse_stat(line, self._view.tick_us)
        if stat.start_tick != self._start_tick:
            return None  # the number belongs to somebody else by now
        if self._view.precise:
            stat.own_us = _cpu_clock_us(self.pid, stat.own_us)
        return stat

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._view.kept_open -= 1
            if _reads(fd, self._view.root + "/proc"):
                os.close(fd)


class Processes:
    """The processes of this machine, or of a fixture tree below `root`.

    `children_files` false acts as on a kernel without them.
    """

    def __init__(self, root: str = "", *, children_files: bool = True) -> None:
        self.root = root
        self.me = os.getpid()
        self.tick_us = MICROSECONDS // os.sysconf("SC_CLK_TCK")
        self.kept_open = 0
        self.precise = not root
        self._proc = f"{root}/proc"
        self._loadavg_fd = _open_loadavg(self._proc)
        self._pid_max = int(_slurp(f"{self._proc}/sys/kernel/pid_max") or 1 << 22)
        self._has_children = children_files and os.path.exists(f"{self._proc}/{self.me}/task/{self.me}/children")

    def own(self, counted: bool) -> Probe:
        """Our own process; with `counted` false only what it waited for."""
        return _Own(self.me, counted)

    def look(self, pid: int) -> Probe | None:
        """Take hold of a process; None if there is none, it is a mere thread, or it is hidden from us."""
        path = f"{self._proc}/{pid}/stat"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # gone, hidden (hidepid), or no descriptor left: then it is simply not seen
            return None
        line = _pread(fd)
        stat = parse_stat(line, self.tick_us) if line else None
        if stat is None or stat.exit_signal == _THREAD:
            os.close(fd)
            return None
        if self.kept_open >= MAX_KEPT_OPEN:
            os.close(fd)
            return _Other(self, pid, path, stat.start_tick, -1)
        self.kept_open += 1
        return _Other(self, pid, path, stat.start_tick, fd)

    def start_tick(self) -> int:
        """Now, on the scale of a process's start time: clock ticks since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // (1000 * self.tick_us)

    def last_pid(self) -> int | None:
        """The last PID that was handed out in our namespace; None where it can't be told."""
        line = _pread(self._loadavg_fd, 128) if self._loadavg_fd >= 0 else b""
        word = line.split()[-1:] or [b""]
        return int(word[0]) if word[0].isdigit() else None

    def born_between(self, last: int, now: int) -> range | list[int]:
        """The PIDs in (last, now], with one wrap at pid_max."""
        if now >= last:
            return range(last + 1, now + 1)
        if self._pid_max - last + now > 1 << 16:
            return range(1, self._pid_max)  # too many to write down; the caller takes the listed ones of them
        return [*range(last + 1, self._pid_max), *range(1, now + 1)]

    def children(self, pid: int) -> list[int] | None:
        """Live children of all threads of `pid`; None where the kernel doesn't tell."""
        if not self._has_children:
            return None
        folder = f"{self._proc}/{pid}/task"
        return [int(child) for thread in _listed(folder) for child in _slurp(f"{folder}/{thread}/children").split()]

    def listed(self) -> list[int]:
        """All PIDs there are: one pass over /proc."""
        return [int(name) for name in _listed(self._proc) if name.isdigit()]

    def childless(self) -> bool:
        """True if this very process has no child, dead or alive: then there is nobody to look for."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _WAIT_ANY_KIND)
        except ChildProcessError:
            return True
        return False

    def own_threads(self) -> int:
        """How many threads we have."""
        return len(_listed(f"{self._proc}/{self.me}/task"))

    def ignores_children(self, pid: int) -> bool:
        """True if `pid` ignores SIGCHLD: its children vanish without adding to its time."""
        for line in _slurp(f"{self._proc}/{pid}/status").splitlines():
            if line.startswith(b"SigIgn:"):
                return bool(int(line[7:], 16) & _SIGCHLD_BIT)
        return False

    def close(self) -> None:
        fd, self._loadavg_fd = self._loadavg_fd, -1
        if fd >= 0 and _reads(fd, self._proc):
            os.close(fd)


def _reads(fd: int, path: str) -> bool:
    """True if the descriptor is still the one that we opened: a program may close all, and open files of its own."""
    try:
        return os.fstat(fd).st_dev == os.stat(path).st_dev
    except OSError:  # closed, or its process is gone: then the descriptor is best left to the end of ours
        return False


def _open_loadavg(proc: str) -> int:
    """A file of lxcfs, mounted over the kernel's own, tells PIDs of another namespace: not to be used."""
    path = f"{proc}/loadavg"
    try:
        if os.stat(path).st_dev != os.stat(proc).st_dev:
            return -1
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _cpu_clock_us(pid: int, otherwise_us: int) -> int:
    try:
        return time.clock_gettime_ns(~pid << 3 | 2) // 1000
    except OSError:  # it died this moment, or a sandbox has no such clock
        return otherwise_us


def _pread(fd: int, size: int = 1024) -> bytes:
    try:
        return os.pread(fd, size, 0)
    except OSError:  # ESRCH: the process is gone
        return b""


def _slurp(path: str) -> bytes:
    """The whole file, in pages as /proc hands them out; b"" if it is not there or goes away meanwhile."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    pages = []
    try:
        while page := os.read(fd, 65536):
            pages.append(page)
    except OSError:
        return b""
    finally:
        os.close(fd)
    return b"".join(pages)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
