"""Hours of a long run, readably: a line an hour while they are few, a line a day (or month) when they are many.

A week has 168 hours, each with its energy and its factor; the source that they share is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from joulewise.core.figures import Figure, exact
from joulewise.core.records import Calculation, Factor
from joulewise.report.digits import number, rescaled, shown
from joulewise.report.labels import FACTOR_LABELS
from joulewise.report.view import Step

WEIGHTED = "carbon.weighted_intensity_g_per_kwh"
MOST_LINES = 24
"""More hours than these are summed up by day."""
TYPICAL = "typical day, "
"""How the resolution of a factor begins that stands for an hour of every day of its month."""


@dataclass(frozen=True, slots=True)
class _Hour:
    """Energy (J) under one factor, and the factor's figure as the calculation took it."""

    energy_j: float
    intensity: Figure
    factor: Factor


def is_by_hour(calculation: Calculation) -> bool:
    """True for the energy-weighted mean over hours."""
    return calculation.formula_id == WEIGHTED


def hour_steps(
    calculation: Calculation, factor_of: Callable[[str], Factor | None], describe: Callable[[Factor], Step]
) -> tuple[Step, ...] | None:
    """The inputs of a mean over hours: sources first, then the hours. None if a factor is missing, or there is none.

    `factor_of` finds a factor by its id, `describe` makes a step of one.
    """
    hours = list(_hours(calculation.inputs, factor_of))
    if not hours or any(hour is None for hour in hours):
        return None
    found = [hour for hour in hours if hour is not None]
    energy = Step(
        kind="measurement",
        name=f"energy = {_energy(found)}, the weights",
        text=f"of measurement {_measured(calculation.inputs)}, shared out by time",
    )
    return energy, *_sources(found, describe), *_lines(found)


def _hours(
    inputs: Mapping[str, Mapping[str, Any]], factor_of: Callable[[str], Factor | None]
) -> Iterable[_Hour | None]:
    index = 0
    while f"energy_{index}_j" in inputs:
        entry = inputs.get(f"intensity_{index}_g_per_kwh", {})
        factor = factor_of(str(entry.get("factor", "")))
        yield (
            None
            if factor is None
            else _Hour(float(inputs[f"energy_{index}_j"]["value"]), _figure(entry, factor), factor)
        )
        index += 1


def _figure(entry: Mapping[str, Any], factor: Factor) -> Figure:
    value, low, high = (float(entry.get(part, getattr(factor, part))) for part in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high, unit=factor.unit, method=factor.method, source=factor.id)


def _measured(inputs: Mapping[str, Mapping[str, Any]]) -> str:
    return str(inputs["energy_0_j"].get("measurement", "unknown"))


def _sources(hours: Sequence[_Hour], describe: Callable[[Factor], Step]) -> Iterable[Step]:
    by_source: dict[str, list[_Hour]] = {}
    for hour in hours:
        by_source.setdefault(hour.factor.source, []).append(hour)
    for same in by_source.values():
        one = describe(same[0].factor)
        details = (one.details[0], f"licence {same[0].factor.licence}", *one.details[3:])
        yield replace(one, name=f"{len(same)} {_noun(same)} = {_span(same)}", details=details)


def _noun(hours: Sequence[_Hour]) -> str:
    what = "typical hour" if _is_typical(hours[0].factor) else "interval"
    return what if len(hours) == 1 else f"{what}s"


def _lines(hours: Sequence[_Hour]) -> Iterable[Step]:
    if len(hours) <= MOST_LINES:
        for hour in hours:
            yield Step(
                kind="factor",
                name=f"{when(hour.factor)}: {_energy([hour])} at {shown(hour.intensity)}",
                text=f"factor {hour.factor.id}",
            )
        return
    days: dict[str, list[_Hour]] = {}
    for hour in hours:
        days.setdefault(_day(hour.factor), []).append(hour)
    for day, same in days.items():
        mean = sum(hour.energy_j * hour.intensity.value for hour in same) / (_total(same) or 1.0)
        yield Step(
            kind="factor",
            name=f"{day}: {_energy(same)} at {number(round(mean))} g CO2e/kWh",
            text=f"{len(same)} {_noun(same)}, {_span(same)}; each is in the exported calculation",
        )


def when(factor: Factor) -> str:
    """The hour of a factor: "2026-03-14 09:00 UTC", or "2026-03, 09:00 to 10:00 UTC" for a typical one."""
    if _is_typical(factor):
        return f"{factor.valid_from[:7]}, {factor.resolution.removeprefix(TYPICAL)}"
    return f"{factor.valid_from[:16].replace('T', ' ')} UTC" if "T" in factor.valid_from else factor.valid_from


def _day(factor: Factor) -> str:
    return f"{factor.valid_from[:7]}, typical day" if _is_typical(factor) else factor.valid_from[:10]


def _is_typical(factor: Factor) -> bool:
    return factor.resolution.startswith(TYPICAL)


def _total(hours: Sequence[_Hour]) -> float:
    return sum(hour.energy_j for hour in hours)


def _energy(hours: Sequence[_Hour]) -> str:
    whole = exact(_total(hours), "J")
    value, _, _, unit = rescaled(whole, whole)
    return f"{number(float(f'{value:.3g}'))} {unit}"


def _span(hours: Sequence[_Hour]) -> str:
    """ "93 to 455 g CO2e/kWh", from the lowest to the highest value."""
    values = sorted(hour.intensity.value for hour in hours)
    low, high = (number(round(value) if value >= 10 else float(f"{value:.2g}")) for value in (values[0], values[-1]))
    return f"{low} to {high} g CO2e/kWh" if low != high else f"{low} g CO2e/kWh"


def factor_groups(factors: Iterable[Factor]) -> list[list[Factor]]:
    """Intensities of one zone, kind and source together, everything else alone; in order of first appearance."""
    groups: dict[tuple[str, ...], list[Factor]] = {}
    for factor in factors:
        hourly = factor.kind == "intensity" and (_is_typical(factor) or "T" in factor.valid_from)
        key = (factor.zone, factor.signal, factor.basis, factor.scope, factor.source) if hourly else (factor.id,)
        groups.setdefault(key, []).append(factor)
    return list(groups.values())


def group_value(factors: Sequence[Factor]) -> str:
    """The value of one factor with its bounds, or the span of many."""
    if len(factors) == 1:
        return shown(factors[0].as_figure())
    hours = [_Hour(0.0, factor.as_figure(), factor) for factor in factors]
    return f"{_span(hours)}, {len(hours)} {_noun(hours)}"


def group_label(factors: Sequence[Factor]) -> str:
    """ "grid intensity DE 206 to 298 g CO2e/kWh, 24 typical hours, 2026"."""
    first = factors[0]
    value = group_value(factors).partition(" (")[0]
    return f"{FACTOR_LABELS.get(first.kind, first.kind)} {first.zone} {value}, {first.valid_from[:4]}"
