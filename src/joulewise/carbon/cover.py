"""Arithmetic of signals over time: cut, lay one series over another, find holes, fill them within one type.

All series here are sorted and free of overlaps, in UTC. Nothing combines signals of different types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from joulewise.core.signals import Signal

Hole = tuple[datetime, datetime]
SHORT_HOLE = timedelta(hours=3)
"""Longer holes are not interpolated: after three hours a grid's mix has changed (sunset takes two)."""
_HOUR = timedelta(hours=1)


def clipped(signals: Iterable[Signal], start: datetime, end: datetime) -> list[Signal]:
    """The parts within [start, end), sorted; where two overlap, the earlier begun wins."""
    found: list[Signal] = []
    for signal in sorted(signals, key=lambda one: one.start):
        first = max(start, signal.start, found[-1].end if found else start)
        last = min(end, signal.end)
        if first < last:
            found.append(signal if (first, last) == (signal.start, signal.end) else _moved(signal, first, last))
    return found


def holes(signals: Sequence[Signal], start: datetime, end: datetime) -> list[Hole]:
    """What of [start, end) no signal covers."""
    found = []
    edge = start
    for signal in signals:
        if signal.end <= edge:
            continue
        if signal.start >= end:
            break
        if signal.start > edge:
            found.append((edge, signal.start))
        edge = signal.end
    return [*found, (edge, end)] if edge < end else found


def covered_share(signals: Sequence[Signal], start: datetime, end: datetime) -> float:
    """Part of [start, end) that the signals cover, 0 to 1."""
    missing = sum((last - first for first, last in holes(signals, start, end)), timedelta())
    return 1 - missing / (end - start)


def layered(upper: Sequence[Signal], lower: Sequence[Signal], start: datetime, end: datetime) -> list[Signal]:
    """`upper` within [start, end), with `lower` where it has holes."""
    upper = clipped(upper, start, end)
    filling = [part for first, last in holes(upper, start, end) for part in clipped(lower, first, last)]
    return clipped([*upper, *filling], start, end)


def bridged(signals: Sequence[Signal]) -> list[Signal]:
    """The series with its short inner holes filled by straight lines between the neighbours, flagged `estimated`.

    The band of a filled hour spans the bands of both neighbours.
    """
    found: list[Signal] = []
    for signal in signals:
        if found and timedelta() < signal.start - found[-1].end <= SHORT_HOLE:
            found.extend(_bridge(found[-1], signal))
        found.append(signal)
    return found


def _bridge(left: Signal, right: Signal) -> list[Signal]:
    span = right.start - left.end
    parts = []
    for first, last in hours(left.end, right.start):
        share = ((first - left.end) + (last - first) / 2) / span
        value = left.intensity_g_per_kwh + share * (right.intensity_g_per_kwh - left.intensity_g_per_kwh)
        parts.append(
            replace(
                left,
                start=first,
                end=last,
                intensity_g_per_kwh=value,
                low_g_per_kwh=min(left.low_g_per_kwh, right.low_g_per_kwh),
                high_g_per_kwh=max(left.high_g_per_kwh, right.high_g_per_kwh),
                status="forecast" if left.status == "forecast" else "estimated",
                source=f"{left.source}, interpolated",
            )
        )
    return parts


def typical(known: Sequence[Signal], start: datetime, end: datetime) -> list[Signal]:
    """[start, end) from the record's own typical hours: mean of the known values at that hour of the day (UTC), of all
    values where there is none. The band spans the bands of the values used. `known` is of one type and not empty.
    """
    by_hour: dict[int, list[Signal]] = {}
    for signal in known:
        for first, _ in hours(signal.start, signal.end):
            by_hour.setdefault(first.hour, []).append(signal)
    found = []
    for first, last in hours(start, end):
        used = by_hour.get(first.hour) or known
        found.append(
            replace(
                used[-1],
                start=first,
                end=last,
                intensity_g_per_kwh=sum(one.intensity_g_per_kwh for one in used) / len(used),
                low_g_per_kwh=min(one.low_g_per_kwh for one in used),
                high_g_per_kwh=max(one.high_g_per_kwh for one in used),
                status="climatology",
                grade="shape",
                issued_at=None,
                source=f"{used[-1].source}, typical hours of its own record",
            )
        )
    return found


def hours(start: datetime, end: datetime) -> list[Hole]:
    """[start, end) cut at full UTC hours."""
    edge, parts = start.astimezone(UTC), []
    while edge < end:
        turn = min(end.astimezone(UTC), edge.replace(minute=0, second=0, microsecond=0) + _HOUR)
        parts.append((edge, turn))
        edge = turn
    return parts


def _moved(signal: Signal, start: datetime, end: datetime) -> Signal:
    return replace(signal, start=start, end=end)
