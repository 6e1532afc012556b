"""How many trees stay, and what brings the scores of a cut ensemble back to those of the whole."""

from __future__ import annotations

from typing import Any

from joulewise.core.errors import ModelError


def kept(count: int, share: float) -> int:
    """How many of `count` trees are kept: at least one. Raises ModelError where nothing would be left out."""
    found = max(1, round(count * share))
    if found >= count:
        raise ModelError(f"{share:.0%} of {count} trees are all of them")
    return found


def factor(whole: Any, part: Any) -> float:
    """What `part` must be multiplied by to come closest to `whole` (least squares, both without their start values).

    1 where the part says nothing; kept within 0.5 and 10, since few rows can mislead.
    """
    import numpy as np

    part, whole = np.asarray(part, dtype=np.float64).ravel(), np.asarray(whole, dtype=np.float64).ravel()
    size = float(part @ part)
    return min(10.0, max(0.5, float(part @ whole) / size)) if size > 0 else 1.0
