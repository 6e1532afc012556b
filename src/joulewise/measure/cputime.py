"""Cumulative CPU time of our tree of processes: everything counted, and counted once.

    total = own time of the root + what the root waited for
          + (own time + what it waited for) of each live descendant
          + what descendants had when they vanished and nobody inherited
          - all of this at the start

A process that is waited for moves from its own entry into its parent's waited time, so the sum does not change. If it
vanishes without being waited for (its parent ignores SIGCHLD, or init reaped it), its last known time is retained.
A process once ours stays ours, wherever it is re-parented to.

Not seen, unless the job owns its control group (see joulewise.measure.cgroups):
- a process that daemonises without Python's fork (a C daemon), leaves our tree and does so between two readings;
- short-lived children of a process that ignores SIGCHLD, born and gone between two readings;
- what a process without a heir used between the last reading and its end.
Under `joulewise run` orphans come back to the launcher, so the first kind is seen there, too.
Docs: docs/explanation/attribution.md.
"""

from __future__ import annotations

from joulewise.core.errors import MeterUnavailable, NotFound
from joulewise.measure.cgroups import own_group
from joulewise.measure.forks import ForkReports
from joulewise.measure.lookout import Lookout
from joulewise.measure.proctree import Processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from joulewise.measure.proctree import Probe, ProcessView, Stat

    class Usage(Protocol):
        """CPU time of a control group that holds our processes and no others."""

        def read_us(self) -> int | None: ...
        def pids(self) -> frozenset[int]: ...
        def close(self) -> None: ...


_MAX_PASSES = 4
_EXACT_SLACK_US = 1000


class _Member:
    """A process of ours; the times are those of the last reading."""

    __slots__ = ("own_us", "ppid", "probe", "settled_us", "state", "threads", "waited_us")

    def __init__(self, probe: Probe, stat: Stat) -> None:
        self.probe = probe
        self.take(stat)
        self.settled_us = stat.waited_us

    def take(self, stat: Stat) -> None:
        self.own_us, self.waited_us = stat.own_us, stat.waited_us
        self.ppid, self.state, self.threads = stat.ppid, stat.state, stat.threads

    @property
    def total_us(self) -> int:
        return self.own_us + self.waited_us


