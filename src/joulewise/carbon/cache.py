"""What was fetched is kept on disk, so that a second question makes no request and a provider may be down.

One JSON file a source, zone and month holds the signals and when each stretch was asked for; one file a source and zone
holds its newest forecasts. Files are replaced whole, under a lock a file; a damaged one is fetched anew.

A past hour is asked for again while it may still be revised: an answer that is younger than REVISED counts for
FRESH_RECENT or FRESH_OLD, a later one for good. After a failure a source is left alone for PAUSE.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from joulewise.carbon.cache_files import (
    Forecast,
    Month,
    locked,
    read_failure,
    read_forecasts,
    read_month,
    write_failure,
    write_forecasts,
    write_month,
)
from joulewise.carbon.cover import hours
from joulewise.carbon.deadline import Unreachable
from joulewise.core.errors import ProviderUnavailable
from joulewise.core.protocols import ForecastProvider, IntensityProvider
from joulewise.core.signals import Signal

_log = logging.getLogger(__name__)

REVISED = timedelta(days=7)
"""Published values settle within a week (ENTSO-E and EIA say days; WattTime and Electricity Maps give no promise)."""
RECENT = timedelta(hours=24)
FRESH_RECENT = timedelta(minutes=30)
FRESH_OLD = timedelta(hours=12)
FRESH_FORECAST = timedelta(minutes=30)
KEPT_FORECASTS = 24
USABLE_FORECAST = timedelta(hours=24)
"""How old a forecast may be that stands in for one that can't be fetched."""
PAUSE = timedelta(minutes=1)

Stretch = tuple[datetime, datetime]


class Cached:
    """A source with a memory on disk; itself a source. Its signals are graded `live` or `cache`."""

    def __init__(self, source: IntensityProvider, folder: str | Path, now: Callable[[], datetime]) -> None:
        self.name = source.name
        self.kinds: tuple[str, ...] = getattr(source, "kinds", ("average", "marginal"))
        self._source = source
        identity = f"{source.name} {getattr(source, 'identity', '')}"
        self._folder = Path(folder) / "intensity" / f"{source.name}-{sha256(identity.encode()).hexdigest()[:8]}"
        self._now = now

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """As the source; what can't be fetched now comes from the disk, as old as it is, if there is anything."""
        end = min(end, self._now())
        found: list[Signal] = []
        failed: ProviderUnavailable | None = None
        for month, first, last in _months(start, end):
            try:
                found += self._of_month(zone, month, first, last)
            except ProviderUnavailable as error:
                failed = error
        if failed and not found:
            raise failed
        return found

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """As the source; the newest kept forecast while it is fresh, or if no newer one can be fetched."""
        if not isinstance(self._source, ForecastProvider):
            return ()
        path = self._folder / f"{zone}.forecast.json"
        with locked(path):
            kept = read_forecasts(path)
            now = self._now()
            age = now - kept[-1].asked_at if kept else timedelta.max
            if timedelta() <= age < FRESH_FORECAST and end <= kept[-1].until:
                return _overlapping(kept[-1].signals, start, end)
            try:
                fresh = tuple(_live(self._asking(lambda source: source.forecast(zone, start, end))))
            except ProviderUnavailable:
                if age < USABLE_FORECAST:
                    return _overlapping(kept[-1].signals, start, end)
                raise
            write_forecasts(path, [*kept, Forecast(now, end, fresh)][-KEPT_FORECASTS:])
        return _overlapping(fresh, start, end)

    def _of_month(self, zone: str, month: str, start: datetime, end: datetime) -> list[Signal]:
        path = self._folder / f"{zone}.{month}.json"
        with locked(path):
            kept = read_month(path)
            stale = self._stale(kept.asked, start, end)
            old = _overlapping(kept.signals, start, end)
            if stale is None:
                return old
            try:
                fresh = _live(self._asking(lambda source: source.signals(zone, *stale)))
            except ProviderUnavailable:
                if not old:
                    raise
                _log.info("%s can't be asked now: what was kept serves", self.name)
                return old
            before = [one for one in kept.signals if one.end <= stale[0] or one.start >= stale[1]]
            asked = kept.asked | {hour: self._now() for hour, _ in hours(*stale)}
            write_month(path, Month(_sorted([*before, *fresh]), asked))
        return _overlapping(_sorted([*before, *fresh]), start, end)

    def _stale(self, asked: dict[datetime, datetime], start: datetime, end: datetime) -> Stretch | None:
        """The hours from the first to the last that must be asked for; None if none must."""
        now = self._now()
        wanted = [
            (hour, turn)
            for hour, turn in _full_hours(start, end)
            if hour not in asked or not timedelta() <= now - asked[hour] < _good_for(turn, asked[hour])
        ]
        return (wanted[0][0], wanted[-1][1]) if wanted else None

    def _asking(self, ask: Callable[[Any], Sequence[Signal]]) -> Sequence[Signal]:
        """What the source says, unless it failed within the last PAUSE, here or in another process."""
        path = self._folder / "failed.json"
        failed = read_failure(path)
        if failed and timedelta() <= self._now() - failed[0] < PAUSE:
            raise Unreachable(f"{failed[1]} (asked again after {PAUSE.seconds} s)")
        try:
            return ask(self._source)
        except Unreachable as error:
            write_failure(path, self._now(), error.message)
            raise


def _good_for(turn: datetime, asked_at: datetime) -> timedelta:
    """How long an answer about the hour that ended at `turn` counts."""
    age = asked_at - turn
    if age >= REVISED:
        return timedelta.max
    return FRESH_OLD if age >= RECENT else FRESH_RECENT


def _full_hours(start: datetime, end: datetime) -> Iterator[Stretch]:
    for hour, _ in hours(start, end):
        first = hour.replace(minute=0, second=0, microsecond=0)
        yield first, first + timedelta(hours=1)


def _months(start: datetime, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """The calendar months (UTC) of [start, end)."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    while start < end:
        turn = datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)
        yield start.strftime("%Y-%m"), start, min(end, turn)
        start = turn


def _overlapping(signals: Sequence[Signal], start: datetime, end: datetime) -> list[Signal]:
    return [one for one in signals if one.start < end and start < one.end]


def _live(signals: Sequence[Signal]) -> list[Signal]:
    return [replace(one, grade="live") for one in signals]


def _sorted(signals: Sequence[Signal]) -> list[Signal]:
    return sorted(signals, key=lambda one: (one.start, one.type))
