"""Totals over runs, each joule counted once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure, total
from joulewise.ledger import tables
from joulewise.ledger.finding import LATER, Condition, has_later, is_latest, later_exists, matching, unless_superseded
from joulewise.ledger.query import RunQuery

run, calculation = tables.run, tables.calculation


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over `runs` runs; those without a figure are counted in `without_*`, never as zero.

    Bounds add linearly, as if all errors were one: the same meters and factors stand behind most runs.
    """

    runs: int
    duration_s: float
    energy: Figure
    emissions: Figure | None
    without_energy: int
    without_emissions: int


def totals(connection: sa.Connection, query: RunQuery) -> Totals:
    """Sum the runs that match, whatever the paging. A run whose ancestor matches is part of it and not counted again.

    Raises UndefinedFigure if nothing matches, or no run that does has an energy figure.
    """
    query = replace(query, sort="duration_s", cursor=None, offset=0)  # any sort that filters the run's row alone
    conditions = (*matching(query), *unless_superseded(connection, query))
    conditions += _unless_descendant(connection, conditions)
    counted = sa.select(sa.func.count(), sa.func.sum(run.c.duration_s)).where(*conditions)
    runs, duration_s = connection.execute(counted.select_from(run)).one()
    energy, with_energy = _sum(
        connection, run, ("energy_j", "energy_low_j", "energy_high_j", "energy_method"), conditions
    )
    if energy is None:
        raise UndefinedFigure(
            "no run matches" if runs == 0 else f"none of the {runs} runs that match has an energy figure",
            hint="joulewise runs shows what there is",
        )
    emissions, with_emissions = _emissions(connection, conditions)
    return Totals(
        runs=runs,
        duration_s=duration_s,
        energy=energy,
        emissions=emissions,
        without_energy=runs - with_energy,
        without_emissions=runs - with_emissions,
    )


def _unless_descendant(connection: sa.Connection, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Leaves out runs below another run that is counted, at any depth."""
    matched = sa.select(run.c.id).where(*conditions)
    below = (
        sa.select(run.c.id)
        .where(run.c.parent_id.is_not(None), run.c.parent_id.in_(matched))
        .cte("below", recursive=True)
    )
    child = run.alias("child")
    below = below.union(sa.select(child.c.id).where(child.c.parent_id.is_not(None), child.c.parent_id == below.c.id))
    has_children = connection.execute(sa.select(run.c.id).where(run.c.parent_id.is_not(None)).limit(1)).first()
    return (run.c.id.not_in(sa.select(below.c.id)),) if has_children else ()


def _emissions(connection: sa.Connection, conditions: tuple[Condition, ...]) -> tuple[Figure | None, int]:
    names = ("emissions_g", "emissions_low_g", "emissions_high_g", "emissions_method")
    later = has_later(connection)
    parts = [_sum(connection, run, names, (*conditions, ~later_exists()) if later else conditions)]
    if later:
        columns = tuple(calculation.c[name] for name in ("value", "low", "high", "method"))
        parts.append(_sum_columns(connection, LATER, columns, "g", (*conditions, *is_latest())))
    figures = [figure for figure, _count in parts if figure is not None]
    return (total(figures) if figures else None), sum(count for _figure, count in parts)


def _sum(
    connection: sa.Connection, origin: sa.FromClause, names: tuple[str, ...], conditions: tuple[Condition, ...]
) -> tuple[Figure | None, int]:
    unit = "J" if names[0].endswith("_j") else "g"
    return _sum_columns(connection, origin, tuple(run.c[name] for name in names), unit, conditions)


def _sum_columns(
    connection: sa.Connection,
    origin: sa.FromClause,
    columns: tuple[sa.Column[Any], ...],
    unit: str,
    conditions: tuple[Condition, ...],
) -> tuple[Figure | None, int]:
    """The sum of a figure and how many runs have it, method by method so that the weakest shows."""
    *numbers, method = columns
    sums = (sa.func.sum(column) for column in numbers)
    query = sa.select(method, sa.func.count(), *sums).select_from(origin).where(numbers[0].is_not(None), *conditions)
    parts, count = [], 0
    for name, rows, value, low, high in connection.execute(query.group_by(method)):
        # rounding may put a sum of bounds that are all equal a hair past the sum of the values
        bounds = {"value": value, "low": min(low, value), "high": max(high, value)}
        parts.append(Figure(**bounds, unit=unit, method=name, source=f"sum over {rows} runs"))
        count += rows
    return (total(parts) if parts else None), count
