"""Intensities from the best source that answers: live, kept on disk, the bundled shape, annual, country, world.

Each signal says by its `grade` where it was found. An answer is of one type throughout: the type (kind, basis, scope)
that real values cover best; of equals the first source's, and of that one's types lifecycle. Its short holes are
interpolated; longer ones are filled from bundled rows if those are of the same type, else from the record's own typical
hours if the record covers at least half, else the bundled rows serve the whole answer. Whatever was chosen, a notice
says so. Nothing here fails or holds up the work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from joulewise.carbon.clock import utc_now
from joulewise.carbon.cover import SHORT_HOLE, bridged, clipped, covered_share, holes, layered, typical
from joulewise.carbon.deadline import within
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.fallback import Fallback, Type
from joulewise.carbon.forecast import forecast_from
from joulewise.core.errors import FactorError, JoulewiseError
from joulewise.core.protocols import ForecastProvider, IntensityProvider
from joulewise.core.signals import Signal

_log = logging.getLogger(__name__)

BUDGET_S = 30.0
"""After so long over all sources the rest is not asked any more, s."""
HISTORY = timedelta(days=14)
"""How far back a forecast from a source's own record looks."""
ENOUGH_SHARE = 0.5
"""A record with longer holes than this may not fill them from itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; `of_type` None leaves basis and scope open."""

    zone: str
    start: datetime
    end: datetime
    kind: str
    of_type: Type | None


class Chain:
    """Sources in order, and what is bundled behind them. `notices` collects what the user should know, once each."""

    def __init__(
        self,
        sources: Sequence[IntensityProvider] = (),
        *,
        factors: FactorSet | None = None,
        shapes: IntensityProvider | None = None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        notices: Sequence[str] = (),
    ) -> None:
        self.notices = list(notices)
        self._sources = tuple(sources)
        self._factors = factors or FactorSet.bundled()
        self._fallback = Fallback(self._factors, shapes)
        self._now = now
        self._monotonic = monotonic

    def signals(
        self, zone: str, start: datetime, end: datetime, *, kind: str = "average", of_type: Type | None = None
    ) -> list[Signal]:
        """[start, end) without holes, graded, all of one type.

        With kind="marginal" only sources count, since no marginal intensity is bundled: holes stay holes, with a
        notice. With `of_type` (kind, basis, scope) nothing of another type is taken; [] if nothing of it is known.
        Raises FactorError for an unknown zone, and nothing else.
        """
        wanted = self._wanted(zone, start, end, kind, of_type)
        first, last = wanted.start - SHORT_HOLE, wanted.end + SHORT_HOLE  # so that a hole at the edge has neighbours
        series = self._asked(wanted, lambda source: source.signals(wanted.zone, first, last))
        return self._whole(wanted, series)

    def forecast(
        self,
        zone: str,
        start: datetime,
        end: datetime,
        now: datetime | None = None,
        *,
        kind: str = "average",
        of_type: Type | None = None,
    ) -> list[Signal]:
        """The same for the future: live forecasts, else our own from each source's record and the bundled shape."""
        wanted = self._wanted(zone, start, end, kind, of_type)
        live = self._asked(wanted, lambda source: _forecast_of(source, wanted))
        if not any(_share(bridged(one), wanted) == 1 for one in live.values()):
            live = self._extended(wanted, now or self._now(), live)
        return self._whole(wanted, live)

    def _wanted(self, zone: str, start: datetime, end: datetime, kind: str, of_type: Type | None) -> Wanted:
        start = start.astimezone(UTC)
        end = max(end.astimezone(UTC), start + timedelta(microseconds=1))
        return Wanted(self._factors.resolve(zone).zone, start, end, of_type[0] if of_type else kind, of_type)

    def _asked(self, wanted: Wanted, ask: Callable[[IntensityProvider], Sequence[Signal]]) -> dict[Type, list[Signal]]:
        """What each source says, by type, the earlier source on top."""
        end_s = self._monotonic() + BUDGET_S
        series: dict[Type, list[Signal]] = {}
        for source in self._sources:
            if wanted.kind not in getattr(source, "kinds", (wanted.kind,)):
                continue
            left_s = end_s - self._monotonic()
            if left_s <= 0:
                self._tell(f"{source.name} was not asked: the sources before it took longer than {BUDGET_S:.0f} s")
                continue
            for one, found in self._answer(source, wanted, ask, left_s).items():
                series[one] = _over(series.get(one, []), found)
        return series

    def _answer(
        self,
        source: IntensityProvider,
        wanted: Wanted,
        ask: Callable[[IntensityProvider], Sequence[Signal]],
        limit_s: float,
    ) -> dict[Type, list[Signal]]:
        """A source's fitting signals by type; {} with a notice if it fails, in whatever way, or takes too long."""
        try:
            answer = within(limit_s, lambda: _by_type(ask(source), wanted), source.name)
        except JoulewiseError as error:
            _log.info("%s: %s", source.name, error)
            self._tell(unanswered(source.name, error))
        except Exception as error:  # noqa: BLE001 - somebody else's plug-in must not end the user's job
            _log.warning("the intensity source %s failed", source.name, exc_info=True)
            self._tell(f"no intensities from {source.name}: it failed with {type(error).__name__}")
        else:
            return answer
        return {}

    def _extended(self, wanted: Wanted, now: datetime, live: dict[Type, list[Signal]]) -> dict[Type, list[Signal]]:
        """Live forecasts, with our own from the record of each type below them."""
        zone, start, end = wanted.zone, wanted.start, wanted.end
        history = self._asked(wanted, lambda source: source.signals(zone, now - HISTORY, now))
        shape = self._fallback.shape(zone, min(start, now - HISTORY), end)
        found = dict(live)
        for one, record in history.items():
            own = _own(record, [signal for signal in shape if signal.type == one], wanted, now)
            known = bridged(layered(live.get(one, []), record, start, end))
            found[one] = layered(known, own, start, end)
        return found

    def _whole(self, wanted: Wanted, series: Mapping[Type, Sequence[Signal]]) -> list[Signal]:
        """One answer from what the sources know and what is bundled; the rules stand at the top of this file."""
        known = {one: bridged(found) for one, found in series.items()}
        share = {one: _share(found, wanted) for one, found in known.items()}
        best = max(share, key=lambda one: share[one]) if share else None
        if best is not None and share[best] == 1:
            return clipped(known[best], wanted.start, wanted.end)
        if wanted.kind != "average":
            self._tell(f"{wanted.kind} intensities do not cover what was asked, and none are bundled")
            return clipped(known[best], wanted.start, wanted.end) if best else []
        found, notice = self._fallback.signals(wanted.zone, wanted.start, wanted.end, wanted.of_type)
        bundled = clipped(found, wanted.start, wanted.end)
        if best is None or not share[best]:
            self._tell(notice)
            return bundled
        return self._filled(wanted, known[best], share[best], bundled, notice)

    def _filled(
        self, wanted: Wanted, known: Sequence[Signal], share: float, bundled: Sequence[Signal], notice: str
    ) -> list[Signal]:
        start, end, one = wanted.start, wanted.end, "/".join(known[0].type)
        if bundled and bundled[0].type == known[0].type:
            self._tell(f"{one} values cover {share:.0%} of what was asked; the rest is bundled")
            self._tell(notice)
            return layered(known, bundled, start, end)
        if share >= ENOUGH_SHARE or not bundled:
            self._tell(f"{one} values cover {share:.0%} of what was asked; the rest is their own typical hours")
            gaps = holes(clipped(known, start, end), start, end)
            filling = [signal for first, last in gaps for signal in typical(known, first, last)]
            return layered(known, filling, start, end)
        other = "/".join(bundled[0].type)
        self._tell(
            f"{one} values cover only {share:.0%} and are not combined with {other} ones: the bundled ones serve"
        )
        self._tell(notice)
        return list(bundled)

    def _tell(self, notice: str) -> None:
        if notice and notice not in self.notices:
            self.notices.append(notice)


