"""Free pause and resume at constant power: the cheapest slots of the window (Wiesner et al. 2021, "interrupting").

A fraction of a slot goes to the dearest slot chosen: the optimum of all divisible schedules, by exchange.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from joulewise.core.errors import OutOfRange
from joulewise.schedule.solve.shapes import (
    REFUSE,
    Entry,
    Floats,
    Run,
    Schedule,
    Work,
    checked,
    emitted_g,
    entry_of,
    first_least,
    fitting,
)


def cheapest_slots(
    intensity_g_per_kwh: ArrayLike, work: Work, *, entry: Entry | None = None, gaps: str = REFUSE
) -> Schedule:
    """The cheapest slots, in any order and number of pauses, all in one region: the best one for [R, T].

    Pauses cost nothing here; `best_runs` knows what they cost, and takes power that varies. Raises ImpossibleWindow.
    """
    steady_kwh = work.steady_kwh
    if steady_kwh is None:
        raise OutOfRange("the cheapest slots are the best ones for constant power only", hint="best_runs")
    rows, missing = checked(intensity_g_per_kwh, gaps)
    fitting(rows.shape[1], work)
    grams, waits = entry_of(entry, len(rows))
    values = np.where(missing | (np.arange(rows.shape[1]) < waits[:, None]), np.inf, rows)
    order = np.argsort(values, axis=1, kind="stable")[:, : work.units]
    shares = np.ones(work.units)
    shares[-1] = work.last_share
    sums = np.take_along_axis(values, order, axis=1) @ shares
    totals = np.where(np.isinf(sums), np.inf, np.nan_to_num(sums, posinf=0.0) * steady_kwh + grams)
    (region,) = first_least(totals[:, None])[:1]
    share = np.zeros(rows.shape[1])
    share[order[region]] = shares
    energy_kwh = np.zeros_like(rows)
    energy_kwh[region] = share * steady_kwh
    moved_g = float(grams[region])
    asked = energy_kwh if np.ndim(intensity_g_per_kwh) == 2 else energy_kwh[0]
    return Schedule(_runs(share, region), emitted_g(rows, energy_kwh) + moved_g, asked, moved_g)


def _runs(share: Floats, region: int) -> tuple[Run, ...]:
    """Neighbouring slots as one run; a slot in part lies against the run before it, else against the one after it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (share > 0).astype(np.int8), [0]))))
    runs: list[Run] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        cut = begin + int(np.argmin(share[begin:end]))
        part = float(share[cut])
        if part == 1:
            runs.append(Run(region, float(begin), float(end)))
        elif cut == begin and end - begin > 1:
            runs.append(Run(region, cut + 1 - part, float(end)))
        else:
            runs.append(Run(region, float(begin), cut + part))
            runs.extend([Run(region, float(cut + 1), float(end))] if cut + 1 < end else [])
    return tuple(runs)
