"""Takes snapshots of all counts under one lock, on a thread and at every boundary, and writes them to the journal.

Totals are differences of cumulative counts, so the rate does not change them; ticks guard against wraps, give the
power trace and bound what a crash can lose. `stop` takes the last snapshot itself after the thread has ended: no
interval is counted twice.
Cost:   `_thread` instead of `threading`, whose import (with functools and collections) is a third of our import budget.
"""

from __future__ import annotations

import time
from _thread import RLock, allocate_lock, get_ident, start_new_thread

from joulewise.core.channels import ENERGY, POWER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from joulewise.core.protocols import Meter
    from joulewise.measure.journal import Journal

    Answer = TypeVar("Answer")

    class CpuClock(Protocol):
        """Cumulative CPU time of our processes."""

        def read_us(self) -> int: ...
        def close(self) -> None: ...

    class BusyClock(Protocol):
        """Cumulative busy, steal and idle time of the machine."""

        def read(self) -> tuple[int, int, int]: ...
        def close(self) -> None: ...


FIRST_TICKS_S = (1.0, 2.0, 4.0, 7.0, 10.0, 15.0, 20.0)
"""A short run has a power curve, too: it begins with ticks at least so close."""
JOIN_S = 5.0


def suspended_us(monotonic_ns: int) -> int:
    """How long the machine has slept since boot: the monotonic clock stands still then, the boot clock does not."""
    return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - monotonic_ns) // 1000


class Sampler:
    """Reads clocks and meters into a journal. `before_tick` runs on the thread before each tick (rank election)."""

    def __init__(
        self,
        journal: Journal,
        mine: CpuClock,
        machine: BusyClock | None,
        meters: list[Meter],
        *,
        tick_s: float,
        warn: Callable[[str], None],
    ) -> None:
        self.seq = -1
        self.fault: Exception | None = None
        self.before_tick: Callable[[], None] | None = None
        self._journal = journal
        self._mine = mine
        self._machine = machine
        self._meters = meters
        self._tick_s = safe_tick_s(meters, tick_s)
        self._warn = warn
        self._reported: set[str] = set()
        self._lock = RLock()
        self._stopping = allocate_lock()  # held while we run: the thread waits for its release, with a timeout
        self._ended = allocate_lock()  # held by the thread while it runs
        self._thread: int | None = None

    def start(self) -> None:
        """Take the first snapshot and start the thread."""
        self.snapshot()
        self._stopping.acquire()
        self._ended.acquire()
        try:
            self._thread = start_new_thread(self._run, ())
        except RuntimeError as error:  # no more threads allowed, or the interpreter is ending
            self._ended.release()
            self._warn(f"no thread for the ticks ({error}): readings at phases and at the end only")

    def stop(self) -> None:
        """End the thread, then take the last snapshot."""
        if self._thread is not None and self._thread != get_ident():
            self._stopping.release()
            if not self._ended.acquire(timeout=JOIN_S):
                self._warn("a meter hangs; the last interval is a gap")
                return
        self.snapshot()

    def close(self) -> None:
        """Let go of the clocks and meters."""
        for closable in (self._mine, self._machine, *self._meters):
            if closable is not None:
                closable.close()

    def take_over(self, machine: BusyClock | None, meters: list[Meter], announce: Callable[[], None]) -> None:
        """Read these meters from now on; `announce` writes their channels before the next snapshot."""
        with self._lock:
            announce()
            self._machine, self._meters = machine, meters
            self._tick_s = safe_tick_s(meters, self._tick_s)

    def snapshot(self, then: Callable[[int], None] | None = None) -> int:
        """Write one snapshot now and return its number; `then` writes what belongs to it, under the lock."""
        with self._lock:
            self.seq += 1
            now_ns = time.monotonic_ns()
            now_us = now_ns // 1000
            counts: list[int | None] = [self.seq, now_us, suspended_us(now_ns), time.time_ns() // 1000]
            counts.append(self._ask(self._mine.read_us))
            busy_steal_idle = self._ask(self._machine.read) if self._machine is not None else None
            counts.extend(busy_steal_idle[:2] if busy_steal_idle is not None else (None, None))
            for meter in self._meters:
                counts.extend(self._read(meter))
            self._journal.snapshot(counts, now_us)
            if then is not None:
                then(self.seq)
            return self.seq

    def _read(self, meter: Meter) -> tuple[int | None, ...]:
        counts = self._ask(meter.read)
        return counts if counts is not None else (None,) * len(meter.channels)

    def _ask(self, read: Callable[[], Answer]) -> Answer | None:
        """A reading, or None and a warning: a meter's fault, or a plug-in's bug, is a gap and never stops the work."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises, the user's training goes on
            self._report(error)
            return None

    def _report(self, error: Exception) -> None:
        """Say each fault once."""
        self.fault = self.fault or error
        text = f"{type(error).__name__}: {error}"
        if text not in self._reported and len(self._reported) < 32:
            self._reported.add(text)
            self._warn(f"a counter can't be read, its time is a gap ({text})")

    def _run(self) -> None:
        try:
            self._tick_until_stopped()
        finally:
            self._ended.release()

    def _tick_until_stopped(self) -> None:
        started = time.monotonic()
        due = started
        while True:
            # absolute deadlines: a slow tick does not shift the next; after a stall the missed ones are skipped
            due = max(started + next_tick_s(due - started, self._tick_s), time.monotonic())
            if self._stopping.acquire(timeout=max(0.0, due - time.monotonic())):
                return
            try:
                if self.before_tick is not None:
                    self.before_tick()
                self.snapshot()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any single tick
                self._report(error)


def next_tick_s(elapsed_s: float, tick_s: float) -> float:
    """When to tick after the tick at `elapsed_s`, seconds from the start."""
    first = next((early_s for early_s in FIRST_TICKS_S if early_s > elapsed_s + 1e-6), None)
    return elapsed_s + tick_s if first is None else min(first, elapsed_s + tick_s)


def safe_tick_s(meters: list[Meter], wanted_s: float) -> float:
    """The tick that no counter can wrap twice in, and 1 s at most where power has to be integrated."""
    tick_s = wanted_s
    for meter in meters:
        for channel in meter.channels:
            if channel.quantity == POWER:
                tick_s = min(tick_s, 1.0)
            elif channel.quantity == ENERGY and channel.wrap and channel.max_power_w:
                tick_s = min(tick_s, channel.wrap * channel.scale / (2 * channel.max_power_w))
    return max(tick_s, 0.05)
