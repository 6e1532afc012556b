"""Emissions of two ways to run the same work, and the errors that they share.

Each side is a sum over hours of energy x PUE x intensity. An error of the meter, of a building's PUE or of a grid's
level stretches both sides alike and hardly touches their ratio; what an hour's intensity may be off goes with its
neighbours (the planner's own model) and cancels only where both sides use the same hour.
Source: JCGM 100:2008 (GUM), 5.2 (correlated inputs); docs/explanation/savings.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import hypot, sqrt

from joulewise.carbon import spread_energy
from joulewise.core.errors import NotFound
from joulewise.core.figures import Figure
from joulewise.core.signals import Signal, require_one_type
from joulewise.core.units import j_from_kwh, kwh_from_j
from joulewise.schedule.laying import PlacedPiece

HOURLY_CORRELATION = 0.88
"""Of the error of an hour's intensity with that of the next: as in `futures`, from real forecasts."""
LEVEL_SHARE = {"annual": 0.5, "measured": 0.5, "estimated": 0.5, "climatology": 0.15, "forecast": 0.0}
"""How much of the variance of an intensity's error lasts for as long as we look. Annual: as in `futures`. Measured and
estimated: method and fuel factors, beside later revisions (judgement). Climatology: the bundled annual level is 19 %
off where an hour is 50 % off. Forecast: as in `futures`."""
OWN = ("measured", "estimated")
"""With these statuses the error of one day says nothing of that of another; typical hours are wrong alike every day."""

Weights = dict[tuple[str, Signal], float]
"""Joules of IT equipment by region and signal."""
NETWORK = "network"
"""Stands for a region where data are moved: "joules" are gigabytes as kWh, "PUE" is the electricity of a gigabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What moving one uncertain thing to its low and to its high bound does to a saving and to a counterfactual, g.

    Shifts of the same name are one error and add up; those of different names are independent.
    """

    name: str
    saved_g: tuple[float, float]
    counterfactual_g: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What energy meets: signals and PUE by region; `energy` is the whole measured energy with the meter's bounds."""

    signals: Mapping[str, Sequence[Signal]]
    pue: Mapping[str, Figure]
    energy: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sides in grams, and every shift of them. `realised_by` and `counterfactual_by` are what they were made of."""

    realised_g: float
    counterfactual_g: float
    shifts: tuple[Shift, ...]
    realised_by: Weights = field(repr=False)
    counterfactual_by: Weights = field(repr=False)

    def bounds(self, function: Callable[[float, float], float]) -> tuple[float, float, float]:
        """Value, low and high of `function(saved_g, counterfactual_g)`."""
        return bounds(self.counterfactual_g - self.realised_g, self.counterfactual_g, self.shifts, function)


def bounds(
    saved_g: float, counterfactual_g: float, shifts: Sequence[Shift], function: Callable[[float, float], float]
) -> tuple[float, float, float]:
    """Value, low and high of a function of a saving and its counterfactual; shifts combine in quadrature."""
    value = function(saved_g, counterfactual_g)
    down = up = 0.0
    for one in shifts:
        moved = [
            function(saved_g + by_saved, counterfactual_g + by_counterfactual) - value
            for by_saved, by_counterfactual in zip(one.saved_g, one.counterfactual_g, strict=True)
        ]
        down, up = hypot(down, min(0.0, *moved)), hypot(up, max(0.0, *moved))
    return value, value - down, value + up


def weigh(pieces: Sequence[PlacedPiece], world: World) -> Weights:
    """The energy of each piece by the signals of its region that it meets.

    Raises NotFound for a region without signals or PUE, FactorError for signals with holes.
    """
    found: Weights = {}
    for region in dict.fromkeys(one[0] for one in pieces):
        if region not in world.signals or region not in world.pue:
            raise NotFound(f"no intensities or no PUE are known of {region!r:.60}", hint="the regions of the plan")
        here = [(start, end, energy_j) for name, start, end, energy_j in pieces if name == region]
        for signal, energy_j in spread_energy(here, world.signals[region]):
            found[region, signal] = energy_j
    return found


def moved(gigabytes: Sequence[tuple[str, datetime, float]], signals: Mapping[str, Sequence[Signal]]) -> Weights:
    """Data that are moved, by the signals that hold in a region at a moment. Raises FactorError for a hole."""
    found: Weights = {}
    for region, moment, size_gb in gigabytes:
        [(signal, _)] = spread_energy([(moment, moment, 1.0)], signals[region])
        found[NETWORK, signal] = found.get((NETWORK, signal), 0.0) + j_from_kwh(size_gb)
    return found


def emitted_g(weights: Weights, pue: Mapping[str, Figure]) -> float:
    """Grams of one side."""
    return sum(
        kwh_from_j(energy_j) * pue[region].value * signal.intensity_g_per_kwh
        for (region, signal), energy_j in weights.items()
    )


def pair(realised: Weights, counterfactual: Weights, world: World, decision_id: str) -> Pair:
    """The two sides with all their errors; those of measured hours carry the decision's id, being its own.

    Raises SignalMismatch if they are not of one type throughout.
    """
    places = list(dict.fromkeys((*counterfactual, *realised)))
    require_one_type(signal for _, signal in places)
    saved = {place: counterfactual.get(place, 0.0) - realised.get(place, 0.0) for place in places}
    sides = (saved, {place: counterfactual.get(place, 0.0) for place in places})
    shifts = [_meter(sides, world), *_buildings(sides, world), *_grids(sides, world, decision_id)]
    return Pair(
        realised_g=emitted_g(realised, world.pue),
        counterfactual_g=emitted_g(counterfactual, world.pue),
        shifts=tuple(one for one in shifts if any((*one.saved_g, *one.counterfactual_g))),
        realised_by=realised,
        counterfactual_by=counterfactual,
    )


Sides = tuple[Weights, Weights]


def _stretched(name: str, sides: Sides, figure: Figure, pue: Mapping[str, Figure], region: str | None = None) -> Shift:
    """A common factor of both sides, or of one region's part of them, at its bounds."""
    parts = [{place: one for place, one in side.items() if region in (None, place[0])} for side in sides]
    saved_g, counterfactual_g = (emitted_g(part, pue) for part in parts)
    low, high = (bound / figure.value - 1.0 if figure.value else 0.0 for bound in (figure.low, figure.high))
    return Shift(
        name=name,
        saved_g=(saved_g * low, saved_g * high),
        counterfactual_g=(counterfactual_g * low, counterfactual_g * high),
    )


