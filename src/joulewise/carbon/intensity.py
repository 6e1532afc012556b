"""Carbon intensity over time as typed signals, and energy spread over them.

Emissions are the sum over the intervals of energy times intensity. Here the intervals are years; a live or hourly
provider gives shorter ones through the same Protocol (`core.protocols.IntensityProvider`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from joulewise.carbon.factors import FactorSet
from joulewise.core.errors import FactorError, UndefinedFigure
from joulewise.core.figures import MODELLED, REPORTED
from joulewise.core.records import Factor
from joulewise.core.signals import Signal, require_one_type

Interval = tuple[datetime, datetime, float]
"""(start, end, energy_j): energy of a stretch of time."""


class BundledAnnual:
    """Annual averages of the bundled (or a given) factor set: always there, never sharp."""

    name = "bundled"

    def __init__(self, factors: FactorSet | None = None) -> None:
        self._factors = factors or FactorSet.bundled()

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """One signal a calendar year (UTC) of [start, end); each with the newest factor not after that year.

        Raises FactorError if the zone is unknown or has no factor that old.
        """
        return [annual_signal(factor, first, last) for factor, first, last in self.factors(zone, start, end)]

    def factors(self, zone: str, start: datetime, end: datetime) -> list[tuple[Factor, datetime, datetime]]:
        """The factor of each calendar year, with the part of [start, end) that it covers."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        found = []
        while start < end:
            turn = min(end, datetime(start.year + 1, 1, 1, tzinfo=UTC))
            found.append((self._factors.find("intensity", zone, start.year), start, turn))
            start = turn
        return found


def annual_signal(factor: Factor, start: datetime, end: datetime) -> Signal:
    """An annual factor as a signal over [start, end). Its source is the factor's id."""
    return Signal(
        zone=factor.zone,
        start=start,
        end=end,
        intensity_g_per_kwh=factor.value,
        low_g_per_kwh=factor.low,
        high_g_per_kwh=factor.high,
        kind=factor.signal,
        basis=factor.basis,
        scope=factor.scope,
        status="annual",
        source=factor.id,
        licence=factor.licence,
    )


def factor_of(signal: Signal) -> Factor:
    """A provider's signal as a factor, so that it can be filed with the calculation that used it."""
    return Factor(
        id=f"intensity:{signal.zone}:{signal.start.astimezone(UTC):%Y-%m-%dT%H:%MZ}:{signal.source}",
        set_id=signal.source,
        kind="intensity",
        zone=signal.zone,
        value=signal.intensity_g_per_kwh,
        low=signal.low_g_per_kwh,
        high=signal.high_g_per_kwh,
        unit="g/kWh",
        source=signal.source,
        url="",
        licence=signal.licence,
        version=signal.issued_at.isoformat() if signal.issued_at else "",
        valid_from=signal.start.isoformat(),
        valid_to=signal.end.isoformat(),
        resolution=signal.status,
        method=REPORTED if signal.status in ("measured", "annual") else MODELLED,
        signal=signal.kind,
        basis=signal.basis,
        scope=signal.scope,
    )


def spread_energy(intervals: Sequence[Interval], signals: Sequence[Signal]) -> list[tuple[Signal, float]]:
    """Each signal with the energy (J) that falls into it; within an interval energy is even over time.

    Raises SignalMismatch for signals of different types, FactorError where no signal, or more than one, covers a
    stretch, UndefinedFigure without intervals.
    """
    require_one_type(signals)
    if not intervals:
        raise UndefinedFigure("no energy to spread over time")
    energy_j = [0.0] * len(signals)
    for start, end, part_j in intervals:
        for index, share in _shares(start, end, signals):
            energy_j[index] += part_j * share
    return [(signal, part_j) for signal, part_j in zip(signals, energy_j, strict=True) if part_j > 0]


def _shares(start: datetime, end: datetime, signals: Sequence[Signal]) -> list[tuple[int, float]]:
    if start == end:  # an instant: it belongs to the signal that has begun
        end = start + timedelta(microseconds=1)
    overlaps = sorted(
        (max(start, signal.start), min(end, signal.end), index)
        for index, signal in enumerate(signals)
        if signal.start < end and start < signal.end
    )
    edges = [start, *(last for _, last, _ in overlaps)]
    if [first for first, _, _ in overlaps] != edges[:-1] or edges[-1] != end:
        raise FactorError(
            f"the intensities do not cover {start.isoformat()} to {end.isoformat()} exactly once",
            hint="use the bundled annual factors, or a provider without holes and overlaps",
        )
    return [(index, (last - first) / (end - start)) for first, last, index in overlaps]
