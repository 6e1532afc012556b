"""Carbon intensity over time as typed signals, and energy spread over them.

Emissions are the sum over the intervals of energy times intensity. Here the intervals are years; hourly ones, live or
typical, come through the same Protocol (`core.protocols.IntensityProvider`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

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
    """A provider's signal as a factor, so that it can be filed with the calculation that used it.

    The id ends in a hash of the content: a value that is revised later is another factor. A typical hour is the same
    on every day of its month, so it is one factor for all of them.
    """
    typical = signal.status == "climatology"
    valid_from, valid_to, resolution = _month_hour(signal) if typical else _interval(signal)
    made = Factor(
        id=f"intensity:{signal.zone}:{_label(signal)}:{signal.status}",
        set_id=signal.source.partition(" (")[0],
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
        valid_from=valid_from,
        valid_to=valid_to,
        resolution=resolution,
        method=REPORTED if signal.status in ("measured", "annual") else MODELLED,
        signal=signal.kind,
        basis=signal.basis,
        scope=signal.scope,
        note=f"grade {signal.grade}" if signal.grade else "",
    )
    return replace(made, id=f"{made.id}@{hashlib.sha256(repr(made).encode()).hexdigest()[:8]}")


def _label(signal: Signal) -> str:
    start = signal.start.astimezone(UTC)
    return f"{start:%Y-%m}-h{start:%H}" if signal.status == "climatology" else f"{start:%Y-%m-%dT%H:%MZ}"


def _interval(signal: Signal) -> tuple[str, str, str]:
    return signal.start.astimezone(UTC).isoformat(), signal.end.astimezone(UTC).isoformat(), signal.status


def _month_hour(signal: Signal) -> tuple[str, str, str]:
    start = signal.start.astimezone(UTC)
    first = start.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", f"typical day, {start:%H}:00 to {start.hour + 1:02d}:00 UTC"


def spread_energy(intervals: Sequence[Interval], signals: Sequence[Signal]) -> list[tuple[Signal, float]]:
    """Each signal with the energy (J) that falls into it; within an interval energy is even over time.

    Raises SignalMismatch for signals of different types, FactorError where no signal, or more than one, covers a
    stretch, UndefinedFigure without intervals.
    """
    require_one_type(signals)
    if not intervals:
        raise UndefinedFigure("no energy to spread over time")
    order = sorted(signals, key=lambda signal: signal.start)
    energy_j = [0.0] * len(order)
    find = _finder(order)
    for start, end, part_j in intervals:
        for index, share in _shares(start, end, order, find(start, end)):
            energy_j[index] += part_j * share
    return [(signal, part_j) for signal, part_j in zip(order, energy_j, strict=True) if part_j > 0]


def _finder(order: Sequence[Signal]) -> Callable[[datetime, datetime], range]:
    """From [start, end) to the indices that may overlap it; a year of hours must not be searched for each hour."""
    starts, ends = [signal.start for signal in order], [signal.end for signal in order]
    apart = all(one <= other for one, other in pairwise(ends))
    return lambda start, end: range(bisect_right(ends, start) if apart else 0, bisect_left(starts, end))


def _shares(start: datetime, end: datetime, order: Sequence[Signal], near: range) -> list[tuple[int, float]]:
    if start == end:  # an instant: it belongs to the signal that has begun
        end = start + timedelta(microseconds=1)
        near = range(near.start, len(order))
    overlaps = [
        (max(start, order[index].start), min(end, order[index].end), index)
        for index in near
        if order[index].start < end and start < order[index].end
    ]
    edges = [start, *(last for _, last, _ in overlaps)]
    if [first for first, _, _ in overlaps] != edges[:-1] or edges[-1] != end:
        raise FactorError(
            f"the intensities do not cover {start.isoformat()} to {end.isoformat()} exactly once",
            hint="use the bundled annual factors, or a provider without holes and overlaps",
        )
    return [(index, (last - first) / (end - start)) for first, last, index in overlaps]
