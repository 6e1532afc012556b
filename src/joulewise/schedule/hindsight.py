"""The best that a job could have done, had everybody known the hours to come: same energy, same constraints."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from joulewise.core.errors import FactorError, ImpossibleWindow, SignalMismatch
from joulewise.core.plans import Job, Segment
from joulewise.core.signals import Signal
from joulewise.schedule.emitting import World
from joulewise.schedule.laying import Work

if TYPE_CHECKING:
    from joulewise.schedule.places import Place

_log = logging.getLogger(__name__)


def best_ways_in_hindsight(
    job: Job, work: Work, world: World, window: tuple[datetime, datetime]
) -> Iterator[tuple[Segment, ...]] | None:
    """What each option would have been, planned on what the intensities really were; None if they don't cover the
    window, the work does not fit into it, or NumPy is absent. Regions of which nothing is known are left out."""
    try:
        from joulewise.schedule.problem import best_ways, pose
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        _log.info("no hindsight: planning needs NumPy")
        return None
    begin, end = window
    known = [name for name in (job.home, *job.regions) if name in world.signals and name in world.pue]
    try:
        measured = _measured(job, work, begin, end, known[1:])
        problem = pose(measured, world.signals, _places(known, world.signals, world), begin)
        return (segments for _, segments in best_ways(problem, problem.slots.intensity_g_per_kwh))
    except (FactorError, ImpossibleWindow, SignalMismatch) as error:
        _log.info("no hindsight: %s", error.message)
        return None


def _measured(job: Job, work: Work, begin: datetime, deadline: datetime, regions: Sequence[str]) -> Job:
    """The job as it really was: its measured course of power in place of the planned one."""
    stretches = _stretches(work)
    duration_s = sum(seconds for seconds, _ in stretches)
    return replace(
        job,
        power_profile=stretches,
        duration_s=duration_s,
        release=begin,
        deadline=deadline,
        regions=tuple(regions),
    )


def _stretches(work: Work) -> tuple[tuple[float, float], ...]:
    """(duration_s, power_w) of each piece, with 0 W where nothing was measured between two."""
    found: list[tuple[float, float]] = []
    done_s = 0.0
    for first, last, energy_j in work.pieces:
        first_s, last_s = first.total_seconds(), last.total_seconds()
        if first_s > done_s:
            found.append((first_s - done_s, 0.0))
        if last_s > max(first_s, done_s):
            seconds = last_s - max(first_s, done_s)
            found.append((seconds, energy_j / seconds))
        done_s = max(done_s, last_s)
    return tuple(found)


def _places(names: Sequence[str], signals: Mapping[str, Sequence[Signal]], world: World) -> dict[str, Place]:
    from joulewise.schedule.places import Place

    return {name: Place(region=name, zone=signals[name][0].zone, pue=world.pue[name]) for name in names}
