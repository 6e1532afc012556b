"""Intensities from the best source that answers: live, kept on disk, the bundled shape, annual, country, world.

Each signal says by its `grade` where it was found. An answer is of one type throughout: the type (kind, basis, scope)
that real values cover best. Its short holes are interpolated; longer ones are filled from bundled rows if those are of
the same type, else from the record's own typical hours if the record covers at least half, else the bundled rows serve
the whole answer. Whatever was chosen, a notice says so. Nothing here fails or holds up the work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from joulewise.carbon.clock import utc_now
from joulewise.carbon.cover import bridged, clipped, covered_share, holes, layered, typical
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.fallback import Fallback
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

Type = tuple[str, str, str]


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

    def signals(self, zone: str, start: datetime, end: datetime, *, kind: str = "average") -> list[Signal]:
        """[start, end) without holes, graded, all of one type.

        With kind="marginal" only sources count, since no marginal intensity is bundled: holes stay holes, with a
        notice. Raises FactorError for an unknown zone, and nothing else.
        """
        zone, start, end = self._place(zone, start, end)
        series = self._asked(kind, lambda source: source.signals(zone, start, end))
        return self._whole(zone, start, end, kind, series)

    def forecast(
        self, zone: str, start: datetime, end: datetime, now: datetime | None = None, *, kind: str = "average"
    ) -> list[Signal]:
        """The same for the future: live forecasts, else our own from each source's record and the bundled shape."""
        zone, start, end = self._place(zone, start, end)
        now = now or self._now()
        live = self._asked(kind, lambda source: _forecast_of(source, zone, start, end))
        if not any(covered_share(clipped(bridged(one), start, end), start, end) == 1 for one in live.values()):
            live = self._extended(zone, start, end, now, kind, live)
        return self._whole(zone, start, end, kind, live)

    def _place(self, zone: str, start: datetime, end: datetime) -> tuple[str, datetime, datetime]:
        start = start.astimezone(UTC)
        return self._factors.resolve(zone).zone, start, max(end.astimezone(UTC), start + timedelta(microseconds=1))

    def _asked(self, kind: str, ask: Callable[[IntensityProvider], Sequence[Signal]]) -> dict[Type, list[Signal]]:
        """What each source says, by type, the earlier source on top."""
        started_s = self._monotonic()
        series: dict[Type, list[Signal]] = {}
        for source in self._sources:
            if kind not in getattr(source, "kinds", (kind,)):
                continue
            if self._monotonic() - started_s > BUDGET_S:
                self._tell(f"{source.name} was not asked: the sources before it took longer than {BUDGET_S:.0f} s")
                continue
            answer = [signal for signal in self._answer(source, ask) if signal.kind == kind]
            for one in dict.fromkeys(signal.type for signal in answer):
                found = [replace(signal, grade=signal.grade or "live") for signal in answer if signal.type == one]
                series[one] = _over(series.get(one, []), found)
        return series

    def _answer(
        self, source: IntensityProvider, ask: Callable[[IntensityProvider], Sequence[Signal]]
    ) -> Sequence[Signal]:
        try:
            return ask(source)
        except JoulewiseError as error:
            _log.info("%s: %s", source.name, error)
            self._tell(f"no intensities from {source.name}: {error.message}")
        except Exception as error:  # noqa: BLE001 - somebody else's plug-in must not end the user's job
            _log.warning("the intensity source %s failed", source.name, exc_info=True)
            self._tell(f"no intensities from {source.name}: it failed with {type(error).__name__}")
        return ()

    def _extended(
        self, zone: str, start: datetime, end: datetime, now: datetime, kind: str, live: dict[Type, list[Signal]]
    ) -> dict[Type, list[Signal]]:
        """Live forecasts, with our own from the record of each type below them."""
        history = self._asked(kind, lambda source: source.signals(zone, now - HISTORY, now))
        shape = self._fallback.shape(zone, min(start, now - HISTORY), end)
        found = dict(live)
        for one, record in history.items():
            own = self._own(record, [signal for signal in shape if signal.type == one], start, end, now)
            found[one] = layered(layered(live.get(one, []), record, start, end), own, start, end)
        return found

    @staticmethod
    def _own(
        record: Sequence[Signal], shape: Sequence[Signal], start: datetime, end: datetime, now: datetime
    ) -> list[Signal]:
        """Our own forecast from a record, graded as the record; [] if it says too little."""
        try:
            found = forecast_from(record, shape, start, end, now)
        except FactorError:
            return []
        return [replace(signal, grade=record[-1].grade) for signal in found]

    def _whole(
        self, zone: str, start: datetime, end: datetime, kind: str, series: Mapping[Type, Sequence[Signal]]
    ) -> list[Signal]:
        known = {one: bridged(found) for one, found in series.items()}
        share = {one: covered_share(clipped(found, start, end), start, end) for one, found in known.items()}
        best = max(share, key=lambda one: share[one]) if share else None
        if kind != "average":
            return self._bare(start, end, kind, known[best] if best else [])
        if best is not None and share[best] == 1:
            return clipped(known[best], start, end)
        found, notice = self._fallback.signals(zone, start, end)
        bundled = clipped(found, start, end)
        if best is None or not share[best]:
            self._tell(notice)
            return bundled
        return self._filled(start, end, known[best], share[best], bundled, notice)

    def _bare(self, start: datetime, end: datetime, kind: str, known: Sequence[Signal]) -> list[Signal]:
        found = clipped(known, start, end)
        if holes(found, start, end):
            self._tell(f"{kind} intensities cover only part of what was asked, and none are bundled")
        return found

    def _filled(
        self,
        start: datetime,
        end: datetime,
        known: Sequence[Signal],
        share: float,
        bundled: Sequence[Signal],
        notice: str,
    ) -> list[Signal]:
        one = "/".join(known[0].type)
        if bundled[0].type == known[0].type:
            self._tell(f"{one} values cover {share:.0%} of what was asked; the rest is bundled")
            self._tell(notice)
            return layered(known, bundled, start, end)
        if share >= ENOUGH_SHARE:
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


def _forecast_of(source: IntensityProvider, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
    return source.forecast(zone, start, end) if isinstance(source, ForecastProvider) else ()


def _over(upper: Sequence[Signal], lower: Sequence[Signal]) -> list[Signal]:
    both = [*upper, *lower]
    return layered(upper, lower, min(one.start for one in both), max(one.end for one in both))
