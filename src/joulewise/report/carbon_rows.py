"""Carbon, money, water and the functional unit as rows; location- and market-based stand apart and are never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from joulewise.core.figures import Figure
from joulewise.core.records import Bundle, Calculation, Factor
from joulewise.report.digits import shown
from joulewise.report.energy_rows import absent, energy_size
from joulewise.report.hours import factor_groups, group_label, group_value
from joulewise.report.how import Explainer, validity
from joulewise.report.labels import FACTOR_LABELS, calculation_label
from joulewise.report.view import Grid, Row, Section

STALE_YEARS = 2
PER_UNIT = "Per functional unit"
NOT_COUNTED = ("nobody counted units of work", "session.count('inference', n), or --unit and --unit-count")
NO_ENERGY = ("no energy was measured", "joulewise doctor")
_WANTED: dict[str, tuple[tuple[str, str], ...]] = {
    "Energy": (("facility_energy_j", ""),),
    "Carbon": (
        ("emissions_g", "location"),
        ("operational_g", "location"),
        ("emissions_g", "market"),
        ("operational_g", "market"),
        ("embodied_g", ""),
        ("intensity_g_per_kwh", ""),
    ),
    "Money and water": (("cost", ""), ("water_l", "")),
    PER_UNIT: (("energy_j_per_unit", ""), ("sci_g_per_unit", "location"), ("sci_g_per_unit", "market")),
}
_WHY_ABSENT = {
    "operational_g.location": ("the grid is unknown", "joulewise run --zone DE ..."),
    "operational_g.market": ("no supply contract was given", "joulewise run --market 50 ..."),
    "embodied_g": ("the kind of machine is unknown", "set device_class or embodied_kg"),
    "cost": ("no price was given", "joulewise run --price 0.30 ..."),
    "water_l": ("no water factor is known for the place", "set wue, see joulewise config --explain"),
    "energy_j_per_unit": NOT_COUNTED,
    "sci_g_per_unit.location": NOT_COUNTED,
}
_NAMELESS = {"location": ("operational_g", "emissions_g", "sci_g_per_unit")}
"""Figures whose basis may be left out in the records, where there is only one."""
_NOTES = {
    "Carbon": "Location-based: the grid's average. Market-based: what the supply contract states. Never added up; "
    "offsets and avoided emissions are in neither.",
}


def carbon_sections(bundle: Bundle, explainer: Explainer) -> list[Section]:
    """The sections of calculated figures, run-level ones only; unknown names get a section of their own."""
    replaced = {one.supersedes for one in bundle.calculations}
    left = {one.id: one for one in bundle.calculations if one.phase_id is None and one.id not in replaced}
    has_energy = any(one.quantity == "energy_j" for one in bundle.measurements)
    sections = []
    sizes = {"J": energy_size(bundle), "g": _carbon_size(bundle)}
    for title, wanted in _WANTED.items():
        rows = []
        unit_of = {} if title == PER_UNIT else sizes
        for name, basis in wanted:
            found = [one for one in left.values() if _is(one, name, basis)]
            rows += [calculation_row(one, bundle, explainer, unit_of.get(one.figure.unit)) for one in found]
            if not found:
                rows += _absent_rows(name, basis, has_energy)
            for one in found:
                del left[one.id]
        if rows:
            sections.append(Section(title=title, rows=tuple(rows), note=_NOTES.get(title, "")))
    if left:
        others = tuple(calculation_row(one, bundle, explainer) for one in left.values())
        sections.append(Section(title="Other figures", rows=others))
    return sections


def calculation_row(
    calculation: Calculation, bundle: Bundle, explainer: Explainer, size_of: Figure | None = None
) -> Row:
    """A calculation as a row; its note names the factors that went into it, with zone and validity.

    `size_of` is the figure whose unit the whole section takes.
    """
    return Row(
        key=".".join(part for part in (calculation.name, calculation.basis) if part),
        label=calculation_label(calculation.name, calculation.basis, bundle.run.unit or ""),
        figure=calculation.figure,
        shown=shown(calculation.figure, size_of=size_of),
        method=calculation.figure.method,
        coverage=bundle.run.coverage,
        boundary="facility" if calculation.pue_included else "",
        pue_included=calculation.pue_included,
        basis=calculation.basis,
        note="; ".join(group_label(group) for group in factor_groups(direct_factors(calculation, bundle))),
        how=explainer.calculation(calculation),
        id=calculation.id,
    )


def direct_factors(calculation: Calculation, bundle: Bundle) -> list[Factor]:
    """The factors that a calculation takes as inputs itself."""
    ids = [str(entry["factor"]) for entry in calculation.inputs.values() if "factor" in entry]
    return [factor for factor in bundle.factors if factor.id in ids]


def factor_grid(bundle: Bundle) -> Grid | None:
    """Every factor that was used: what, where, how much, until when, from whom, under which licence.

    The hours of one source are one line.
    """
    lines = tuple(
        (
            FACTOR_LABELS.get(factor.kind, factor.kind),
            factor.zone,
            group_value(group),
            " ".join(part for part in (factor.signal, factor.basis, factor.scope, factor.gwp) if part),
            _valid(group),
            factor.source,
            factor.licence,
            factor.version,
        )
        for group in factor_groups(bundle.factors)
        for factor in group[:1]
    )
    columns = ("Factor", "Zone", "Value", "Kind", "Valid", "Source", "Licence", "Version")
    return Grid(title="Factors", columns=columns, rows=lines, numeric=frozenset(("Value",))) if lines else None


def expired(bundle: Bundle) -> list[Factor]:
    """Factors that ended more than STALE_YEARS before the run did: annual figures appear a year late or more.

    A date that can't be read counts as open.
    """
    day = bundle.run.ended_at.date() - timedelta(days=365 * STALE_YEARS)
    return [factor for factor in bundle.factors if (end := _date(factor.valid_to)) is not None and end < day]


def _carbon_size(bundle: Bundle) -> Figure | None:
    """The figure whose grams, kilograms or tonnes all emissions of the report take."""
    by_name = {one.name: one.figure for one in bundle.calculations if one.phase_id is None}
    return next((by_name[name] for name in ("emissions_g", "operational_g", "embodied_g") if name in by_name), None)


def _absent_rows(name: str, basis: str, has_energy: bool) -> Iterable[Row]:
    key = f"{name}.{basis}" if basis else name
    why = _WHY_ABSENT.get(key)
    if why is None:
        return ()
    if not has_energy and name != "embodied_g":
        why = NO_ENERGY
    return (absent(key, calculation_label(name, basis), *why, verb="computed"),)


def _is(calculation: Calculation, name: str, basis: str) -> bool:
    if calculation.name != name:
        return False
    return calculation.basis == basis or (not calculation.basis and name in _NAMELESS.get(basis, ()))


def _valid(group: Sequence[Factor]) -> str:
    if len(group) == 1:
        return validity(group[0]).removeprefix("valid from ")
    first, last = min(one.valid_from for one in group), max(one.valid_to for one in group)
    return f"{first} to {last}, by the hour"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
