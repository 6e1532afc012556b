"""How long all CPUs of the machine were busy, idle, or taken away by the hypervisor, since boot.

Reads:  the first line of <root>/proc/stat: user nice system idle iowait irq softirq steal guest guest_nice, in ticks.
Traps:  guest time is inside user time already; iowait and idle fall on some kernels; a CPU that is unplugged keeps its
        share in the first line; a live migration may start all counters anew; inside LXC the file is lxcfs's own.
Costs:  we read 256 bytes, but the kernel writes the whole text at each read, a line a CPU and a number an interrupt:
        11 us with 2 CPUs, some 0.3 ms with hundreds. So it is read once a tick, not at every boundary of a phase.
Source: proc_stat(5); Linux fs/proc/stat.c.
"""

from __future__ import annotations

import os

from joulewise.core.errors import MeterUnavailable

_RESET_US = 10_000_000
"""A fall by more than ten CPU-seconds is a counter that started anew; less is the known jitter, and the value waits."""


class MachineClock:
    """Cumulative busy, steal and idle microseconds over all CPUs; none of them ever falls. `cpus` are those online."""

    def __init__(self, root: str = "") -> None:
        self._path = f"{root}/proc/stat"
        self._tick_us = 1_000_000 // os.sysconf("SC_CLK_TCK")
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._place = os.fstat(self._fd)[1:3]  # inode and device
            self.cpus = _count_cpus(self._fd)
        except OSError as error:
            raise MeterUnavailable(
                f"can't read {self._path}: {error.strerror}", hint="mount /proc in this container"
            ) from error
        self._raw = list(self._counts())
        self._sums = list(self._raw)
        self.busy_us: int | None = None
        """Busy time at the last reading, for the model meter: reading /proc/stat twice a tick would cost twice."""

    def read(self) -> tuple[int, int, int]:
        """(busy, steal, idle) in CPU-microseconds; busy counts user, nice, system and interrupts, idle also iowait.

        Raises MeterUnavailable if the file can't be read any more.
        """
        self.busy_us = None
        for at, now in enumerate(self._counts()):
            self._sums[at] += max(0, now - self._raw[at])
            self._raw[at] = _kept(self._raw[at], now)
        busy_us, steal_us, idle_us = self._sums
        self.busy_us = busy_us
        return busy_us, steal_us, idle_us

    def close(self) -> None:
        """Close the file; may be called twice."""
        fd, self._fd = self._fd, -1
        try:  # a program that closes all descriptors may have a file of its own under this number by now
            if fd >= 0 and os.fstat(fd)[1:3] == self._place:
                os.close(fd)
        except OSError:
            return

    def _counts(self) -> tuple[int, int, int]:
        try:
            name, *fields = os.pread(self._fd, 256, 0).split(b"\n", 1)[0].split()
            ticks = [int(field) for field in fields[:8]]
        except (OSError, ValueError) as error:
            raise MeterUnavailable(f"can't read {self._path}: {error}", hint="is /proc still mounted?") from error
        if name != b"cpu" or len(ticks) < 4:
            raise MeterUnavailable(f"{self._path} has no line of all CPUs", hint="report it with uname -a")
        # Some sandboxes stop after idle: what they don't tell apart is inside what they do tell.
        user, nice, system, idle, iowait, irq, softirq, steal = ticks + [0] * (8 - len(ticks))
        busy = user + nice + system + irq + softirq
        return busy * self._tick_us, steal * self._tick_us, (idle + iowait) * self._tick_us


def _kept(raw: int, now: int) -> int:
    """The raw count to compare the next one with: the highest so far, or the new one after a reset."""
    return now if now > raw or now < raw - _RESET_US else raw


def _count_cpus(fd: int) -> int:
    """The lines `cpuN` of the file; they stand before its long line of interrupts."""
    text, found = b"", 0
    while True:
        page = os.pread(fd, 65536, len(text))
        text += page
        found = sum(line[:3] == b"cpu" and line[3:4].isdigit() for line in text.split(b"\n"))
        if not page or b"\nintr" in text:
            return max(1, found)
