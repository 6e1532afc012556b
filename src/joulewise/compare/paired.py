"""Two models on the same rows, or in the same rounds: what changed, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.blocks import Block, paired_blocks
from joulewise.compare.outputs import Prediction
from joulewise.compare.quality import Metric, rows_if_unchanged, rows_needed, whole_replicates
from joulewise.compare.rare_changes import are_labels, row_ratio, unseen_changes
from joulewise.compare.statistics import (
    LEVEL,
    RESAMPLES,
    Floats,
    bca,
    mcnemar,
    ratio_interval,
    resampled,
    tango,
)
from joulewise.core.errors import DataError, OutOfRange, UndefinedFigure
from joulewise.core.figures import MEASURED, REPORTED, Figure, weakest

MIX_LOG_RATIO = 0.71
"""Half width of ln(energy ratio / CPU time ratio) where a model gives the energy: it can't see the instruction mix.

27 languages ran the same programs on one machine with energy counters: their mean power differs pair by pair by a
factor of up to 2.03 in 95 % of pairs. It holds parallel programs, too, so it is rather too wide for one thread.
Source: Pereira et al. 2021, Science of Computer Programming 205:102609, table 4 (energy over time).
"""
MIX_SOURCE = "instruction mix x0.49 to x2.03 (Pereira et al. 2021, table 4: 95 % of pairs of 27 languages)"
QUANTITIES = {"cpu_s": "CPU time", "energy_j": "energy", "wall_s": "time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New - baseline of a metric on the same `n` rows. `figure` has the 95 % interval, `p_value` tests "no change".

    `disagreement` is the share of rows that changed between right and wrong (other metrics: the variance of a row's
    change), `row_ratio` what a share of rows that turn wrong may cost the metric at most (`rare_changes`), 0 where
    answers are no labels.
    """

    metric: str
    figure: Figure
    test: str
    p_value: float
    n: int
    greater_is_better: bool = True
    disagreement: float = 0.0
    row_ratio: float = 0.0

    @property
    def worst_loss(self) -> float:
        """The loss at the interval's bad end; negative if even that end gains."""
        return -self.figure.low if self.greater_is_better else self.figure.high

    def rows_needed(self, allowed_loss: float, power: float = 0.8) -> int:
        """How many rows would prove that floor, if this change is the true one. Raises OutOfRange if none would."""
        change = self.figure.value if self.greater_is_better else -self.figure.value
        counts = self.test == "mcnemar"
        least = rows_needed(change, allowed_loss, self.disagreement, counts=counts, power=power)
        return least if counts else max(least, rows_if_unchanged(allowed_loss, self.row_ratio))

    def holds(self, allowed_loss: float) -> bool:
        """True only if the bad end of the interval loses no more than that."""
        if not allowed_loss >= 0:
            raise OutOfRange(f"want an allowed loss >= 0, got {allowed_loss}")
        return self.worst_loss <= allowed_loss


