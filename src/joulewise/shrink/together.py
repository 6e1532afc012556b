"""Several finalists on the same proof rows: who may be called proven, so that one passes wrongly in 2.5 % at most.

Each alone errs in 2.5 %; the best of five that truly lose what the floor allows would pass in 11 %. Two ways keep the
rate for all together, whatever they are worth. Which is taken hangs on the number of rows alone:

- In turn: in an order that was fixed before, the fewest changed answers on the screening rows first, each at the full
  level until one fails. It takes no more rows than a single candidate does. Source: Maurer, Hothorn and Lehmacher
  1995; Westfall and Krishen 2001, J. Statistical Planning and Inference 99:25.
- Step by step: k candidates at 1 - 0.05 / k, those left at 1 - 0.05 / (k - those that passed), until none passes. It
  takes more rows, and no order. Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

from joulewise.compare.floors import Floor

ERROR = 0.05
"""Of both ends; a floor is broken at one of them."""
TO_SPARE = 1.5
"""Step by step from so many times the rows that prove an unchanged candidate at the first step's level."""
Holds = Callable[[float], bool]
"""True if a candidate keeps the floors of quality at the bad end of its interval of that level."""


def proven_in_turn(holds: Sequence[Holds]) -> list[bool]:
    """Who passes, in the order given: all before the first that fails."""
    passed = [False] * len(holds)
    for at, one in enumerate(holds):
        if not one(1 - ERROR):
            break
        passed[at] = True
    return passed


def proven_by_steps(holds: Sequence[Holds]) -> list[bool]:
    """Who passes by Holm's steps; the order does not matter."""
    passed = [False] * len(holds)
    while left := passed.count(False):
        level = 1 - ERROR / left
        new = [at for at, one in enumerate(holds) if not passed[at] and one(level)]
        if not new:
            break
        for at in new:
            passed[at] = True
    return passed


def bears_steps(rows: int, floors: Sequence[Floor], count: int) -> bool:
    """True if so many rows prove an unchanged candidate of `count` at the first step, with rows to spare."""
    z = NormalDist().inv_cdf(1 - ERROR / 2 / max(1, count))
    allowed = [abs(one.value) for one in floors if not one.quantity and one.relative == "points" and one.value]
    return all(rows >= TO_SPARE * z * z * (1 - loss) / loss for loss in allowed)
