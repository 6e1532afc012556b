"""Better intensities for a run that is filed already: new calculations that supersede the old ones.

Only the intensity changes. Energy, PUE, embodied emissions and the functional unit are taken over as they were filed,
and every calculation that rests on the intensity is made anew from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from joulewise.carbon import formulas
from joulewise.carbon.intensity import Interval, factor_of, spread_energy
from joulewise.carbon.sheet import Input, apply, given
from joulewise.carbon.zones import WORLD
from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure, exact
from joulewise.core.formulas import Formula, find
from joulewise.core.records import Bundle, Calculation, Factor
from joulewise.core.signals import STATUSES, Signal
from joulewise.core.ulid import derived_ulid

LEAST_CHANGE = 1e-9
"""A relative difference below this is the rounding of floats, not a revision."""
_SUREST = {status: rank for rank, status in enumerate(("annual", "climatology", "forecast", "estimated", "measured"))}
assert set(_SUREST) == set(STATUSES)
INTENSITY = "intensity_g_per_kwh"
_LIVE = ("measured", "estimated", "forecast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of intensities, weighted by energy.

    `sureness_rank` goes from 0 (annual) to 4 (measured), below 0 for stand-ins; `status` is that of most of the
    energy; `mean_g_per_kwh` the weighted mean; `sources` all that were used; `type` is (kind, basis, scope).
    """

    sureness_rank: float
    status: str
    mean_g_per_kwh: float
    sources: frozenset[str]
    type: tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Calculations that supersede those of a run, with the factors that they take."""

    calculations: tuple[Calculation, ...]
    factors: tuple[Factor, ...]


Weighted = Sequence[tuple[str, str, str, float, tuple[str, str, str], float]]
"""(status, zone, source, g/kWh, type, weight) of each part."""


def filed_operational(bundle: Bundle) -> Calculation | None:
    """The run's location-based operational emissions as they stand, None if there are none."""
    replaced = {one.supersedes for one in bundle.calculations}
    found = [
        one
        for one in bundle.calculations
        if (one.name, one.basis, one.phase_id) == ("operational_g", "location", None) and one.id not in replaced
    ]
    return found[-1] if found else None


def known_of_run(bundle: Bundle, zone: str) -> Known | None:
    """What the run's emissions rest on now; None where that is not told."""
    operational = filed_operational(bundle)
    if operational is None:
        return None
    by_id = {one.id: one for one in bundle.factors}
    parts = []
    for intensity, weight in _intensities(operational.inputs.get("intensity_g_per_kwh", {}), bundle):
        factor = by_id.get(str(intensity.get("factor")))
        if factor is None:
            return None
        words = factor.signal, factor.basis, factor.scope
        parts.append((_status(factor), factor.zone, factor.source, factor.value, words, weight))
    return _known(parts, zone)


def known_of_signals(weights: Sequence[tuple[Signal, float]], zone: str) -> Known | None:
    """The same of signals, each with its weight."""
    parts = [(one.status, one.zone, one.source, one.intensity_g_per_kwh, one.type, weight) for one, weight in weights]
    return _known(parts, zone)


def is_better(new: Known, old: Known) -> bool:
    """True if the new values are surer, or the same live sources have revised theirs. Types must agree; see `Known`."""
    if new.sureness_rank > old.sureness_rank + LEAST_CHANGE:
        return True
    same = (
        abs(new.sureness_rank - old.sureness_rank) <= LEAST_CHANGE
        and new.sources == old.sources
        and new.status in _LIVE
    )
    return same and abs(new.mean_g_per_kwh - old.mean_g_per_kwh) > LEAST_CHANGE * max(1.0, old.mean_g_per_kwh)


def revise(bundle: Bundle, energy_by_interval: Sequence[Interval], signals: Sequence[Signal]) -> Revision:
    """Every calculation of the run that rests on its intensity, anew; the same input gives the same ids.

    Raises UndefinedFigure for a run without location-based emissions or without energy, FactorError for holes.
    """
    operational = filed_operational(bundle)
    if operational is None:
        raise UndefinedFigure(f"run {bundle.run.id} has no location-based emissions to revise")
    parts = spread_energy(energy_by_interval, signals)
    if not parts:
        raise UndefinedFigure(f"run {bundle.run.id} used no energy, so no intensity matters")
    factors = {one.id: one for one in map(factor_of, (signal for signal, _ in parts))}
    first = _filed_intensity(bundle, operational)
    intensity = _intensity(bundle, parts, first.id)
    renewed = {operational.id: {**operational.inputs, "intensity_g_per_kwh": _as_input(intensity)}}
    return Revision(
        calculations=(
            *([] if first in bundle.calculations else [first]),
            intensity,
            *_followed(bundle, renewed),
        ),
        factors=tuple(factors[id] for id in sorted(factors)),
    )


