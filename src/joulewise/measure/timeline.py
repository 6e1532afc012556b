"""Cumulative curves over time: window values are differences, so that parts always sum to the whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence


class Curve:
    """A piecewise linear, cumulative curve over monotonic µs: flat before its first and after its last point.

    >>> Curve([(0, 0.0), (10, 5.0)]).between(2, 4)
    1.0
    """

    def __init__(self, points: Iterable[tuple[int, float]]) -> None:
        self.points = list(points)
        self._times = [time for time, _ in self.points]

    def at(self, time_us: int) -> float:
        """The value at a time, interpolated."""
        if not self.points:
            return 0.0
        index = bisect_right(self._times, time_us)
        if index == 0:
            return self.points[0][1]
        if index == len(self.points):
            return self.points[-1][1]
        (before_us, before), (after_us, after) = self.points[index - 1 : index + 1]
        return before + (after - before) * (time_us - before_us) / (after_us - before_us)

    def between(self, start_us: int, end_us: int) -> float:
        """The rise in [start, end]."""
        return self.at(end_us) - self.at(start_us)

    def spans(self, start_us: int, end_us: int) -> bool:
        """True if both ends lie within the curve."""
        return bool(self._times) and self._times[0] <= start_us and end_us <= self._times[-1]


def monotone(series: Iterable[tuple[int, int]]) -> list[tuple[int, float]]:
    """Sort by time, keep the first of equal times, and never fall: CPU clocks of some kernels step back a little."""
    points: list[tuple[int, float]] = []
    for time_us, count in sorted(series):
        if points and time_us == points[-1][0]:
            continue
        points.append((time_us, max(float(count), points[-1][1] if points else float(count))))
    return points


def rises(series: Iterable[tuple[int, int]]) -> Curve:
    """The curve of a cumulative counter, from zero at its first reading."""
    points = monotone(series)
    return Curve((time_us, value - points[0][1]) for time_us, value in points)


def added(curves: Sequence[Curve]) -> Curve:
    """The sum of curves, each flat outside its own time: the CPU time of all ranks of a job."""
    times = sorted({time_us for curve in curves for time_us, _ in curve.points})
    return Curve((time_us, sum(curve.at(time_us) for curve in curves)) for time_us in times)


def smoothed_busy(mine: Curve, busy: Curve, times_us: Sequence[int], block_us: int = 250_000) -> Curve:
    """The machine's busy time at our own fine times, although the kernel counts it in 10 ms steps.

    Within blocks of at least a quarter second our own time is known to the microsecond, and the others' is spread
    evenly; so our share of any window lies in 0..1, and a short window is not at the mercy of one clock tick.
    """
    points: list[tuple[int, float]] = [(times_us[0], 0.0)] if times_us else []
    first = 0
    while first < len(times_us) - 1:
        last = min(max(bisect_left(times_us, times_us[first] + block_us), first + 1), len(times_us) - 1)
        if times_us[-1] - times_us[last] < block_us:
            last = len(times_us) - 1
        start_us, end_us = times_us[first], times_us[last]
        others = max(0.0, busy.between(start_us, end_us) - mine.between(start_us, end_us))
        base = points[-1][1]
        for time_us in times_us[first + 1 : last + 1]:
            spread = others * (time_us - start_us) / (end_us - start_us)
            points.append((time_us, base + mine.between(start_us, time_us) + spread))
        first = last
    return Curve(points)
