"""An order for candidates whose costs differ by batch: the best of each batch stay as long as there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

Costs = Mapping[str, Mapping[int, float]]


def in_turns(costs: Costs, batches: Sequence[int]) -> list[str]:
    """The names, the cheapest at the first batch, the cheapest at the second and so on, then the second-cheapest of
    each. One that was not measured at a batch comes last there.

    A mean over the batches would let what is best with many rows push out what is best with one.
    """
    orders = [sorted(costs, key={name: costs[name].get(batch, inf) for name in costs}.__getitem__) for batch in batches]
    return list(dict.fromkeys(name for rank in zip(*orders, strict=True) for name in rank))
