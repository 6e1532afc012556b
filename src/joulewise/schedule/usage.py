"""What a way to run a job uses: energy by place and slot, data moved, hours paid for.

Running, saving, restoring and idling are laid on the slots of the grid to the second, so a plan is charged for exactly
what it does, however coarse the slots that found it were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from joulewise.core.errors import OutOfRange
from joulewise.core.plans import Job, Segment
from joulewise.core.units import J_PER_KWH, h_from_s
from joulewise.schedule.slots import Floats, Slots

_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`it_kwh` is energy of the IT equipment before PUE, `moved_gb` data moved (half at either end); both have shape
    (places, slots). `moves` are (from, to) in order; `paid_h` are hours of machine by place."""

    segments: tuple[Segment, ...]
    it_kwh: Floats
    moved_gb: Floats
    moves: tuple[tuple[str, str], ...]
    paid_h: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Power of one stretch of time at one place."""

    place: str
    first_s: float
    last_s: float
    power_w: float


def usage_of(job: Job, segments: Sequence[Segment], slots: Slots) -> Usage:
    """What running the job in these segments uses. Raises OutOfRange if they don't hold the work."""
    it_kwh = np.zeros_like(slots.intensity_g_per_kwh)
    for stretch in (*_running(job, segments, slots.start), *_idling(job, segments, slots.start)):
        seconds = slots.coverage_s(stretch.first_s, stretch.last_s)
        it_kwh[slots.row(stretch.place)] += seconds * stretch.power_w / J_PER_KWH
    moves = tuple(_moves(job, segments))
    return Usage(
        segments=tuple(segments),
        it_kwh=it_kwh,
        moved_gb=_moved_gb(job, moves, segments, slots),
        moves=tuple((origin, target) for origin, target, _ in moves),
        paid_h=_paid_h(job, segments),
    )


def paused_s(segments: Sequence[Segment]) -> float:
    """Seconds between the segments."""
    return (segments[-1].end - segments[0].start).total_seconds() - sum(one.duration_s for one in segments)


def _running(job: Job, segments: Sequence[Segment], origin: datetime) -> Iterator[_Stretch]:
    done_s = 0.0
    for index, segment in enumerate(segments):
        first_s = (segment.start - origin).total_seconds()
        last_s = (segment.end - origin).total_seconds()
        restore_s = job.restore_s if index > 0 else 0.0
        save_s = job.save_s if index < len(segments) - 1 else 0.0
        work_s = last_s - first_s - restore_s - save_s
        yield from _work(job, segment.region, done_s, first_s, restore_s)
        yield from _work(job, segment.region, done_s, first_s + restore_s, work_s, moving=True)
        done_s += work_s
        yield from _work(job, segment.region, done_s, last_s - save_s, save_s)
    if abs(done_s - job.duration_s) > _TOLERANCE_S:
        raise OutOfRange(f"the segments hold {done_s:.0f} s of work, the job is {job.duration_s:.0f} s")


def _work(
    job: Job, place: str, done_s: float, first_s: float, span_s: float, *, moving: bool = False
) -> Iterator[_Stretch]:
    """`span_s` of work that begins after `done_s` of it; or, not `moving` on, at the power of that point."""
    if span_s <= 0:
        return
    if not moving:
        yield _Stretch(place, first_s, first_s + span_s, power_at(job, done_s))
        return
    behind_s = 0.0
    for seconds, power_w in job.power_profile:
        begin, end = max(behind_s, done_s), min(behind_s + seconds, done_s + span_s)
        behind_s += seconds
        if end > begin:
            yield _Stretch(place, first_s + begin - done_s, first_s + end - done_s, power_w)


def power_at(job: Job, done_s: float) -> float:
    """The job's power, W, after so many seconds of work; at its very end that of the last stretch."""
    behind_s = 0.0
    for seconds, power_w in job.power_profile:
        behind_s += seconds
        if done_s < behind_s:
            return power_w
    return job.power_profile[-1][1]


def _idling(job: Job, segments: Sequence[Segment], origin: datetime) -> Iterator[_Stretch]:
    """A machine that is held through a pause idles where it is; one that is let go when the job moves on doesn't."""
    for before, after in pairwise(segments):
        if job.idle_power_w > 0 and before.region == after.region:
            first_s = (before.end - origin).total_seconds()
            last_s = (after.start - origin).total_seconds()
            yield _Stretch(before.region, first_s, last_s, job.idle_power_w)


def _moves(job: Job, segments: Sequence[Segment]) -> Iterator[tuple[str, str, datetime]]:
    here = job.home
    for segment in segments:
        if segment.region != here and job.data_gb > 0:
            yield here, segment.region, segment.start
        here = segment.region


def _moved_gb(
    job: Job, moves: Sequence[tuple[str, str, datetime]], segments: Sequence[Segment], slots: Slots
) -> Floats:
    moved_gb = np.zeros_like(slots.intensity_g_per_kwh)
    for origin, target, moment in moves:
        slot = min(int((moment - slots.start).total_seconds() // slots.slot_s), slots.count - 1)
        for place in (origin, target):
            moved_gb[slots.row(place), slot] += job.data_gb / 2
    return moved_gb


def _paid_h(job: Job, segments: Sequence[Segment]) -> dict[str, float]:
    paid_h: dict[str, float] = {}
    for segment in segments:
        paid_h[segment.region] = paid_h.get(segment.region, 0.0) + h_from_s(segment.duration_s)
    for before, after in pairwise(segments):
        if job.idle_power_w > 0 and before.region == after.region:  # a machine that is held is paid
            paid_h[before.region] += h_from_s((after.start - before.end).total_seconds())
    return paid_h
