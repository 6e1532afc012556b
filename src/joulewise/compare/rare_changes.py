"""What a bootstrap of labels can't see: changes so rare that the rows hold few of them, or none.

If no row of n turned wrong, every resample says so, and its interval is a point: 300 rows would "prove" that a macro
F1 never falls. Counts of right and wrong know better (Tango, Wilson). How far their interval reaches beyond the normal
one, which a bootstrap comes to, is a share of rows; what such rows may cost the metric is the dearest of them: a row
of the rarest class. For accuracy, where every row costs 1/n, that is the interval of Tango or Wilson again.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.cells import Cells
from joulewise.compare.statistics import LEVEL, Floats, tango, wilson

RAREST = 50
"""So many classes are tried, the rarest first: there a row weighs most."""


class OfCells(Protocol):
    """What a metric of whole samples can do: one value a row of weights."""

    def of_resamples(self, cells: Cells, weights: NDArray[np.int64] | None) -> Floats: ...


def are_labels(cells: Cells) -> bool:
    """True if the answers are right or wrong, not scores or values."""
    return cells.classes > 0 and cells.answer.ndim == 1


def row_ratio(metric: OfCells, cells: Cells) -> float:
    """What a share of rows that turn wrong may cost the metric, at most: 1 for accuracy, more where classes are rare.

    n times the change of the metric by the one right row that weighs most; 0 where no row is right or none can turn.
    """
    members = np.bincount(cells.target, weights=cells.counts, minlength=cells.classes)
    right = (cells.target == cells.answer) & (cells.counts > 0)
    kinds, firsts = np.unique(cells.target[right], return_index=True)
    order = np.argsort(members[kinds], kind="stable")[:RAREST]
    by_size = np.argsort(members, kind="stable")
    ends = {int(by_size[0]), int(by_size[-1]), int(by_size[min(1, len(by_size) - 1)])}
    turns = [
        (int(np.flatnonzero(right)[firsts[at]]), wrong) for at in order for wrong in ends if wrong != int(kinds[at])
    ]
    if not turns:
        return 0.0
    values = metric.of_resamples(*_turned(cells, turns))
    own = metric.of_resamples(cells, None)[0]
    return float(np.nanmax(np.abs(values - own), initial=0.0)) * cells.n


def _turned(cells: Cells, turns: list[tuple[int, int]]) -> tuple[Cells, NDArray[np.int64]]:
    """The cells with one more for each turned row, and weights: a line a turn, with that row's answer wrong."""
    rows, answers = (np.array(column) for column in zip(*turns, strict=True))
    count = len(turns)
    longer = Cells(
        counts=np.concatenate([cells.counts, np.zeros(count, dtype=np.int64)]),
        target=np.concatenate([cells.target, cells.target[rows]]),
        answer=np.concatenate([cells.answer, answers]),
        classes=cells.classes,
    )
    weights = np.tile(longer.counts, (count, 1))
    weights[np.arange(count), rows] -= 1
    weights[np.arange(count), len(cells.counts) + np.arange(count)] += 1
    return longer, weights


def unseen_changes(base: Cells, new: Cells, level: float = LEVEL) -> tuple[float, float]:
    """Shares of rows that may turn wrong, and right, beyond what a bootstrap of these rows tells; both >= 0."""
    before, after = (cells.target == cells.answer for cells in (base, new))
    lost, won = (int(base.counts[rows].sum()) for rows in (before & ~after, after & ~before))
    low, high = tango(lost, won, base.n, level)
    middle = (won - lost) / base.n
    spread = _z(level) * sqrt(max(0.0, (lost + won) / base.n - middle**2) / base.n)
    return max(0.0, middle - spread - low), max(0.0, high - middle - spread)


def unseen_errors(cells: Cells, level: float = LEVEL) -> tuple[float, float]:
    """Shares of rows that may be wrong, and right, beyond what a bootstrap of these rows tells; both >= 0."""
    share = int(cells.counts[cells.target == cells.answer].sum()) / cells.n
    low, high = wilson(round(share * cells.n), cells.n, level)
    spread = _z(level) * sqrt(share * (1 - share) / cells.n)
    return max(0.0, share - spread - low), max(0.0, high - share - spread)


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
