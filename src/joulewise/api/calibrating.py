"""From a filed run's trace and the record of an external meter to the machine's wall calibration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from joulewise.core.errors import NotFound, UsageError
from joulewise.core.records import Bundle
from joulewise.core.settings import state_folder

if TYPE_CHECKING:
    from joulewise.measure.calibrate import Calibration


def calibrate(record: str, bundle: Bundle, trace_folder: str) -> tuple[Calibration, str]:
    """Fit and store; the fit, and the path where it lies."""
    from joulewise.ledger import read_trace
    from joulewise.measure import calibrate as room
    from joulewise.measure import external_meter

    if not bundle.traces:
        raise NotFound(f"run {bundle.run.id} has no power trace", hint="joulewise run --name calibration -- stress ...")
    try:
        with open(record, encoding="utf-8-sig") as file:
            wall = external_meter.parse(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"can't read {record}: {error}", hint="a CSV with columns t_s and power_w") from error
    ours = summed_power(bundle, read_trace(bundle.traces[-1], trace_folder))
    pairs = external_meter.align(ours, wall)
    found = room.fit(*map(list, zip(*pairs, strict=True)), meter=os.path.basename(record))
    return found, room.store(found, state_folder(os.environ), room.machine_name())


def summed_power(bundle: Bundle, trace: Mapping[str, Sequence[float | None]]) -> list[tuple[float, float]]:
    """(seconds since 1970, watts of the machine) at the middle of each interval in which all of it was read."""
    from joulewise.report.energy_rows import find_energy
    from joulewise.report.how import meter_keys

    whole = find_energy(bundle, "machine")
    columns = [trace.get(f"{key}_w") for key in meter_keys(whole.meter)] if whole else []
    known = [column for column in columns if column is not None]
    if not known or len(known) < len(columns):
        raise NotFound(f"run {bundle.run.id} has no power of the whole machine", hint="joulewise doctor")
    start_s = bundle.run.started_at.timestamp()
    found = []
    times_s = [time_s or 0.0 for time_s in trace["t_s"]]
    for before_s, end_s, *powers in zip((0.0, *times_s), times_s, *known, strict=False):
        read = [power_w for power_w in powers if power_w is not None and isfinite(power_w)]
        if len(read) == len(powers):
            found.append((start_s + (before_s + end_s) / 2, sum(read)))
    return found
