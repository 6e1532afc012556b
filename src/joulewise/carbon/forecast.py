"""A forecast without a key: what the hour usually is, plus what is unusual now, fading.

    I(now + h) = C(hour of day) + (I(last) - C(hour of last)) x PERSISTENCE ** h

C is the mean of the last fourteen days at that UTC hour; where they are fewer than a week, the bundled shape, scaled to
their level, takes the missing part. The error band is that of the past fourteen days, stretched by how far such
forecasts were off on public traces of fourteen grids (benchmarks/forecast_skill.py, docs/explanation/forecast.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import hypot, sqrt

from joulewise.core.errors import OutOfRange, ProviderUnavailable
from joulewise.core.signals import Signal, require_one_type

RECORD_DAYS = 14
"""How far back the record counts, days."""
ENOUGH_DAYS = 7
"""With so many values at an hour of the day the record needs no shape beside it."""
PERSISTENCE = 0.97
"""What is left of a deviation an hour later."""
CALIBRATION = (
    (1, 0.56, 0.54),
    (2, 0.87, 0.86),
    (4, 1.25, 1.22),
    (6, 1.51, 1.49),
    (9, 1.79, 1.71),
    (12, 1.95, 1.82),
    (24, 2.16, 1.94),
    (48, 2.55, 2.28),
    (96, 2.98, 2.64),
    (168, 3.14, 2.80),
)
"""Lead in hours, and the 2.5 and 97.5 percentile of the error over the record's spread, on all traces together."""
LEAST_SPREAD = 0.02
"""Spread of a calm record over its mean: the calm may end."""
UNKNOWN_SPREAD = 0.35
"""Spread over the mean where neither record nor shape tells: that of all hourly mixes together."""
_Z95 = 1.96
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Band = tuple[float, float, float]
"""Intensity of an hour with its 95 % bounds, gCO2e/kWh."""


def forecast_from(
    history: Sequence[Signal], shape: Sequence[Signal], start: datetime, end: datetime, now: datetime
) -> list[Signal]:
    """One signal for each whole UTC hour that [start, end) touches, status forecast, issued now, with its 95 % band.

    `history` is the zone's record, holes allowed; what is older than fourteen days or begins after `now` is left out.
    `shape` is its typical hours, best over the record and [start, end). Either may be empty.
    Raises SignalMismatch if their types differ, ProviderUnavailable if both say nothing, OutOfRange if start >= end.
    """
    if not start < end:
        raise OutOfRange(f"want start before end, got {start} and {end}")
    record = [one for one in history if now - timedelta(days=RECORD_DAYS) < one.end and one.start < now]
    require_one_type([*record, *shape])
    known = hourly(record, now - timedelta(days=RECORD_DAYS), now)
    if not known and not shape:
        raise ProviderUnavailable("neither a record nor typical hours to forecast from")
    outlook = Outlook(known, _bands(shape))
    like = record[-1] if known else shape[-1]
    return [_signal(like, hour, outlook.at(hour), now) for hour in range(_hour(start), _last_hour(end) + 1)]


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
        self._spread = self._spreads(known)

    def at(self, hour: int) -> Band:
        """Forecast of an hour since 1970."""
        if not any(self._counts):
            return self._shape.at(hour)
        lead = max(1, hour - self._last)
        value = max(0.0, self._base(hour) + self._anomaly * PERSISTENCE**lead)
        down, up = calibration(lead)
        spread = self._spread[hour % 24]
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

    def _spreads(self, known: Mapping[int, float]) -> list[float]:
        """Standard deviation from the base by hour of the day: half of the whole record's, half of the hours near."""
        squares, counts = [0.0] * 24, [0] * 24
        for hour, value in known.items():
            squares[hour % 24] += (value - self._base(hour)) ** 2
            counts[hour % 24] += 1
        whole = sum(squares) / max(1, sum(counts))
        prior = (self._prior_spread() * self._mean) ** 2
        enough = [min(1.0, count / ENOUGH_DAYS) for count in counts]
        near = [_near(squares, counts, hour, whole) for hour in range(24)]
        least = LEAST_SPREAD * self._mean
        return [
            hypot(sqrt(share * (whole + one) / 2 + (1 - share) * prior), least)
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


def hourly(signals: Sequence[Signal], start: datetime, end: datetime) -> dict[int, float]:
    """Hours since 1970 to mean intensity, weighted by time, over what the signals cover of [start, end)."""
    sums: dict[int, float] = {}
    seconds: dict[int, float] = {}
    for signal in signals:
        first, last = max(signal.start, start), min(signal.end, end)
        for hour in range(_hour(first), _last_hour(last) + 1) if first < last else ():
            turn = _EPOCH + hour * _HOUR
            part_s = (min(last, turn + _HOUR) - max(first, turn)).total_seconds()
            sums[hour] = sums.get(hour, 0.0) + part_s * signal.intensity_g_per_kwh
            seconds[hour] = seconds.get(hour, 0.0) + part_s
    return {hour: sums[hour] / seconds[hour] for hour in sorted(sums)}


def _bands(signals: Sequence[Signal]) -> dict[int, Band]:
    return {
        hour: (one.intensity_g_per_kwh, one.low_g_per_kwh, one.high_g_per_kwh)
        for one in signals
        for hour in range(_hour(one.start), _last_hour(one.end) + 1)
    }


def _near(squares: Sequence[float], counts: Sequence[int], hour: int, otherwise: float) -> float:
    """Mean square of this hour of the day and its two neighbours."""
    hours = [(hour + step) % 24 for step in (-1, 0, 1)]
    count = sum(counts[one] for one in hours)
    return sum(squares[one] for one in hours) / count if count else otherwise


def _mean_band(bands: Sequence[Band]) -> Band:
    value, low, high = (sum(band[part] for band in bands) / len(bands) for part in range(3))
    return value, low, high


def _hour(moment: datetime) -> int:
    return (moment - _EPOCH) // _HOUR


def _last_hour(end: datetime) -> int:
    """The hour that holds the last instant before `end`."""
    return -((_EPOCH - end) // _HOUR) - 1


def _signal(like: Signal, hour: int, band: Band, now: datetime) -> Signal:
    value, low, high = band
    return Signal(
        zone=like.zone,
        start=_EPOCH + hour * _HOUR,
        end=_EPOCH + (hour + 1) * _HOUR,
        intensity_g_per_kwh=value,
        low_g_per_kwh=min(low, value),
        high_g_per_kwh=max(high, value),
        kind=like.kind,
        basis=like.basis,
        scope=like.scope,
        status="forecast",
        source=f"joulewise forecast from {like.source}",
        licence=like.licence,
        issued_at=now,
        grade=like.grade,
    )
