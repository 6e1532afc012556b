"""A block: a stretch of work of one deployment under one condition, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure
from joulewise.core.variants import SATURATED


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """`calls` predictions of `batch` rows each, in `wall_s` seconds. Counted in the worker, without the harness.

    `cpu_s` is CPU time of all of the worker's threads and of processes that it started, spinning and waiting between
    requests included. `latencies_s` has one entry a call; under a paced load they run from the moment the request was
    due, so that a queue shows.
    `unserved` counts requests that were due but not begun when the block ended. `energy` comes with the run's result.
    """

    calls: int
    rows: int
    wall_s: float
    cpu_s: float
    latencies_s: NDArray[Any] = field(repr=False)
    batch: int = 1
    threads: int = 1
    load: str = SATURATED
    round: int = 0
    name: str = ""
    phase: str = ""
    unserved: int = 0
    energy: Figure | None = None

    @property
    def condition(self) -> tuple[int, int, str]:
        """Batch, threads, load."""
        return self.batch, self.threads, self.load


def load_text(rate_per_s: float | None) -> str:
    """How a load is written: saturated, or "20/s"."""
    return SATURATED if rate_per_s is None else f"{rate_per_s:g}/s"


def by_condition(blocks: Iterable[Block]) -> dict[tuple[int, int, str], list[Block]]:
    """Blocks of each batch, threads and load, in order."""
    found: dict[tuple[int, int, str], list[Block]] = {}
    for block in blocks:
        found.setdefault(block.condition, []).append(block)
    return found


def paired_blocks(first: Sequence[Block], second: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Blocks of the same batch, load and round. Raises UndefinedFigure for fewer than two pairs."""
    others = {(block.batch, block.load, block.round): block for block in second}
    keys = ((block, (block.batch, block.load, block.round)) for block in first)
    pairs = [(block, others[key]) for block, key in keys if key in others]
    if len(pairs) < 2:
        raise UndefinedFigure(f"a ratio with an interval needs at least 2 common rounds, got {len(pairs)}")
    return pairs


def column(blocks: Sequence[Block], name: str) -> NDArray[np.float64]:
    """One number of each block."""
    return np.array([getattr(block, name) for block in blocks], dtype=np.float64)
