"""The forecasts of a job's places, all of one type: unlike intensities are never compared, let alone combined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from joulewise.core.errors import FactorError
from joulewise.core.signals import Signal
from joulewise.schedule.places import Place

Type = tuple[str, str, str]


class Forecaster(Protocol):
    """What plans are made from: `carbon.Chain` is one."""

    def forecast(
        self, zone: str, start: datetime, end: datetime, now: datetime | None = None, *, kind: str = "average"
    ) -> Sequence[Signal]:
        """Signals that cover [start, end)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Forecasts by place, all of one type; places that had to be left out; what the user should know."""

    forecasts: Mapping[str, Sequence[Signal]]
    left_out: tuple[str, ...]
    notices: tuple[str, ...]


def gather(
    forecaster: Forecaster, places: Mapping[str, Place], window: tuple[datetime, datetime], now: datetime,
    *, kind: str = "average",
) -> Gathered:  # fmt: skip
    """The forecasts of `places` (home first) over the window.

    Where a region is known in another type than home (US subregions: direct; the rest of the world: lifecycle), its
    country's figure stands in; failing that, home's country; failing that, the region is left out.
    Raises FactorError if nothing is known of home in that kind.
    """
    found: dict[str, Sequence[Signal]] = {}
    for name, place in places.items():
        found[name] = forecaster.forecast(place.zone, *window, now, kind=kind)
    home = next(iter(places))
    if not found[home]:
        raise FactorError(f"no {kind} intensities are known of {home}", hint="--kind average, or name a live source")
    stand_ins = _Standing(forecaster, window, now, kind)
    attempts = [
        {name: stand_ins.of(places[name].zone, signals, wanted) for name, signals in found.items()}
        for wanted in _types(found.values())
    ]
    chosen = max(attempts, key=lambda one: (one[home] is not None, sum(map(bool, one.values()))))
    kept = {name: signals for name, signals in chosen.items() if signals}
    return Gathered(
        forecasts=kept,
        left_out=tuple(name for name in places if name not in kept),
        notices=tuple(_notices(places, found, kept)),
    )


class _Standing:
    """Signals of the wanted type: a zone's own, else its country's."""

    def __init__(self, forecaster: Forecaster, window: tuple[datetime, datetime], now: datetime, kind: str) -> None:
        self._forecaster, self._window, self._now, self._kind = forecaster, window, now, kind

    def of(self, zone: str, signals: Sequence[Signal], wanted: Type) -> Sequence[Signal] | None:
        if signals and signals[0].type == wanted:
            return signals
        country = zone.partition("-")[0]
        if country == zone:
            return None
        wider = self._forecaster.forecast(country, *self._window, self._now, kind=self._kind)
        return wider if wider and wider[0].type == wanted else None


def _types(found: Iterable[Sequence[Signal]]) -> list[Type]:
    """The types in order of appearance, home's first."""
    return list(dict.fromkeys(signals[0].type for signals in found if signals))


def _notices(
    places: Mapping[str, Place], found: Mapping[str, Sequence[Signal]], kept: Mapping[str, Sequence[Signal]]
) -> Iterable[str]:
    for name, signals in found.items():
        if name not in kept:
            known = f"as {'/'.join(signals[0].type)} only" if signals else "in no such kind"
            yield f"{name} is left out: its intensity is known {known}, which can't be compared with home's"
        elif kept[name] is not signals:
            yield (
                f"{name}: {places[name].zone} is known as {'/'.join(signals[0].type)} only; the average of "
                f"{kept[name][0].zone} stands in, which is comparable but says nothing of hours"
            )
