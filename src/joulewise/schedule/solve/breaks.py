"""What a break in the work costs: a pause in place or a move, split into leaving at an edge and entering at another."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from joulewise.core.errors import OutOfRange
from joulewise.schedule.solve.shapes import SNAP_SLOTS, Flags, Floats, Move, Overhead, floor_and_rest


@dataclass(frozen=True, slots=True, eq=False)
class Break:
    """A time without work: `slots` at least, costing leave[r, t] + enter[r', t'] + transfer_g[r, r'].

    A move leads to another region (`across`). A "move" to the same region is never better than a pause or going on,
    so that the least over all regions will do, unless idling or a negative value makes it so (`apart`).
    """

    slots: int
    leave: Floats
    enter: Floats
    transfer_g: Floats | float = 0.0
    across: bool = False
    apart: bool = False

    @classmethod
    def pause(cls, rows: Floats, missing: Flags, overhead: Overhead) -> Break:
        leave, enter = _ends(rows, missing, overhead, overhead.idle_kwh)
        slots = ceil(overhead.save_slots + overhead.restore_slots - SNAP_SLOTS)
        return cls(max(1, slots), leave, enter)

    @classmethod
    def move(cls, rows: Floats, missing: Flags, overhead: Overhead, move: Move) -> Break:
        transfer_g = np.array(move.transfer_g, dtype=np.float64)
        if transfer_g.ndim == 2:
            np.fill_diagonal(transfer_g, 0.0)
        if transfer_g.shape not in ((), (len(rows), len(rows))) or not np.all(np.isfinite(transfer_g)):
            raise OutOfRange(f"want the grams of a move as one number or [R, R], got {transfer_g.shape}")
        if bool((transfer_g < 0).any()) or not 0 <= move.transfer_slots < np.inf:
            raise OutOfRange("a move costs >= 0 g and >= 0 slots")
        leave, enter = _ends(rows, missing, overhead, 0.0)
        slots = ceil(overhead.save_slots + move.transfer_slots + overhead.restore_slots - SNAP_SLOTS)
        if transfer_g.ndim:
            np.fill_diagonal(transfer_g, np.inf)
        apart = overhead.idle_kwh > 0 or float(rows.min()) < 0
        return cls(slots, leave, enter, transfer_g if transfer_g.ndim else float(transfer_g), True, apart)

    def sources(self, regions: int, target: int) -> list[int]:
        """The regions from which the job can come to `target`."""
        return [one for one in range(regions) if one != target] if self.across else [target]

    def relax(self, best: Floats, done: Floats, unit: int) -> None:
        """Lower `best` [K, R, S] wherever unit `unit` is cheaper after this break than what `best` knows."""
        slack = done.shape[-1]
        if self.slots >= slack or not len(best):
            return
        until = slack - self.slots
        left = done[..., :until] + self.leave[:, unit : unit + until]
        enter = self.enter[:, unit + self.slots : unit + slack]
        reached = np.add(self._reached(left), enter, out=left)
        np.minimum(best[..., self.slots :], reached, out=best[..., self.slots :])

    def _reached(self, left: Floats) -> Floats:
        """The least of the past up to each edge, [K, R or 1, S]: of the region itself, or of all the others."""
        if not self.across:
            return np.minimum.accumulate(left, axis=-1, out=left)
        if not isinstance(self.transfer_g, float):
            past = np.minimum.accumulate(left, axis=-1)
            return np.stack([(past + grams[:, None]).min(axis=-2) for grams in self.transfer_g.T], axis=-2)
        if not self.apart:
            reached: Floats = np.minimum.accumulate(left.min(axis=-2), axis=-1)[..., None, :] + self.transfer_g
            return reached
        past = np.minimum.accumulate(left, axis=-1)
        two = np.partition(past, 1, axis=-2)
        return np.where(past == two[..., :1, :], two[..., 1:2, :], two[..., :1, :]) + self.transfer_g


def _ends(rows: Floats, missing: Flags, overhead: Overhead, idle_kwh: float) -> tuple[Floats, Floats]:
    """(A, B): what saving from each edge on, and restoring up to each edge, cost; [R, T + 1], inf if impossible."""
    leave = _charged(rows, missing, overhead.save_kwh, overhead.save_slots)
    enter = _charged(rows[:, ::-1], missing[:, ::-1], overhead.restore_kwh, overhead.restore_slots)[:, ::-1]
    if idle_kwh:
        leave = leave - idle_kwh * _integral(rows, overhead.save_slots)
        rest = _integral(rows[:, ::-1], overhead.restore_slots)[:, ::-1]
        enter = enter + idle_kwh * (rows.sum(axis=1, keepdims=True) - rest)
    return leave, enter


def _charged(rows: Floats, missing: Flags, energy_kwh: float, length_slots: float) -> Floats:
    """g of `energy_kwh` spread over `length_slots` from each edge on; inf past the end or in a gap."""
    count = rows.shape[1]
    if energy_kwh == 0 and length_slots == 0:
        return np.zeros((len(rows), count + 1))
    span = length_slots or 1.0  # energy without time goes to the one slot that follows
    start, end = _integral(rows, 0.0), _integral(rows, span)
    grams: Floats = energy_kwh / span * (end - start)
    full, rest = floor_and_rest(length_slots)
    reach = np.arange(count + 1) + (full + (rest > 0) if length_slots else 1)
    if energy_kwh and missing.any():
        holes = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(missing, axis=1)), axis=1)
        grams[np.greater(holes[:, np.minimum(reach, count)], holes)] = np.inf
    grams[:, reach > count] = np.inf
    return grams


def _integral(rows: Floats, shift_slots: float) -> Floats:
    """Integral of the intensity from edge 0 to each edge + shift, [R, T + 1]; constant past the end."""
    sums = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)), axis=1)
    full, rest = floor_and_rest(shift_slots)
    last = rows.shape[1]
    at = np.minimum(np.arange(last + 1) + full, last)
    if not rest:
        return sums[:, at]
    result: Floats = (1 - rest) * sums[:, at] + rest * sums[:, np.minimum(at + 1, last)]
    return result
