"""Laws of the CPU time of a tree of processes, on a made-up kernel whose truth is known.

Whatever is forked, burnt, orphaned, waited for or recycled, and even if it happens in the middle of a reading:
the clock never falls, never counts more than the truth, and with nobody lost it counts exactly the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from joulewise.measure.cputime import TreeClock
from joulewise.measure.proctree import Stat

TICK_US = 10_000
US, INIT = 2, 1
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking such long stories takes minutes and helps little
CLOCK_OPTIONS = st.fixed_dictionaries({"has_children": st.booleans(), "has_last_pid": st.booleans()})


class Process:
    """One entry of the made-up process table."""

    def __init__(self, pid: int, parent: Process | None, born: int) -> None:
        self.pid, self.parent, self.born = pid, parent, born
        self.own_us = self.waited_us = 0
        self.ours = parent is not None and (parent.ours or parent.pid == US)
        self.state = "S"
        self.ignores = False
        self.gone = False


class FakeProbe:
    """Holds the process itself, as an open descriptor does, not its number."""

    def __init__(self, kernel: FakeKernel, process: Process, counted: bool = True) -> None:
        self._kernel, self._process, self._counted = kernel, process, counted
        self.pid = process.pid

    def read(self) -> Stat | None:
        self._kernel.interrupt()
        process = self._process
        if process.gone:
            return None
        own_us = process.own_us if self._counted else 0
        ppid = process.parent.pid if process.parent and process.pid != US else 0
        return Stat(own_us, process.waited_us, ppid, process.state, process.born)

    def close(self) -> None:
        """Nothing is held."""


class FakeKernel:
    """Init, our process and a neighbour. PIDs run to `pid_max` and start anew at 3."""

    def __init__(
        self, *, reaper: int = INIT, has_children: bool = True, has_last_pid: bool = True, pid_max: int = 9999
    ) -> None:
        self.me, self.tick_us = US, TICK_US
        self.reaper, self.pid_max = reaper, pid_max
        self.has_children, self.has_last_pid = has_children, has_last_pid
        self.now, self.last = 0, 3
        self.truth_us = 0
        self.pending: Iterator[Callable[[], object]] = iter(())
        init = Process(INIT, None, 0)
        self.table = {INIT: init, US: Process(US, init, 0)}
        self.table[3] = Process(3, init, 0)

    def interrupt(self) -> None:
        """Something happens while the clock is reading."""
        for event in self.pending:
            event()
            return

    def fork(self, parent: int) -> int:
        self.now += 1
        while True:
            self.last = self.last + 1 if self.last < self.pid_max else 3
            if self.last not in self.table:
                break
        self.table[self.last] = Process(self.last, self.table[parent], self.now)
        return self.last

    def burn(self, pid: int, us: int) -> None:
        process = self.table[pid]
        if process.state != "Z":
            process.own_us += us
            self.truth_us += us if process.ours or pid == US else 0

    def exit(self, pid: int) -> None:
        process = self.table[pid]
        if pid in (INIT, US, 3) or process.state == "Z":
            return
        process.state = "Z"
        for child in [child for child in self.table.values() if child.parent is process]:
            child.parent = self.table[self.reaper if process.ours else INIT]
            if child.state == "Z" and child.parent.pid == INIT:
                self._release(child)
        assert process.parent is not None
        if process.parent.ignores or process.parent.pid == INIT:
            self._release(process)

    def wait(self, pid: int) -> None:
        process = self.table[pid]
        if process.state == "Z" and process.parent is not None:
            process.parent.waited_us += process.own_us + process.waited_us
            self._release(process)

    def _release(self, process: Process) -> None:
        process.gone = True
        del self.table[process.pid]

    def own(self, counted: bool) -> FakeProbe:
        return FakeProbe(self, self.table[US], counted)

    def look(self, pid: int) -> FakeProbe | None:
        self.interrupt()
        return FakeProbe(self, self.table[pid]) if pid in self.table else None

    def start_tick(self) -> int:
        return self.now + 1

    def last_pid(self) -> int | None:
        return self.last if self.has_last_pid else None

    def born_between(self, last: int, now: int) -> range | list[int]:
        return range(last + 1, now + 1) if now >= last else [*range(last + 1, self.pid_max + 1), *range(1, now + 1)]

    def children(self, pid: int) -> list[int] | None:
        self.interrupt()
        if not self.has_children:
            return None
        return [child.pid for child in self.table.values() if child.parent and child.parent.pid == pid]

    def listed(self) -> list[int]:
        return list(self.table)

    def childless(self) -> bool:
        return not any(child.parent and child.parent.pid == US for child in self.table.values())

    def own_threads(self) -> int:
        return 1

    def ignores_children(self, pid: int) -> bool:
        return self.table[pid].ignores

    def close(self) -> None:
        """Nothing is held."""


def clock_on(kernel: FakeKernel) -> TreeClock:
    return TreeClock(view=kernel, reaper=kernel.reaper == US)


class Story:
    """Draws what happens next. Times are multiples of 50 ms: rounding is another test's matter."""

    def __init__(self, kernel: FakeKernel, draw: Callable[[st.SearchStrategy[int]], int], orphans: bool) -> None:
        self.kernel, self._draw, self._orphans = kernel, draw, orphans

    def _pick(self, pids: list[int]) -> int:
        return pids[self._draw(st.integers(0, len(pids) - 1))]

    def step(self) -> None:
        kernel = self.kernel
        alive = [pid for pid, process in kernel.table.items() if process.state != "Z" and pid != INIT]
        what = self._draw(st.integers(0, 9))
        if what < 3 and len(kernel.table) < 12:
            kernel.fork(self._pick(alive))
        elif what < 7:
            kernel.burn(self._pick(alive), 50_000 * self._draw(st.integers(1, 40)))
        elif what == 7:
            self._end(self._pick(alive))
        else:
            zombies = [pid for pid, process in kernel.table.items() if process.state == "Z"]
            if zombies:
                kernel.wait(self._pick(zombies))

    def _end(self, pid: int) -> None:
        children = [child.pid for child in self.kernel.table.values() if child.parent and child.parent.pid == pid]
        if self._orphans or not children:
            self.kernel.exit(pid)


