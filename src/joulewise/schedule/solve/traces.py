"""From the slots of a best path to a schedule: runs with their saving and restoring, and where the energy goes."""

from __future__ import annotations

import numpy as np

from joulewise.schedule.solve.shapes import Floats, Move, Overhead, Run, Schedule, Work, covered, emitted_g

Path = list[tuple[int, int]]
"""(region, slot) of every unit of work, in order."""


def schedule_of(
    intensity: tuple[Floats, int], work: Work, overhead: Overhead, move: Move | None, route: tuple[Path, Floats]
) -> Schedule:
    """The schedule of a path. `intensity` is ([R, T], dimensions asked for), `route` (path, grams of each entry)."""
    rows, ndim = intensity
    path, entry_g = route
    energy_kwh = np.zeros_like(rows)
    for (region, slot), unit_kwh in zip(path, work.energy_kwh, strict=True):
        energy_kwh[region, slot] += unit_kwh
    runs = _runs(path, work.last_share)
    moved_g = float(entry_g[path[0][0]])
    for index in range(len(runs) - 1):
        before, after = runs[index : index + 2]
        runs[index], runs[index + 1] = _charge(energy_kwh, before, after, overhead)
        moved_g += _transfer_g(move, before.region, after.region)
    emissions_g = emitted_g(rows, energy_kwh) + moved_g
    return Schedule(tuple(runs), emissions_g, energy_kwh if ndim == 2 else energy_kwh[0], moved_g)


def _runs(path: Path, last_share: float) -> list[Run]:
    runs: list[Run] = []
    for region, slot in path:
        if runs and runs[-1].region == region and runs[-1].end_slots == slot:
            runs[-1] = Run(region, runs[-1].start_slots, slot + 1.0)
        else:
            runs.append(Run(region, float(slot), slot + 1.0))
    last = runs[-1]
    runs[-1] = Run(last.region, last.start_slots, last.end_slots - 1 + last_share)
    return runs


def _charge(energy_kwh: Floats, before: Run, after: Run, overhead: Overhead) -> tuple[Run, Run]:
    """Add what the pause between two runs takes; the runs with their saving and restoring."""
    saved, restoring = before.end_slots + overhead.save_slots, after.start_slots - overhead.restore_slots
    _spread(energy_kwh[before.region], overhead.save_kwh, (before.end_slots, saved), forward=True)
    _spread(energy_kwh[after.region], overhead.restore_kwh, (restoring, after.start_slots), forward=False)
    if before.region == after.region and overhead.idle_kwh:
        energy_kwh[before.region] += overhead.idle_kwh * covered(saved, restoring, energy_kwh.shape[1])
    return Run(before.region, before.start_slots, saved), Run(after.region, restoring, after.end_slots)


def _spread(row_kwh: Floats, amount_kwh: float, span: tuple[float, float], *, forward: bool) -> None:
    start, end = span
    if not amount_kwh:
        return
    if end > start:
        row_kwh += amount_kwh / (end - start) * covered(start, end, len(row_kwh))
    else:
        row_kwh[int(start) if forward else int(end) - 1] += amount_kwh


def _transfer_g(move: Move | None, origin: int, target: int) -> float:
    if move is None or origin == target:
        return 0.0
    grams = np.asarray(move.transfer_g, dtype=np.float64)
    return float(grams[origin, target] if grams.ndim else grams)
