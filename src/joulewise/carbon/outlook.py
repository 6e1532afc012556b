"""The forecast on plain numbers: hours since 1970 (UTC) and gCO2e/kWh."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import exp, hypot, sqrt

ENOUGH_DAYS = 7
"""With so many values at an hour of the day the record needs no shape beside it."""
PERSISTENCE = 0.97
"""What is left of a deviation an hour later."""
CALIBRATION = (
    (1, 2.26, 2.22),
    (2, 2.90, 2.84),
    (3, 3.27, 3.20),
    (4, 3.32, 3.20),
    (6, 3.23, 3.14),
    (9, 2.99, 2.89),
    (12, 2.80, 2.63),
    (18, 2.46, 2.20),
    (24, 2.35, 2.07),
    (36, 2.52, 2.22),
    (48, 2.56, 2.28),
    (72, 2.81, 2.56),
    (96, 2.99, 2.63),
    (168, 3.14, 2.80),
)
"""Lead in hours, and the 2.5 and 97.5 percentile of the error over the record's spread, on all traces together."""
STEP_LEAD_H = 8
"""Lead over which the spread goes from that of the record's steps from hour to hour to that of its days."""
LEAST_SPREAD = 0.02
"""Spread of a calm record over its mean: the calm may end."""
UNKNOWN_SPREAD = 0.35
"""Spread over the mean where neither record nor shape tells: that of all hourly mixes together."""
_Z95 = 1.96
Band = tuple[float, float, float]
"""Intensity of an hour with its 95 % bounds, gCO2e/kWh."""


class Outlook:
    """The forecast on plain numbers: hours since 1970 (UTC) and gCO2e/kWh.

    `known` is the record, hour to intensity; `shape` is hour to typical intensity with its bounds. One may be empty.
    """

    def __init__(self, known: Mapping[int, float], shape: Mapping[int, Band]) -> None:
        self._shape = _Typical(shape)
        self._last = max(known, default=0)
        self._mean = sum(known.values()) / len(known) if known else 0.0
        self._level = self._scale(known)
        sums, counts = [0.0] * 24, [0] * 24
        for hour, value in known.items():
            sums[hour % 24] += value
            counts[hour % 24] += 1
        self._counts = counts
        self._usual = [total / count if count else self._mean for total, count in zip(sums, counts, strict=True)]
        self._anomaly = known[self._last] - self._base(self._last) if known else 0.0
        deviation = {hour: value - self._base(hour) for hour, value in known.items()}
        steps = {
            hour: one - PERSISTENCE * deviation[hour - 1] for hour, one in deviation.items() if hour - 1 in deviation
        }
        prior = self._prior_spread() * self._mean
        least = LEAST_SPREAD * self._mean
        self._days = self._spreads(deviation, prior, least)
        self._steps = self._spreads(steps, prior * sqrt(1 - PERSISTENCE**2), least / 4)

    def at(self, hour: int) -> Band:
        """Forecast of an hour since 1970."""
        if not any(self._counts):
            return self._shape.at(hour)
        lead = max(1, hour - self._last)
        value = max(0.0, self._base(hour) + self._anomaly * PERSISTENCE**lead)
        down, up = calibration(lead)
        near = exp((1 - lead) / STEP_LEAD_H)
        spread = self._steps[hour % 24] ** near * self._days[hour % 24] ** (1 - near)
        return value, max(0.0, value - down * spread), value + up * spread

    def _weight(self, hour: int) -> float:
        """How much the record's own mean counts at this hour of the day."""
        return min(1.0, self._counts[hour % 24] / ENOUGH_DAYS) if self._shape else 1.0

    def _base(self, hour: int) -> float:
        weight = self._weight(hour)
        usual = weight * self._usual[hour % 24]
        return usual if weight == 1 else usual + (1 - weight) * self._level * self._shape.at(hour)[0]

    def _scale(self, known: Mapping[int, float]) -> float:
        """Ratio of the record to the shape at the same hours."""
        usual = sum(self._shape.at(hour)[0] for hour in known) if self._shape else 0.0
        return sum(known.values()) / usual if usual else 1.0

    def _spreads(self, errors: Mapping[int, float], prior: float, least: float) -> list[float]:
        """Root mean square by hour of the day: half of all errors, half of those of the hours near; `prior` in part
        where there are few, never below `least`."""
        squares, counts = [0.0] * 24, [0] * 24
        for hour, error in errors.items():
            squares[hour % 24] += error**2
            counts[hour % 24] += 1
        whole = sum(squares) / max(1, sum(counts))
        enough = [min(1.0, count / ENOUGH_DAYS) for count in counts]
        near = [_near(squares, counts, hour, whole) for hour in range(24)]
        return [
            hypot(sqrt(share * (whole + one) / 2 + (1 - share) * prior**2), least)
            for share, one in zip(enough, near, strict=True)
        ]

    def _prior_spread(self) -> float:
        return self._shape.spread() if self._shape else UNKNOWN_SPREAD


class _Typical:
    """The shape at any hour: that hour's, or the mean of the same hour of the day, or of all."""

    def __init__(self, bands: Mapping[int, Band]) -> None:
        self._bands = bands
        by_hour: dict[int, list[Band]] = {}
        for hour, band in bands.items():
            by_hour.setdefault(hour % 24, []).append(band)
        self._by_hour = {hour: _mean_band(found) for hour, found in by_hour.items()}
        self._whole = _mean_band(list(bands.values())) if bands else (0.0, 0.0, 0.0)

    def __bool__(self) -> bool:
        return bool(self._bands)

    def at(self, hour: int) -> Band:
        return self._bands.get(hour) or self._by_hour.get(hour % 24, self._whole)

    def spread(self) -> float:
        """Standard deviation over the mean that the bounds stand for."""
        value, low, high = self._whole
        return (high - low) / (2 * _Z95 * value) if value else UNKNOWN_SPREAD


def calibration(lead_h: float) -> tuple[float, float]:
    """How many spreads the bounds lie below and above a forecast of so many hours ahead (>= 1)."""
    index = bisect_right(CALIBRATION, lead_h, key=lambda row: row[0])
    if index == len(CALIBRATION):
        return CALIBRATION[-1][1:]
    (first_h, *first), (next_h, *following) = CALIBRATION[index - 1], CALIBRATION[index]
    share = (lead_h - first_h) / (next_h - first_h)
    down, up = (one + share * (other - one) for one, other in zip(first, following, strict=True))
    return down, up


def _near(squares: Sequence[float], counts: Sequence[int], hour: int, otherwise: float) -> float:
    """Mean square of this hour of the day and its two neighbours."""
    hours = [(hour + step) % 24 for step in (-1, 0, 1)]
    count = sum(counts[one] for one in hours)
    return sum(squares[one] for one in hours) / count if count else otherwise


def _mean_band(bands: Sequence[Band]) -> Band:
    value, low, high = (sum(band[part] for band in bands) / len(bands) for part in range(3))
    return value, low, high
