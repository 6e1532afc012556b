"""How many workers in each slot, for a job whose throughput grows ever more slowly with them (Hanafy et al. 2023).

Minimise sum_t c_t E(n_t) with sum_t f(n_t) = W. The step from n - 1 to n workers in slot t buys f(n) - f(n - 1) of work
for c_t (E(n) - E(n - 1)) grams. If work per kWh falls with n, the cheapest steps first are optimal; the last step is
taken for a part of its slot, so that exactly W is done.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.schedule.solve.shapes import REFUSE, Floats, checked, emitted_g

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ElasticSchedule:
    """`level` [T]: which step of the throughput curve runs in each slot, 0 for none.

    In slot `cut` the job runs at its level for the first `cut_share` (0, 1] of the slot, one level below after that.
    """

    level: NDArray[np.intp]
    cut: int
    cut_share: float
    emissions_g: float
    energy_kwh: Floats

    def emissions_on(self, intensity_g_per_kwh: ArrayLike) -> float:
        """gCO2e of this schedule under another intensity."""
        return emitted_g(np.asarray(intensity_g_per_kwh, dtype=np.float64), self.energy_kwh)


def best_elastic(
    intensity_g_per_kwh: ArrayLike, work: float, throughput: ArrayLike, energy_kwh: ArrayLike, *, gaps: str = REFUSE
) -> ElasticSchedule:
    """The levels with the least emissions that do `work` (> 0, in any unit) within the window, intensity [T] >= 0.

    `throughput[n]` is the work done in a slot at level n + 1 (say, with n + 1 workers), rising; `energy_kwh[n]` what
    that takes. Work per kWh must not rise from step to step (concave), else OutOfRange. Raises ImpossibleWindow.
    """
    rows, missing = checked(intensity_g_per_kwh, gaps)
    if len(rows) != 1 or rows.min() < 0 or not 0 < work < np.inf:
        raise OutOfRange("want intensities >= 0 of one region and an amount of work > 0")
    steps_work, steps_kwh = _steps(throughput, energy_kwh)
    price = np.maximum.accumulate(steps_kwh / steps_work)
    grams = np.where(missing[0], np.inf, rows[0])[:, None] * np.where(price > 0, price, np.finfo(float).tiny)
    count = len(price)
    order = np.argsort(grams, axis=None, kind="stable")[: int((~missing).sum()) * count]
    done = np.cumsum(steps_work[order % count])
    if not len(done) or done[-1] < work * (1 - ROUNDING):
        raise ImpossibleWindow(f"at most {done[-1] if len(done) else 0:g} of {work:g} can be done in the window")
    last = min(int(np.searchsorted(done, work * (1 - ROUNDING))), len(done) - 1)
    taken = np.zeros(grams.size)
    taken[order[:last]] = 1.0
    share = min(1.0, 1.0 - (done[last] - work) / steps_work[order[last] % count])
    taken[order[last]] = share
    table = taken.reshape(grams.shape)
    used_kwh = table @ steps_kwh
    level = np.count_nonzero(table, axis=1)
    return ElasticSchedule(level, int(order[last] // count), float(share), emitted_g(rows[0], used_kwh), used_kwh)


def _steps(throughput: ArrayLike, energy_kwh: ArrayLike) -> tuple[Floats, Floats]:
    """(work, kWh) that each level adds to the one below."""
    work, kwh = (np.diff(np.asarray(one, dtype=np.float64), prepend=0.0) for one in (throughput, energy_kwh))
    if work.ndim != 1 or work.shape != kwh.shape or not np.all(work > 0) or not np.all((kwh >= 0) & (kwh < np.inf)):
        raise OutOfRange("want a throughput that rises from level to level and energies that do not fall")
    rates = kwh / work
    if np.any(np.diff(rates) < -ROUNDING * rates.max()):
        raise OutOfRange(
            "work per kWh rises with the workers somewhere: more workers would always be better there",
            hint="leave out the levels that are less efficient than a higher one",
        )
    return work, kwh
