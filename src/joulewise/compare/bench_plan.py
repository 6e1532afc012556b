"""What a bench is to do: conditions, rounds, seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from joulewise.compare.pacing import ARRIVALS
from joulewise.compare.worker import Limits
from joulewise.core.errors import OutOfRange


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """How to measure.

    `batches` are run saturated; `rates` in requests/s of one row each. `threads` empty: each deployment with its own
    number. Every condition has `rounds` blocks of `block_s` seconds, after at most `warm_up_s` seconds of warming up.
    `time_limit_s` is for all of the bench: what is not done by then is left out, and told. `metric` empty: by the task.
    """

    batches: tuple[int, ...] = (1, 32)
    threads: tuple[int, ...] = ()
    rates: tuple[float, ...] = field(default=())
    rounds: int = 6
    block_s: float = 1.0
    warm_up_s: float = 5.0
    time_limit_s: float = 3600.0
    cold_starts: int = 3
    arrivals: str = "poisson"
    metric: str = ""
    seed: int = 0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        numbers = (*self.batches, *self.threads, *self.rates, self.block_s, self.warm_up_s, self.time_limit_s)
        if not all(0 < number < 1e9 for number in numbers) or not (self.batches or self.rates):
            raise OutOfRange(
                "want batches or rates, and all numbers of the plan above zero",
                hint="batches (1, 32), block_s 1.0, warm_up_s 5.0",
            )
        if self.rounds < 2:
            raise OutOfRange(
                f"an interval needs at least 2 rounds, got {self.rounds}", hint="6 rounds; more of them narrow it"
            )
        if self.cold_starts < 1 or self.arrivals not in ARRIVALS:
            raise OutOfRange(f"want at least one start, and arrivals {' or '.join(ARRIVALS)}")

    def conditions(self) -> Iterator[tuple[int, float | None]]:
        """Batch and requests per second (None: saturated), in order."""
        yield from ((batch, None) for batch in self.batches)
        yield from ((1, rate) for rate in self.rates)
