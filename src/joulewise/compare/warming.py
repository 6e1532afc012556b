"""Warm up until the latency is steady: compilers, caches, lazy loading and allocators have settled then."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from joulewise.compare.blocks import Block

STEADY = 0.05
"""Medians of successive windows within this of one another are steady, twice in a row."""
WINDOWS = 8


class Works(Protocol):
    """A worker, as far as warming up needs it."""

    def block(self, batch: int, *, duration_s: float) -> Block: ...


def warmed(worker: Works, batch: int, limit_s: float) -> bool:
    """Work in windows until two steps in a row change the median latency by at most 5 %; False if the time ran out."""
    end = time.monotonic() + limit_s
    medians: list[float] = []
    while True:
        block = worker.block(batch, duration_s=limit_s / WINDOWS)
        medians.append(float(np.median(block.latencies_s)))
        if is_steady(medians):
            return True
        if time.monotonic() >= end:
            return False


def is_steady(medians: list[float]) -> bool:
    """True if the last three windows agree, one with the next."""
    if len(medians) < 3:
        return False
    first, second, third = medians[-3:]
    return abs(second - first) <= STEADY * first and abs(third - second) <= STEADY * second
