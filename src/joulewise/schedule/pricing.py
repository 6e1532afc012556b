"""What a way to run a job costs in money: machine hours, electricity where it is paid apart, data that are moved."""

from __future__ import annotations

from joulewise.core.figures import Figure
from joulewise.schedule.futures import Futures, interval
from joulewise.schedule.places import Place
from joulewise.schedule.problem import Problem
from joulewise.schedule.usage import Usage

SOURCE = "prices as given; list prices for data"


def price_per_hour(problem: Problem, place: Place) -> float | None:
    """The job's own price goes before the place's."""
    name = problem.slots.places[problem.places.index(place)]
    return problem.job.price_per_hour.get(name, place.price_per_hour)


def missing_price(problem: Problem, usage: Usage) -> str:
    """Which price is not known, so that there is no cost; "" if none is missing."""
    for name in usage.paid_h:
        place = problem.place(name)
        if price_per_hour(problem, place) is None and place.price_per_kwh is None:
            return f"no price for {name}"
    for origin, target in usage.moves:
        if problem.place(origin).egress_to(problem.place(target).region) is None:
            return f"no price in {problem.job.currency} for data from {origin} to {target}"
    return ""


def cost_of(problem: Problem, usage: Usage, futures: Futures) -> Figure | None:
    """The cost with its interval (that of PUE, where electricity is paid); None if any price of it is unknown."""
    if missing_price(problem, usage):
        return None
    fixed = sum(
        hours * (price_per_hour(problem, problem.place(name)) or 0.0) for name, hours in usage.paid_h.items()
    ) + sum(
        problem.job.data_gb * (problem.place(origin).egress_to(problem.place(target).region) or 0.0)
        for origin, target in usage.moves
    )
    value, drawn = fixed, 0.0 * futures.network_kwh_per_gb + fixed
    for row, place in enumerate(problem.places):
        if place.price_per_kwh is not None:
            paid = float(usage.it_kwh[row].sum()) * place.price_per_kwh
            value += paid * place.pue.value
            drawn = drawn + paid * futures.pue[:, row]
    return interval(value, drawn, problem.job.currency, SOURCE)
