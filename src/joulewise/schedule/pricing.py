"""What a way to run a job costs in money: machine hours, electricity where it is paid apart, data that are moved."""

from __future__ import annotations

from joulewise.core.figures import Figure
from joulewise.schedule.futures import Futures, interval
from joulewise.schedule.problem import Problem
from joulewise.schedule.usage import Usage

SOURCE = "prices as given; list prices for data"


def price_per_hour(problem: Problem, name: str) -> float | None:
    """The job's own price goes before the place's."""
    return problem.job.price_per_hour.get(name, problem.place(name).price_per_hour)


def missing_price(problem: Problem, usage: Usage) -> str:
    """Which price is not known, so that there is no cost; "" if none is missing."""
    for name in usage.paid_h:
        if price_per_hour(problem, name) is None and problem.place(name).price_per_kwh is None:
            return f"no price for {name}"
    for origin, target in usage.moves:
        if problem.place(origin).egress_to(problem.place(target).region) is None:
            return f"no price in {problem.job.currency} for data from {origin} to {target}"
    return ""


def fixed_cost(problem: Problem, usage: Usage) -> float | None:
    """Machine hours and data moved, in the job's currency; None if any price is unknown."""
    if missing_price(problem, usage):
        return None
    hours = sum(paid * (price_per_hour(problem, name) or 0.0) for name, paid in usage.paid_h.items())
    moved = sum(
        problem.job.data_gb * (problem.place(origin).egress_to(problem.place(target).region) or 0.0)
        for origin, target in usage.moves
    )
    return hours + moved


def per_kwh_cost(problem: Problem, usage: Usage) -> float:
    """Electricity where it is paid apart, PUE included."""
    return sum(
        float(usage.it_kwh[row].sum()) * place.pue.value * (place.price_per_kwh or 0.0)
        for row, place in enumerate(problem.places)
    )


def cost_of(problem: Problem, usage: Usage, futures: Futures) -> Figure | None:
    """The cost with its interval (that of PUE, where electricity is paid); None if any price of it is unknown."""
    fixed = fixed_cost(problem, usage)
    if fixed is None:
        return None
    drawn = 0.0 * futures.network_kwh_per_gb + fixed
    for row, place in enumerate(problem.places):
        drawn = drawn + float(usage.it_kwh[row].sum()) * futures.pue[:, row] * (place.price_per_kwh or 0.0)
    return interval(fixed + per_kwh_cost(problem, usage), drawn, problem.job.currency, SOURCE)