def quality_change(
    metric: Metric,
    base: Prediction,
    new: Prediction,
    target: NDArray[Any] | None = None,
    reference: Prediction | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Change:
    """How the metric changes from one model to another on the same rows.

    Right and wrong: McNemar's exact test and Tango's interval. All else: a bootstrap of the rows, seeded, that takes
    the same rows for both; metrics of labels are widened by what so few changes can't tell (`rare_changes`). `level`
    is the interval's. Raises DataError for different numbers of rows, UndefinedFigure for a single one.
    """
    if len(base) != len(new):
        raise DataError(f"{len(base)} answers against {len(new)}", hint="both models on the same rows")
    one, other = (metric.per_row(side, target, reference) for side in (base, new))
    if one is None or other is None:
        return _of_wholes(metric, base, new, target, (seed, level))
    if metric.scale == "rows":
        return _of_counts(metric, one, other, level)
    return _of_rows(metric, one, other, (seed, level))


def _of_counts(metric: Metric, base: Floats, new: Floats, level: float) -> Change:
    n = base.size
    lost, won = int(np.sum(base > new)), int(np.sum(new > base))
    low, high = tango(lost, won, n, level)
    source = f"Tango interval, {n} rows: {lost} turned wrong, {won} turned right"
    interval = (won - lost) / n, low, high, level
    return _change(metric, interval, source, ("mcnemar", mcnemar(lost, won)), (n, (lost + won) / n, 1.0))


def _of_rows(metric: Metric, base: Floats, new: Floats, how: tuple[int, float]) -> Change:
    seed, level = how
    n = base.size
    if n < 2:
        raise UndefinedFigure(f"a change of {metric.name} needs at least 2 rows, got {n}")
    root = metric.of_mean(4.0) == 2.0

    def change_of(base_means: Floats, new_means: Floats) -> Floats:
        return np.asarray(np.sqrt(new_means) - np.sqrt(base_means) if root else new_means - base_means)

    value = float(change_of(base.mean(keepdims=True), new.mean(keepdims=True))[0])
    replicates = resampled(n, lambda rows: change_of(base[rows].mean(axis=1), new[rows].mean(axis=1)), seed)
    left_out = change_of((base.sum() - base) / (n - 1), (new.sum() - new) / (n - 1))
    low, high = bca(value, replicates, left_out, n, level)
    source = f"paired BCa bootstrap of {n} rows, {RESAMPLES} resamples, seed {seed}"
    found = "paired-bootstrap", _bootstrap_p(replicates)
    return _change(metric, (value, low, high, level), source, found, (n, float(np.var(new - base)), 0.0))


def _of_wholes(
    metric: Metric, base: Prediction, new: Prediction, target: NDArray[Any] | None, how: tuple[int, float]
) -> Change:
    seed, level = how
    sides = metric.cells([base, new], target)
    n = sides[0].n
    if n < 2:
        raise UndefinedFigure(f"a change of {metric.name} needs at least 2 rows, got {n}")
    value = metric.of_cells(sides[1]) - metric.of_cells(sides[0])
    before, after = whole_replicates(metric, sides, seed)
    replicates = after - before
    low, high = bca(value, replicates, None, n, level)
    source = f"paired bootstrap of {n} rows, {replicates.size} resamples, seed {seed}"
    weight = 0.0
    if are_labels(sides[0]):
        lost, won = unseen_changes(sides[0], sides[1], level)
        weight, before_weight = row_ratio(metric, sides[1]), row_ratio(metric, sides[0])
        ends = (
            (lost * weight, won * before_weight) if metric.greater_is_better else (won * before_weight, lost * weight)
        )
        low, high = low - ends[0], high + ends[1]
        source = f"{source}, with what so few changes can't tell"
    # the share-like metrics spread as a mean of row differences with this variance would
    found = "paired-bootstrap", _bootstrap_p(replicates[np.isfinite(replicates)])
    return _change(metric, (value, low, high, level), source, found, (n, float(np.nanvar(replicates) * n), weight))


def _change(
    metric: Metric,
    interval: tuple[float, float, float, float],
    source: str,
    found: tuple[str, float],
    counted: tuple[int, float, float],
) -> Change:
    value, low, high, level = interval
    figure = Figure(
        value=value, low=min(low, value), high=max(high, value), unit="1", method=MEASURED, source=source, level=level
    )
    return Change(
        metric=metric.name,
        figure=figure,
        test=found[0],
        p_value=found[1],
        n=counted[0],
        greater_is_better=metric.greater_is_better,
        disagreement=counted[1],
        row_ratio=counted[2],
    )


def _bootstrap_p(replicates: Floats) -> float:
    """Two-sided: twice the smaller share of resamples on one side of zero, one more counted (Davison 1997)."""
    count = replicates.size
    least = min(int(np.sum(replicates <= 0)), int(np.sum(replicates >= 0)))
    return min(1.0, 2 * (least + 1) / (count + 1))


def ratio_of(new: Sequence[Block], base: Sequence[Block], quantity: str = "cpu_s") -> Figure:
    """New / baseline of a quantity per row (cpu_s, energy_j, wall_s), paired by round; below 1 saves.

    The meter errs alike on both, so its error cancels. What a model of the energy can't see, the mix of instructions,
    does not cancel: it is added, and named in the source. CPU time is counted, so it has the rounds' spread only.
    Raises OutOfRange for an unknown quantity, UndefinedFigure for fewer than two common rounds or energy not read.
    """
    if quantity not in QUANTITIES:
        raise OutOfRange(f"no ratio of {quantity!r}: one of {', '.join(QUANTITIES)}")
    seen = sorted({(block.batch, block.load) for block in base})
    if len(seen) > 1:
        raise OutOfRange(f"one ratio for several conditions {seen}", hint="give the blocks of one batch and load")
    pairs = paired_blocks(new, base)
    above, below = (np.array([_per_row(pair[side], quantity) for pair in pairs]) for side in (0, 1))
    value, low, high = ratio_interval(above, below)
    source = f"{QUANTITIES[quantity]} per inference, {len(pairs)} rounds in pairs"
    method = MEASURED
    if quantity == "energy_j":
        method = weakest(block.energy.method for pair in pairs for block in pair if block.energy is not None)
        if method not in (MEASURED, REPORTED):
            low, high = (
                value * exp(side * hypot(log(end / value), MIX_LOG_RATIO)) for side, end in ((-1, low), (1, high))
            )
            source = f"{source}; {MIX_SOURCE}"
    return Figure(value=value, low=min(low, value), high=max(high, value), unit="1", method=method, source=source)


def _per_row(block: Block, quantity: str) -> float:
    if quantity == "energy_j":
        if block.energy is None:
            raise UndefinedFigure(f"no energy was measured in round {block.round} of {block.name}")
        return block.energy.value / block.rows
    return float(getattr(block, quantity)) / block.rows