def _meter(sides: Sides, world: World) -> Shift:
    saved, counterfactual = ({place: one for place, one in side.items() if place[0] != NETWORK} for side in sides)
    return _stretched(f"meter:{world.energy.source}", (saved, counterfactual), world.energy, world.pue)


def _buildings(sides: Sides, world: World) -> list[Shift]:
    regions = dict.fromkeys(region for region, _ in sides[1])
    return [_stretched(f"pue:{one}", sides, world.pue[one], world.pue, one) for one in regions]


def _grids(sides: Sides, world: World, decision_id: str) -> list[Shift]:
    shifts = []
    places = sorted(sides[1], key=lambda place: (place[1].zone, place[1].start))
    for zone in dict.fromkeys(signal.zone for _, signal in places):
        here = [place for place in places if place[1].zone == zone]
        own = all(signal.status in OWN for _, signal in here)
        moves = {bound: [_moves(side, here, world.pue, bound) for side in sides] for bound in (-1, 1)}
        shifts.append(_level(zone, moves, here))
        shifts += _hours(f"hours:{zone}" + (f"@{decision_id}" if own else ""), moves, here)
    return shifts


def _moves(side: Weights, places: Sequence[tuple[str, Signal]], pue: Mapping[str, Figure], bound: int) -> list[float]:
    """By how many grams each hour's part moves if its intensity goes to a bound."""
    found = []
    for region, signal in places:
        edge = signal.low_g_per_kwh if bound < 0 else signal.high_g_per_kwh
        by_g_per_kwh = edge - signal.intensity_g_per_kwh
        found.append(kwh_from_j(side[region, signal]) * pue[region].value * by_g_per_kwh)
    return found


Moves = Mapping[int, Sequence[Sequence[float]]]


def _level(zone: str, moves: Moves, places: Sequence[tuple[str, Signal]]) -> Shift:
    """The part of the error that holds for all hours of a zone alike."""
    roots = [sqrt(LEVEL_SHARE[signal.status]) for _, signal in places]
    low, high = ([sum(map(_times, side, roots)) for side in moves[bound]] for bound in (-1, 1))
    return Shift(name=f"level:{zone}", saved_g=(low[0], high[0]), counterfactual_g=(low[1], high[1]))


def _hours(name: str, moves: Moves, places: Sequence[tuple[str, Signal]]) -> list[Shift]:
    """The rest, as two independent errors that give the same variances and covariance of saving and counterfactual."""
    roots = [sqrt(1.0 - LEVEL_SHARE[signal.status]) for _, signal in places]
    starts_h = [signal.start.timestamp() / 3600.0 for _, signal in places]
    ends = {}
    for bound in (-1, 1):
        saved, counterfactual = ([one * root for one, root in zip(side, roots, strict=True)] for side in moves[bound])
        first = sqrt(max(0.0, covariance(saved, saved, starts_h)))
        joint = covariance(saved, counterfactual, starts_h) / first if first else 0.0
        rest = sqrt(max(0.0, covariance(counterfactual, counterfactual, starts_h) - joint * joint))
        ends[bound] = (bound * first, bound * joint, bound * rest)
    (saved_low, joint_low, rest_low), (saved_high, joint_high, rest_high) = ends[-1], ends[1]
    return [
        Shift(name=f"{name}/1", saved_g=(saved_low, saved_high), counterfactual_g=(joint_low, joint_high)),
        Shift(name=f"{name}/2", saved_g=(0.0, 0.0), counterfactual_g=(rest_low, rest_high)),
    ]


def covariance(one: Sequence[float], other: Sequence[float], starts_h: Sequence[float]) -> float:
    """Sum over i, j of one_i x other_j x rho^|t_i - t_j|, rho a correlation an hour; times rise."""
    total = behind_one = behind_other = 0.0
    last_h = starts_h[0] if starts_h else 0.0
    for a, b, now_h in zip(one, other, starts_h, strict=True):
        faded = HOURLY_CORRELATION ** (now_h - last_h)
        behind_one, behind_other, last_h = behind_one * faded, behind_other * faded, now_h
        total += a * b + a * behind_other + b * behind_one
        behind_one, behind_other = behind_one + a, behind_other + b
    return total


def _times(one: float, other: float) -> float:
    return one * other
