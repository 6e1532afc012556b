"""Reading answers: JSON, times, numbers, bands. What is not as documented raises ProviderUnavailable or is a gap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isfinite
from typing import Any

from joulewise.core.errors import ProviderUnavailable
from joulewise.core.signals import Signal

MOST_G_PER_KWH = 3_000.0
"""No grid emits more: burning lignite in an old plant gives 1,500. A larger value is another unit."""


def json_of(body: bytes, who: str) -> Any:
    """The parsed body. Raises ProviderUnavailable for anything but JSON (an HTML page of a proxy, say)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderUnavailable(f"{who} answers with something that is no JSON") from None


def rows_of(answer: Any, name: str, who: str) -> list[dict[str, Any]]:
    """The list of objects under a name. Raises ProviderUnavailable if it is not there."""
    rows = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ProviderUnavailable(f"{who} answers in another shape: no list {name!r}")
    return [row for row in rows if isinstance(row, dict)]


def moment_of(value: Any, who: str) -> datetime:
    """A time with its zone, in UTC. Raises ProviderUnavailable: a time without a zone would be a guess."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ProviderUnavailable(f"{who} answers with an unreadable time {str(value)[:40]!r}") from None
    if moment.utcoffset() is None:
        raise ProviderUnavailable(f"{who} answers with a time without a zone {str(value)[:40]!r}")
    return moment.astimezone(UTC)


def number_of(value: Any) -> float | None:
    """A finite number or its text; None for null and anything else: a gap, never zero."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def intensity_of(value: Any, who: str) -> float | None:
    """An intensity in g/kWh, None for a gap. Raises ProviderUnavailable for one that no grid can have."""
    number = number_of(value)
    if number is not None and not 0 <= number <= MOST_G_PER_KWH:
        raise ProviderUnavailable(f"{who} answers {number:g} g/kWh, which no grid emits")
    return number


def band(value_g_per_kwh: float, share: float, least_g_per_kwh: float = 0.0) -> tuple[float, float]:
    """Low and high: the value less and plus a share of itself, at least so many g/kWh; never below zero."""
    half = max(value_g_per_kwh * share, least_g_per_kwh)
    return max(0.0, value_g_per_kwh - half), value_g_per_kwh + half


def stretches(start: datetime, end: datetime, most: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) in stretches that a provider accepts."""
    while start < end:
        turn = min(end, start + most)
        yield start, turn
        start = turn


def floored(moment: datetime, minutes: int = 60) -> datetime:
    """The full hour (half-hour, ...) at or before, in UTC."""
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // minutes * minutes, second=0, microsecond=0)


def ceiled(moment: datetime, minutes: int = 60) -> datetime:
    """The full hour (half-hour, ...) at or after, in UTC."""
    low = floored(moment, minutes)
    return low if low == moment else low + timedelta(minutes=minutes)


def step_of(moments: Iterable[datetime]) -> timedelta:
    """The spacing of a series of points: the smallest between neighbours, at most an hour."""
    ordered = sorted(set(moments))
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    return min([*gaps, timedelta(hours=1)])


def in_order(signals: Iterable[Signal], start: datetime, end: datetime) -> list[Signal]:
    """Those that overlap [start, end), sorted; of two for one time the later in the answer wins (a revision)."""
    latest = {(one.start, one.type): one for one in signals if one.start < end and start < one.end}
    return [latest[place] for place in sorted(latest)]
