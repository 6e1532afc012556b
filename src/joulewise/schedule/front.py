"""The choices between carbon, money and time: every region x start and every option, less what another one beats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from joulewise.core.figures import MODELLED, Figure, exact
from joulewise.core.plans import Option
from joulewise.core.units import j_from_kwh
from joulewise.schedule import solve
from joulewise.schedule.places import NETWORK_KWH_PER_GB
from joulewise.schedule.pricing import SOURCE, fixed_cost, per_kwh_cost
from joulewise.schedule.problem import Problem, transfer_g
from joulewise.schedule.solve import Work
from joulewise.schedule.usage import usage_of

STEP = 0.02
"""A point of the list that improves on its neighbour by less than this share of carbon is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A way to run the job that nothing beats in carbon, cost and time at once. `cost` is in the job's currency, None
    without prices; `name` is the option that it belongs to, "start" for one of the starts in between."""

    name: str
    region: str
    start: datetime
    finish_at: datetime
    emissions_g: float
    energy_j: float
    cost: Figure | None


def front_of(problem: Problem, options: Sequence[Option]) -> tuple[Choice, ...]:
    """The Pareto list, soonest first. Choices of unknown cost are compared by carbon and time among themselves."""
    found = _distinct([*map(_of_option, options), *_starts(problem)])
    priced = [one for one in found if one.cost is not None]
    unpriced = [one for one in found if one.cost is None]
    kept = [*_unbeaten(priced), *_unbeaten(unpriced)]
    return tuple(_thinned(sorted(kept, key=lambda one: (one.finish_at, one.emissions_g))))


def _of_option(option: Option) -> Choice:
    return Choice(
        name=option.name,
        region=" > ".join(dict.fromkeys(segment.region for segment in option.segments)),
        start=option.segments[0].start,
        finish_at=option.finish_at,
        emissions_g=option.emissions.value,
        energy_j=option.energy.value,
        cost=option.cost,
    )


def _starts(problem: Problem) -> Iterator[Choice]:
    """Of each place the starts that emit less than every earlier start there."""
    job, slots = problem.job, problem.slots
    work = Work.of_power(job.power_profile, slots.slot_s)
    if work.units > slots.whole_count:
        return
    effective = (slots.intensity_g_per_kwh * problem.pue[:, None])[:, : slots.whole_count]
    grams = solve.start_emissions(effective, work) + transfer_g(problem, slots.intensity_g_per_kwh)[0][:, None]
    for row, name in enumerate(slots.places):
        usage = usage_of(job, problem.whole(name), slots)
        energy_j = j_from_kwh(float(usage.it_kwh.sum()) * problem.pue[row] + _network_kwh(problem, row))
        fixed = fixed_cost(problem, usage)
        paid = None if fixed is None else fixed + per_kwh_cost(problem, usage)
        cost = None if paid is None else exact(paid, job.currency, MODELLED, SOURCE)
        record = np.minimum.accumulate(grams[row])
        for slot in np.flatnonzero(np.diff(record, prepend=np.inf) < 0):
            start = slots.at(float(slot) * slots.slot_s)
            yield Choice(
                name="start",
                region=name,
                start=start,
                finish_at=start + timedelta(seconds=job.duration_s),
                emissions_g=float(grams[row, slot]),
                energy_j=energy_j,
                cost=cost,
            )


def _network_kwh(problem: Problem, row: int) -> float:
    return NETWORK_KWH_PER_GB.value * problem.job.data_gb if row else 0.0


def _unbeaten(choices: Sequence[Choice]) -> list[Choice]:
    """Those that no other matches in all three and beats in one."""
    table = np.array([(one.emissions_g, one.finish_at.timestamp(), _paid(one)) for one in choices])
    kept = []
    for one, row in zip(choices, table, strict=True):
        no_worse = np.all(table <= row, axis=1)
        if not np.any(no_worse & np.any(table < row, axis=1)):
            kept.append(one)
    return kept


def _paid(choice: Choice) -> float:
    return choice.cost.value if choice.cost else 0.0


def _distinct(choices: Sequence[Choice]) -> list[Choice]:
    """One choice of those that end alike; options come before starts."""
    by_end: dict[tuple[str, datetime, datetime], Choice] = {}
    for one in choices:
        by_end.setdefault((one.region, one.start, one.finish_at), one)
    return list(by_end.values())


def _thinned(choices: Sequence[Choice]) -> Iterator[Choice]:
    """Without the starts in between that hardly differ from the one before; the cleanest and the cheapest stay."""
    cleanest = min(choices, key=lambda one: one.emissions_g)
    last: dict[str, Choice] = {}
    for one in choices:
        before = last.get(one.region)
        small = before is not None and before.emissions_g - one.emissions_g < STEP * before.emissions_g
        if one.name == "start" and one is not cleanest and small:
            continue
        last[one.region] = one
        yield one
