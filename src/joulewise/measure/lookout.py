"""Finds the processes of our tree that were born since the last look, without listing all processes.

If no PID was handed out since the last look, there is nobody new: that costs one read of /proc/loadavg, 2 us. Else the
cheaper of two ways is taken: look at each PID handed out since (a window), or at the `children` files of our threads.
Where the kernel has no such files and the window is long, one listing of /proc says which PIDs of the window are alive.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from joulewise.measure.proctree import Probe, ProcessView, Stat

    class Known(Protocol):
        threads: int

    Found = dict[int, tuple[Probe, Stat]]

LONGEST_WINDOW = 256
"""PIDs that are tried one by one at most, 7 us each for those that are gone by now."""


class Lookout:
    """Remembers up to where PIDs were looked at."""

    def __init__(self, view: ProcessView) -> None:
        self._view = view
        self._last: int | None = None
        self._again: list[int] = []
        self.unsure = True
        """Somebody died while we looked and its children moved: look again, even if no PID is handed out."""

    def find(self, members: Mapping[int, Known], alone: bool) -> Found:
        """New processes whose parents are ours, parents first. `alone`: we are our only member known to be alive."""
        now = self._view.last_pid()
        if now is not None and now == self._last and not self.unsure:
            return {}
        window = None if now is None or self._last is None else self._view.born_between(self._last, now)
        unsure, self.unsure, self._last = self.unsure, False, now
        if alone and self._view.childless():
            self._again = []
            return {}
        threads = self._view.own_threads() + sum(member.threads for member in members.values())
        found = self._walk(members) if window is None or unsure or len(window) > threads else None
        return self._among(self._alive(window), members) if found is None else found

    def _alive(self, window: range | list[int] | None) -> list[int]:
        if window is not None and len(window) <= LONGEST_WINDOW:
            return [*self._again, *window]
        listed = self._view.listed()
        return listed if window is None else [*self._again, *(pid for pid in listed if pid in window)]

    def _walk(self, members: Mapping[int, Known]) -> Found | None:
        """Down from each member by its `children` files; None where the kernel has none."""
        found: Found = {}
        queue = list(members)
        for pid in queue:
            children = self._view.children(pid)
            if children is None:
                return None
            for child in children:
                if child not in members and child not in found and self._hold(child, found):
                    queue.append(child)
        self._again = []
        return found

    def _hold(self, pid: int, found: Found) -> bool:
        probe = self._view.look(pid)
        stat = probe and probe.read()
        if probe and stat:
            found[pid] = probe, stat
            return True
        if probe:
            probe.close()
        self.unsure = True  # it died while we looked: its children have another parent by now
        return False

    def _among(self, pids: Iterable[int], members: Mapping[int, Known]) -> Found:
        """Those of `pids` that hang on a member, directly or through one another."""
        strangers: Found = {}
        for pid in pids:
            if pid not in members and pid not in strangers:
                self._hold(pid, strangers)
        ours: Found = {}
        while joined := [pid for pid, (_, stat) in strangers.items() if stat.ppid in members or stat.ppid in ours]:
            ours.update((pid, strangers.pop(pid)) for pid in joined)
        # A parent that is neither there nor older than the window died while we looked: see who inherits the child.
        tried = set(pids)
        self._again = [pid for pid, (_, stat) in strangers.items() if stat.ppid in tried and stat.ppid not in strangers]
        self.unsure = bool(self._again)
        for probe, _ in strangers.values():
            probe.close()
        return ours
