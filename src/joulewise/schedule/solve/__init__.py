"""Exact optimisers on arrays: when and where a job emits least. NumPy only, no clock, no network, no units but these.

The window is T slots of equal length between release and deadline; slot t is [t, t + 1), counted in slots. Intensities
are gCO2e per kWh, shape [T] or [R, T] for R regions (multiply by each region's PUE first). Results ask for no more than
the window: all of the job lies inside it, or ImpossibleWindow is raised. A gap (NaN) is refused, or with
`gaps="exclude"` no slot with a gap is used; it never counts as zero. Ties go to the earliest slot, the fewest pauses,
the first region. Every optimiser takes negative values (prices) too, save `elastic`.

    Work.steady(length_slots, energy_kwh_per_slot=1.0)   constant power; the length may be a fraction of slots
    Work.of_power(profile, slot_s)                       from ((duration_s, power_w), ...), as in core.plans.Job
    Work(energy_kwh, length_slots)                       kWh per work unit (a slot of running); the last may be shorter

    start_emissions(intensity, work, *, gaps)            g of every start, [..., S]: the table behind `--explain`
    best_start(intensity, work, *, entry, anywhere, gaps)             flexible start; [R, T]: regions x start
    best_start_each(intensity, work, slack_slots, *, gaps)            the same from every slot of a long record
    cheapest_slots(intensity, work, *, entry, gaps)                   free pause and resume (steady power)
    best_runs(intensity, work, overhead, *, max_runs, move, entry, gaps)
        pauses that cost: saving and restoring (energy and time), idle draw, power that varies, at most K runs; with
        `move` the job may also change its region, at a cost and a delay
    best_elastic(intensity, work, throughput, energy_kwh, *, gaps)    -> ElasticSchedule
        how many workers in each slot, for a concave throughput
    start_front(intensity, work, prices, *, entry, timed, gaps)       -> StartFront
        exact Pareto list of emissions, cost (and finish) over regions x start; Prices(per_kwh, per_slot, at_entry)
    pause_front(intensity, work, price_per_kwh, overhead, *, max_runs, gaps)   -> PauseFront
        the corners of emissions against cost with pauses
    pareto(objectives)           which rows of [N, 2] or [N, 3] no other row dominates
    supported_front(solve)       the corners of any front, by exact solves of its weighted sums

The others return a `Schedule`: `runs` (region, start, end in slots; saving and restoring included), `emissions_g`,
`energy_kwh` by slot (and region), `emissions_on(other_intensity)` for regret and hindsight.

Sources: Wiesner et al. 2021 (Let's Wait Awhile), Dodge et al. 2022, Hanafy et al. 2023 (CarbonScaler); the formulas are
in docs/explanation/planning.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import PluginMissing

if TYPE_CHECKING:
    from joulewise.schedule.solve.elastic import ElasticSchedule, best_elastic
    from joulewise.schedule.solve.fronts import (
        PauseFront,
        Prices,
        StartFront,
        pareto,
        pause_front,
        start_front,
        supported_front,
    )
    from joulewise.schedule.solve.pauses import cheapest_slots
    from joulewise.schedule.solve.runs import best_runs
    from joulewise.schedule.solve.shapes import EXCLUDE, REFUSE, Entry, Move, Overhead, Run, Schedule, Work
    from joulewise.schedule.solve.starts import EachStart, best_start, best_start_each, start_emissions

_HOME = {
    "EXCLUDE": "shapes",
    "EachStart": "starts",
    "ElasticSchedule": "elastic",
    "Entry": "shapes",
    "Move": "shapes",
    "Overhead": "shapes",
    "PauseFront": "fronts",
    "Prices": "fronts",
    "REFUSE": "shapes",
    "Run": "shapes",
    "Schedule": "shapes",
    "StartFront": "fronts",
    "Work": "shapes",
    "best_elastic": "elastic",
    "best_runs": "runs",
    "best_start": "starts",
    "best_start_each": "starts",
    "cheapest_slots": "pauses",
    "pareto": "fronts",
    "pause_front": "fronts",
    "start_emissions": "starts",
    "start_front": "fronts",
    "supported_front": "fronts",
}

__all__ = [
    "EXCLUDE",
    "REFUSE",
    "EachStart",
    "ElasticSchedule",
    "Entry",
    "Move",
    "Overhead",
    "PauseFront",
    "Prices",
    "Run",
    "Schedule",
    "StartFront",
    "Work",
    "best_elastic",
    "best_runs",
    "best_start",
    "best_start_each",
    "cheapest_slots",
    "pareto",
    "pause_front",
    "start_emissions",
    "start_front",
    "supported_front",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"joulewise.schedule.solve.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise PluginMissing("planning needs NumPy", hint="pip install 'joulewise[schedule]'") from error
