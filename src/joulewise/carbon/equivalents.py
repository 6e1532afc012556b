"""Amounts in everyday things, only on request: carbon in things that emit, energy in things that use energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulewise.carbon.factors import FactorSet
from joulewise.carbon.formulas import carbon_equivalent_count, energy_equivalent_count
from joulewise.carbon.tables import table
from joulewise.core.errors import FactorError, SignalMismatch
from joulewise.core.figures import Figure
from joulewise.core.records import Factor

_QUANTITY = {"g": "carbon", "J": "energy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """`count` times the thing that `factor` describes; `vintage` is the edition of its figure."""

    name: str
    label: str
    quantity: str
    count: Figure
    factor: Factor
    vintage: str


def equivalents_of(
    figure: Figure, names: Sequence[str] | None = None, factors: FactorSet | None = None
) -> tuple[Equivalent, ...]:
    """What a figure in g (carbon) or J (energy) equals; the preferred things of its quantity, or those named.

    Raises SignalMismatch for a thing of the other quantity, FactorError for another unit or an unknown name.
    """
    quantity = _QUANTITY.get(figure.unit)
    if quantity is None:
        raise FactorError(f"no equivalents for a figure in {figure.unit}", hint="emissions in g or energy in J")
    factors = factors or FactorSet.bundled()
    wanted = names if names is not None else _preferred(quantity)
    return tuple(_equivalent(figure, quantity, factors.find("equivalence", name)) for name in wanted)


def _preferred(quantity: str) -> list[str]:
    return [row["name"] for row in table("equivalences").rows if row["preferred"] and row["quantity"] == quantity]


def _equivalent(figure: Figure, quantity: str, factor: Factor) -> Equivalent:
    if factor.unit != figure.unit:
        other = _QUANTITY.get(factor.unit, factor.unit)
        raise SignalMismatch(f"{factor.zone} is an equivalent of {other}, not of {quantity}")
    one = factor.as_figure()
    if quantity == "carbon":
        count = carbon_equivalent_count.figure({"emissions_g": figure, "one_g": one})
    else:
        count = energy_equivalent_count.figure({"energy_j": figure, "one_j": one})
    label = factor.note.partition(";")[0]
    return Equivalent(
        name=factor.zone, label=label, quantity=quantity, count=count, factor=factor, vintage=factor.version
    )
