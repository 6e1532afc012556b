"""Where and when to run a job: every way that it may go, what each would emit, and whether the best is worth it.

A way is preferred to a simpler one only if its saving is larger than the probable error of that saving (half of the
errors are smaller), both taken on the same futures; that is, if the saving is real in about three of four of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from joulewise.core.figures import Figure
from joulewise.core.plans import OPTIONS, Job, Option, Plan
from joulewise.core.signals import Signal
from joulewise.core.ulid import new_ulid
from joulewise.schedule.elastic import ElasticPlan, elastic_plan
from joulewise.schedule.front import Choice, front_of
from joulewise.schedule.futures import Futures, draw_futures, emitted_g, interval, metered, used_j
from joulewise.schedule.places import NETWORK_KWH_PER_GB, Place
from joulewise.schedule.pricing import cost_of, missing_price
from joulewise.schedule.problem import Problem, best_ways, pose
from joulewise.schedule.slots import Floats
from joulewise.schedule.usage import Usage, usage_of

SEED = 20_210_701
REGRET_PATHS, REGRET_STATES = 60, 8e6
LEAST_SHARE = 0.01
"""A saving of less than this share of the emissions is not worth changing anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and what goes with it: `saved` is gCO2e against running now, by option, from paired futures; `late_s` how
    much later than running now each option ends; `front` the Pareto list of carbon, cost and time; `elastic` how many
    workers to run when, if the job can use several."""

    plan: Plan
    saved: Mapping[str, Figure]
    late_s: Mapping[str, float]
    front: tuple[Choice, ...]
    elastic: ElasticPlan | None = None


def plan_job(
    job: Job, forecasts: Mapping[str, Sequence[Signal]], places: Mapping[str, Place], now: datetime, *, seed: int = SEED
) -> Plan:
    """The plan of a job; `forecasts` and `places` are by the names used in `job.home` and `job.regions`.

    The same input gives the same plan, but for its id. Raises ImpossibleWindow if the job no longer fits before its
    deadline, SignalMismatch if home and a region are known in different kinds of intensity, FactorError for a forecast
    with holes, NotFound for a name without a forecast or a place.
    """
    return plan_in_full(job, forecasts, places, now, seed=seed).plan


def plan_in_full(
    job: Job,
    forecasts: Mapping[str, Sequence[Signal]],
    places: Mapping[str, Place],
    now: datetime,
    *,
    speedup: Sequence[float] = (),
    seed: int = SEED,
) -> Planned:
    """As `plan_job`, with the savings of every option. `speedup` is that of 1, 2, ... workers against one, if the job
    can run on several."""
    problem = pose(job, forecasts, places, now)
    futures = draw_futures(problem.slots, problem.places, seed)
    metered_futures = metered(futures, job.energy_low_ratio, job.energy_high_ratio, seed)
    usages = _usages(problem)
    metered_g = {name: metered_futures.emissions_g(usage) for name, usage in usages.items()}
    drawn_g = {name: futures.emissions_g(usage) for name, usage in usages.items()}
    middle_g = {name: _middle_g(problem, usage) for name, usage in usages.items()}
    saved = {
        name: interval(middle_g["now"] - middle_g[name], metered_g["now"] - metered_g[name], "g", "paired futures")
        for name in usages
    }
    regrets_g = _regrets_g(problem, futures, usages)
    options = tuple(_option(problem, name, usages[name], metered_futures, regrets_g[name]) for name in usages)
    chosen = _choose(middle_g, drawn_g)
    plan = Plan(
        id=new_ulid(),
        created_at=now.astimezone(UTC),
        job=job,
        options=options,
        chosen=chosen,
        reason=_reason(chosen, saved, middle_g, drawn_g),
        forecast=tuple(_frozen(forecasts, problem)),
        notices=tuple(_notices(problem, usages)),
    )
    ends_now = options[0].finish_at
    return Planned(
        plan=plan,
        saved=saved,
        late_s={one.name: (one.finish_at - ends_now).total_seconds() for one in options},
        front=front_of(problem, options),
        elastic=elastic_plan(problem, metered_futures, usages["now"], speedup) if speedup else None,
    )


def _usages(problem: Problem) -> dict[str, Usage]:
    """Every option that the job allows, in the order of OPTIONS; none is worse than running now on the forecast.

    An option that can't beat its simpler part (pausing that is best without a pause) takes that part's segments.
    """
    slots = problem.slots
    now = usage_of(problem.job, problem.whole(problem.job.home), slots)
    found = {"now": now}
    for name, segments in best_ways(problem, slots.intensity_g_per_kwh):
        usage = usage_of(problem.job, segments, slots)
        simpler = [found[part] for part in _PARTS[name] if part in found]
        found[name] = min([*simpler, usage], key=lambda one: _middle_g(problem, one))
    return {name: found[name] for name in OPTIONS if name in found}


_PARTS = {
    "best-start": ("now",),
    "best-region": ("now",),
    "start-and-region": ("now", "best-start", "best-region"),
    "paused": ("now", "best-start"),
    "paused-and-region": ("now", "best-start", "best-region", "start-and-region", "paused"),
}
"""What each option may fall back to; the simplest comes first and wins a tie."""


def _middle_g(problem: Problem, usage: Usage, intensity_g_per_kwh: Floats | None = None) -> float:
    """gCO2e by the forecast itself (or another intensity), with PUE and network as they are known best."""
    signal = problem.slots.intensity_g_per_kwh if intensity_g_per_kwh is None else intensity_g_per_kwh
    return float(emitted_g(usage, signal, problem.pue, np.asarray(NETWORK_KWH_PER_GB.value)))


def _option(problem: Problem, name: str, usage: Usage, futures: Futures, regret_g: float) -> Option:
    energy_j = float(used_j(usage, problem.pue, np.asarray(NETWORK_KWH_PER_GB.value)))
    return Option(
        name=name,
        segments=usage.segments,
        energy=interval(energy_j, futures.energy_j(usage), "J", "the job's power with its meter's error, PUE, network"),
        emissions=interval(_middle_g(problem, usage), futures.emissions_g(usage), "g", "forecast, with its error"),
        cost=cost_of(problem, usage, futures),
        regret_g=regret_g,
    )


def _regrets_g(problem: Problem, futures: Futures, usages: Mapping[str, Usage]) -> dict[str, float]:
    """Mean loss of each option against the best that the job allows with perfect foresight, gCO2e.

    On each path the whole problem is solved anew. Foresight is of the grid alone: PUE and network stay as they are.
    """
    losses: dict[str, list[float]] = {name: [] for name in usages}
    for path in futures.intensity_g_per_kwh[: _path_count(problem)]:
        emitted = {name: _middle_g(problem, usage, path) for name, usage in usages.items()}
        foreseen = [
            _middle_g(problem, usage_of(problem.job, segments, problem.slots), path)
            for _, segments in best_ways(problem, path)
        ]
        best_g = min([*emitted.values(), *foreseen])
        for name, grams in emitted.items():
            losses[name].append(grams - best_g)
    return {name: float(np.mean(values)) for name, values in losses.items()}


def _path_count(problem: Problem) -> int:
    """Fewer where pausing in many places makes each path slow to solve."""
    if problem.job.max_runs == 1:
        return REGRET_PATHS
    slots = problem.slots
    states = slots.intensity_g_per_kwh.size * problem.job.duration_s / slots.slot_s
    return int(min(REGRET_PATHS, max(10.0, REGRET_STATES / states)))


def _choose(middle_g: Mapping[str, float], drawn_g: Mapping[str, Floats]) -> str:
    """Walk from the simplest option to the most involved; take the next one where it is worth it."""
    chosen = "now"
    for name in middle_g:
        gain_g = middle_g[chosen] - middle_g[name]
        error_g = probable_error(gain_g, drawn_g[chosen] - drawn_g[name])
        if gain_g > max(error_g, LEAST_SHARE * middle_g[chosen]):
            chosen = name
    return chosen


def probable_error(value: float, drawn: Floats) -> float:
    """The error that is exceeded half of the time."""
    return float(np.median(np.abs(drawn - value)))


def _reason(
    chosen: str, saved: Mapping[str, Figure], middle_g: Mapping[str, float], drawn_g: Mapping[str, Floats]
) -> str:
    now_g = middle_g["now"]
    if chosen != "now":
        share = saved[chosen].value / now_g if now_g > 0 else 0.0
        real = float(np.mean(drawn_g["now"] > drawn_g[chosen]))
        often = "nearly all" if real > 0.99 else _percent(real)
        return (
            f"expected to save {_percent(share)} of what running now emits; a saving in {often} of the likely futures"
        )
    best = min(middle_g, key=lambda name: middle_g[name])
    gain_g = now_g - middle_g[best]
    if len(middle_g) == 1:
        return "there is no time to wait and nowhere else to go"
    if gain_g <= LEAST_SHARE * now_g:
        return "no other hour or place is forecast to be cleaner by one percent or more"
    error_g = probable_error(gain_g, drawn_g["now"] - drawn_g[best])
    gain, error = _percent(gain_g / now_g), _percent(error_g / now_g)
    return f"the best saving, {gain}, is below the forecast's own error, {error}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _frozen(forecasts: Mapping[str, Sequence[Signal]], problem: Problem) -> list[Signal]:
    """The signals that the plan was made from, each zone once."""
    slots = problem.slots
    found = (signal for name in slots.places for signal in forecasts[name])
    return list(dict.fromkeys(one for one in found if one.end > slots.start and one.start < slots.end))


def _notices(problem: Problem, usages: Mapping[str, Usage]) -> list[str]:
    missing = (missing_price(problem, usage) for usage in usages.values())
    priced = problem.job.price_per_hour or any(place.price_per_kwh is not None for place in problem.places)
    return [f"cost: {text}" for text in dict.fromkeys(missing) if text] if priced else []
