"""A forecast without a key: what the hour usually is, plus what is unusual now, fading.

    I(now + h) = C(hour of day) + (I(last) - C(hour of last)) x PERSISTENCE ** h

C is the mean of the last fourteen days at that UTC hour; where they are fewer than a week, the bundled shape, scaled to
their level, takes the missing part. The error band is that of the past fourteen days, stretched by how far such
forecasts were off on public traces of fourteen grids (benchmarks/forecast_skill.py, docs/explanation/forecast.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from joulewise.carbon.outlook import Band, Outlook
from joulewise.core.errors import OutOfRange, ProviderUnavailable
from joulewise.core.signals import Signal, require_one_type

RECORD_DAYS = 14
"""How far back the record counts, days."""
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
