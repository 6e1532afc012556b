"""Calculations as records: inputs that say where each number is from, and a re-run that gives the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joulewise.carbon import formulas as _formulas
from joulewise.carbon.formulas.money import CURRENCY
from joulewise.core.errors import JoulewiseError, OutOfRange, UndefinedFigure
from joulewise.core.figures import Figure
from joulewise.core.formulas import Formula, find
from joulewise.core.records import Calculation, Factor
from joulewise.core.ulid import is_ulid, milliseconds_of, new_ulid

Input = Mapping[str, Any]
"""One parameter of a formula: its origin and id, value, low, high, unit, method and source."""

ORIGINS = ("measurement", "factor", "calculation", "setting", "run")
_REGISTERED = _formulas.__all__
"""Kept so that whoever re-runs a calculation has every formula registered."""


def given(origin: str, id: str, figure: Figure, **more: str) -> Input:
    """An input from one of ORIGINS; `more` holds what the reader should know (kind, basis, scope)."""
    if origin not in ORIGINS:
        raise OutOfRange(f"{origin!r} is not one of {', '.join(ORIGINS)}")
    parts = {name: getattr(figure, name) for name in ("value", "low", "high", "unit", "method", "source")}
    return {origin: id, **parts, **more}


def figure_of(given_input: Input) -> Figure:
    """The figure that an input stores. Raises OutOfRange for an input that stores only a part of one."""
    parts = ("value", "low", "high", "unit", "method", "source")
    missing = [name for name in parts if name not in given_input]
    if missing:
        raise OutOfRange(f"an input was filed without its {', '.join(missing)}")
    return Figure(**{name: given_input[name] for name in parts})


def apply(formula: Formula, inputs: Mapping[str, Input]) -> Figure:
    """The formula's figure for these inputs; money takes the currency of its price ("EUR/kWh")."""
    figure = formula.figure({name: figure_of(one) for name, one in inputs.items()})
    if formula.unit != CURRENCY:
        return figure
    [currency] = {str(one["unit"]).partition("/")[0] for name, one in inputs.items() if name.startswith("price_")}
    return replace(figure, unit=currency)


def recompute(calculation: Calculation) -> Figure:
    """Run a stored calculation again from its stored inputs. An audit wants it equal to `calculation.figure`.

    Raises NotFound if the formula's version is not registered, OutOfRange if an input was damaged.
    """
    return apply(find(calculation.formula_id, calculation.formula_version), calculation.inputs)


def calculation_id(run_id: str, name: str, basis: str, formula: Formula, phase_id: str | None = None) -> str:
    """A ULID that depends on what is calculated only, so that filing twice gives one row."""
    text = "|".join((run_id, phase_id or "", name, basis, formula.id, str(formula.version)))
    entropy = hashlib.sha256(text.encode("utf-8")).digest()[:10]
    milliseconds = milliseconds_of(run_id) if is_ulid(run_id) else 0
    return new_ulid(milliseconds * 1_000_000, entropy)


@dataclass(slots=True)
class Sheet:
    """Collects the calculations of one run, the factors that they use and what the user should be told."""

    run_id: str
    phase_id: str | None = None
    calculations: list[Calculation] = field(default_factory=list)
    factors: dict[str, Factor] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def add(
        self, name: str, formula: Formula, inputs: Mapping[str, Input], *, basis: str = "", pue_included: bool = True
    ) -> Input | None:
        """Calculate, keep, and hand the result on as an input. None, with a notice, where there is no figure."""
        try:
            figure = apply(formula, inputs)
        except (OutOfRange, UndefinedFigure) as error:
            self.notice(f"no {name}: {error.message}")
            return None
        made = Calculation(
            id=calculation_id(self.run_id, name, basis, formula, self.phase_id),
            run_id=self.run_id,
            name=name,
            formula_id=formula.id,
            formula_version=formula.version,
            inputs=inputs,
            figure=figure,
            basis=basis,
            pue_included=pue_included,
            phase_id=self.phase_id,
        )
        self.calculations.append(made)
        return given("calculation", made.id, figure)

    def factor(self, factor: Factor) -> Input:
        """A factor as an input; it is kept, to be filed."""
        self.factors[factor.id] = factor
        typed = {"kind": factor.signal, "basis": factor.basis, "scope": factor.scope}
        return given("factor", factor.id, factor.as_figure(), **{name: one for name, one in typed.items() if one})

    def notice(self, text: str | JoulewiseError) -> None:
        """Keep a notice once."""
        message = str(text).replace("\n", "; ")
        if message not in self.notices:
            self.notices.append(message)
