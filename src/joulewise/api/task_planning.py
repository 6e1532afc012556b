"""The job that a command is, as far as it is known: what was said, else its past runs, else a default that is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joulewise.api import planning
from joulewise.core.errors import LedgerError, NotFound
from joulewise.schedule import profile as profiles

if TYPE_CHECKING:
    from datetime import datetime

    from joulewise.core.plans import Job
    from joulewise.core.settings import Settings
    from joulewise.ledger.query import RunRow
    from joulewise.schedule import Request

DEFAULT_DURATION_S = 3600.0
DEFAULT_POWER_W = 100.0
QUANTILE = 0.9
"""Of the durations of past runs: one that takes longer than planned must still meet its deadline."""


def job_for(request: Request, settings: Settings, name: str, now: datetime) -> tuple[Job, Settings, list[str]]:
    """The job, the settings with its home, and what the user should know of what was assumed.

    Raises UsageError and its kin as `planning.prepare`.
    """
    found, notices = known(replace(request, name=request.name or name), settings)
    job, _, settings, told = planning.prepare(found, settings, now)
    return job, settings, [*notices, *told]


def known(request: Request, settings: Settings) -> tuple[Request, list[str]]:
    """The request with duration and power filled in."""
    if request.run or sum(one is not None for one in (request.duration_s, request.energy_j, request.power_w)) >= 2:
        return request, []
    past = _past_runs(request.name, settings)
    if past:
        duration_s = request.duration_s or profiles.quantile_s([row.duration_s for row in past], QUANTILE)
        runs = f"{len(past)} past run{'s' if len(past) > 1 else ''}"
        notice = f"power and duration are those of {runs} called {request.name} (90 % took no longer)"
        if request.duration_s is not None:
            notice = f"its power is that of the latest run called {request.name}"
        return replace(request, run=past[0].id, duration_s=duration_s), [notice]
    notices = []
    if request.duration_s is None and request.energy_j is None:
        request = replace(request, duration_s=DEFAULT_DURATION_S)
        notices.append(
            profiles.assumed("duration", "1 h, since nobody said it and no run of that name is known (--duration)")
        )
    if request.power_w is None:
        request = replace(request, power_w=DEFAULT_POWER_W)
        why = "100 W, since it is unknown (--power); what it saves is computed as measured"
        notices.append(profiles.assumed("power", why))
    return request, notices


def _past_runs(name: str, settings: Settings) -> list[RunRow]:
    """Finished runs of exactly that name with an energy, newest first; parts of paused ones don't count."""
    from joulewise import api
    from joulewise.ledger import RunQuery

    try:
        with api.current_ledger(settings) as ledger:
            query = RunQuery(name=name, status="finished", roots_only=True, limit=100, count=False)
            rows = ledger.runs(query).rows
    except (LedgerError, NotFound):
        return []
    return [row for row in rows if row.name == name and row.energy is not None and row.energy.value > 0]
