"""When the parts of a task really worked: frozen times are cut out of them, and what pausing cost is read from disk.

A part that was frozen (SIGSTOP) is one run with its meter frozen beside it: the reading after the pause holds the idle
power of all that time. It is no work, and is left out of the task's sums; its dynamic energy is all work.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from joulewise.core import settings as _settings
from joulewise.core.errors import JoulewiseError
from joulewise.measure.fold import Folded, fold
from joulewise.measure.reading import journals_in, read
from joulewise.measure.spool import filed_folder
from joulewise.schedule.checkpoint_costs import PauseCosts, costs_of
from joulewise.schedule.checkpointing import events_in
from joulewise.schedule.executors import state_folder

if TYPE_CHECKING:
    from joulewise.core.records import Bundle, Measurement
    from joulewise.core.settings import Settings
    from joulewise.schedule.clock import Clock
    from joulewise.schedule.task_record import TaskRecord

_log = logging.getLogger(__name__)

Stretch = tuple[datetime, datetime]
Interval = tuple[datetime, datetime, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A part of a task without its frozen times: figures, energy by interval, and when it ran."""

    part: Bundle
    intervals: tuple[Interval, ...]
    stretches: tuple[Stretch, ...]


def frozen_times(record: TaskRecord, clock: Clock) -> list[Stretch]:
    """The times for which a task was frozen, as real ones; [] for a task that is started anew after a pause."""
    if record.submission.task.stop != "freeze":
        return []
    spans = record.spans
    gaps = [(one.seen, after.start) for one, after in pairwise(spans) if one.how == "paused"]
    return [(clock.real_at(start), clock.real_at(end)) for start, end in gaps if start < end]


def without(part: Bundle, out: Sequence[Stretch], settings: Settings) -> Worked | None:
    """A part less the times in `out`; None if none of them lies in it."""
    run = part.run
    inside = [one for one in out if one[0] < run.ended_at and run.started_at < one[1]]
    if not inside:
        return None
    stretches = tuple(_rest(run.started_at, run.ended_at, inside))
    worked_s = sum((end - start).total_seconds() for start, end in stretches)
    shares = _Shares.of(part, stretches, settings, worked_s / max(run.duration_s, 1e-6))
    kept = [_scaled(one, shares) for one in part.measurements if one.phase_id is None and one.device_id is None]
    return Worked(
        part=replace(part, run=replace(run, duration_s=worked_s), measurements=tuple(kept)),
        intervals=tuple(_intervals(part, stretches, shares)),
        stretches=stretches,
    )


def pause_costs(record: TaskRecord, folder: str, ran: Sequence[Stretch]) -> PauseCosts | None:
    """What pausing cost a task that saves and is started again, by its own journal; None if there is none."""
    if record.submission.task.stop == "freeze":
        return None
    state = state_folder(record.submission.executor, folder, record.submission.task)
    events = events_in(os.path.join(state, "checkpoints.jnl")) if state else []
    return costs_of(events, ran) if events else None


def _rest(start: datetime, end: datetime, out: Sequence[Stretch]) -> list[Stretch]:
    """[start, end) less `out`, which is in order."""
    found, begin = [], start
    for first, last in out:
        if begin < min(first, end):
            found.append((begin, min(first, end)))
        begin = max(begin, last)
    return [*found, (begin, end)] if begin < end else found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """The part of each sum that belongs to the time in which the task worked: by its journals, else by time alone."""

    time: float
    with_idle: float
    machine: float

    @classmethod
    def of(cls, part: Bundle, stretches: Sequence[Stretch], settings: Settings, time: float) -> _Shares:
        folded = _folded(part, settings)
        if folded is None:
            return cls(time=time, with_idle=time, machine=time)
        dynamic_j = _joules(folded, "mine_dynamic", None)
        idle_j, machine_j = _joules(folded, "mine_idle", None), _joules(folded, "machine", None)
        kept_us = [tuple(_offset_us(folded, part, moment) for moment in one) for one in stretches]
        kept_idle_j = sum(_joules(folded, "mine_idle", one) for one in kept_us)
        kept_machine_j = sum(_joules(folded, "machine", one) for one in kept_us)
        whole_j = dynamic_j + idle_j
        return cls(
            time=time,
            with_idle=(dynamic_j + kept_idle_j) / whole_j if whole_j > 0 else time,
            machine=kept_machine_j / machine_j if machine_j > 0 else time,
        )

    def of_measurement(self, one: Measurement) -> float:
        """CPU time and dynamic energy are work, all of them."""
        if one.quantity != "energy_j" or one.attribution == "dynamic":
            return 1.0
        return self.machine if one.attribution == "machine" else self.with_idle


def _folded(part: Bundle, settings: Settings) -> Folded | None:
    for spool in _settings.spool_folders(settings, os.environ):
        folder = filed_folder(spool, part.run.id)
        if folder is not None:
            try:
                return fold([read(path) for path in journals_in(folder)])
            except (JoulewiseError, OSError, LookupError, ValueError) as error:
                _log.info("journals of %s: %s", part.run.id, error)
    return None


def _joules(folded: Folded, name: str, window: tuple[int, ...] | None) -> float:
    start_us, end_us = window or (folded.start_us, folded.end_us)
    return sum(one.part(name, start_us, end_us) for one in folded.added_up())


def _offset_us(folded: Folded, part: Bundle, moment: datetime) -> int:
    return folded.start_us + round((moment - part.run.started_at).total_seconds() * 1e6)


def _scaled(one: Measurement, shares: _Shares) -> Measurement:
    share = shares.of_measurement(one)
    figure = one.figure
    scaled = replace(figure, value=figure.value * share, low=figure.low * share, high=figure.high * share)
    return replace(one, figure=scaled)


def _intervals(part: Bundle, stretches: Sequence[Stretch], shares: _Shares) -> list[Interval]:
    """The part's own energy, even over the time in which it worked, cut at the hours."""
    found = [
        one for one in part.measurements if (one.quantity, one.component, one.phase_id) == ("energy_j", "total", None)
    ]
    own = [one for one in found if one.attribution in ("with_idle_share", None)]
    worked_s = sum((end - start).total_seconds() for start, end in stretches)
    if not own or not worked_s > 0:
        return []
    mean_w = own[0].figure.value * shares.of_measurement(own[0]) / worked_s
    pieces = [piece for start, end in stretches for piece in _hours(start, end)]
    return [(start, end, mean_w * (end - start).total_seconds()) for start, end in pieces]


def _hours(start: datetime, end: datetime) -> list[Stretch]:
    found = []
    while start < end:
        stop = min(end, start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        found.append((start, stop))
        start = stop
    return found
