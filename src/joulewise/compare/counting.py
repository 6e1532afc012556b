"""A count of arithmetic: FLOP of one row, and how much of the model it covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joulewise.core.figures import MODELLED, Figure, exact

SHORT_TEXT_TOKENS = 32
"""Free axes other than the batch (length of a text) are counted at this size, which the figure's source says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """FLOP of one row; `figure` is None where there is nothing to count, `covered` the share of operators known."""

    figure: Figure | None = None
    covered: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def counted(flop: float, covered: float, source: str, **details: Any) -> Counted:
    """A count as a figure. Where some operators were not covered the count is a lower bound, and the source says so."""
    if flop <= 0:
        return Counted(covered=covered or None, details=details)
    told = source if covered >= 1 else f"{source}; {covered:.0%} of the operators, hence a lower bound"
    return Counted(figure=exact(flop, "FLOP", MODELLED, told), covered=covered, details=details)
