"""What the grid emits: now, before, ahead, as a calendar; which zones there are and which regions are clean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from joulewise import carbon
from joulewise.carbon import BundledShapes, Chain, FactorSet
from joulewise.carbon.codes import code_of
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.file import IntensityFile
from joulewise.core.errors import FactorError, ProviderUnavailable, UsageError
from joulewise.core.settings import Settings, load
from joulewise.core.signals import Signal
from joulewise.report import grid_lists
from joulewise.report.grid_view import GridView
from joulewise.report.heat_map import HeatMap, week, year
from joulewise.report.listing import Listing
from joulewise.schedule import rank_regions

_HOUR = timedelta(hours=1)
FURTHEST = timedelta(days=366)
"""Beyond a year nothing is drawn hour by hour."""


class Grid:
    """A zone as it is seen at `now`. `chain`, `now` and `clock` are those in force unless given.

    Raises UsageError without a zone, FactorError for an unknown one, NotFound for an unknown time zone.
    """

    def __init__(
        self,
        zone: str,
        settings: Settings,
        *,
        chain: Chain | None = None,
        now: datetime | None = None,
        clock: str = "",
    ) -> None:
        self._factors = FactorSet.bundled()
        asked = zone or settings.zone
        if not asked:
            raise UsageError("no zone is named or set", hint="joulewise grid now DE, or JOULEWISE_ZONE=DE")
        found = self._factors.resolve(asked)
        self.zone, self.asked = found.zone, found.region
        self.now = (now or datetime.now(UTC)).astimezone(UTC)
        self.clock: tzinfo = carbon.time_zone(clock) if clock else carbon.time_zone_of(found.zone)
        self._chain = chain or carbon.chain_of(settings, os.environ)

    def at(self) -> GridView:
        """The signal in force now."""
        start = _whole_hour(self.now)
        signals = self._chain.signals(self.zone, start, start + _HOUR)
        present = [signal for signal in signals if signal.start <= self.now < signal.end]
        return self._view(start, start + _HOUR, present)

    def history(self, hours: int = 24, since: datetime | None = None) -> GridView:
        """The last `hours`, or from `since` (by the clock shown, if naive) to now, in whole hours.

        Raises UsageError unless it begins in the past year.
        """
        start = self.now - hours * _HOUR if since is None else since
        start = _whole_hour(start if start.tzinfo else start.replace(tzinfo=self.clock))
        if not self.now - FURTHEST <= start < self.now:
            raise UsageError(
                f"history wants a start within the past year, got {start:%Y-%m-%d %H:%M} UTC", hint="--hours 24"
            )
        end = _whole_hour(self.now) + _HOUR
        return self._view(start, end, self._chain.signals(self.zone, start, end))

    def forecast(self, hours: int) -> GridView:
        """From now on."""
        start = _whole_hour(self.now)
        end = start + hours * _HOUR
        return self._view(start, end, self._chain.forecast(self.zone, start, end, self.now))

    def week(self, first: date | None = None) -> tuple[GridView, HeatMap]:
        """The seven days from `first` (by default today) by hour: what was, then what is expected."""
        first = first or self.now.astimezone(self.clock).date()
        start, end = _midnight(first, self.clock), _midnight(first + timedelta(days=7), self.clock)
        if not self.now - FURTHEST < start < self.now + FURTHEST:
            raise UsageError(f"{first} is more than a year away", hint="a day within a year from now, or none")
        turn = min(max(_whole_hour(self.now), start), end)
        ahead = self._chain.forecast(self.zone, turn, end, self.now) if turn < end else []
        behind = self._chain.signals(self.zone, start, turn) if start < turn else []
        view = self._view(start, end, [*behind, *ahead])
        return view, week(view, first)

    def calendar(self, by: str = "both", first: date | None = None) -> tuple[GridView, list[HeatMap]]:
        """The week, a typical day of each month, or both; without typical hours the months are left out."""
        view, days = self.week(first)
        months = self.year() if by != "week" else None
        if months is None:
            missing = f"no typical hours are known for {self.zone}, so that its months are not shown"
            return (view if by == "week" else replace(view, notices=(*view.notices, missing))), [days]
        return view, [months] if by == "month" else [days, months]

    def year(self) -> HeatMap | None:
        """A typical day of each month; None for a zone whose typical hours are not known."""
        first = self.now.astimezone(self.clock).year
        start, end = _midnight(date(first, 1, 1), self.clock), _midnight(date(first + 1, 1, 1), self.clock)
        try:
            return year(BundledShapes(self._factors).signals(self.zone, start, end), self.clock)
        except FactorError:
            return None

    def _view(self, start: datetime, end: datetime, signals: Sequence[Signal]) -> GridView:
        notices = list(self._chain.notices)
        kept = _of_one_type(signals)
        if len(kept) < len(signals):
            dropped = "/".join(next(one for one in signals if one.type != kept[-1].type).type)
            notices.append(f"some hours are known as {dropped} only, which is not comparable: they are left out")
        inside = [_cut(signal, start, end) for signal in kept if signal.start < end]
        return GridView(
            asked=self.asked,
            zone=self.zone,
            clock=self.clock,
            now=self.now,
            start=start,
            end=end,
            signals=tuple(inside),
            notices=tuple(notices),
        )


def grid_of(zone: str = "", settings: Settings | None = None, *, clock: str = "", now: datetime | None = None) -> Grid:
    """A zone (by default the one that is set) to be looked at: `.at()`, `.history()`, `.forecast()`, `.calendar()`.

    `clock` is a time zone ("Europe/Berlin") in place of the zone's own. Raises UsageError without a zone, FactorError
    for an unknown one, NotFound for an unknown time zone or source of intensities.
    """
    settings = settings or load()
    carbon.check_sources(settings, os.environ)
    return Grid(zone, settings, clock=clock, now=now)


def grid_zones(settings: Settings | None = None, *, typical: bool = False, live: bool = False) -> Listing:
    """Every zone that has an annual factor, or those with typical hours, or that a configured source knows."""
    settings = settings or load()
    carbon.check_sources(settings, os.environ)
    every = carbon.places()
    known = _live(settings, (place.zone for place in every))
    found = [place for place in every if (place.shape_years or not typical) and (place.zone in known or not live)]
    return grid_lists.zones(found, known)


def _live(settings: Settings, zones: Iterable[str]) -> dict[str, list[str]]:
    """Zone to the configured sources that know it, best first; asks nothing over the network."""
    known: dict[str, list[str]] = {}
    own = IntensityFile(SourceContext(file=settings.intensity_file))
    for zone in zones:
        for source in settings.intensity:
            if _knows(source, zone, own):
                known.setdefault(zone, []).append(source)
    return known


def _knows(source: str, zone: str, own: IntensityFile) -> bool:
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    try:
        if source == own.name:
            own.signals(zone, moment, moment + _HOUR)
        else:
            code_of(source, zone)
    except ProviderUnavailable:  # the file can't be read, which is not said of a zone
        raise
    except FactorError:
        return False
    return True


def grid_rank(by: str = "average", limit: int = 0, **wanted: Any) -> Listing:
    """The cloud regions in order, the first `limit` of them (0: all); see `schedule.rank_regions`."""
    return grid_lists.regions(rank_regions(by, **wanted), by, limit)


def _of_one_type(signals: Sequence[Signal]) -> list[Signal]:
    """The signals of the type of the last one: signals of different types are never shown as one course."""
    return [signal for signal in signals if signal.type == signals[-1].type]


def _cut(signal: Signal, start: datetime, end: datetime) -> Signal:
    return replace(signal, start=max(signal.start, start), end=min(signal.end, end))


def _whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _midnight(day: date, clock: tzinfo) -> datetime:
    return datetime.combine(day, time(), clock).astimezone(UTC)
