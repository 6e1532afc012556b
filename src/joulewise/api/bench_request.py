"""What a bench is asked for, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from joulewise import compare
from joulewise.core.errors import DataError, UsageError
from joulewise.core.runtimes import Deployment

if TYPE_CHECKING:
    from joulewise.api.deploying import Trust
    from joulewise.compare import BenchPlan, Floor, Metric, Rows

OFFLINE, SINGLE_STREAM, ENERGY_SCORE = "offline", "single-stream", "ai-energy-score"
MODES = ("", OFFLINE, SINGLE_STREAM, ENERGY_SCORE)
"""Ways of telling energy that others have made known: MLPerf Power's two scenarios, the AI Energy Score."""
MODE_BATCHES = {OFFLINE: (32,), SINGLE_STREAM: (1,), ENERGY_SCORE: (1,)}
MODE_ROUNDS = {ENERGY_SCORE: 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """What to compare, on what, how long. Empty `batches` and `rounds` 0 take the mode's, else (1, 32) and 6.

    `models` are paths, `name=path@runtime` or Deployments, `data` a path or Rows. The first of `metrics` ranks;
    what `floors` name is judged, too.
    `trust` is True, False, or a function that is asked before code of a model's file would run. `training` names, by
    model ("" for all), the run of the ledger that trained it. `task` is what the models do, where that is only guessed:
    classification, regression, embedding.
    """

    models: tuple[str | Path | Deployment, ...]
    data: str | Path | Rows
    target: str | None = None
    metrics: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()
    runtimes: tuple[str, ...] = ()
    rounds: int = 0
    block_s: float = 1.0
    warm_up_s: float = 5.0
    cold_starts: int = 3
    time_limit_s: float = 3600.0
    memory_bytes: int | None = None
    floors: tuple[str, ...] = ()
    baseline: str = ""
    mode: str = ""
    task: str = ""
    name: str = ""
    seed: int = 0
    trust: bool | Trust = False
    tags: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> BenchPlan:
        """The plan of the measurement. Raises UsageError for an unknown mode, OutOfRange for numbers that can't be."""
        if self.mode not in MODES:
            raise UsageError(f"there is no mode {self.mode!r}", hint=", ".join(MODES[1:]))
        limits = compare.Limits(memory_bytes=self.memory_bytes)
        return compare.BenchPlan(
            batches=self.batches or MODE_BATCHES.get(self.mode, (1, 32)),
            threads=self.threads,
            rates=self.rates,
            rounds=self.rounds or MODE_ROUNDS.get(self.mode, 6),
            block_s=self.block_s,
            warm_up_s=self.warm_up_s,
            cold_starts=self.cold_starts,
            time_limit_s=self.time_limit_s,
            metric=next(iter(self.judged_by()), ""),
            seed=self.seed,
            limits=limits,
        )

    def judged_by(self) -> tuple[str, ...]:
        """The metrics that were named, and those that floors name: a floor that nobody measures can't hold."""
        return tuple(dict.fromkeys((*self.metrics, *(one.metric for one in self.limits() if not one.quantity))))

    def limits(self) -> tuple[Floor, ...]:
        """The floors, read. Raises UsageError with examples."""
        return tuple(compare.floor_of(text) for text in self.floors)

    def rows(self) -> Rows:
        """The rows that judge. Raises DataError with the cure."""
        return self.data if isinstance(self.data, compare.Rows) else compare.read_rows(self.data, self.target)

    def judges(self, rows: Rows) -> tuple[Metric, ...]:
        """The metrics that were named. Raises DataError for one that is unknown, or that lacks its target."""
        found = tuple(compare.metric_of(name) for name in self.judged_by())
        for metric in found:
            if rows.target is None and not metric.needs_reference and ":" not in metric.name:
                columns = ", ".join(rows.columns[:20])
                raise DataError(f"{metric.name} needs a target", hint=f"--target COLUMN, one of {columns}")
        return found
