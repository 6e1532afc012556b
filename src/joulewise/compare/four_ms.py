"""What if: the four Ms (model, machine, mechanization, map) as a waterfall from what is to what would be.

C = E x model x machine x PUE x intensity. The change is split by the logarithmic mean Divisia index: each M's part is
L(C1, C0) x ln(its factor), with L the logarithmic mean. The parts sum exactly to the change and hang on no order; a
split one after the other would hang on which M comes first.

Sources: Patterson et al. 2022, doi:10.1109/MC.2022.3148714 (the four Ms); Ang 2004,
doi:10.1016/S0301-4215(03)00076-4 (LMDI, perfect decomposition).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from joulewise.compare.metric_formulas import part_of_change
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import Figure, exact, propagate, weakest
from joulewise.core.units import J_PER_KWH

MS = ("model", "machine", "mechanization", "map")
LABELS = {
    "model": "Model: a better one for the task",
    "machine": "Machine: a processor made for it",
    "mechanization": "Mechanization: a better PUE",
    "map": "Map: a cleaner grid",
}
PUBLISHED = {"model": (3.0, 10.0), "machine": (2.0, 5.0), "mechanization": (1.4, 2.0), "map": (5.0, 10.0)}
"""Times less by each M, as Patterson et al. 2022 print them: what was seen at best practice, no promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is: IT energy in J (without PUE), PUE, and the grid's intensity in g/kWh (None: energy only)."""

    energy: Figure
    pue: Figure
    intensity: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What would be; None leaves it. `model` and `machine` are factors on IT energy (0.1 is ten times less), `pue` and
    `intensity` the new values."""

    model: Figure | None = None
    machine: Figure | None = None
    pue: Figure | None = None
    intensity: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One M: `factor` is new / old, `change` its part of the change (below zero saves), in the unit of the total."""

    name: str
    label: str
    factor: Figure
    change: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """`before` + the sum of all parts' changes = `after`, exactly (in values). `quantity` is emissions_g or, without
    an intensity, energy_j of the facility. `factor` is after / before."""

    quantity: str
    before: Figure
    after: Figure
    factor: Figure
    parts: tuple[Part, ...]
    notices: tuple[str, ...] = ()


def what_if(base: Situation, changes: Changes) -> WhatIf:
    """Split the change from `base` into the four Ms.

    Raises UsageError if nothing changes or the map changes without a known intensity; OutOfRange for a factor that is
    not positive or a PUE below 1.
    """
    factors = _factors(base, changes)
    if not factors:
        raise UsageError("nothing changes", hint="--model 0.1, --machine 0.4, --pue 1.1 or --to-region eu-north-1")
    before = _total(base)
    quantity = "emissions_g" if base.intensity else "energy_j"
    made = [figure for figure in (changes.model, changes.machine) if figure is not None]
    after = _total(Situation(energy=_product([base.energy, *made]), pue=changes.pue or base.pue,
                             intensity=changes.intensity or base.intensity))  # fmt: skip
    return WhatIf(
        quantity=quantity,
        before=before,
        after=after,
        factor=_product(list(factors.values())),
        parts=tuple(_part(name, factors, before) for name in MS if name in factors),
        notices=tuple(_notices(factors)),
    )


def _factors(base: Situation, changes: Changes) -> dict[str, Figure]:
    if changes.intensity is not None and base.intensity is None:
        raise UsageError("the map changes, but today's intensity is not known", hint="give the region of today")
    for pue in filter(None, (base.pue, changes.pue)):
        if pue.low < 1:
            raise OutOfRange(f"want pue >= 1, got {pue.low}")
    found = {
        "model": changes.model,
        "machine": changes.machine,
        "mechanization": _ratio(changes.pue, base.pue),
        "map": _ratio(changes.intensity, base.intensity),
    }
    for name, factor in found.items():
        if factor is not None and factor.low <= 0:
            raise OutOfRange(f"want a factor of {name} above 0, got {factor.low}")
    return {name: factor for name, factor in found.items() if factor is not None}


def _ratio(new: Figure | None, old: Figure | None) -> Figure | None:
    if new is None or old is None:
        return None
    if old.low <= 0:
        raise OutOfRange(f"want a value above 0, got {old.low} {old.unit}")
    value, low, high = propagate(lambda new, old: new / old, {"new": new, "old": old})
    return Figure(value=value, low=low, high=high, unit="1", method=weakest((new.method, old.method)))


def _total(base: Situation) -> Figure:
    inputs = {"energy": base.energy, "pue": base.pue}
    if base.intensity is None:
        found = propagate(lambda energy, pue: energy * pue, inputs)
        return _figure(found, exact(0.0, "J"), list(inputs.values()))
    inputs["intensity"] = base.intensity
    found = propagate(lambda energy, pue, intensity: energy * pue * intensity / J_PER_KWH, inputs)
    return _figure(found, exact(0.0, "g"), list(inputs.values()))


def _part(name: str, factors: Mapping[str, Figure], before: Figure) -> Part:
    others = [factor for other, factor in factors.items() if other != name]
    inputs = {"baseline_amount": before, "own_factor": factors[name], "other_factor": _product(others)}
    found = propagate(part_of_change.function, inputs)
    return Part(
        name=name, label=LABELS[name], factor=factors[name], change=_figure(found, before, list(inputs.values()))
    )


def _product(factors: Sequence[Figure]) -> Figure:
    if not factors:
        return exact(1.0, "1")
    named = {f"f{at}": factor for at, factor in enumerate(factors)}
    found = propagate(lambda **ratios: prod(ratios.values()), named)
    return _figure(found, exact(1.0, "1"), list(factors))


def _figure(found: tuple[float, float, float], like: Figure, inputs: Sequence[Figure]) -> Figure:
    value, low, high = found
    method = weakest(one.method for one in inputs)
    return Figure(value=value, low=low, high=high, unit=like.unit, method=method, source="compare.part_of_change v1")


def _notices(factors: Mapping[str, Figure]) -> list[str]:
    told = []
    for name, factor in factors.items():
        most = PUBLISHED[name][1]
        if factor.value < 1 / most:
            words = f"{1 / factor.value:.3g} times less is beyond the {most:g} times of Patterson et al. 2022."
            told.append(f"{LABELS[name].partition(':')[0]}: {words}")
    return told
