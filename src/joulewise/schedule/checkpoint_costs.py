"""What pausing really cost a job, from its own journal of checkpoints and the times of its parts.

    restoring   from the start of a later part until its checkpoint was read: start-up included
    stopping    from the signal until the part had ended: the step in between, saving, leaving
    redone      what a part that was killed did after its last save: the next one does it again

The first is overhead, and so is the last; of stopping, only what comes after the step: until then it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joulewise.schedule.laying import Stretch

Events = Sequence[Mapping[str, Any]]
Part = tuple[datetime, datetime]
LEAVING_S = 60.0
"""An event is of the part that began last before it and ended at most so long before it: clocks differ a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseCosts:
    """`overheads` are the times that were no work; `save_s` and `restore_s` have a value a pause, in order of time."""

    overheads: tuple[Stretch, ...]
    save_s: tuple[float, ...]
    restore_s: tuple[float, ...]


def costs_of(events: Events, parts: Sequence[Part]) -> PauseCosts | None:
    """The costs of pausing a job that ran in `parts`, in order; None if the journal tells of none of its pauses."""
    by_part = [[one for one in events if _within(one, parts, number)] for number in range(len(parts))]
    restored = [_restored(found, part) for found, part in zip(by_part[1:], parts[1:], strict=True)]
    stopped = [_stopped(found, part) for found, part in zip(by_part[:-1], parts[:-1], strict=True)]
    if not any(by_part) or (len(parts) > 1 and not any((*restored, *stopped))):
        return None
    lost = [_lost(found, part) for found, part, stop in zip(by_part[:-1], parts[:-1], stopped, strict=True) if not stop]
    saved = [(stop[0], stop[1]) for stop in stopped if stop]
    found = [one for one in (*restored, *saved, *lost) if one is not None and one[0] < one[1]]
    return PauseCosts(
        overheads=tuple(sorted(found)),
        save_s=tuple(stop[2] for stop in stopped if stop),
        restore_s=tuple((end - start).total_seconds() for start, end in filter(None, restored)),
    )


def _within(event: Mapping[str, Any], parts: Sequence[Part], number: int) -> bool:
    """Each event belongs to the part that began last before it."""
    at = _at(event)
    begun = [index for index, (start, _) in enumerate(parts) if start <= at]
    return bool(begun) and begun[-1] == number and at <= parts[number][1] + timedelta(seconds=LEAVING_S)


def _restored(events: Events, part: Part) -> Stretch | None:
    """From the start of a part until it had read its checkpoint."""
    read = next((_at(one) for one in events if one["what"] == "resumed"), None)
    return None if read is None else (part[0], min(read, part[1]))


def _stopped(events: Events, part: Part) -> tuple[datetime, datetime, float] | None:
    """Saving and leaving of a part that stopped at a checkpoint, and the seconds since it was asked; else None."""
    if not events or events[-1]["what"] != "stopped":
        return None
    saved = next((one for one in reversed(events) if one["what"] == "saved"), events[-1])
    began = _at(saved) - timedelta(seconds=float(saved.get("took_s", 0.0)))
    asked_s = float(events[-1].get("asked_s") or 0.0)
    end = max(part[1], _at(events[-1]))
    whole_s = max((end - began).total_seconds(), asked_s + (end - _at(events[-1])).total_seconds())
    return began, end, whole_s


def _lost(events: Events, part: Part) -> Stretch | None:
    """What came after the last save, or the last reading of one; the whole part if there was neither."""
    kept = [_at(one) for one in events if one["what"] in ("saved", "resumed")]
    return min(max(kept[-1], part[0]) if kept else part[0], part[1]), part[1]


def _at(event: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(event["at_s"]), UTC)
