"""What the optimisers take and give: work, overheads, regions; schedules. Times are in slots, energy in kWh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.core.units import J_PER_KWH

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

REFUSE, EXCLUDE = "refuse", "exclude"
"""What to do with a gap (NaN): raise OutOfRange, or leave its slot unused."""
SNAP_SLOTS = 1e-9
"""Lengths this close to a whole number of slots are whole: 3 x 0.1 h in slots of 0.3 h is one slot."""
TIE = 1e-12
"""Emissions that differ by less than this share are a tie; the earlier one wins."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A job cut into units of one slot each, in order: kWh of each, and how long all take.

    `energy_kwh` has shape [L], finite and >= 0. `length_slots` lies in (L - 1, L]: the last unit may fill its slot
    only in part (from the slot's start), which `best_start`, `cheapest_slots` and the runs report exactly.
    """

    energy_kwh: Floats
    length_slots: float

    def __post_init__(self) -> None:
        count = len(self.energy_kwh)
        if count == 0 or not np.all(np.isfinite(self.energy_kwh)) or np.any(self.energy_kwh < 0):
            raise OutOfRange("want energies >= 0 kWh of at least one unit of work")
        if not count - 1 < self.length_slots <= count:
            raise OutOfRange(f"{count} units of work last {count - 1} to {count} slots, not {self.length_slots}")

    @classmethod
    def steady(cls, length_slots: float, energy_kwh_per_slot: float = 1.0) -> Self:
        """Constant power for `length_slots` (> 0), `energy_kwh_per_slot` in each full slot."""
        length_slots = whole(length_slots)
        if not 0 < length_slots < np.inf:
            raise OutOfRange(f"want a length > 0 slots, got {length_slots}")
        energy_kwh = np.full(ceil(length_slots), float(energy_kwh_per_slot))
        energy_kwh[-1] *= length_slots - (len(energy_kwh) - 1)
        return cls(energy_kwh, length_slots)

    @classmethod
    def of_power(cls, profile: Sequence[tuple[float, float]], slot_s: float) -> Self:
        """Integrate ((duration_s, power_w), ...) over slots of `slot_s` seconds, from the first second on."""
        durations_s, powers_w = np.asarray(profile, dtype=np.float64).reshape(-1, 2).T
        if not slot_s > 0 or not np.all(durations_s > 0):
            raise OutOfRange("want slots and durations > 0 s")
        ends_s = np.concatenate(([0.0], np.cumsum(durations_s)))
        sums_j = np.concatenate(([0.0], np.cumsum(durations_s * powers_w)))
        length_slots = whole(ends_s[-1] / slot_s)
        edges_s = np.minimum(np.arange(ceil(length_slots) + 1) * slot_s, ends_s[-1])
        return cls(np.diff(np.interp(edges_s, ends_s, sums_j)) / J_PER_KWH, length_slots)

    @property
    def units(self) -> int:
        """L, the number of slots that the work touches when it starts on a slot's edge and never pauses."""
        return len(self.energy_kwh)

    @property
    def last_share(self) -> float:
        """The part of its slot that the last unit takes, in (0, 1]."""
        return self.length_slots - (self.units - 1)

    @property
    def steady_kwh(self) -> float | None:
        """kWh per full slot if the power is constant, else None."""
        per_slot = float(self.energy_kwh.sum()) / self.length_slots
        off = np.abs(self.energy_kwh - per_slot)
        off[-1] = abs(self.energy_kwh[-1] - per_slot * self.last_share)
        return per_slot if off.max() <= 1e-9 * per_slot else None


@dataclass(frozen=True, slots=True)
class Overhead:
    """What one pause costs: saving after the last unit before it, restoring before the next, idle draw between.

    `save_slots` and `restore_slots` may be fractions: both lie inside the pause, which lasts a whole number of slots
    that holds them. Energy without time is charged to the first (saving) or last (restoring) slot of the pause.
    `idle_kwh` is per slot of the pause that is neither; a job that moves holds no idle machine.
    """

    save_kwh: float = 0.0
    save_slots: float = 0.0
    restore_kwh: float = 0.0
    restore_slots: float = 0.0
    idle_kwh: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.save_kwh, self.save_slots, self.restore_kwh, self.restore_slots, self.idle_kwh)
        if not all(0 <= number < np.inf for number in numbers):
            raise OutOfRange("the energies and times of a pause are finite and >= 0")


