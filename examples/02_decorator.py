"""Measure each call of a function: `python examples/02_decorator.py`, then `joulewise runs`."""

from __future__ import annotations

import joulewise


@joulewise.measure("epoch", tags={"example": "decorator"})
def epoch(number: int) -> float:
    """Every call is a run of its own."""
    return sum(number / (index + 1) for index in range(300_000))


for number in range(3):
    print(f"epoch {number}: {epoch(number):.3f}")
