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

LEAST_INDEX_BITS = 14


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
    rows, missing = checked(intensity_g_per_kwh, gaps)
    count = fitting(rows.shape[1], work)
    starts = np.empty((len(rows), count), dtype=np.int32)
    least_g = np.empty((len(rows), count))
    steady_kwh, gapless = work.steady_kwh, not missing.any()
    for region in range(len(rows)):  # row by row all of it stays in the processor's cache
        row = slice(region, region + 1)
        totals = _totals(rows[row], None if gapless else missing[row], work, steady_kwh)[0]
        found = _sliding_least(totals, slack_slots + 1)
        starts[region] = found
        np.take(totals, found, out=least_g[region], mode="clip")  # "raise" would copy once more
    shape = (count,) if np.ndim(intensity_g_per_kwh) == 1 else starts.shape
    return EachStart(starts.reshape(shape), least_g.reshape(shape))


def _starts(rows: Floats, missing: Flags, work: Work) -> Floats:
    return _totals(rows, missing if missing.any() else None, work, work.steady_kwh)


def _totals(rows: Floats, missing: Flags | None, work: Work, steady_kwh: float | None) -> Floats:
    count = fitting(rows.shape[1], work)
    if steady_kwh is None:
        totals = _correlated(rows, work.energy_kwh, count)
    else:
        totals = _window_sums(rows, work.length_slots, count)
        totals *= steady_kwh
    if missing is not None:
        totals[_window_sums(missing.astype(np.float64), float(work.units), count) > 0.5] = np.inf
    return totals


def _window_sums(rows: Floats, length_slots: float, count: int) -> Floats:
    full, rest = floor_and_rest(length_slots)
    sums = np.empty((rows.shape[0], rows.shape[1] + 1))
    sums[:, 0] = 0.0
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


def _sliding_least(values: Floats, width: int) -> NDArray[np.int64]:
    """Where the least of values[i : i + width] is, for each i; the first one among ties.

    Doubles 64-bit words that hold the value (as bits of a float >= 0 these sort like it) above its index: windows of
    1, 2, 4 ... values, the last two overlapping. Values tie if equal to 38 of 52 bits (4e-12; fewer bits for records of
    more than 16,383 slots), rounded to nearest, since sums of round numbers lie a rounding error beside one.
    """
    count = len(values)
    width = min(width, count)
    mask = (1 << max(LEAST_INDEX_BITS, count.bit_length())) - 1
    words = np.empty(count + width - 1, dtype=np.int64)
    words[count:] = np.iinfo(np.int64).max
    bits = words[:count]
    np.add(_not_negative(values).view(np.int64), mask >> 1, out=bits)
    bits &= ~mask
    bits |= np.arange(count)
    span = 1
    while span < width:
        step = min(span, width - span)
        words = np.minimum(words[:-step], words[step:])
        span += step
    return words & mask


def _not_negative(values: Floats) -> Floats:
    """The values, lifted above zero if some are below it (prices): the order stays."""
    if values.min() >= 0:
        return values + 0.0  # no -0.0, whose sign bit would sort wrongly
    return values + 2 * float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
