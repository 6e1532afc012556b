"""What a floor about quality is compared with: the change on the same rows where it is relative, else the quality."""

from __future__ import annotations

from dataclasses import replace

from joulewise.compare.floors import Entry, Floor, FloorCheck
from joulewise.compare.paired import Change
from joulewise.core.figures import Figure, propagate


def compared(floor: Floor, change: Change | None, quality: Figure | None, baseline: Figure | None) -> Figure | None:
    """The figure that must keep `floor.value`; None where nobody judged it.

    "points" is new - baseline, "ratio" is (new - baseline) / baseline: both of the same rows, so that their own spread
    cancels. A ratio to a baseline that may be zero is None.
    """
    if not floor.relative:
        return quality
    if change is None:
        return None
    if floor.relative == "points":
        return change.figure
    if baseline is None or baseline.low <= 0:
        return None
    value, low, high = propagate(lambda change, base: change / base, {"change": change.figure, "base": baseline})
    return replace(change.figure, value=value, low=low, high=high)


def checked(floor: Floor, entry: Entry, baseline: Entry, change: Change | None) -> FloorCheck:
    """Does the floor hold at the bad end of its interval? As `Floor.check`, with ratios of the same rows."""
    if floor.quantity or floor.relative != "ratio" or floor.metric != entry.metric:
        return floor.check(entry, baseline)
    figure = compared(floor, change, entry.quality, baseline.quality)
    return replace(floor, relative="points").check(replace(entry, quality_change=figure), None)


def is_lost(floor: Floor, figure: Figure | None) -> bool:
    """True if even the interval's good end breaks the floor."""
    if figure is None:
        return False
    return figure.high < floor.value if floor.at_least else figure.low > floor.value