@given(data=st.data(), options=CLOCK_OPTIONS, reaper=st.sampled_from([INIT, US]), pid_max=st.sampled_from([25, 9999]))
@settings(phases=PHASES)
def test_with_a_reading_after_each_event_the_clock_tells_the_truth(
    data: st.DataObject, options: dict[str, bool], reaper: int, pid_max: int
) -> None:
    kernel = FakeKernel(reaper=reaper, pid_max=pid_max, **options)
    clock, story = clock_on(kernel), Story(kernel, data.draw, orphans=True)
    for _ in range(40):
        story.step()
        assert clock.read_us() == kernel.truth_us


@given(data=st.data(), options=CLOCK_OPTIONS, waiting=st.integers(1, 12))
@settings(phases=PHASES)
def test_if_everybody_is_waited_for_the_rate_of_readings_does_not_change_the_total(
    data: st.DataObject, options: dict[str, bool], waiting: int
) -> None:
    kernel = FakeKernel(**options)
    clock, story = clock_on(kernel), Story(kernel, data.draw, orphans=False)
    for _ in range(6):
        for _ in range(waiting):
            story.step()
        assert clock.read_us() == kernel.truth_us


@given(
    data=st.data(),
    options=CLOCK_OPTIONS,
    reaper=st.sampled_from([INIT, US]),
    during=st.integers(0, 8),
    pid_max=st.sampled_from([30, 9999]),
)
@settings(phases=PHASES)
def test_the_clock_never_falls_and_never_exceeds_the_truth_even_if_all_moves_while_it_reads(
    data: st.DataObject, options: dict[str, bool], reaper: int, during: int, pid_max: int
) -> None:
    kernel = FakeKernel(reaper=reaper, pid_max=pid_max, **options)
    clock, story = clock_on(kernel), Story(kernel, data.draw, orphans=True)
    before_us = 0
    for _ in range(8):
        for _ in range(data.draw(st.integers(0, 6))):
            story.step()
        kernel.pending = iter([story.step] * during)
        now_us = clock.read_us()
        kernel.pending = iter(())
        assert before_us <= now_us <= kernel.truth_us
        before_us = now_us


