"""The least time that a model can take on this machine: its arithmetic at the peak, its weights at the cache's pace.

Williams, Waterman, Patterson 2009, Roofline, doi:10.1145/1498765.1498785. A bound, never an estimate: integers are
granted the peak of the widest instructions, and weights the bandwidth of a nearby cache.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from joulewise.core.variants import Model

INTEGER_GAIN = 8.0
"""8-bit dot products do at most so many operations for one of float32, multiply and add counted apart, with margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """Peaks of one core: float32 operations and bytes a second."""

    flop_per_s: float
    bytes_per_s: float

    def least_s(self, card: Model, batch: int) -> float:
        """The least CPU seconds per inference; 0 where nothing is known of the model."""
        flops = card.flops.low if card.flops is not None else 0.0
        arithmetic_s = flops / (self.flop_per_s * INTEGER_GAIN)
        moving_s = 0.0 if card.parameters is None else card.parameters * 0.5 / self.bytes_per_s / batch
        return max(arithmetic_s, moving_s)


def roof_here(duration_s: float = 0.05) -> Roof:
    """Measure this machine: a matrix product and a copy that fit a cache. One thread of NumPy, or more: the bound is
    then only lower."""
    one = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    flop_per_s = _best(lambda: one @ one, duration_s) * 2 * 256**3
    some = np.ones(64_000, dtype=np.float32)
    other = np.empty_like(some)
    bytes_per_s = _best(lambda: np.copyto(other, some), duration_s) * 2 * some.nbytes
    return Roof(flop_per_s=flop_per_s, bytes_per_s=bytes_per_s)


def _best(work: object, duration_s: float) -> float:
    """Calls a second, by the fastest call; one call at least, however long the machine made us wait before."""
    assert callable(work)
    ends, least = time.perf_counter() + duration_s, float("inf")
    while least == float("inf") or time.perf_counter() < ends:
        begun = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - begun)
    return 1.0 / least
