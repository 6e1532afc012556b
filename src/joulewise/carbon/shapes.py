"""Typical hours of a grid zone without network: a bundled month x hour shape scaled to the zone's annual factor.

The shape is the ratio of an hour's intensity to the year's mean, from public hourly generation mixes; the level comes
from the newest annual factor alone, and so do kind, basis and scope. See docs/explanation/forecast.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import exp, hypot, log

from joulewise.carbon import factor_rows
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.tables import by_key, table
from joulewise.core.errors import FactorError
from joulewise.core.records import Factor
from joulewise.core.signals import Signal

_HOUR = timedelta(hours=1)
_QUANTITIES = ("mean", "low", "high")
_Z95 = 1.96
Ratios = tuple[float, float, float]
"""Typical, low and high (95 %) intensity of an hour over that of its year."""


@dataclass(frozen=True, slots=True)
class ZoneShape:
    """The shape of one zone: `ratios[month - 1][hour]` in UTC.

    `level` is by how much (low, high ratio) an annual factor is off a year later; `transfer_spread` is the standard
    deviation, in logarithms, of carrying a neighbour's shape over; `persistence_ratio` is the correlation of
    the deviation from the shape with that an hour before.
    """

    zone: str
    basis: str
    ratios: tuple[tuple[Ratios, ...], ...]
    level: tuple[float, float]
    transfer_spread: float
    persistence_ratio: float
    source: str
    licence: str
    version: str


class BundledShapes:
    """Hourly climatology of the zones that have a shape. Needs no network, never changes within a release.

    A factor that is not annual, not an average, or of another basis than the shape gives no signals: its own hours are
    not known.
    """

    name = "shapes"

    def __init__(self, factors: FactorSet | None = None) -> None:
        self._factors = factors or FactorSet.bundled()

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones that have a shape, sorted."""
        return tuple(sorted(by_key("shape_zones", "zone")))

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """The whole UTC hours that [start, end) touches, status climatology, grade shape.

        The bounds hold the spread of that month's hour over the days and years, and what the annual factor may be off.
        Raises FactorError if the zone is unknown, has no shape or no annual factor that old.
        """
        place = self._factors.resolve(zone).zone
        shape = shape_of(place)
        scale = _scaler(self._factors, place, shape)
        hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        last = max(end.astimezone(UTC), start.astimezone(UTC) + timedelta(microseconds=1))
        found = []
        while hour < last:
            found.append(scale(hour))
            hour += _HOUR
        return found


@cache
def shape_of(zone: str) -> ZoneShape:
    """The bundled shape of a canonical zone. Raises FactorError if it has none."""
    row = by_key("shape_zones", "zone").get(zone)
    if row is None:
        known = ", ".join(sorted(by_key("shape_zones", "zone")))
        raise FactorError(
            f"no typical hours are known for {zone}", hint=f"its annual factor serves; zones with hours: {known}"
        )
    return ZoneShape(
        zone=zone,
        basis=row["basis"],
        ratios=_ratios(row["area"]),
        level=(float(row["level_low_ratio"]), float(row["level_high_ratio"])),
        transfer_spread=float(row["transfer_spread"]),
        persistence_ratio=float(row["persistence_ratio"]),
        source=row["source"],
        licence=row["licence"],
        version=row["version"],
    )


@cache
def _ratios(area: str) -> tuple[tuple[Ratios, ...], ...]:
    cells = {
        (row["quantity"], int(row["month"])): [float(row[f"h{hour:02d}"]) for hour in range(24)]
        for row in table("shapes").rows
        if row["area"] == area
    }
    return tuple(
        tuple(zip(*(cells[quantity, month] for quantity in _QUANTITIES), strict=True)) for month in range(1, 13)
    )


def _scaler(factors: FactorSet, zone: str, shape: ZoneShape) -> Callable[[datetime], Signal]:
    """From an hour to its signal; each year's factor is looked up once."""
    by_year: dict[int, Factor] = {}

    def scale(hour: datetime) -> Signal:
        if hour.year not in by_year:
            by_year[hour.year] = _annual(factors, zone, shape, hour.year)
        return _signal(by_year[hour.year], shape, hour)

    return scale


def _annual(factors: FactorSet, zone: str, shape: ZoneShape, year: int) -> Factor:
    factor = factors.find("intensity", zone, year)
    if (factor.signal, factor.basis, factor.resolution) != ("average", shape.basis, "annual"):
        raise FactorError(
            f"the shape of {zone} is of annual average {shape.basis} intensity, and factor {factor.id} is not",
            hint="give signal, basis and valid_from in the factor file, or take the factor as it is",
        )
    return factor


def _signal(factor: Factor, shape: ZoneShape, hour: datetime) -> Signal:
    """The hour's ratio times the annual factor; its errors are independent and combine in logarithms."""
    mean, low, high = shape.ratios[hour.month - 1][hour.hour]
    level_low, level_high = _level(factor, shape)
    carried = _Z95 * shape.transfer_spread
    value = factor.value * mean
    return Signal(
        zone=factor.zone,
        start=hour,
        end=hour + _HOUR,
        intensity_g_per_kwh=value,
        low_g_per_kwh=value * exp(-hypot(_log(low, mean), _log(level_low, 1.0), carried)),
        high_g_per_kwh=value * exp(hypot(_log(high, mean), _log(level_high, 1.0), carried)),
        kind=factor.signal,
        basis=factor.basis,
        scope=factor.scope,
        status="climatology",
        source=f"shape {shape.version} ({shape.source}) x {factor.id}",
        licence=shape.licence if shape.licence.startswith(factor.licence) else f"{shape.licence}; {factor.licence}",
        grade="shape",
    )


def _level(factor: Factor, shape: ZoneShape) -> tuple[float, float]:
    """What the annual mean itself may be off. The band of a bundled annual factor is that of an hour, so it isn't used
    again; that of a user's own factor is."""
    if factor.set_id == factor_rows.set_id() or not factor.low > 0:
        return shape.level
    return factor.low / factor.value, factor.high / factor.value


def _log(bound: float, middle: float) -> float:
    return abs(log(max(bound, 1e-3 * middle) / middle)) if middle > 0 else 0.0
