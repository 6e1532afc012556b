"""Totals over runs, each joule counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import METHODS, Figure, total
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
    row = _sums(connection, found.origin, conditions, as_filed=~later_exists() if later else sa.true())
    runs, duration_s = row[:2]
    energy = _figure("J", row[2:7])
    if energy is None:
        raise UndefinedFigure(
            "no run matches" if runs == 0 else f"none of the {runs} runs that match has an energy figure",
            hint="joulewise runs shows what there is",
        )
    parts = [row[7:12], *([_later_sums(connection, found.origin, conditions)] if later else [])]
    emissions = [figure for part in parts if (figure := _figure("g", part)) is not None]
    return Totals(
        runs=runs,
        duration_s=duration_s,
        energy=energy,
        emissions=total(emissions) if emissions else None,
        without_energy=runs - row[2],
        without_emissions=runs - sum(part[0] for part in parts),
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
    return (sa.or_(run.c.parent_id.is_(None), run.c.id.not_in(sa.select(tree.union(deeper).c.id))),)


def _sums(
    connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...], as_filed: Condition
) -> tuple[Any, ...]:
    """One pass over the rows without sorting them; emissions only where they stand as filed."""
    filed = [sa.case((as_filed, run.c[name])) for name in _EMISSIONS]
    columns = [
        sa.func.count(),
        sa.func.sum(run.c.duration_s),
        *_sum_columns([run.c[name] for name in _ENERGY]),
        *_sum_columns(filed),
    ]
    return tuple(connection.execute(sa.select(*columns).select_from(origin).where(*conditions)).one())


def _later_sums(connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...]) -> tuple[Any, ...]:
    joined = origin.join(calculation, calculation.c.run_id == run.c.id)
    columns = _sum_columns([calculation.c[name] for name in ("method", "value", "low", "high")])
    query = sa.select(*columns).select_from(joined).where(*conditions, *is_latest())
    return tuple(connection.execute(query).one())


def _sum_columns(figure: Sequence[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """How many have the figure, the rank of the weakest method among them, and the sums of value, low and high."""
    method, *numbers = figure
    rank = sa.case({name: place for place, name in enumerate(METHODS)}, value=method)
    return [sa.func.count(numbers[0]), sa.func.max(rank), *(sa.func.sum(number) for number in numbers)]


def _figure(unit: str, sums: tuple[Any, ...]) -> Figure | None:
    """The sum that `_sum_columns` asked for; None if no run has the figure."""
    runs, rank, value, low, high = sums
    if not runs:
        return None
    # adding up may put bounds that all equal their values a hair past the sum of the values
    bounds = {"value": value, "low": min(low, value), "high": max(high, value)}
    return Figure(**bounds, unit=unit, method=METHODS[rank], source=f"sum over {runs} runs")
