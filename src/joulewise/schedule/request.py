"""What a user asks of the planner, in his words, and the job and places that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isfinite

from joulewise.core.errors import ImpossibleWindow, NotFound, OutOfRange, UsageError
from joulewise.core.plans import Job
from joulewise.core.settings import Settings
from joulewise.schedule.places import Place, place_of
from joulewise.schedule.profile import Profile

_OPTIONS = {"save_s": "--save 60s", "restore_s": "--restore 10s", "idle_power_w": "--idle-power 60W",
            "data_gb": "--data 5GB"}  # fmt: skip
WITHIN_S = 86_400.0
"""The window of a job whose deadline nobody gave."""
_JUST_NOW = timedelta(minutes=1)
"""A release that passed while it was typed is taken as now."""
MOST_PRICE = 1e9
"""Per machine-hour or GB: what is beyond is a typing error, whatever the currency."""
LONGEST = timedelta(days=366)
"""No plan looks further ahead: nothing is known of the grid then but typical hours, the same every year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`run` names a past run whose power is taken; or two of `duration_s`, `energy_j` and `power_w` are given.

    `within_s` counts from the release (by default now), or `deadline` is given, aware. `regions` are zones or cloud
    regions beside home, which is the setting `zone`. `max_runs` 1 means no pause, None any number. `prices` are per
    machine-hour, by place; `egress_per_gb` replaces the list prices of data that leave any place; both in the currency
    of the settings. `quantile` plans on that quantile of the durations of past runs of the same name. `kind` is the
    kind of intensity to plan on: average, or marginal where a source gives it. `speedup` is the speed of 1, 2, ...
    workers against one, for a job that can use several; its duration and power are then those of one worker.
    With `pauses_as_measured`, `save_s` and `restore_s` hold only if no earlier run of that name tells.
    """

    run: str = ""
    name: str = ""
    duration_s: float | None = None
    energy_j: float | None = None
    power_w: float | None = None
    quantile: float | None = None
    release: datetime | None = None
    deadline: datetime | None = None
    within_s: float | None = None
    regions: tuple[str, ...] = ()
    max_runs: int | None = 1
    save_s: float = 0.0
    restore_s: float = 0.0
    pauses_as_measured: bool = False
    idle_power_w: float = 0.0
    data_gb: float = 0.0
    prices: Mapping[str, float] = field(default_factory=dict)
    egress_per_gb: float | None = None
    kind: str = "average"
    speedup: tuple[float, ...] = ()


def places_of(home: str, regions: tuple[str, ...], settings: Settings) -> dict[str, Place]:
    """The places by their canonical names, home first. Raises FactorError for an unknown one, with close names."""
    if not home:
        raise UsageError("where would the job run by default?", hint="--zone DE, or JOULEWISE_ZONE=DE")
    found = [place_of(text, settings) for text in (home, *regions)]
    return {place.region: place for place in found}


def job_of(request: Request, profile: Profile, settings: Settings, now: datetime) -> tuple[Job, dict[str, Place]]:
    """The job that is asked for, and its places.

    Raises ImpossibleWindow for a deadline that has passed or a window that is too short, OutOfRange for what is not
    finite, UsageError for what contradicts itself, NotFound for the price of a place that is not asked for.
    """
    places = places_of(settings.zone, request.regions, settings)
    home = next(iter(places))
    prices = _prices(request.prices, places, settings)
    places = {name: _priced(place, request) for name, place in places.items()}
    release, deadline = window_of(request, now)
    for name, option in _OPTIONS.items():
        if not 0 <= getattr(request, name) < float("inf"):
            raise OutOfRange(f"want {name} finite and >= 0, got {getattr(request, name):g}", hint=option)
    job = Job(
        name=request.name or profile.name,
        duration_s=profile.duration_s,
        power_profile=_before_pue(profile, places[home]),
        release=release,
        deadline=deadline,
        home=home,
        regions=tuple(name for name in places if name != home),
        max_runs=request.max_runs,
        save_s=request.save_s,
        restore_s=request.restore_s,
        idle_power_w=request.idle_power_w,
        data_gb=request.data_gb,
        price_per_hour=prices,
        currency=settings.currency,
        profile_run_id=profile.run_id,
        energy_low_ratio=profile.low_ratio,
        energy_high_ratio=profile.high_ratio,
    )
    return job, places


def window_of(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """Release and deadline, UTC. Raises ImpossibleWindow for a deadline in the past, UsageError for two deadlines."""
    if request.deadline is not None and request.within_s is not None:
        raise UsageError("--within and --deadline both say when the job must be done", hint="give one of them")
    for moment in (request.release, request.deadline):
        if moment is not None and moment.utcoffset() is None:
            raise UsageError(f"want a time with its offset, got {moment}", hint="2026-03-02T08:00+01:00")
    if request.release is not None and now - request.release > _JUST_NOW:
        release, here = request.release.astimezone(UTC), now.astimezone(UTC)
        raise ImpossibleWindow(
            f"the release {release:%Y-%m-%d %H:%M} UTC has passed: it is {here:%Y-%m-%d %H:%M} UTC",
            hint="a later --release, or none to start from now",
        )
    release = max(now, request.release or now)
    _near(release, now, "release", "an earlier --release")
    release = release.astimezone(UTC)
    if request.deadline is None:
        within_s = WITHIN_S if request.within_s is None else request.within_s
        if not 0 < within_s < float("inf"):
            raise OutOfRange(f"want a window that is finite and above zero, got {within_s} s", hint="--within 24h")
        if within_s > LONGEST.total_seconds():
            raise OutOfRange("a plan looks no further ahead than a year", hint="--within 7d")
        return release, release + timedelta(seconds=within_s)
    _near(request.deadline, now, "deadline", "an earlier --deadline, or --within 7d")
    deadline = request.deadline.astimezone(UTC)
    if deadline <= now:
        raise ImpossibleWindow(
            f"the deadline {deadline:%Y-%m-%d %H:%M} UTC has passed: it is {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            hint="a later --deadline, or --within 24h",
        )
    if deadline <= release:
        raise ImpossibleWindow("the deadline lies before the release", hint="a later --deadline")
    return release, deadline


def _near(moment: datetime, now: datetime, what: str, hint: str) -> None:
    """Refuse what lies beyond; before anything is added to it, since the calendar ends with the year 9999."""
    if moment - now > LONGEST:
        raise OutOfRange(f"a plan looks no further ahead than a year, and the {what} is {moment:%Y-%m-%d}", hint=hint)


def _prices(given: Mapping[str, float], places: Mapping[str, Place], settings: Settings) -> dict[str, float]:
    prices = {}
    for text, price in given.items():
        name = place_of(text, settings).region
        if name not in places:
            raise NotFound(f"there is a price for {name}, which the job may not use", hint=f"--region {text}")
        if not isfinite(price):
            raise OutOfRange(f"the price of {name} is not a finite number", hint="--price REGION=2.5")
        if abs(price) > MOST_PRICE:
            raise OutOfRange(f"the price of {name} is beyond {MOST_PRICE:g}: {price:g}", hint="--price REGION=2.5")
        prices[name] = price
    return prices


def _priced(place: Place, request: Request) -> Place:
    if request.egress_per_gb is None:
        return place
    if not isfinite(request.egress_per_gb):
        raise OutOfRange("the price of data is not a finite number", hint="--egress 0.02")
    if not 0 <= request.egress_per_gb <= MOST_PRICE:
        told = f"want a price of data from 0 to {MOST_PRICE:g}, got {request.egress_per_gb:g}"
        raise OutOfRange(told, hint="--egress 0.02")
    return replace(place, egress_per_gb={"*": request.egress_per_gb})


def _before_pue(profile: Profile, home: Place) -> tuple[tuple[float, float], ...]:
    """Power of the IT equipment: energy that was metered with PUE has home's taken out, since it is put in again."""
    pue = home.pue.value if profile.pue_included else 1.0
    return tuple((seconds, power_w / pue) for seconds, power_w in profile.stretches)
