"""From what a user asks to a plan: the ledger gives the job's power, the settings its home, a chain the forecasts."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joulewise import carbon, schedule
from joulewise.api import measured_pauses
from joulewise.core.errors import NotFound, UsageError
from joulewise.schedule import profile as profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joulewise.core.plans import Job
    from joulewise.core.records import Bundle
    from joulewise.core.settings import Settings
    from joulewise.ledger import Ledger
    from joulewise.schedule import Place, Planned, Request
    from joulewise.schedule.gathering import Forecaster
    from joulewise.schedule.profile import Profile

MOST_PAST_RUNS = 1_000


def plan(
    request: Request, settings: Settings, *, now: datetime | None = None, chain: Forecaster | None = None
) -> Planned:
    """The plan of what is asked. `now` and `chain` are those in force unless given.

    Raises UsageError and its kin for what can't be: an unknown zone or run, a past deadline, an impossible window, a
    price that is no number, an unknown source of intensities; PluginMissing without NumPy.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    job, places, settings, told = prepare(request, settings, now)
    if chain is None:
        carbon.check_sources(settings, os.environ)
        chain = carbon.chain_of(settings, os.environ)
    planned = schedule.plan_with(chain, job, settings, now, places=places, kind=request.kind, speedup=request.speedup)
    return replace(planned, plan=replace(planned.plan, notices=(*told, *planned.plan.notices)))


def prepare(
    request: Request, settings: Settings, now: datetime
) -> tuple[Job, Mapping[str, Place], Settings, list[str]]:
    """The job that is asked for, its places, the settings with the zone that was found, and what the user should know
    of what was taken from earlier runs."""
    settings = _located(settings)
    profile = _profile(request, settings)
    request, told = measured_pauses.as_measured(request, request.name or profile.name, settings)
    job, places = schedule.job_of(request, profile, settings, now)
    return job, places, settings, told


def _located(settings: Settings) -> Settings:
    """The settings with home: the zone that was set, or what the cloud says if it may be asked."""
    location = carbon.locate(settings, os.environ)
    if not location.known:
        raise UsageError("where would the job run by default?", hint="--zone DE, or JOULEWISE_ZONE=DE")
    values: dict[str, Any] = {name: getattr(settings, name) for name in type(settings).__annotations__}
    return type(settings)(**{**values, "zone": location.region or location.zone})


def _profile(request: Request, settings: Settings) -> Profile:
    """Power and duration: of the past run that is named, corrected by what is given; else only what is given."""
    if not request.run:
        if request.quantile is not None:
            raise UsageError("a quantile of which runs?", hint="joulewise plan train --quantile 0.9")
        return profiles.given(duration_s=request.duration_s, energy_j=request.energy_j, power_w=request.power_w)
    from joulewise import api

    with api.current_ledger(settings) as ledger:
        found = _of_run(request.run, ledger)
        duration_s = request.duration_s
        if request.quantile is not None and duration_s is None:
            duration_s = profiles.quantile_s(_durations_s(found.name, ledger), request.quantile)
    return profiles.corrected(found, duration_s=duration_s, energy_j=request.energy_j, power_w=request.power_w)


def _of_run(run: str, ledger: Ledger) -> Profile:
    from joulewise.api.reading import trace_of

    try:
        bundle = _whole_of(ledger.bundle(ledger.resolve(run)), run, ledger)
    except NotFound as error:
        raise NotFound(
            error.message, hint=f"{error.hint}; or --duration 6h --power 250W for a job never run"
        ) from error
    return profiles.of_run(bundle, trace_of(bundle, ledger.trace_folder))


def _whole_of(bundle: Bundle, asked: str, ledger: Ledger) -> Bundle:
    """The task that a run is a part of: a part that was asked for by name stands for the whole work."""
    parent = bundle.run.parent_id
    if parent is None or bundle.run.id.startswith(asked.upper()) or bundle.run.id.endswith(asked.upper()):
        return bundle
    try:
        whole = ledger.bundle(parent)
    except NotFound:  # it is not filed before it has ended
        return bundle
    return whole if "task" in whole.run.tags else bundle


def _durations_s(name: str, ledger: Ledger) -> list[float]:
    """Durations of the finished runs of exactly that name, newest first."""
    from joulewise.ledger import RunQuery

    rows = ledger.runs(RunQuery(name=name, status="finished", roots_only=True, limit=MOST_PAST_RUNS, count=False)).rows
    return [row.duration_s for row in rows if row.name == name]
