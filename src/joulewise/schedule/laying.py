"""Measured energy laid out anew in time: what was work, what was overhead, and the same work begun at another time.

Energy is held in pieces (start, end, energy_j), even within each. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.plans import Job, Segment

Piece = tuple[datetime, datetime, float]
Stretch = tuple[datetime, datetime]
PlacedPiece = tuple[str, datetime, datetime, float]
"""A piece and the region where it is used."""
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the job itself used: offsets from its begin on a clock that stands still in pauses and overhead.

    `pieces` are (begin, end, energy_j); `overhead_j` is what saving, restoring, redoing and idling used beside.
    """

    pieces: tuple[tuple[timedelta, timedelta, float], ...]
    overhead_j: float

    @property
    def duration(self) -> timedelta:
        """From the begin to the end of the last piece."""
        return max(end for _, end, _ in self.pieces)

    @property
    def energy_j(self) -> float:
        """Joules of the work, without overhead."""
        return sum(energy_j for _, _, energy_j in self.pieces)


def pauses_of(segments: Sequence[Segment]) -> tuple[Stretch, ...]:
    """The times between segments in which the job did not run. Raises OutOfRange for segments that overlap."""
    found = []
    for before, after in pairwise(segments):
        if after.start < before.end:
            raise OutOfRange("the segments of a job overlap")
        if after.start > before.end:
            found.append((before.end, after.start))
    return tuple(found)


def overheads_of(job: Job, segments: Sequence[Segment]) -> tuple[Stretch, ...]:
    """Where saving and restoring are taken to be: `save_s` before each pause, `restore_s` after it."""
    save, restore = timedelta(seconds=job.save_s), timedelta(seconds=job.restore_s)
    found: list[Stretch] = []
    for before, after in pairwise(segments):
        found.append((max(before.start, before.end - save), before.end))
        found.append((after.start, min(after.end, after.start + restore)))
    return tuple((start, end) for start, end in found if start < end)


def work_of(pieces: Iterable[Piece], begin: datetime, removed: Sequence[Stretch]) -> Work:
    """Take pauses and overhead out of what was measured. Raises UndefinedFigure if nothing is left.

    A piece that lies half in a pause is cut there. What was measured before `begin` counts from `begin` back.
    """
    out = _joined(removed)
    kept: list[tuple[timedelta, timedelta, float]] = []
    overhead_j = 0.0
    for start, end, energy_j, inside in _cut(pieces, out):
        if inside:
            overhead_j += energy_j
        else:
            gone = _gone_before(start, out)
            kept.append((start - begin - gone, end - begin - gone, energy_j))
    if not kept:
        raise UndefinedFigure("nothing was measured while the job ran", hint="joulewise doctor")
    return Work(pieces=tuple(kept), overhead_j=overhead_j)


def begun_at(work: Work, begin: datetime, region: str) -> list[PlacedPiece]:
    """The same work without a pause, from `begin` on."""
    return [(region, begin + first, begin + last, energy_j) for first, last, energy_j in work.pieces]


def laid_in(work: Work, segments: Sequence[Segment], job: Job) -> list[PlacedPiece]:
    """The same work in other segments, with the job's own costs of pausing; what does not fit runs on at the end.

    Saving and restoring take the mean power of the work, a pause the idle power of a machine that is held.
    """
    mean_w = work.energy_j / max(1e-6, work.duration.total_seconds())
    placed: list[PlacedPiece] = []
    done = min(first for first, _, _ in work.pieces)
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        restore = timedelta(seconds=job.restore_s if index else 0.0)
        save = timedelta(seconds=0.0 if last else job.save_s)
        room = max(_NONE, segment.end - segment.start - restore - save)
        until = max(done, work.duration) if last else done + room
        start = segment.start + restore
        placed += _between(work, done, until, start, segment.region)
        costs = ((segment.start, start), (segment.end - save, segment.end))
        placed += [
            (segment.region, one, other, mean_w * (other - one).total_seconds()) for one, other in costs if one < other
        ]
        done = until
    return placed + list(_idling(segments, job))


def _idling(segments: Sequence[Segment], job: Job) -> Iterator[PlacedPiece]:
    for before, after in pairwise(segments):
        paused_s = (after.start - before.end).total_seconds()
        if before.region == after.region and job.idle_power_w > 0 and paused_s > 0:
            yield before.region, before.end, after.start, job.idle_power_w * paused_s


def _between(work: Work, first: timedelta, last: timedelta, start: datetime, region: str) -> Iterator[PlacedPiece]:
    """The work of [first, last), begun at `start`."""
    for begin, end, energy_j in work.pieces:
        low, high = max(begin, first), min(end, last)
        if low < high:
            yield region, start + (low - first), start + (high - first), energy_j * ((high - low) / (end - begin))
        elif begin == end and first <= begin < last:
            yield region, start + (begin - first), start + (begin - first), energy_j


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches sorted, those that touch or overlap as one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _cut(pieces: Iterable[Piece], out: Sequence[Stretch]) -> Iterator[tuple[datetime, datetime, float, bool]]:
    """Pieces cut at the edges of `out`, each with whether it lies inside one."""
    for start, end, energy_j in pieces:
        edges = sorted({start, end, *(edge for one in out for edge in one if start < edge < end)})
        if len(edges) == 1:
            yield start, end, energy_j, any(first <= start < last for first, last in out)
        for low, high in pairwise(edges):
            share = 1.0 if len(edges) == 2 else (high - low) / (end - start)
            yield low, high, energy_j * share, any(first <= low and high <= last for first, last in out)


def _gone_before(moment: datetime, out: Sequence[Stretch]) -> timedelta:
    return sum((min(end, moment) - start for start, end in out if start < moment), _NONE)
