"""The carbon intensity of a zone over time, ready to be shown: signals, cleanest windows, and whose clock it is.

An hour that no signal covers is a gap: it has no mean, and no window contains it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from joulewise.core.signals import Signal

WINDOW_HOURS = (1, 3, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The time-weighted mean of the signals of [start, end), g/kWh, with the mean of their bounds: errors of
    neighbouring hours go together, so that they don't shrink by averaging."""

    start: datetime
    end: datetime
    intensity_g_per_kwh: float
    low_g_per_kwh: float
    high_g_per_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The cleanest stretch of some hours, and the same stretch begun at once (None where that has a gap)."""

    hours: int
    best: Mean
    at_once: Mean | None

    @property
    def below_ratio(self) -> float | None:
        """By how much the best is below starting at once: 0.18 is 18 %."""
        if self.at_once is None or self.at_once.intensity_g_per_kwh == 0:
            return None
        return 1 - self.best.intensity_g_per_kwh / self.at_once.intensity_g_per_kwh

    @property
    def is_tie(self) -> bool:
        """True if the bands of both overlap, so that the difference may be none."""
        return self.at_once is None or self.best.high_g_per_kwh >= self.at_once.low_g_per_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class GridView:
    """Signals of a zone that overlap [start, end), sorted, with holes where nothing is known.

    `asked` is what the user called the zone ("aws:eu-north-1"); `clock` is the clock that people are shown beside UTC.
    """

    asked: str
    zone: str
    clock: tzinfo
    now: datetime
    start: datetime
    end: datetime
    signals: tuple[Signal, ...]
    notices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """ "aws:eu-north-1 (grid SE)", "DE"."""
        return self.zone if self.asked in ("", self.zone) else f"{self.asked} (grid {self.zone})"

    def gaps(self) -> Iterator[tuple[datetime, datetime]]:
        """The parts of [start, end) without a signal."""
        at = self.start
        for signal in self.signals:
            if signal.start > at:
                yield at, min(signal.start, self.end)
            at = max(at, signal.end)
        if at < self.end:
            yield at, self.end

    def windows(self) -> list[Window]:
        """The cleanest 1, 3 and 6 hours from now on; without those for which the data don't suffice."""
        return cleanest(self.signals, max(self.now, self.start), self.end)


class Timeline:
    """Means over signals that are sorted and don't overlap; quick by a running sum."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals = signals
        self._starts = [signal.start for signal in signals]

    def mean(self, start: datetime, end: datetime) -> Mean | None:
        """The mean over [start, end); None if any of it is not covered."""
        covered_s = value = low = high = 0.0
        for signal in self._overlapping(start, end):
            part_s = (min(end, signal.end) - max(start, signal.start)).total_seconds()
            covered_s += part_s
            value += part_s * signal.intensity_g_per_kwh
            low += part_s * signal.low_g_per_kwh
            high += part_s * signal.high_g_per_kwh
        whole_s = (end - start).total_seconds()
        if covered_s < whole_s * (1 - 1e-9) or not whole_s:
            return None
        value, low, high = (total / whole_s for total in (value, low, high))
        return Mean(
            start=start,
            end=end,
            intensity_g_per_kwh=value,
            low_g_per_kwh=min(low, value),
            high_g_per_kwh=max(high, value),
        )

    def _overlapping(self, start: datetime, end: datetime) -> Iterator[Signal]:
        for at in range(max(0, bisect_right(self._starts, start) - 1), len(self._signals)):
            signal = self._signals[at]
            if signal.start >= end:
                return
            if signal.end > start:
                yield signal


def cleanest(
    signals: Sequence[Signal], now: datetime, end: datetime, hours: Sequence[int] = WINDOW_HOURS
) -> list[Window]:
    """The best stretch of each length within [now, end); the earliest of equals, and now before any other.

    The mean is linear in the start between the edges of signals, so that only starts and ends at an edge can be best.
    """
    line = Timeline(signals)
    edges = [edge for signal in signals for edge in (signal.start, signal.end)]
    found = []
    for count in hours:
        length = timedelta(hours=count)
        starts = {now, *edges, *(edge - length for edge in edges)}
        allowed = sorted(start for start in starts if now <= start <= end - length)
        means = [mean for mean in (line.mean(start, start + length) for start in allowed) if mean is not None]
        if means:
            best = min(means, key=lambda mean: (round(mean.intensity_g_per_kwh, 6), mean.start))
            found.append(Window(hours=count, best=best, at_once=line.mean(now, now + length)))
    return found
