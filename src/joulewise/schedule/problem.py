"""A job, its places and the grid of slots as one problem; the ways to run it that a given intensity makes best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from joulewise.core.errors import ImpossibleWindow, NotFound
from joulewise.core.plans import Job, Segment
from joulewise.core.signals import Signal
from joulewise.core.units import kwh_from_j
from joulewise.schedule import solve
from joulewise.schedule.places import NETWORK_KWH_PER_GB, Place
from joulewise.schedule.slots import Floats, Slots, lay_out, resolution_s, slot_length_s
from joulewise.schedule.solve import Entry, Move, Overhead, Schedule, Work

Segments = tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`places` in the order of the slots' rows, home first."""

    job: Job
    places: tuple[Place, ...]
    slots: Slots

    @property
    def pue(self) -> Floats:
        """PUE of each place, shape (places,)."""
        return np.array([place.pue.value for place in self.places])

    def place(self, name: str) -> Place:
        """The place that the job calls so."""
        return self.places[self.slots.row(name)]

    def whole(self, region: str, offset_s: float = 0.0) -> Segments:
        """The job in one piece."""
        start = self.slots.at(offset_s)
        return (Segment(region=region, start=start, end=start + timedelta(seconds=self.job.duration_s)),)


def pose(job: Job, forecasts: Mapping[str, Sequence[Signal]], places: Mapping[str, Place], now: datetime) -> Problem:
    """Lay the job's window on slots. Raises ImpossibleWindow if it no longer fits, NotFound for a place without a
    forecast, SignalMismatch for forecasts of different types."""
    start = max(job.release, now).astimezone(UTC)
    window_s = (job.deadline - start).total_seconds()
    if window_s < job.duration_s:
        raise ImpossibleWindow(
            f"the job takes {job.duration_s:.0f} s, but only {max(0.0, window_s):.0f} s are left "
            f"before its deadline {job.deadline.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            hint="a later deadline (--within, --deadline)",
        )
    names = tuple(dict.fromkeys((job.home, *job.regions)))
    for name in names:
        if name not in forecasts or name not in places:
            raise NotFound(f"there is no {'place' if name in forecasts else 'forecast'} for {name!r}")
    chosen = {name: forecasts[name] for name in names}
    slot_s = slot_length_s(job.duration_s, window_s, resolution_s(chosen.values()))
    slots = lay_out(chosen, start, job.deadline, slot_s)
    return Problem(job=job, places=tuple(places[name] for name in names), slots=slots)


def best_ways(problem: Problem, intensity_g_per_kwh: Floats) -> Iterator[tuple[str, Segments]]:
    """The best segments of each option under an intensity of shape (places, slots); home's options first."""
    job, slots = problem.job, problem.slots
    effective = (intensity_g_per_kwh * problem.pue[:, None])[:, : slots.whole_count]
    work = Work.of_power(job.power_profile, slots.slot_s)
    entry = Entry(transfer_g(problem, intensity_g_per_kwh)[0])
    can_wait = work.units <= effective.shape[1]
    elsewhere = len(problem.places) > 1
    if can_wait:
        yield "best-start", _segments(problem, solve.best_start(effective[:1], work))
    if elsewhere:
        yield "best-region", problem.whole(_best_place_now(problem, effective, entry, work))
    if elsewhere and can_wait:
        yield "start-and-region", _segments(problem, solve.best_start(effective, work, entry=entry))
    if job.max_runs != 1 and can_wait:
        overhead = _overhead(job, slots)
        best = solve.best_runs(effective[:1], work, overhead, max_runs=job.max_runs)
        yield "paused", _segments(problem, best)
        if elsewhere:
            move = Move(transfer_g(problem, intensity_g_per_kwh))
            best = solve.best_runs(effective, work, overhead, max_runs=job.max_runs, move=move, entry=entry)
            yield "paused-and-region", _segments(problem, best)


def _best_place_now(problem: Problem, effective: Floats, entry: Entry, work: Work) -> str:
    """Where to run now: the first slots of each place, weighted with the job's energy."""
    count = min(work.units, effective.shape[1])
    now_g = effective[:, :count] @ work.energy_kwh[:count] + np.asarray(entry.transfer_g)
    return problem.slots.places[int(now_g.argmin())]


def transfer_g(problem: Problem, intensity_g_per_kwh: Floats) -> Floats:
    """gCO2e of taking the data from each place to each, at the window's mean intensity of both; 0 on the diagonal."""
    mean = intensity_g_per_kwh.mean(axis=1)
    grams = (mean[:, None] + mean[None, :]) / 2 * NETWORK_KWH_PER_GB.value * problem.job.data_gb
    np.fill_diagonal(grams, 0.0)
    return np.asarray(grams)


def _overhead(job: Job, slots: Slots) -> Overhead:
    mean_w = job.energy_j / job.duration_s
    return Overhead(
        save_kwh=kwh_from_j(mean_w * job.save_s),
        save_slots=job.save_s / slots.slot_s,
        restore_kwh=kwh_from_j(mean_w * job.restore_s),
        restore_slots=job.restore_s / slots.slot_s,
        idle_kwh=kwh_from_j(job.idle_power_w * slots.slot_s),
    )


def _segments(problem: Problem, schedule: Schedule) -> Segments:
    """A schedule in slots as segments in time, to the second."""
    slots = problem.slots
    return tuple(
        Segment(
            region=slots.places[run.region],
            start=slots.at(run.start_slots * slots.slot_s),
            end=slots.at(run.end_slots * slots.slot_s),
        )
        for run in schedule.runs
    )
