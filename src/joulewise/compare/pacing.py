"""The loops that are timed. Saturated: each call follows the last. Paced: requests come when they come.

A paced load is open: the next request is due whether or not the last was answered, and its latency runs from the moment
it was due. A closed loop would hide a slow answer by asking later ("coordinated omission").
Traps: clocks only, no allocation and no collection of garbage inside the loops beyond what the call itself does.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    Feeds = Sequence[Mapping[str, Any]]
    Call = Callable[[Mapping[str, Any]], Any]

OVERTIME = 3.0
"""A paced block that can't keep up ends after so many times its planned seconds; what was due then is unserved."""
ARRIVALS = ("poisson", "fixed")


class Loop:
    """What one block needs, made ahead of the clock: the feeds in their order, and room for the latencies.

    `position` goes on from block to block, so that every row is used before one comes again.
    """

    def __init__(self, call: Call, feeds: Feeds) -> None:
        self.call = call
        self.feeds = feeds
        self.position = 0

    def saturated(self, calls: int, duration_s: float | None) -> array[int]:
        """At most `calls` calls, or as many as begin within `duration_s`; their latencies in ns."""
        call, feeds, clock = self.call, self.feeds, time.perf_counter_ns
        count, at = len(feeds), self.position
        latencies = array("q", bytes(8 * calls))
        end = clock() + round(duration_s * 1e9) if duration_s is not None else None
        done = 0
        while done < calls:
            feed = feeds[at]
            begun = clock()
            if end is not None and begun >= end and done:
                break
            call(feed)
            latencies[done] = clock() - begun
            done += 1
            at += 1
            if at == count:
                at = 0
        self.position = at
        return latencies[:done]

    def paced(self, due_s: Sequence[float], duration_s: float) -> array[int]:
        """Requests at the moments `due_s`, seconds from now; latencies in ns from those moments.

        The loop sleeps between requests, it never spins, and stays until the planned end, so that what a runtime burns
        between requests is counted as its cost.
        """
        call, feeds, clock, sleep = self.call, self.feeds, time.perf_counter_ns, time.sleep
        count, at = len(feeds), self.position
        latencies = array("q", bytes(8 * len(due_s)))
        start = clock()
        latest = start + round(duration_s * OVERTIME * 1e9)
        done = 0
        for offset_s in due_s:
            due = start + round(offset_s * 1e9)
            now = clock()
            if now >= latest:
                break
            if now < due:
                sleep((due - now) / 1e9)
            call(feeds[at])
            latencies[done] = clock() - due
            done += 1
            at = at + 1 if at + 1 < count else 0
        self.position = at
        left_s = duration_s - (clock() - start) / 1e9
        if left_s > 0:
            sleep(left_s)
        return latencies[:done]


def due_moments(rate_per_s: float, duration_s: float, arrivals: str, seed: int) -> list[float]:
    """When requests are due within a block, s: evenly, or as a Poisson process; at least one."""
    if arrivals == "fixed":
        return [index / rate_per_s for index in range(max(1, round(rate_per_s * duration_s)))]
    generator = random.Random(seed)
    moments: list[float] = []
    moment = generator.expovariate(rate_per_s)
    while moment < duration_s:
        moments.append(moment)
        moment += generator.expovariate(rate_per_s)
    return moments or [generator.uniform(0, duration_s)]
