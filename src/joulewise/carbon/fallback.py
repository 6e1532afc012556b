"""What is always there: the zone's bundled hourly shape, its annual factor, its country's, the world's.

One step serves the whole interval, since the steps differ in type: eGRID's subregions are direct, Ember's countries
lifecycle. A year that no factor reaches back to falls through as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from joulewise.carbon.factors import FactorSet
from joulewise.carbon.intensity import BundledAnnual, annual_signal
from joulewise.carbon.zones import WORLD
from joulewise.core.errors import FactorError
from joulewise.core.protocols import IntensityProvider
from joulewise.core.signals import Signal

Type = tuple[str, str, str]
Step = tuple[str, Callable[[], Sequence[Signal]]]


class Fallback:
    """Bundled signals of any zone and time, the best first."""

    def __init__(self, factors: FactorSet, shapes: IntensityProvider | None) -> None:
        self._factors = factors
        self._annual = BundledAnnual(factors)
        self._shapes = shapes

    def signals(
        self, zone: str, start: datetime, end: datetime, of_type: Type | None = None
    ) -> tuple[list[Signal], str]:
        """Signals that cover [start, end), all of one type, and a notice ("" if none is due).

        `of_type` takes the best step of that type; [] if there is none.
        """
        missing = ""
        for grade, ask in self._steps(zone, start, end):
            try:
                found = ask()
            except FactorError as error:
                missing = missing or ("" if grade == "shape" else error.message)
                continue
            if of_type not in (None, found[0].type):
                missing = missing or f"it is known as {'/'.join(found[0].type)} only"
                continue
            notice = ""
            if grade in ("country", "world") and found[0].zone != zone:
                notice = f"the intensity of {found[0].zone} stands in for {zone}: {missing}"
            return [replace(signal, grade=grade) for signal in found], notice
        oldest = self._oldest(start, end)
        if of_type is not None and of_type != oldest[0].type:
            return [], f"nothing bundled is {'/'.join(of_type)}"
        return oldest, f"no intensity reaches back to {start.year}: the world's oldest stands in"

    def shape(self, zone: str, start: datetime, end: datetime) -> list[Signal]:
        """Typical hours of the zone; [] if there is no bundled shape."""
        if self._shapes is None:
            return []
        try:
            return [replace(signal, grade="shape") for signal in self._shapes.signals(zone, start, end)]
        except FactorError:
            return []

    def _steps(self, zone: str, start: datetime, end: datetime) -> list[Step]:
        country = zone.partition("-")[0]
        steps: list[Step] = []
        if self._shapes is not None:
            shapes = self._shapes
            steps.append(("shape", lambda: shapes.signals(zone, start, end)))
        if zone != WORLD:
            steps.append(("annual", lambda: self._annual.signals(zone, start, end)))
        if country not in (zone, WORLD):
            steps.append(("country", lambda: self._annual.signals(country, start, end)))
        return [*steps, ("world", lambda: self._annual.signals(WORLD, start, end))]

    def _oldest(self, start: datetime, end: datetime) -> list[Signal]:
        oldest = min(self._factors.list("intensity", WORLD), key=lambda factor: factor.valid_from)
        return [replace(annual_signal(oldest, start, end), grade="world")]
