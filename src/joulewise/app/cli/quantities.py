"""Amounts as people write them: 6h, 1h30m, 5kWh, 250W, 50GB, and times with or without their offset."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from joulewise.core.units import MOST_DURATION_S, MOST_ENERGY_J, MOST_POWER_W

if TYPE_CHECKING:
    _Amount = click.ParamType[float]
    _Time = click.ParamType[datetime]
    _Pair = click.ParamType[tuple[str, float]]
else:  # click before 8.4 knows no types here
    _Amount = _Time = _Pair = click.ParamType

_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
_PART = re.compile(rf"\s*{_NUMBER}\s*([a-zµ]*)\s*", re.IGNORECASE)


class Quantity(_Amount):
    """A number with a unit; `sizes` maps the unit in lower case to its size in the unit that we keep.

    A bare number is refused, since its unit would be a guess, and so is less than nothing. `summed` takes several
    parts: 1h30m. `most` is the ceiling in our unit, and in words: what is beyond is a typing error.
    """

    def __init__(
        self, name: str, sizes: dict[str, float], example: str, most: tuple[float, str], *, summed: bool = False
    ) -> None:
        self.name = name
        self._sizes = sizes
        self._example = example
        self._most, self._most_told = most
        self._summed = summed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The amount in our unit: seconds, joules, watts, gigabytes."""
        if isinstance(value, float):
            return value
        text, total, parts = str(value), 0.0, 0
        while text.strip():
            part = _PART.match(text)
            size = self._sizes.get(part.group(2).lower()) if part else None
            if part is None or size is None or (parts and not self._summed):
                self.fail(f"{value!r} is no {self.name}; write it like {self._example}", param, ctx)
            total += float(part.group(1)) * size
            text, parts = text[part.end() :], parts + 1
        if not parts or not isfinite(total):
            self.fail(f"{value!r} is no {self.name}; write it like {self._example}", param, ctx)
        if total < 0:
            self.fail(f"{value!r} is below zero; write it like {self._example}", param, ctx)
        if total > self._most:
            self.fail(f"{value!r} is more than {self._most_told}; write it like {self._example}", param, ctx)
        return total


class Moment(_Time):
    """An ISO time; without an offset it is local. A bare clock time is the next one."""

    name = "time"

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """An aware time."""
        if isinstance(value, datetime):
            return value
        now = self._now or datetime.now().astimezone()
        try:
            if re.fullmatch(r"\d{1,2}:\d{2}", str(value).strip()):
                return _next(time.fromisoformat(str(value).strip().zfill(5)), now)
            found = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is no time; write it like 2026-03-02T08:00, 2026-03-02T07:00Z or 08:00", param, ctx)
        if found.tzinfo is not None:
            return found
        return found.replace(tzinfo=self._now.tzinfo) if self._now else found.astimezone()


def _next(clock: time, now: datetime) -> datetime:
    """The next time that the local clock shows this; on a day of 23 or 25 hours, too."""
    for days in range(3):
        day = now.date() + timedelta(days=days)
        moment = datetime.combine(day, clock)
        found = moment.replace(tzinfo=now.tzinfo) if _is_region(now) else moment.astimezone()
        if found > now:
            return found
    raise ValueError(clock)


def _is_region(now: datetime) -> bool:
    """A zone with rules of its own, as tests give it; the system's clock has but an offset."""
    return hasattr(now.tzinfo, "key")


_DURATIONS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
}
DURATION = Quantity("duration", _DURATIONS, "6h, 90m, 1h30m or 2d", (MOST_DURATION_S, "10 years"), summed=True)
"""Seconds."""
LATENCY = Quantity("latency", {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}, "10ms or 0.5s", (3_600.0, "an hour"))
"""Seconds of one answer."""
ENERGY = Quantity(
    "energy",
    {"j": 1.0, "kj": 1e3, "mj": 1e6, "wh": 3.6e3, "kwh": 3.6e6, "mwh": 3.6e9},
    "5kWh, 300Wh or 2MJ",
    (MOST_ENERGY_J, "1 GW takes in 10 years"),
)
"""Joules; letters count in any case, so MJ is a megajoule."""
POWER = Quantity("power", {"w": 1.0, "kw": 1e3, "mw": 1e6}, "250W or 1.5kW", (MOST_POWER_W, "1 GW"))
"""Watts; MW is a megawatt."""
SIZE = Quantity(
    "size",
    {"b": 1e-9, "kb": 1e-6, "mb": 1e-3, "gb": 1.0, "tb": 1e3, "pb": 1e6, "gib": 2**30 / 1e9},
    "50GB or 2TB",
    (1e9, "an exabyte"),
)
"""Gigabytes of 10^9 bytes."""
MOMENT = Moment()


class Price(_Pair):
    """PLACE=NUMBER."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """(place, price)."""
        if isinstance(value, tuple):
            return value
        place, equals, text = str(value).rpartition("=")
        try:
            price = float(text)
        except ValueError:
            price = float("nan")
        if not (place and equals and isfinite(price)):
            self.fail(f"{value!r} is no price; write it like aws:eu-north-1=2.5, per machine-hour", param, ctx)
        return place, price


PRICE = Price()
