"""Find the figure of a variant that was seen under one condition: batch, threads, load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from joulewise.core.variants import SATURATED, Observation

ENERGY = "energy_j_per_inference"
CPU_TIME = "cpu_s_per_inference"
LATENCY_P50, LATENCY_P99 = "latency_s_p50", "latency_s_p99"
THROUGHPUT = "throughput_per_s"
MEMORY = "memory_bytes_peak"
SIZE = "size_bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a comparison is made at. None leaves a part open: the least batch, saturated load, fewest threads win."""

    batch: int | None = 1
    threads: int | None = None
    load: str | None = SATURATED

    def text(self) -> str:
        """ "batch 1, saturated"; parts that are open are left out."""
        parts = [f"batch {self.batch}"] if self.batch is not None else []
        if self.threads is not None:
            parts.append(f"{self.threads} thread" + ("s" if self.threads != 1 else ""))
        return ", ".join([*parts, *([self.load] if self.load else [])])


def find(observations: Iterable[Observation], quantity: str, condition: Condition | None = None) -> Observation | None:
    """The observation of `quantity` under `condition`, None if nobody looked.

    An observation that does not hang on a part (its batch is None) fits every condition. Of several that fit, the
    one with the least batch, saturated load and fewest threads is taken, so that the answer hangs on no order.
    """
    wanted = condition or Condition()
    fitting = [one for one in observations if one.quantity == quantity and _fits(one, wanted)]
    return min(fitting, key=_preference, default=None)


def _fits(one: Observation, wanted: Condition) -> bool:
    pairs = ((one.batch, wanted.batch), (one.threads, wanted.threads), (one.load, wanted.load))
    return all(seen is None or asked is None or seen == asked for seen, asked in pairs)


def _preference(one: Observation) -> tuple[int, bool, str, int, float]:
    return (one.batch or 0, one.load not in (None, SATURATED), one.load or "", one.threads or 0, one.figure.value)