def unanswered(name: str, error: JoulewiseError) -> str:
    """What to tell of a source that gives nothing, with the cure."""
    return f"no intensities from {name}: {error.message}" + (f" (try: {error.hint})" if error.hint else "")


def _forecast_of(source: IntensityProvider, wanted: Wanted) -> Sequence[Signal]:
    if not isinstance(source, ForecastProvider):
        return ()
    return source.forecast(wanted.zone, wanted.start, wanted.end)


def _by_type(signals: Iterable[Signal], wanted: Wanted) -> dict[Type, list[Signal]]:
    """The fitting ones by type, lifecycle first: of types that are known alike the first is taken."""
    found: dict[Type, list[Signal]] = {}
    for signal in sorted(signals, key=lambda one: one.basis != "lifecycle"):
        if signal.kind == wanted.kind and wanted.of_type in (None, signal.type):
            found.setdefault(signal.type, []).append(signal if signal.grade else replace(signal, grade="live"))
    return found


def _share(signals: Sequence[Signal], wanted: Wanted) -> float:
    return covered_share(clipped(signals, wanted.start, wanted.end), wanted.start, wanted.end)


def _own(record: Sequence[Signal], shape: Sequence[Signal], wanted: Wanted, now: datetime) -> list[Signal]:
    """Our own forecast from a record, graded as the record; [] if it says too little."""
    try:
        found = forecast_from(record, shape, wanted.start, wanted.end, now)
    except FactorError:
        return []
    return [replace(signal, grade=record[-1].grade) for signal in found]


def _over(upper: Sequence[Signal], lower: Sequence[Signal]) -> list[Signal]:
    both = [*upper, *lower]
    return layered(upper, lower, min(one.start for one in both), max(one.end for one in both))
