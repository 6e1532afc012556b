"""Rows of a metric, gathered: what a bootstrap counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Rows gathered: `counts` of each cell, its target and its answer. A cell is a row, but labels repeat."""

    counts: NDArray[np.int64]
    target: Array
    answer: Array
    classes: int

    @property
    def n(self) -> int:
        return int(self.counts.sum())
