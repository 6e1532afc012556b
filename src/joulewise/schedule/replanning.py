"""A plan from nothing but the job and a source of forecasts: now, and every hour again while the job waits or runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from joulewise.core.errors import UsageError
from joulewise.core.plans import Job
from joulewise.core.settings import Settings
from joulewise.core.signals import KINDS
from joulewise.schedule.gathering import Forecaster, gather
from joulewise.schedule.places import Place
from joulewise.schedule.planner import Planned, plan_in_full
from joulewise.schedule.request import places_of


def plan_with(
    forecaster: Forecaster,
    job: Job,
    settings: Settings,
    now: datetime,
    *,
    places: Mapping[str, Place] | None = None,
    kind: str = "average",
    speedup: Sequence[float] = (),
) -> Planned:
    """Ask for the forecasts of the job's places and plan; `places` are by default those of the bundled tables.

    Regions that can't be compared with home are left out, with a notice. `forecaster` is a `carbon.Chain` or the like;
    its notices are taken over. Raises as `plan_job` does, FactorError for unknown places.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of intensity {kind!r}", hint=f"one of {', '.join(KINDS)}")
    places = places or places_of(job.home, job.regions, settings)
    start = max(job.release, now)
    gathered = gather(forecaster, places, (start, max(job.deadline, start)), now, kind=kind)
    kept = replace(job, regions=tuple(name for name in job.regions if name not in gathered.left_out))
    planned = plan_in_full(kept, gathered.forecasts, places, now, speedup=speedup)
    notices = (*getattr(forecaster, "notices", ()), *gathered.notices, *planned.plan.notices)
    return replace(planned, plan=replace(planned.plan, job=job, notices=tuple(dict.fromkeys(notices))))
