"""Totals over runs, each joule counted once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure, total
from joulewise.ledger import tables
from joulewise.ledger.conditions import (
    Condition,
    Selection,
    has_later,
    is_latest,
    later_exists,
    select_runs,
    there_is,
)
from joulewise.ledger.query import RunQuery

run, calculation = tables.run, tables.calculation
_ENERGY = ("energy_method", "energy_j", "energy_low_j", "energy_high_j")
_EMISSIONS = ("emissions_method", "emissions_g", "emissions_low_g", "emissions_high_g")


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
    found = select_runs(connection, replace(query, sort="started_at"), rows=True)
    conditions = (*found.conditions, *_unless_descendant(connection, found))
    later = has_later(connection)
    rows = _sums(connection, found.origin, conditions, as_filed=~later_exists() if later else sa.true())
    runs = sum(row.runs for row in rows)
    energy = _total("J", ((row.energy_method, *tuple(row)[4:8]) for row in rows))
    if energy is None:
        raise UndefinedFigure(
            "no run matches" if runs == 0 else f"none of the {runs} runs that match has an energy figure",
            hint="joulewise runs shows what there is",
        )
    parts = [(row.emissions_method, *tuple(row)[8:12]) for row in rows]
    parts += _later_sums(connection, found.origin, conditions) if later else []
    return Totals(
        runs=runs,
        duration_s=sum(row.duration_s for row in rows),
        energy=energy,
        emissions=_total("g", parts),
        without_energy=runs - sum(row.energy_runs for row in rows),
        without_emissions=runs - sum(part[1] for part in parts),
    )


def _unless_descendant(connection: sa.Connection, found: Selection) -> tuple[Condition, ...]:
    """Leaves out runs below another run that is counted, at any depth."""
    if not there_is(connection, run.c.parent_id.is_not(None)):
        return ()
    matched = sa.select(found.id).select_from(found.origin).where(*found.conditions)
    child, grandchild = run.alias("child"), run.alias("grandchild")
    below = sa.select(child.c.id).where(child.c.parent_id.is_not(None), child.c.parent_id.in_(matched))
    tree = below.cte("below", recursive=True)
    deeper = sa.select(grandchild.c.id).where(grandchild.c.parent_id.is_not(None), grandchild.c.parent_id == tree.c.id)
    return (run.c.id.not_in(sa.select(tree.union(deeper).c.id)),)


def _sums(
    connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...], as_filed: Condition
) -> list[sa.Row[Any]]:
    """One pass over the rows, by method so that the weakest shows; emissions only where they stand as filed."""
    valid = [sa.case((as_filed, run.c[name])) for name in _EMISSIONS]
    columns = [
        *(run.c.energy_method, valid[0].label("emissions_method")),
        *(sa.func.count().label("runs"), sa.func.sum(run.c.duration_s).label("duration_s")),
        sa.func.count(run.c.energy_j).label("energy_runs"),
        *(sa.func.sum(run.c[name]) for name in _ENERGY[1:]),
        sa.func.count(valid[1]).label("emissions_runs"),
        *(sa.func.sum(column) for column in valid[1:]),
    ]
    query = sa.select(*columns).select_from(origin).where(*conditions).group_by(columns[0], columns[1])
    return list(connection.execute(query))


def _later_sums(
    connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...]
) -> list[tuple[Any, ...]]:
    joined = origin.join(calculation, calculation.c.run_id == run.c.id)
    sums = (sa.func.sum(calculation.c[name]) for name in ("value", "low", "high"))
    query = sa.select(calculation.c.method, sa.func.count(), *sums).select_from(joined)
    rows = connection.execute(query.where(*conditions, *is_latest()).group_by(calculation.c.method))
    return [tuple(row) for row in rows]


def _total(unit: str, parts: Iterable[tuple[Any, ...]]) -> Figure | None:
    """The sum of (method, runs, value, low, high); None if no run has the figure."""
    figures = []
    for method, runs, value, low, high in parts:
        if runs:
            # adding up may put bounds that all equal their values a hair past the sum of the values
            bounds = {"value": value, "low": min(low, value), "high": max(high, value)}
            figures.append(Figure(**bounds, unit=unit, method=method, source=f"sum over {runs} runs"))
    return total(figures) if figures else None
