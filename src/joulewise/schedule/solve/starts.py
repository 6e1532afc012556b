"""Flexible start without pauses: prefix sums for constant power, correlation for a power profile. Exact.

With piecewise constant intensity c and length L, emissions change with the start s at the rate c(s + L) - c(s), which
is constant between slot edges. So the best start of all moments has its start or its end on an edge of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from joulewise.core.errors import OutOfRange
from joulewise.schedule.solve.shapes import (
    REFUSE,
    TIE,
    Entry,
    Flags,
    Floats,
    Run,
    Schedule,
    Work,
    checked,
    covered,
    emitted_g,
    entry_of,
    first_least,
    fitting,
    floor_and_rest,
)

DIRECT_UNITS = 256
"""Up to this many units a direct correlation is faster than a Fourier transform, and free of its rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class EachStart:
    """For every slot at which the job could be submitted: the best start slot and its gCO2e, both [..., S]."""

    start: NDArray[np.int32]
    emissions_g: Floats


def start_emissions(intensity_g_per_kwh: ArrayLike, work: Work, *, gaps: str = REFUSE) -> Floats:
    """gCO2e of the work started at each slot, shape [S] or [R, S], S = T - L + 1; inf where it would meet a gap."""
    rows, missing = checked(intensity_g_per_kwh, gaps)
    totals = _starts(rows, missing, work)
    return totals if np.ndim(intensity_g_per_kwh) == 2 else totals[0]


def best_start(
    intensity_g_per_kwh: ArrayLike,
    work: Work,
    *,
    entry: Entry | None = None,
    anywhere: bool = False,
    gaps: str = REFUSE,
) -> Schedule:
    """The start slot (and region, for [R, T]) with the least emissions.

    `anywhere` lets work of constant power start at any moment, not on slot edges only. Raises ImpossibleWindow.
    """
    rows, missing = checked(intensity_g_per_kwh, gaps)
    grams, waits = entry_of(entry, len(rows))
    totals = _entered(_starts(rows, missing, work), grams, waits)
    region, slot = first_least(totals)
    found = _schedule(rows, region, float(slot), work)
    if anywhere:
        found = _between_edges(rows, missing, work, (grams, waits), found, float(totals[region, slot]))
    return _returned(found, float(grams[found.runs[0].region]), np.ndim(intensity_g_per_kwh))


def best_start_each(intensity_g_per_kwh: ArrayLike, work: Work, slack_slots: int, *, gaps: str = REFUSE) -> EachStart:
    """For a job submitted at every slot: the best start at most `slack_slots` later, and its emissions.

    Near the end of the record the slack is what is left of it. An origin whose every start meets a gap has inf.
    """
    if slack_slots < 0:
        raise OutOfRange(f"want a slack >= 0 slots, got {slack_slots}")
    totals = start_emissions(intensity_g_per_kwh, work, gaps=gaps)
    rows = np.atleast_2d(totals)
    starts = np.empty(rows.shape, dtype=np.int32)
    least_g = np.empty(rows.shape)
    for region, row in enumerate(rows):  # row by row stays in the processor's cache
        least_g[region], starts[region] = _sliding_least(row, slack_slots + 1)
    return EachStart(starts.reshape(totals.shape), least_g.reshape(totals.shape))


def _starts(rows: Floats, missing: Flags, work: Work) -> Floats:
    count = fitting(rows.shape[1], work)
    steady_kwh = work.steady_kwh
    if steady_kwh is not None:
        totals = steady_kwh * _window_sums(rows, work.length_slots, count)
    else:
        totals = _correlated(rows, work.energy_kwh, count)
    if missing.any():
        totals[_window_sums(missing.astype(np.float64), float(work.units), count) > 0.5] = np.inf
    return totals


def _window_sums(rows: Floats, length_slots: float, count: int) -> Floats:
    full, rest = floor_and_rest(length_slots)
    sums = np.zeros((rows.shape[0], rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    totals: Floats = sums[:, full : full + count] - sums[:, :count]
    if rest:
        totals += rest * rows[:, full : full + count]
    return totals


def _correlated(rows: Floats, energy_kwh: Floats, count: int) -> Floats:
    if len(energy_kwh) <= DIRECT_UNITS:
        return np.stack([np.correlate(row, energy_kwh, mode="valid") for row in rows])
    size = 1 << (rows.shape[1] - 1).bit_length()
    spectrum = np.fft.rfft(rows, size, axis=1) * np.conj(np.fft.rfft(energy_kwh, size))
    # circular, but the first T - L + 1 lags never wrap around
    return np.fft.irfft(spectrum, size, axis=1)[:, :count].copy()


def _entered(totals: Floats, grams: Floats, waits: NDArray[np.intp]) -> Floats:
    if grams.any():
        totals = totals + grams[:, None]
    if waits.any():
        totals[np.arange(totals.shape[1]) < waits[:, None]] = np.inf
    return totals


def _schedule(rows: Floats, region: int, start_slots: float, work: Work) -> Schedule:
    energy_kwh = np.zeros_like(rows)
    end_slots = start_slots + work.length_slots
    if start_slots.is_integer():
        energy_kwh[region, int(start_slots) : int(start_slots) + work.units] = work.energy_kwh
    else:
        energy_kwh[region] = (work.steady_kwh or 0.0) * covered(start_slots, end_slots, rows.shape[1])
    run = Run(region, start_slots, end_slots)
    return Schedule((run,), emitted_g(rows, energy_kwh), energy_kwh)


def _between_edges(
    rows: Floats,
    missing: Flags,
    work: Work,
    entry: tuple[Floats, NDArray[np.intp]],
    on_edge: Schedule,
    on_edge_g: float,
) -> Schedule:
    """The better of a start on an edge and an end on an edge: time reversed, the same sums."""
    if work.steady_kwh is None:
        raise OutOfRange("a start between slots needs constant power", hint="Work.steady, or finer slots")
    if work.last_share == 1:
        return on_edge
    totals = _starts(rows[:, ::-1], missing[:, ::-1], work)[:, ::-1]
    # the k-th start that ends on an edge lies 1 - last_share into slot k
    grams, waits = entry
    region, slot = first_least(_entered(totals, grams, waits))
    if totals[region, slot] >= on_edge_g - TIE * abs(on_edge_g):
        return on_edge
    return _schedule(rows, region, slot + 1 - work.last_share, work)


def _returned(found: Schedule, moved_g: float, ndim: int) -> Schedule:
    energy_kwh = found.energy_kwh if ndim == 2 else found.energy_kwh[0]
    return Schedule(found.runs, found.emissions_g + moved_g, energy_kwh, moved_g)


def _sliding_least(values: Floats, width: int) -> tuple[Floats, NDArray[np.int32]]:
    """(least of values[i : i + width], where), by doubling: windows of 1, 2, 4 ... values, the last two overlapping."""
    count = len(values)
    width = min(width, count)
    least = np.concatenate((values, np.full(width - 1, np.inf)))
    where = np.arange(len(least), dtype=np.int32)
    tie = TIE * float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
    span = 1
    while span < width:
        step = min(span, width - span)
        left, right = least[:-step], least[step:]
        later = right < left - tie
        where = np.where(later, where[step:], where[:-step])
        least = np.where(later, right, left)
        span += step
    return least[:count], where[:count]
