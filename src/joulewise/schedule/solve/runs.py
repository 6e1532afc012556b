"""Pauses that cost, at most K runs, and moves between regions: one dynamic programme, exact on the slot grid.

State: u units done, k runs begun, in region r, and j = the slots that the job was not running so far (0 <= j < S,
S = T - L + 1), so that the last unit ended at edge u + j. A pause from edge t to edge t' costs
    save(t) + idle x (C(t' - restore) - C(t + save)) + restore(t') = A(t) + B(t'),     C = integral of the intensity,
so the best pause before t' needs only the running minimum of value + A, and the best move only its minimum over the
regions first. That makes O(K L S R) in all; with a cost for each pair of regions O(K L S R^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from joulewise.core.errors import OutOfRange
from joulewise.schedule.solve.breaks import Break
from joulewise.schedule.solve.shapes import (
    FREE,
    REFUSE,
    TIE,
    Entry,
    Flags,
    Floats,
    Move,
    Overhead,
    Schedule,
    Work,
    checked,
    entry_of,
    first_least,
    fitting,
)
from joulewise.schedule.solve.traces import schedule_of


def best_runs(
    intensity_g_per_kwh: ArrayLike,
    work: Work,
    overhead: Overhead = FREE,
    *,
    max_runs: int | None = None,
    move: Move | None = None,
    entry: Entry | None = None,
    gaps: str = REFUSE,
) -> Schedule:
    """The best pauses (and regions), given what a pause costs; `max_runs` None means any number.

    For [R, T] the job stays in the best region, unless `move` says what changing costs. Units begin on slot edges: if
    the length is no whole number of slots, the last unit is the short one. Raises ImpossibleWindow.
    """
    rows, missing = checked(intensity_g_per_kwh, gaps)
    slack = fitting(rows.shape[1], work)
    if max_runs is not None and max_runs < 1:
        raise OutOfRange(f"want at least one run, got {max_runs}")
    if overhead.idle_kwh and missing.any():
        raise OutOfRange("what an idle machine emits in a gap is unknown", hint="fill the gaps from a forecast")
    breaks = [Break.pause(rows, missing, overhead)]
    if move is not None and len(rows) > 1:
        breaks.append(Break.move(rows, missing, overhead, move))
    limited = max_runs is not None and max_runs < work.units
    problem = _Problem(
        rows, missing if missing.any() else None, work, slack, breaks, max_runs if limited and max_runs else 0
    )
    grams, waits = entry_of(entry, len(rows))
    values = problem.forward(grams, waits)
    path = problem.backward(values)
    return schedule_of((rows, np.ndim(intensity_g_per_kwh)), work, overhead, move, (path, grams))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    rows: Floats
    missing: Flags | None
    work: Work
    slack: int
    breaks: list[Break]
    max_runs: int

    def forward(self, grams: Floats, waits: NDArray[np.intp]) -> Floats:
        """The least emissions of every state, [L, K, R, S]: after each unit."""
        states = (self.work.units, max(1, self.max_runs), len(self.rows), self.slack)
        values = np.empty(states)
        values[0] = np.inf
        values[0, 0] = self._unit_g(0) + grams[:, None]
        values[0, 0][np.arange(self.slack) < waits[:, None]] = np.inf
        for unit in range(1, self.work.units):
            done, best = values[unit - 1], values[unit]
            best[...] = done
            later, earlier = (best[1:], done[:-1]) if self.max_runs else (best, done)
            for gap in self.breaks:
                gap.relax(later, earlier, unit)
            best += self._unit_g(unit)
        return values

    def _unit_g(self, unit: int) -> Floats:
        window = slice(unit, unit + self.slack)
        grams: Floats = self.rows[:, window] * self.work.energy_kwh[unit]
        if self.missing is not None:
            grams[self.missing[:, window]] = np.inf
        return grams

    def backward(self, values: Floats) -> list[tuple[int, int]]:
        """(region, slot) of every unit, along a best path."""
        runs, region, idle = first_least(values[-1])
        path = [(region, self.work.units - 1 + idle)]
        for unit in range(self.work.units - 1, 0, -1):
            grams = float(self.rows[region, unit + idle] * self.work.energy_kwh[unit])
            want = float(values[unit][runs, region, idle]) - grams
            done = values[unit - 1]
            if float(done[runs, region, idle]) > want + TIE * (abs(want) + abs(grams)):
                runs -= 1 if self.max_runs else 0
                region, idle = self._left(done[runs], unit, region, idle)
            path.append((region, unit - 1 + idle))
        return path[::-1]

    def _left(self, done: Floats, unit: int, region: int, idle: int) -> tuple[int, int]:
        """(region, idle slots) from which the unit that begins there came, over a pause or a move."""
        found: list[tuple[float, int, int]] = []
        for gap in self.breaks:
            until = idle - gap.slots + 1
            if until < 1:
                continue
            sources = gap.sources(len(self.rows), region)
            left = (done[:, :until] + gap.leave[:, unit : unit + until])[sources]
            if not isinstance(gap.transfer_g, float):
                left += gap.transfer_g[sources, region][:, None]
            origin, before = divmod(int(left.argmin()), until)
            transfer_g = gap.transfer_g if isinstance(gap.transfer_g, float) else 0.0
            total = float(left[origin, before] + gap.enter[region, unit + idle]) + transfer_g
            found.append((total, sources[origin], before))
        return min(found, key=lambda one: one[0])[1:]
