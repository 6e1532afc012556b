"""A quick look at a deployment: does it answer well enough to go on, and what does an inference take?"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np

from joulewise.compare import Limits, Metric, Prediction, Rows, Worker, canonical, quality_change, quality_of
from joulewise.compare.floors import Floor
from joulewise.compare.observing import LATENCY_P50, LATENCY_P99, MEMORY
from joulewise.compare.paired import Change
from joulewise.core.errors import JoulewiseError
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Deployment
from joulewise.shrink.keeping import compared, is_lost
from joulewise.shrink.request import quality_floors
from joulewise.shrink.tree import Node

_log = logging.getLogger(__name__)
BLOCK_S = 0.12
PATIENCE_S = 5.0
"""A worker gets at least so long to start and to answer, however little time is left."""
ALIKE = 1e-3
"""Numbers that differ by less than this share of their spread are the same."""
SURE = 1.25
"""A cost so many times above its floor in a quick look is above it, however busy the machine was."""
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screened:
    """What a quick look saw. `cpu_s` is CPU time per inference by batch. `reason` says why it goes no further.

    `start_s` and `answer_s` are what starting it and answering the screening rows took: the proof pays them again.
    """

    node: Node
    deployment: Deployment
    cpu_s: dict[int, float] = field(default_factory=dict)
    change: Change | None = None
    quality: Figure | None = None
    prediction: Prediction | None = field(default=None, repr=False)
    memory_bytes: int = 0
    latency_s: float = 0.0
    start_s: float = 0.0
    answer_s: float = 0.0
    reason: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screen:
    """How to look: the rows, the metric, the floors, the batches. `threads_may_help`: others will be tried later."""

    rows: Rows
    feeds: Path
    metric: Metric | None
    floors: tuple[Floor, ...]
    batches: tuple[int, ...]
    limits: Limits
    threads_may_help: bool = False
    seed: int = 0

    def look(
        self, node: Node, deployment: Deployment, baseline: Screened | None, deadline: float | None = None
    ) -> Screened:
        """Start it, judge its answers, time it. Never raises for what is wrong with a candidate.

        `deadline` (monotonic clock) cuts the time that it gets for each answer.
        """
        try:
            return self.examine(node, deployment, baseline, deadline)
        except JoulewiseError as error:
            reason = error.message
        except Exception as error:  # noqa: BLE001 - a foreign model's answers in a user's metric: one candidate less
            _log.warning("%s could not be judged", deployment.name, exc_info=True)
            reason = f"{type(error).__name__}: {error}"
        return Screened(node=node, deployment=deployment, reason=reason.removeprefix(f"{deployment.name}: "))

    def examine(
        self, node: Node, deployment: Deployment, baseline: Screened | None, deadline: float | None = None
    ) -> Screened:
        """As `look`, but raises what is wrong with it: ModelError, DataError."""
        with Worker(deployment, self.feeds, self._limits(deadline), seed=self.seed) as worker:
            begun = time.monotonic()
            answers = worker.predict(0, len(self.rows), max(self.batches))
            seen = Screened(
                node=node,
                deployment=deployment,
                prediction=canonical(answers, deployment.artifact.facts),
                start_s=worker.cold_start_s,
                answer_s=time.monotonic() - begun,
            )
            seen = self._judged(seen, baseline)
            return self._timed(seen, worker) if seen.ok else seen

    def _limits(self, deadline: float | None) -> Limits:
        if deadline is None:
            return self.limits
        left_s = max(PATIENCE_S, deadline - time.monotonic())
        limits = self.limits
        return replace(
            limits, time_limit_s=min(limits.time_limit_s, left_s), start_limit_s=min(limits.start_limit_s, left_s)
        )

    def _judged(self, seen: Screened, baseline: Screened | None) -> Screened:
        if self.metric is None or seen.prediction is None:
            return seen
        reference = baseline.prediction if baseline is not None else seen.prediction
        quality = quality_of(self.metric, seen.prediction, self.rows.target, reference, self.seed)
        if baseline is None or baseline.prediction is None:
            return replace(seen, quality=quality)
        change = quality_change(
            self.metric, baseline.prediction, seen.prediction, self.rows.target, reference, self.seed
        )
        found = replace(seen, quality=quality, change=change)
        floors = quality_floors(self.floors)
        lost = next((one for one in floors if is_lost(one, judged_by(one, found, baseline))), None)
        return replace(found, reason=f"{lost.text} can't hold: {_told(found)}") if lost else found

    def _timed(self, seen: Screened, worker: Worker) -> Screened:
        cpu_s, latency_s = dict[int, float](), 0.0
        for batch in self.batches:
            cpu_s[batch], slowest_s = _cpu_s(worker, batch)
            latency_s = latency_s or slowest_s
        found = replace(seen, cpu_s=cpu_s, memory_bytes=worker.memory_bytes_peak, latency_s=latency_s)
        return replace(found, reason=self._too_dear(found))

    def _too_dear(self, seen: Screened) -> str:
        """The cost floor that it breaks by so much that no other measurement will change it; "" if none."""
        for floor in self.floors:
            latency = floor.quantity in (LATENCY_P50, LATENCY_P99)
            if not latency and floor.quantity != MEMORY:
                continue
            value = seen.latency_s if latency else float(seen.memory_bytes)
            if value > SURE * floor.value and not (latency and self.threads_may_help):
                told = f"{value * 1e3:.3g} ms" if latency else f"{value / 1e6:.0f} MB"
                return f"{floor.text} can't hold: it takes {told}"
        return ""


def judged_by(floor: Floor, seen: Screened, baseline: Screened) -> Figure | None:
    """What the floor is compared with."""
    return compared(floor, seen.change, seen.quality, baseline.quality)


def may_be_proven(floors: Sequence[Floor], seen: Screened, baseline: Screened, proof_rows: int) -> bool:
    """Would the floors hold at the bad end on so many rows, if these answered as the screened ones did?"""
    for floor in quality_floors(floors):
        figure = judged_by(floor, seen, baseline)
        if figure is None:
            continue
        reach = _reach(floor, figure, seen, proof_rows)
        value = _without_luck(floor, figure.value)
        bad = value - reach if floor.at_least else value + reach
        if bad < floor.value if floor.at_least else bad > floor.value:
            return False
    return True


def _without_luck(floor: Floor, change: float) -> float:
    """A gain on a few screening rows is luck as likely as not: where a loss is allowed, it counts as no change."""
    if not floor.relative:
        return change
    if floor.at_least:
        return min(change, 0.0) if floor.value <= 0 else change
    return max(change, 0.0) if floor.value >= 0 else change


def has_moved(seen: Screened, baseline: Screened) -> bool:
    """True if the numbers behind the answers are others than the original's: labels that agree on a few rows say little
    of a model in 8 bits, scores that agree to three digits say that it is the same one. False where nobody knows."""
    if seen.prediction is None or baseline.prediction is None:
        return False
    for name in ("scores", "values", "vectors"):
        new, old = getattr(seen.prediction, name), getattr(baseline.prediction, name)
        if new is not None and old is not None and new.shape == old.shape:
            spread = float(np.std(old)) or 1.0
            return not float(np.mean(np.abs(new - old))) <= ALIKE * spread
    return False


def disagreement(seen: Screened) -> float:
    """How much the answers differ from the original's, row by row; 0 for one that nobody judged."""
    return seen.change.disagreement if seen.change is not None else 0.0


