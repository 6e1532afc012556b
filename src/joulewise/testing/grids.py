"""An invented grid for tests: clean at noon, dirty in the evening, a hole of three hours, then a forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import cos, pi
from typing import Any
from zoneinfo import ZoneInfo

from joulewise.core.signals import Signal
from joulewise.report.grid_view import GridView

NOW = datetime(2026, 1, 13, 9, 20, tzinfo=UTC)
HOLE = (5, 6, 7)
"""Hours of the first day (UTC) that nothing is known of."""


def hourly(start: datetime, count: int, *, skip: Iterable[int] = (), **fields: Any) -> Iterator[Signal]:
    """`count` hours from `start`: 300 g/kWh, 120 less at noon UTC and more at midnight, band of a quarter."""
    left_out = set(skip)
    for number in range(count):
        hour = start + timedelta(hours=number)
        if number not in left_out:
            value = 300.0 + 120.0 * cos(2 * pi * hour.hour / 24)
            yield example_signal(hour, value, **fields)


def example_signal(start: datetime, intensity_g_per_kwh: float, hours: float = 1.0, **fields: Any) -> Signal:
    """A measured hour of an invented grid; `fields` replace any of its own."""
    given: dict[str, Any] = {
        "zone": "DE",
        "start": start,
        "end": start + timedelta(hours=hours),
        "intensity_g_per_kwh": intensity_g_per_kwh,
        "low_g_per_kwh": 0.75 * intensity_g_per_kwh,
        "high_g_per_kwh": 1.25 * intensity_g_per_kwh,
        "kind": "average",
        "basis": "lifecycle",
        "scope": "consumption",
        "status": "measured",
        "source": "example",
        "licence": "CC0",
        "grade": "live",
    }
    return Signal(**{**given, **fields})


def example_grid(**fields: Any) -> GridView:
    """Two days of an invented grid, seen on the first at 09:20 UTC: measured with a hole, then forecast."""
    start, turn = NOW.replace(hour=0, minute=0), NOW.replace(hour=10, minute=0)
    ahead = hourly(turn, 38, status="forecast", issued_at=NOW.replace(minute=0))
    given: dict[str, Any] = {
        "asked": "aws:eu-central-1",
        "zone": "DE",
        "clock": ZoneInfo("Europe/Berlin"),
        "now": NOW,
        "start": start,
        "end": start + timedelta(hours=48),
        "signals": (*hourly(start, 10, skip=HOLE), *ahead),
    }
    return GridView(**{**given, **fields})
