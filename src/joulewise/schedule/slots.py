"""Signals of several places on one grid of equal slots: arrays for the optimisers, with their 95 % bounds.

Everything is UTC, so a day of 23 or 25 hours is nothing special here. A slot's intensity is the mean over its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray

from joulewise.core.errors import FactorError
from joulewise.core.signals import Signal, require_one_type

Floats = NDArray[np.float64]

SLOT_LENGTHS_S = (3_600.0, 1_800.0, 900.0, 600.0, 300.0, 60.0)
SLOTS_A_JOB = 8
"""A job spans at least so many slots, so that rounding to slots costs little."""
MOST_SLOTS = 3_000
"""Beyond, a window gets longer slots: 30 days of quarters of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The grid [start, end). `intensity_g_per_kwh` and its bounds have shape (places, slots); slot t begins at
    start + t * slot_s, the last may be cut off by `end`. `zones` are the grid zones of the places. `annual_share`
    (places,) is the part of the window for which only an annual factor is known."""

    start: datetime
    end: datetime
    slot_s: float
    places: tuple[str, ...]
    zones: tuple[str, ...]
    intensity_g_per_kwh: Floats
    low_g_per_kwh: Floats
    high_g_per_kwh: Floats
    annual_share: Floats

    @property
    def count(self) -> int:
        """Number of slots."""
        return int(self.intensity_g_per_kwh.shape[1])

    @property
    def window_s(self) -> float:
        """Seconds from start to end."""
        return (self.end - self.start).total_seconds()

    @property
    def whole_count(self) -> int:
        """Number of slots that are not cut off."""
        return int((self.window_s + 1e-6) // self.slot_s)

    def at(self, offset_s: float) -> datetime:
        """The moment so many seconds after the start."""
        return self.start + timedelta(seconds=offset_s)

    def row(self, place: str) -> int:
        """The row of a place."""
        return self.places.index(place)

    def coverage_s(self, first_s: float, last_s: float) -> Floats:
        """Seconds of [first_s, last_s), measured from the start, in each slot; shape (slots,)."""
        edges = np.arange(self.count + 1) * self.slot_s
        return np.diff(np.clip(edges, first_s, last_s))


def slot_length_s(duration_s: float, window_s: float, resolution_s: float, overhead_s: float = 0.0) -> float:
    """Length of a slot: the longest that the signals resolve and that cuts the job into SLOTS_A_JOB, but no shorter
    than what a pause costs (a pause then always fits between two runs), and not more than MOST_SLOTS in the window.
    """
    fitting = [
        length for length in SLOT_LENGTHS_S if length * SLOTS_A_JOB <= duration_s and resolution_s % length < 1e-6
    ]
    chosen = fitting[0] if fitting else SLOT_LENGTHS_S[-1]
    floor_s = max(overhead_s, window_s / MOST_SLOTS)
    if chosen >= floor_s:
        return chosen
    return next((length for length in reversed(SLOT_LENGTHS_S) if length >= floor_s), ceil(floor_s / 3_600) * 3_600.0)


def lay_out(
    forecasts: Mapping[str, Sequence[Signal]], start: datetime, end: datetime, slot_s: float | None, job_s: float = 0.0
) -> Slots:
    """Put the signals of each place on a grid over [start, end); `slot_s` None chooses by the job's length `job_s`.

    Raises SignalMismatch for signals of different types, FactorError for a place whose signals leave a hole.
    """
    require_one_type(signal for signals in forecasts.values() for signal in signals)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    window_s = (end - start).total_seconds()
    if slot_s is None:
        slot_s = slot_length_s(job_s, window_s, resolution_s(forecasts.values()))
    count = max(1, ceil(window_s / slot_s - 1e-9))
    edges = np.minimum(np.arange(count + 1) * slot_s, window_s)
    rows = [_means(place, signals, start, edges) for place, signals in forecasts.items()]
    stacked = np.stack(rows, axis=1)
    return Slots(
        start=start,
        end=end,
        slot_s=slot_s,
        places=tuple(forecasts),
        zones=tuple(signals[0].zone for signals in forecasts.values()),
        intensity_g_per_kwh=stacked[0],
        low_g_per_kwh=stacked[1],
        high_g_per_kwh=stacked[2],
        annual_share=np.array([_annual_share(signals, start, end) for signals in forecasts.values()]),
    )


def _annual_share(signals: Sequence[Signal], start: datetime, end: datetime) -> float:
    annual = [signal for signal in signals if signal.status == "annual"]
    covered_s = sum((min(one.end, end) - max(one.start, start)).total_seconds() for one in annual)
    return min(1.0, max(0.0, covered_s / (end - start).total_seconds()))


def resolution_s(forecasts: Iterable[Sequence[Signal]]) -> float:
    """Length of the shortest signal but one hour at most: annual factors resolve nothing, an hour is fine for them.

    The first and last of a zone are left out, since a chain of providers may have cut them.
    """
    lengths = [(signal.end - signal.start).total_seconds() for signals in forecasts for signal in signals[1:-1]]
    shortest = min([3_600.0, *lengths])
    return next((length for length in SLOT_LENGTHS_S if length <= shortest + 1e-6), SLOT_LENGTHS_S[-1])


def _means(place: str, signals: Sequence[Signal], start: datetime, edges: Floats) -> Floats:
    """Means over the slots of value, low and high; shape (3, slots). Source: the integral of a step function."""
    ordered = sorted(signals, key=lambda signal: signal.start)
    firsts = np.array([(signal.start - start).total_seconds() for signal in ordered])
    lasts = np.array([(signal.end - start).total_seconds() for signal in ordered])
    if not ordered or firsts[0] > 1e-3 or lasts[-1] < edges[-1] - 1e-3 or np.any(np.abs(firsts[1:] - lasts[:-1]) > 1):
        raise FactorError(
            f"the forecast of {place} does not cover the window without holes",
            hint="a shorter window, or the bundled shapes (unset `intensity`)",
        )
    times = np.append(firsts, lasts[-1])
    widths = np.diff(edges)
    levels = np.array(
        [(signal.intensity_g_per_kwh, signal.low_g_per_kwh, signal.high_g_per_kwh) for signal in ordered]
    ).T
    integrals = np.concatenate([np.zeros((3, 1)), np.cumsum(levels * np.diff(times), axis=1)], axis=1)
    means = np.stack([np.diff(np.interp(edges, times, integral)) / widths for integral in integrals])
    return np.asarray(np.clip(means, 0.0, None))