@pytest.mark.parametrize("has_children", [True, False])
@pytest.mark.parametrize("has_last_pid", [True, False])
class TestScenes:
    """The cases by name, for a reader; each on all kinds of kernels."""

    @pytest.fixture
    def kernel(self, has_children: bool, has_last_pid: bool) -> FakeKernel:
        return FakeKernel(has_children=has_children, has_last_pid=has_last_pid)

    def test_time_before_the_clock_was_made_does_not_count(self, kernel: FakeKernel) -> None:
        child = kernel.fork(US)
        kernel.burn(child, 700_000)
        kernel.burn(US, 500_000)
        clock = clock_on(kernel)
        assert clock.read_us() == 0
        kernel.burn(child, 100_000)
        kernel.exit(child)
        kernel.wait(child)
        assert clock.read_us() == 100_000

    def test_short_children_between_two_readings_come_through_their_parent(self, kernel: FakeKernel) -> None:
        clock = clock_on(kernel)
        for _ in range(5):
            child = kernel.fork(US)
            kernel.burn(child, 100_000)
            kernel.exit(child)
            kernel.wait(child)
        assert clock.read_us() == 500_000

    def test_a_neighbour_is_not_ours(self, kernel: FakeKernel) -> None:
        clock = clock_on(kernel)
        kernel.burn(kernel.fork(3), 900_000)
        kernel.burn(kernel.fork(US), 100_000)
        assert clock.read_us() == 100_000
        assert len(clock.pids()) == 2

    def test_a_child_that_is_not_waited_for_keeps_its_last_known_time(self, kernel: FakeKernel) -> None:
        clock = clock_on(kernel)
        kernel.table[US].ignores = True
        child = kernel.fork(US)
        kernel.burn(child, 300_000)
        assert clock.read_us() == 300_000
        kernel.exit(child)
        assert clock.read_us() == 300_000
        assert clock.pids() == {US}

    def test_an_orphan_stays_ours(self, kernel: FakeKernel) -> None:
        clock = clock_on(kernel)
        child = kernel.fork(US)
        grandchild = kernel.fork(child)
        clock.read_us()
        kernel.exit(child)
        kernel.wait(child)
        kernel.burn(grandchild, 400_000)
        assert clock.read_us() == 400_000
        assert grandchild in clock.pids()

    def test_an_orphan_that_the_launcher_reaps_within_one_interval_is_counted_once(self, kernel: FakeKernel) -> None:
        kernel.reaper = US
        clock = clock_on(kernel)
        shell = kernel.fork(US)
        child = kernel.fork(shell)
        orphan = kernel.fork(child)
        kernel.burn(orphan, 300_000)
        assert clock.read_us() == 300_000
        kernel.exit(child)
        kernel.wait(child)
        kernel.exit(orphan)
        kernel.wait(orphan)
        assert clock.read_us() == 300_000

    def test_a_recycled_number_is_nobody_of_ours(self, kernel: FakeKernel) -> None:
        kernel.pid_max = 8
        clock = clock_on(kernel)
        child = kernel.fork(US)
        kernel.burn(child, 100_000)
        clock.read_us()
        kernel.exit(child)
        kernel.wait(child)
        while (stranger := kernel.fork(3)) != child:
            kernel.exit(stranger)
            kernel.wait(stranger)
        kernel.burn(stranger, 900_000)
        assert clock.read_us() == 100_000

    def test_the_root_may_be_left_out(self, kernel: FakeKernel) -> None:
        clock = TreeClock(view=kernel, count_root=False, reaper=True)
        kernel.burn(US, 900_000)
        kernel.burn(kernel.fork(US), 200_000)
        assert clock.read_us() == 200_000

    def test_a_foreign_root_and_its_tree(self, kernel: FakeKernel) -> None:
        kernel.burn(3, 900_000)
        clock = TreeClock(3, view=kernel)
        child = kernel.fork(3)
        kernel.burn(child, 200_000)
        kernel.burn(3, 100_000)
        kernel.burn(US, 500_000)
        assert clock.read_us() == 300_000
        assert clock.pids() == {3, child}
