"""A job that can run on more or fewer workers: how many in each hour, at home, emit least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure
from joulewise.core.plans import Segment
from joulewise.core.units import h_from_s, kwh_from_j
from joulewise.schedule import solve
from joulewise.schedule.futures import Futures, emitted_g, interval, used_j
from joulewise.schedule.problem import Problem
from joulewise.schedule.slots import Slots
from joulewise.schedule.solve import ElasticSchedule
from joulewise.schedule.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """`workers` run the job during [start, end)."""

    start: datetime
    end: datetime
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticPlan:
    """How many workers run when, with what that emits and saves against one worker that runs now (paired futures)."""

    crews: tuple[Crew, ...]
    energy: Figure
    emissions: Figure
    saved: Figure

    @property
    def finish_at(self) -> datetime:
        """When the last worker ends."""
        return self.crews[-1].end


def elastic_plan(problem: Problem, futures: Futures, now: Usage, speedup: Sequence[float]) -> ElasticPlan:
    """The best number of workers in each slot. `speedup[n - 1]` is the speed of n workers against one (1, 1.9, 2.7).

    One worker takes the job's mean power and needs its whole duration; each more takes as much again. Stopping,
    starting and adding workers is taken to be free. Raises OutOfRange for a curve that is not rising and concave.
    """
    if speedup[0] != 1:
        raise OutOfRange(f"one worker is as fast as one worker, not {speedup[0]:g} times", hint="--speedup 1,1.9,2.7")
    job, slots = problem.job, problem.slots
    mean_w = job.energy_j / job.duration_s
    per_slot_kwh = kwh_from_j(mean_w * slots.slot_s) * np.arange(1, len(speedup) + 1)
    intensity = (slots.intensity_g_per_kwh[0] * problem.pue[0])[: slots.whole_count]
    found = solve.best_elastic(intensity, job.duration_s / slots.slot_s, list(speedup), per_slot_kwh)
    crews = tuple(_crews(found, slots))
    usage = _usage(problem, found, crews)
    network = np.asarray(0.0)
    grams = float(emitted_g(usage, slots.intensity_g_per_kwh, problem.pue, network))
    now_g = float(emitted_g(now, slots.intensity_g_per_kwh, problem.pue, network))
    drawn_g = futures.emissions_g(usage)
    energy_j = float(used_j(usage, problem.pue, network))
    return ElasticPlan(
        crews=crews,
        energy=interval(energy_j, futures.energy_j(usage), "J", "the job's power by worker, PUE"),
        emissions=interval(grams, drawn_g, "g", "forecast, with its error"),
        saved=interval(now_g - grams, futures.emissions_g(now) - drawn_g, "g", "paired futures"),
    )


def _usage(problem: Problem, found: ElasticSchedule, crews: Sequence[Crew]) -> Usage:
    job, slots = problem.job, problem.slots
    it_kwh = np.zeros_like(slots.intensity_g_per_kwh)
    it_kwh[0, : len(found.energy_kwh)] = found.energy_kwh
    hours = sum(h_from_s((crew.end - crew.start).total_seconds()) * crew.workers for crew in crews)
    return Usage(
        segments=tuple(Segment(region=job.home, start=crew.start, end=crew.end) for crew in crews),
        it_kwh=it_kwh,
        moved_gb=np.zeros_like(it_kwh),
        moves=(),
        paid_h={job.home: hours},
    )


def _crews(found: ElasticSchedule, slots: Slots) -> list[Crew]:
    """Stretches of equal crews; the slot that is cut has one worker less from the cut on."""
    parts: list[tuple[float, float, int]] = []
    for slot, level in enumerate(found.level.tolist()):
        turn = slot + (found.cut_share if slot == found.cut else 1.0)
        parts += [(float(slot), turn, level), (turn, slot + 1.0, level - 1)]
    crews: list[Crew] = []
    for first, last, workers in parts:
        if workers <= 0 or last - first < 1e-9:
            continue
        start, end = slots.at(first * slots.slot_s), slots.at(last * slots.slot_s)
        if crews and crews[-1].end == start and crews[-1].workers == workers:
            start = crews.pop().start
        crews.append(Crew(start=start, end=end, workers=workers))
    return crews