class TreeClock:
    """CPU microseconds of our processes since this clock was made; it never falls.

    Args:
        pid: Root of the tree; None is our own process, threads included.
        count_root: False leaves out the root's own time and counts its descendants only (a launcher).
        reaper: Orphans of the tree come to our own process (child subreaper, or PID 1).
        usage: A control group that holds the tree and nothing else; its exact time is then taken.
        view: Another kernel, for tests.
    Raises: NotFound, if there is no process `pid` or it is hidden from us.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        count_root: bool = True,
        reaper: bool = False,
        usage: Usage | None = None,
        view: ProcessView | None = None,
    ) -> None:
        self._view = view or Processes()
        self._root = self._view.me if pid is None else pid
        self._ours = self._root == self._view.me
        self._reaper = self._ours and (reaper or self._view.me == 1)
        self._lookout = Lookout(self._view)
        self._reports = ForkReports(self._forsake) if self._ours and isinstance(self._view, Processes) else None
        self._start_tick = self._view.start_tick()
        self._retained_us = self._before_us = self._last_us = self._unseen_us = self._used_before_us = 0
        self._usage: Usage | None = None
        self._closed = False
        self._members = {self._root: self._hold_root(count_root)}
        self._gone: dict[int, _Member] = {}
        self._follow(first=True)
        self._before_us = self._sum_us()
        if usage is None and self._reports is not None:
            usage = own_group(self._tree_pids, subtract_self=not count_root)
        self._use(usage)

    def read_us(self) -> int:
        """CPU time of the tree until now, microseconds; a descendant's own waited time is floored to 10 ms.

        Raises MeterUnavailable in a forked child, which has to make a clock of its own.
        """
        if self._closed:
            raise MeterUnavailable(
                "this clock is closed, or belongs to the parent process", hint="make a new TreeClock"
            )
        self._follow()
        tree_us = self._sum_us() - self._before_us
        used_us = self._usage.read_us() if self._usage else None
        if used_us is not None:
            # The group knows what the tree lost sight of; the tree knows what was moved out of the group.
            self._unseen_us = max(0, used_us - self._used_before_us - tree_us)
        self._last_us = max(self._last_us, tree_us + self._unseen_us)
        return self._last_us

    def pids(self) -> frozenset[int]:
        """Our live processes at the last reading."""
        return self._usage.pids() if self._usage else self._tree_pids()

    def _tree_pids(self) -> frozenset[int]:
        return frozenset(pid for pid, member in self._members.items() if member.state != "Z")

    def close(self) -> None:
        """Close all files; may be called twice."""
        self._forsake()
        if self._usage is not None:
            self._usage.close()
            self._usage = None
        if self._reports is not None:
            self._reports.close()
            self._reports = None

    def _hold_root(self, count_root: bool) -> _Member:
        probe = self._view.own(count_root) if self._ours else self._view.look(self._root)
        stat = probe.read() if probe else None
        if probe is None or stat is None:
            raise NotFound(f"no process {self._root}, or it is hidden", hint=f"ps -p {self._root}; ask its owner")
        return _Member(probe, stat)

    def _sum_us(self) -> int:
        return self._retained_us + sum(member.total_us for member in self._members.values())

    def _follow(self, first: bool = False) -> None:
        """Read all members until nobody vanishes meanwhile, then settle what the vanished leave."""
        for _ in range(_MAX_PASSES):
            vanished = self._pass()
            self._adopt(first)
            if not vanished and not self._lookout.unsure:
                break
        if vanished:
            return  # their heirs may have been read too early: settle next time, and count them then
        if self._gone:
            self._settle(self._gone)
            self._gone = {}
        for member in self._members.values():
            member.settled_us = member.waited_us

    def _pass(self) -> bool:
        """Read each member, parents before children: who is waited for meanwhile is then missed, not counted twice."""
        vanished = False
        for pid, member in list(self._members.items()):
            stat = member.probe.read()
            if stat is None:
                self._gone[pid] = self._members.pop(pid)
                member.probe.close()
                vanished = True
                continue
            if stat.ppid != member.ppid and stat.ppid in self._members:
                self._members[pid] = self._members.pop(pid)  # behind its new parent
            member.take(stat)
        return vanished

    def _adopt(self, first: bool) -> None:
        """Take in who is new. The time of those born before the clock was made does not count until now."""
        for pid, (probe, stat) in self._reported().items():
            self._members[pid] = _Member(probe, stat)
        found = self._lookout.find(self._members, self._ours and len(self._members) == 1)
        for pid, (probe, stat) in found.items():
            self._members[pid] = member = _Member(probe, stat)
            if not first and stat.start_tick < self._start_tick:
                self._before_us += member.total_us

    def _reported(self) -> dict[int, tuple[Probe, Stat]]:
        """Forked Python children that told their pid and are still alive."""
        found = {}
        for pid, born_ns in self._reports.take() if self._reports else ():
            probe = None if pid in self._members else self._view.look(pid)
            stat = probe.read() if probe else None
            if probe is not None and stat is not None and stat.start_tick * self._view.tick_us <= born_ns // 1000:
                found[pid] = probe, stat
            elif probe is not None:
                probe.close()  # the number has gone to somebody else
        return found

    def _settle(self, gone: dict[int, _Member]) -> None:
        """Compare what the vanished had with what their heirs got, and retain what nobody got.

        What an heir lacks may have gone to an ancestor of it that reaps orphans, so it is asked for there, too.
        """
        left_us: dict[int, int] = {}

        def leave(heir: int, us: int) -> None:
            if us and heir not in gone and heir not in self._members:
                heir = self._root if self._reaper else 0
            left_us[heir] = left_us.get(heir, 0) + us

        for pid in sorted(gone, key=lambda pid: _depth(pid, gone), reverse=True):
            member, us = gone[pid], left_us.pop(pid, 0)
            # A part of what its own children left may be in its last known time already.
            leave(member.ppid, member.total_us + us - self._inherited_us(member, us))
        self._retained_us += left_us.pop(0, 0)
        for pid, member in reversed(self._members.items()):
            us = left_us.pop(pid, 0)
            ignores = us > 0 and self._view.ignores_children(pid)
            lacking_us = us if ignores else us - self._inherited_us(member, us)
            if ignores or member.ppid not in self._members:
                self._retained_us += lacking_us
            else:
                leave(member.ppid, lacking_us)

    def _inherited_us(self, heir: _Member, us: int) -> int:
        """How much of `us` the heir's waited time took in; all of it, if no more lacks than rounding takes."""
        slack_us = _EXACT_SLACK_US if heir.probe.pid == self._view.me else 2 * self._view.tick_us
        grown_us = heir.waited_us - heir.settled_us
        return us if grown_us + slack_us >= us else grown_us

    def _use(self, usage: Usage | None) -> None:
        used_us = usage.read_us() if usage else None
        if used_us is not None:
            self._usage, self._used_before_us = usage, used_us

    def _forsake(self) -> None:
        for member in self._members.values():
            member.probe.close()
        self._members = {}
        self._view.close()
        self._closed = True


def _depth(pid: int, gone: dict[int, _Member]) -> int:
    """How many ancestors of `pid` vanished with it; stale numbers may form a circle."""
    depth = 0
    while (pid := gone[pid].ppid) in gone and depth < len(gone):
        depth += 1
    return depth