FREE = Overhead()


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """What a change of region costs beside saving and restoring: grams (one number, or [from, to]) and time."""

    transfer_g: float | Floats = 0.0
    transfer_slots: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """What beginning in each region costs (shape [R]): grams to bring the data there, and slots until they are."""

    transfer_g: ArrayLike
    transfer_slots: ArrayLike = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """The job is on in `region` (a row; 0 for one region) in [start, end), in slots; saving and restoring included."""

    region: int
    start_slots: float
    end_slots: float


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When and where the job runs. `energy_kwh` has the shape of the intensity; `moved_g` is what transfers emit."""

    runs: tuple[Run, ...]
    emissions_g: float
    energy_kwh: Floats
    moved_g: float = 0.0

    def emissions_on(self, intensity_g_per_kwh: ArrayLike) -> float:
        """gCO2e of this schedule under another intensity of the same shape: a past, a scenario, another kind."""
        return emitted_g(np.asarray(intensity_g_per_kwh, dtype=np.float64), self.energy_kwh) + self.moved_g


def emitted_g(intensity_g_per_kwh: Floats, energy_kwh: Floats) -> float:
    """Sum of energy x intensity where there is energy; NaN if a slot in use has no intensity."""
    used = energy_kwh > 0
    return float(intensity_g_per_kwh[used] @ energy_kwh[used])


def whole(number_slots: float) -> float:
    """The number itself, or the whole number next to it if that is only rounding away."""
    nearest = round(number_slots) if np.isfinite(number_slots) else number_slots
    close = abs(number_slots - nearest) <= SNAP_SLOTS * max(1.0, abs(number_slots))
    return float(nearest) if close else number_slots


def checked(intensity_g_per_kwh: ArrayLike, gaps: str) -> tuple[Floats, Flags]:
    """(intensity with 0 in the gaps, where the gaps are), both [R, T]. Raises OutOfRange."""
    rows = np.atleast_2d(np.asarray(intensity_g_per_kwh, dtype=np.float64))
    if rows.ndim != 2 or rows.size == 0 or gaps not in (REFUSE, EXCLUDE):
        raise OutOfRange(f"want intensities of shape [T] or [R, T] (not empty), got {rows.shape}, gaps={gaps!r}")
    missing = np.zeros(rows.shape, dtype=np.bool_)
    if np.isfinite(rows.sum()):
        return rows, missing
    if np.isinf(rows).any():
        raise OutOfRange("want finite intensities")
    np.isnan(rows, out=missing)
    if gaps == REFUSE:
        raise OutOfRange(
            f"{missing.sum()} slots have no intensity", hint="fill them from a forecast, or gaps='exclude'"
        )
    return np.where(missing, 0.0, rows), missing


def fitting(slots: int, work: Work) -> int:
    """S, the number of slots in which the work can start. Raises ImpossibleWindow if there is none."""
    if work.units > slots:
        raise ImpossibleWindow(
            f"the job takes {work.length_slots:g} slots, the window has {slots}", hint="a later deadline"
        )
    return slots - work.units + 1


def entry_of(entry: Entry | None, regions: int) -> tuple[Floats, NDArray[np.intp]]:
    """(grams, first slot that can be used) of each region."""
    if entry is None:
        return np.zeros(regions), np.zeros(regions, dtype=np.intp)
    grams = np.broadcast_to(np.asarray(entry.transfer_g, dtype=np.float64), (regions,))
    waits = np.broadcast_to(np.asarray(entry.transfer_slots, dtype=np.float64), (regions,))
    if not np.all(np.isfinite(grams)) or not np.all(np.isfinite(waits)) or np.any(waits < 0):
        raise OutOfRange("want finite grams and waits >= 0 slots of every region")
    return grams, np.ceil(waits - SNAP_SLOTS).astype(np.intp)


def covered(start_slots: float, end_slots: float, slots: int) -> Floats:
    """The share of each of `slots` slots that lies in [start, end), 0 to 1."""
    edges = np.arange(slots)
    share: Floats = np.clip(np.minimum(edges + 1, end_slots) - np.maximum(edges, start_slots), 0.0, 1.0)
    return share


def first_least(values: Floats) -> tuple[int, ...]:
    """The index of the least value; among ties the least last index (the earliest slot), then the first of the rest.

    Raises ImpossibleWindow if no value is finite.
    """
    least = values.min()
    if not np.isfinite(least):
        raise ImpossibleWindow("no slots without a gap are left in which the job fits", hint="a longer window")
    ties = values <= least + TIE * max(abs(least), 1e-300)
    slot = int(ties.reshape(-1, values.shape[-1]).any(axis=0).argmax())
    return *(int(index) for index in np.unravel_index(int(ties[..., slot].argmax()), values.shape[:-1])), slot


def floor_and_rest(number_slots: float) -> tuple[int, float]:
    """(whole slots, the rest of a slot), free of rounding."""
    number_slots = whole(number_slots)
    return floor(number_slots), number_slots - floor(number_slots)
