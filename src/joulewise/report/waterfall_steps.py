"""Ratios of steps as the bars of a waterfall: what each adds or saves, so that all lead from before to after."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, hypot, isclose, log

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure, propagate
from joulewise.report.waterfall import Fall

REST = "All steps together, measured anew"
Steps = Sequence[tuple[str, Figure]]
"""Label and ratio (new / old) of each step."""


def falls_of(before: Figure, after: Figure, steps: Steps) -> tuple[Fall, ...]:
    """The change from before to after split by the logs of the ratios.

    The ratios are moved within their intervals so that they lead there; if those don't reach so far, what is left is a
    bar of its own. The interval of a bar is that of its ratio alone: the doubt about `before` is common to all bars.
    Raises OutOfRange for what is not above zero.
    """
    if min(before.value, after.value, *(ratio.value for _, ratio in steps)) <= 0:
        raise OutOfRange("a waterfall of ratios needs costs above zero")
    moved = _reconciled([ratio for _, ratio in steps], after.value / before.value)
    values = moved or [ratio.value for _, ratio in steps]
    found = [
        Fall(label=label, change=_part(at, ratio, values, before), factor=ratio)
        for at, (label, ratio) in enumerate(steps)
    ]
    return tuple(found) if moved else (*found, _rest(before, after, found))


def _reconciled(ratios: Sequence[Figure], total: float) -> list[float] | None:
    """Values whose product is `total`: least squares with one constraint share the gap by the squares of the intervals'
    half-widths, so that the surest moves least. None if the gap is wider than they are together."""
    gap = log(total) - sum(log(ratio.value) for ratio in ratios)
    halves = [log(ratio.high / max(ratio.low, 1e-12)) / 2 for ratio in ratios]
    whole = hypot(*halves)
    if abs(gap) > max(whole, 1e-9):
        return None
    if whole == 0 or isclose(gap, 0.0, abs_tol=1e-12):
        return [ratio.value for ratio in ratios]
    return [ratio.value * exp(gap * (half / whole) ** 2) for ratio, half in zip(ratios, halves, strict=True)]


def _part(at: int, ratio: Figure, values: Sequence[float], before: Figure) -> Figure:
    """before x L(product, 1) x ln(ratio), the other ratios held; L(a, b) = (a - b) / ln(a / b), the logarithmic mean.
    Source: Ang 2004, doi:10.1016/S0301-4215(03)00076-4."""
    others = 1.0
    for index, value in enumerate(values):
        others *= 1.0 if index == at else value

    def change(own: float) -> float:
        return before.value * _log_mean(others * own) * log(own)

    value, low, high = (max(one, 1e-12) for one in (values[at], ratio.low, ratio.high))
    span = Figure(value=value, low=min(low, value), high=max(high, value), unit="1", method=ratio.method)
    middle, least, most = propagate(change, {"own": span})
    return Figure(value=middle, low=least, high=most, unit=before.unit, method=ratio.method)


def _log_mean(ratio: float) -> float:
    """Of the ratio and 1."""
    return 1.0 if isclose(ratio, 1.0, rel_tol=1e-9) else (ratio - 1.0) / log(ratio)


def _rest(before: Figure, after: Figure, found: Sequence[Fall]) -> Fall:
    """What the measurement of the whole adds to the product of the steps."""
    left = after.value - before.value - sum(fall.change.value for fall in found)
    down = hypot(*(fall.change.value - fall.change.low for fall in found))
    up = hypot(*(fall.change.high - fall.change.value for fall in found))
    method = found[0].change.method if found else after.method
    return Fall(label=REST, change=Figure(value=left, low=left - up, high=left + down, unit=before.unit, method=method))
