"""The first line of a journal: all that is needed to make figures of the counts that follow, later and elsewhere."""

from __future__ import annotations

import os
import time

from joulewise.core.frozen import as_dict
from joulewise.core.settings import state_folder
from joulewise.core.version import VERSION
from joulewise.measure.allocation import share_of_machine
from joulewise.measure.facts import boot_id, calibration_path, host_facts, process_facts
from joulewise.measure.journal import FORMAT
from joulewise.measure.meters.sysfs import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from joulewise.core.settings import Settings
    from joulewise.measure.job import Job
    from joulewise.measure.machine_clock import MachineClock


def header_of(
    job: Job,
    settings: Settings,
    environ: Mapping[str, str],
    identity: Mapping[str, Any],
    machine: MachineClock | None,
    channels: list[dict[str, Any]],
) -> dict[str, Any]:
    """Job, settings, process, machine, channels and the two clocks at one instant. Holds no secret."""
    share, why = share_of_machine()
    facts = process_facts(environ)
    if job.command:
        facts["command"] = list(job.command)
    host = host_facts()
    return {
        "format": FORMAT,
        "joulewise": VERSION,
        **identity,
        **{field: value for field, value in as_dict(job).items() if field not in ("parent_id", "command")},
        "settings": public_settings(settings),
        "process": facts,
        "host": host,
        "calibration": text_of(calibration_path(state_folder(environ), host["machine_id"])),
        "cpus": machine.cpus if machine is not None else os.cpu_count(),
        "boot_id": boot_id(),
        "share": share,
        "share_source": why,
        "wall_us": time.time_ns() // 1000,
        "monotonic_us": time.monotonic_ns() // 1000,
        "channels": channels,
    }


def public_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a run is filed with: no places of this machine, and no password that stands in a URL."""
    private = ("origins", "ledger", "spool", "cache")
    return {key: _without_password(value) for key, value in as_dict(settings).items() if key not in private}


def _without_password(value: Any) -> Any:
    """A URL without its user part, also among several; any other value as it is."""
    if isinstance(value, tuple):
        return tuple(_without_password(one) for one in value)
    if isinstance(value, str) and "://" in value:
        scheme, _, rest = value.partition("://")
        place, slash, path = rest.partition("/")
        return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"
    return value