def _reach(floor: Floor, figure: Figure, seen: Screened, proof_rows: int) -> float:
    """From the value to the interval's bad end on the proof's rows."""
    change = seen.change
    if floor.relative == "points" and change is not None and change.test == "mcnemar":
        # Tango's interval ends at z^2 / (n + z^2) where no row changed; a normal one z sqrt(d / n) otherwise
        return max(_Z * sqrt(max(change.disagreement, 0.0) / proof_rows), _Z**2 / (proof_rows + _Z**2))
    seen_rows = change.n if change is not None else proof_rows
    end = figure.value - figure.low if floor.at_least else figure.high - figure.value
    return end * sqrt(seen_rows / proof_rows)


def objective(seen: Screened, baseline: Screened, batches: Sequence[int]) -> float:
    """CPU time against the baseline, the geometric mean over the batches."""
    return exp(float(np.mean([log(seen.cpu_s[batch] / baseline.cpu_s[batch]) for batch in batches])))


def _told(seen: Screened) -> str:
    change = seen.change
    if change is not None:
        return f"it changes by {change.figure.value:+.4f} ({change.figure.low:+.4f} to {change.figure.high:+.4f})"
    return f"{seen.quality.value:.4f}" if seen.quality is not None else "not judged"


def _cpu_s(worker: Worker, batch: int) -> tuple[float, float]:
    """CPU seconds per inference, and the median latency of a call: the least of three short blocks, as disturbances
    only ever add."""
    worker.prepare(batch)
    worker.block(batch, duration_s=BLOCK_S / 2)
    blocks = [worker.block(batch, duration_s=BLOCK_S) for _ in range(3)]
    cpu_s = min(block.cpu_s / block.rows for block in blocks)
    return max(cpu_s, 1e-9), min(float(np.median(block.latencies_s)) for block in blocks)
