"""A quick look at a deployment: does it answer well enough to go on, and what does an inference take?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt
from pathlib import Path

import numpy as np

from joulewise.compare import Limits, Metric, Prediction, Rows, Worker, canonical, quality_change, quality_of
from joulewise.compare.floors import Floor
from joulewise.compare.paired import Change
from joulewise.core.errors import JoulewiseError
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Deployment
from joulewise.shrink.request import quality_floors
from joulewise.shrink.tree import Node

BLOCK_S = 0.12
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screened:
    """What a quick look saw. `cpu_s` is CPU time per inference by batch. `reason` says why it goes no further."""

    node: Node
    deployment: Deployment
    cpu_s: dict[int, float] = field(default_factory=dict)
    change: Change | None = None
    quality: Figure | None = None
    prediction: Prediction | None = field(default=None, repr=False)
    memory_bytes: int = 0
    reason: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screen:
    """How to look: the rows, the metric, the floors, the batches."""

    rows: Rows
    feeds: Path
    metric: Metric | None
    floors: tuple[Floor, ...]
    batches: tuple[int, ...]
    limits: Limits
    seed: int = 0

    def look(self, node: Node, deployment: Deployment, baseline: Screened | None) -> Screened:
        """Start it, judge its answers, time it. Never raises for what is wrong with the candidate."""
        seen = Screened(node=node, deployment=deployment)
        try:
            with Worker(deployment, self.feeds, self.limits, seed=self.seed) as worker:
                answers = worker.predict(0, len(self.rows), max(self.batches))
                seen = self._judged(replace(seen, prediction=canonical(answers, deployment.artifact.facts)), baseline)
                if not seen.ok:
                    return seen
                cpu_s = {batch: _cpu_s(worker, batch) for batch in self.batches}
                return replace(seen, cpu_s=cpu_s, memory_bytes=worker.memory_bytes_peak)
        except JoulewiseError as error:
            return replace(seen, reason=error.message)

    def _judged(self, seen: Screened, baseline: Screened | None) -> Screened:
        if self.metric is None or seen.prediction is None:
            return seen
        reference = baseline.prediction if baseline is not None else seen.prediction
        quality = quality_of(self.metric, seen.prediction, self.rows.target, reference, self.seed)
        change = None
        if baseline is not None and baseline.prediction is not None:
            change = quality_change(
                self.metric, baseline.prediction, seen.prediction, self.rows.target, reference, self.seed
            )
        found = replace(seen, quality=quality, change=change)
        lost = next((floor for floor in quality_floors(self.floors) if surely_below(floor, found)), None)
        return replace(found, reason=f"{lost.text} can't hold: {_told(found)}") if lost else found


def surely_below(floor: Floor, seen: Screened) -> bool:
    """True if even the interval's good end breaks the floor."""
    figure = _judged_by(floor, seen)
    if figure is None:
        return False
    return figure.high < floor.value if floor.at_least else figure.low > floor.value


def may_be_proven(floors: Sequence[Floor], seen: Screened, proof_rows: int) -> bool:
    """Would the floors hold at the bad end on so many rows, if these answered as the screened ones did?"""
    for floor in quality_floors(floors):
        figure = _judged_by(floor, seen)
        if figure is None:
            continue
        spread = seen.change.disagreement if seen.change is not None else 0.0
        # Tango's interval reaches z^2 / n beyond a difference of nothing; a normal one z sqrt(d / n) otherwise
        reach = max(_Z * sqrt(max(spread, 0.0) / proof_rows), _Z**2 / proof_rows) if floor.relative else _half(figure)
        bad = figure.value - reach if floor.at_least else figure.value + reach
        if bad < floor.value if floor.at_least else bad > floor.value:
            return False
    return True


def objective(seen: Screened, baseline: Screened, batches: Sequence[int]) -> float:
    """CPU time against the baseline, the geometric mean over the batches."""
    return exp(float(np.mean([log(seen.cpu_s[batch] / baseline.cpu_s[batch]) for batch in batches])))


def _judged_by(floor: Floor, seen: Screened) -> Figure | None:
    return seen.change.figure if floor.relative == "points" and seen.change is not None else seen.quality


def _half(figure: Figure) -> float:
    return (figure.high - figure.low) / 2


def _told(seen: Screened) -> str:
    change = seen.change
    if change is not None:
        return f"it changes by {change.figure.value:+.4f} ({change.figure.low:+.4f} to {change.figure.high:+.4f})"
    return f"{seen.quality.value:.4f}" if seen.quality is not None else "not judged"


def _cpu_s(worker: Worker, batch: int) -> float:
    """CPU seconds per inference: the least of three short blocks, as disturbances only ever add."""
    worker.prepare(batch)
    worker.block(batch, duration_s=BLOCK_S / 2)
    blocks = [worker.block(batch, duration_s=BLOCK_S) for _ in range(3)]
    return min(block.cpu_s / block.rows for block in blocks)