def _filed_intensity(bundle: Bundle, operational: Calculation) -> Calculation:
    """The intensity that gives way: the calculation that the emissions took, or another of the run that still holds.

    Emissions that took a factor as it stands have none, so that it is made of the factor, always with the same id:
    of two revisions that don't know of each other each supersedes it, hence only one of them holds.
    """
    old = operational.inputs.get("intensity_g_per_kwh", {})
    replaced = {one.supersedes for one in bundle.calculations}
    held = [
        one for one in bundle.calculations if (one.name, one.phase_id) == (INTENSITY, None) and one.id not in replaced
    ]
    taken = [one for one in bundle.calculations if one.id == old.get("calculation")]
    if taken or held:
        return (taken or held)[-1]
    energy_id, energy = _measured(bundle)
    inputs = {"energy_0_j": given("measurement", energy_id, energy), "intensity_0_g_per_kwh": old}
    return _made(bundle.run.id, INTENSITY, formulas.weighted_intensity_g_per_kwh, inputs, supersedes=None)


def _intensity(bundle: Bundle, parts: Sequence[tuple[Signal, float]], supersedes: str) -> Calculation:
    """The weighted mean as a calculation."""
    by_factor: dict[str, tuple[Factor, float]] = {}
    for signal, energy_j in parts:
        factor = factor_of(signal)
        by_factor[factor.id] = factor, by_factor.get(factor.id, (factor, 0.0))[1] + energy_j
    energy = _measured(bundle)
    inputs: dict[str, Input] = {}
    for index, (factor, energy_j) in enumerate(by_factor.values()):
        weight = exact(energy_j, "J", energy[1].method, "share of the energy by time")
        typed = {"kind": factor.signal, "basis": factor.basis, "scope": factor.scope}
        inputs[f"energy_{index}_j"] = given("measurement", energy[0], weight)
        inputs[f"intensity_{index}_g_per_kwh"] = given("factor", factor.id, factor.as_figure(), **typed)
    return _made(bundle.run.id, INTENSITY, formulas.weighted_intensity_g_per_kwh, inputs, supersedes=supersedes)


def _measured(bundle: Bundle) -> tuple[str, Figure]:
    found = [
        one
        for one in bundle.measurements
        if (one.quantity, one.component, one.phase_id) == ("energy_j", "total", None)
        and one.attribution in ("with_idle_share", None)
    ]
    if not found:
        raise UndefinedFigure(f"run {bundle.run.id} has no measured energy", hint="joulewise doctor")
    return found[0].id, found[0].figure


def _followed(bundle: Bundle, renewed: Mapping[str, Mapping[str, Input]]) -> list[Calculation]:
    """All calculations that take a renewed one, directly or not, made anew in the order in which they were made."""
    made: dict[str, Calculation] = {}
    for old in bundle.calculations:
        inputs: Mapping[str, Input] = renewed.get(old.id, old.inputs)
        inputs = {
            name: _as_input(made[str(one["calculation"])]) if str(one.get("calculation")) in made else one
            for name, one in inputs.items()
        }
        if old.id in renewed or inputs != old.inputs:
            formula = find(old.formula_id, old.formula_version)
            made[old.id] = replace(
                _made(bundle.run.id, old.name, formula, inputs, supersedes=old.id),
                basis=old.basis,
                pue_included=old.pue_included,
                phase_id=old.phase_id,
            )
    return list(made.values())


def _made(
    run_id: str, name: str, formula: Formula, inputs: Mapping[str, Input], *, supersedes: str | None
) -> Calculation:
    text = json.dumps([run_id, name, formula.id, formula.version, supersedes, inputs], sort_keys=True, default=str)
    return Calculation(
        id=derived_ulid(run_id, text),
        run_id=run_id,
        name=name,
        formula_id=formula.id,
        formula_version=formula.version,
        inputs=inputs,
        figure=apply(formula, inputs),
        supersedes=supersedes,
    )


def _as_input(calculation: Calculation) -> Input:
    return given("calculation", calculation.id, calculation.figure)


def _intensities(one: Input, bundle: Bundle) -> list[tuple[Input, float]]:
    """The factors behind an intensity, with the energy that falls under each."""
    by_id = {calculation.id: calculation for calculation in bundle.calculations}
    made = by_id.get(str(one.get("calculation")))
    if made is None:
        return [(one, 1.0)] if one else []
    inputs = made.inputs
    names = [name for name in inputs if name.startswith("intensity_")]
    return [(inputs[name], float(inputs[f"energy_{name.split('_')[1]}_j"]["value"])) for name in names]


def _status(factor: Factor) -> str:
    if factor.resolution in STATUSES:
        return factor.resolution
    return "climatology" if factor.resolution.startswith("typical") else "annual"


def _known(parts: Weighted, zone: str) -> Known | None:
    whole = sum(weight for *_, weight in parts)
    if not whole > 0:
        return None
    by_status: dict[str, float] = {}
    for status, *_, weight in parts:
        by_status[status] = by_status.get(status, 0.0) + weight
    return Known(
        sureness_rank=sum(_sureness(status, place, zone) * weight for status, place, *_, weight in parts) / whole,
        status=max(by_status, key=lambda status: by_status[status]),
        mean_g_per_kwh=sum(value * weight for _, _, _, value, _, weight in parts) / whole,
        sources=frozenset(source for _, _, source, *_ in parts),
        type=parts[0][4],
    )


def _sureness(status: str, place: str, zone: str) -> float:
    """A country that stands in for its zone is worse than the zone's own year, the world worse still."""
    rank = float(_SUREST[status])
    if status == "annual" and place != zone:
        return rank - (2.0 if place == WORLD else 1.0)
    return rank
