"""Totals over runs, each joule counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import METHODS, Figure, total
from joulewise.ledger import tables
from joulewise.ledger.conditions import Condition, Selection, has_later, is_latest, later_of, select_runs
from joulewise.ledger.parts import Has, has_open_parents, open_runs, unless_descendant
from joulewise.ledger.query import RunQuery

run, calculation = tables.run, tables.calculation
_ENERGY = ("energy_method", "energy_j", "energy_low_j", "energy_high_j")
_EMISSIONS = ("emissions_method", "emissions_g", "emissions_low_g", "emissions_high_g")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over `runs` runs and their parts; those without a figure are counted in `without_*`, never as zero.

    A run's figure speaks for all its parts; where it has none, the figures of its parts count, and `without_*` are the
    parts that have none either. `*_coverage` is the share (0..1) of the time that the figure speaks for, None where no
    time passed. `duration_s` is that of the runs themselves. Bounds add linearly, as if all errors were one: the same
    meters and factors stand behind most runs.
    """

    runs: int
    duration_s: float
    energy: Figure
    emissions: Figure | None
    without_energy: int
    without_emissions: int
    energy_coverage: float | None = None
    emissions_coverage: float | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What must be said beside the sums: how much is not in them."""
        told = (
            ("energy", self.without_energy, self.energy_coverage),
            ("emissions", self.without_emissions, self.emissions_coverage),
        )
        return tuple(line for name, count, share in told if (line := _notice(name, count, share)))


def _notice(name: str, count: int, share: float | None) -> str:
    bare = [f"{count} {'run has' if count == 1 else 'runs have'} none"] if count else []
    part = [f"the sum covers {100 * share:.3g} % of the time"] if share is not None and share < 1 else []
    return f"{name}: {', '.join([*bare, *part])}" if bare or part else ""


def totals(connection: sa.Connection, query: RunQuery) -> Totals:
    """Sum the runs that match, whatever the paging. A run whose ancestor matches is part of it and not counted again.

    Raises UndefinedFigure if nothing matches, or no run that does has an energy figure.
    """
    query = replace(query, sort="started_at")
    found = select_runs(connection, query, rows=True)
    tops = (*found.conditions, *unless_descendant(connection, found))
    # which runs stand at the top says nothing of their parts
    found = select_runs(connection, replace(query, roots_only=False, parent=None), rows=True)
    later = has_later(connection)
    runs, duration_s, energy, emissions = _sums(connection, found.origin, tops, later)
    energy.of_parts(connection, found, tops, later)
    emissions.of_parts(connection, found, tops, later)
    if energy.figure is None:
        raise UndefinedFigure(
            "no run matches" if runs == 0 else f"none of the {runs} runs that match has an energy figure",
            hint="joulewise runs shows what there is",
        )
    return Totals(
        runs=runs,
        duration_s=duration_s,
        energy=energy.figure,
        emissions=emissions.figure,
        without_energy=energy.missing,
        without_emissions=emissions.missing,
        energy_coverage=energy.coverage,
        emissions_coverage=emissions.coverage,
    )


@dataclass(slots=True, kw_only=True)
class _Sum:
    """A figure's sums, as `_sum_columns` has them, and how many runs and seconds are without it."""

    unit: str
    rows: list[tuple[Any, ...]]
    missing: int
    missing_s: float

    @property
    def figure(self) -> Figure | None:
        figures = [figure for row in self.rows if (figure := _figure(self.unit, row)) is not None]
        return replace(total(figures), source=f"sum over {sum(row[0] for row in self.rows)} runs") if figures else None

    @property
    def coverage(self) -> float | None:
        there_s = sum(row[5] or 0.0 for row in self.rows)
        return there_s / (there_s + self.missing_s) if there_s + self.missing_s > 0 else None

    def of_parts(self, connection: sa.Connection, found: Selection, tops: tuple[Condition, ...], later: bool) -> None:
        """Add the parts of those runs that have no figure themselves."""
        has = _has(self.unit, later)
        if not self.missing or not has_open_parents(connection, has):
            return
        below = open_runs(found, tops, has)
        *_, energy, emissions = _sums(connection, found.origin, below.counted, later)
        self.rows += (energy if self.unit == "J" else emissions).rows
        self.missing, self.missing_s = below.count_missing(connection)


def _has(unit: str, later: bool) -> Has:
    def has(row: sa.FromClause) -> Condition:
        if unit == "J":
            return row.c.energy_j.is_not(None)
        filed = row.c.emissions_g.is_not(None)
        return sa.or_(filed, later_of(row)) if later else filed

    return has


def _sums(
    connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...], later: bool
) -> tuple[int, float, _Sum, _Sum]:
    """One pass over the rows without sorting them, and one over the emissions that were filed later."""
    as_filed = ~later_of(run) if later else sa.true()
    filed = [sa.case((as_filed, run.c[name])) for name in _EMISSIONS]
    columns = [
        sa.func.count(),
        sa.func.sum(run.c.duration_s),
        *_sum_columns([run.c[name] for name in _ENERGY]),
        *_sum_columns(filed),
    ]
    row = tuple(connection.execute(sa.select(*columns).select_from(origin).where(*conditions)).one())
    runs, duration_s = row[0], row[1] or 0.0
    emissions = [row[8:14], *([_later_sums(connection, origin, conditions)] if later else [])]

    def summed(unit: str, rows: list[tuple[Any, ...]]) -> _Sum:
        with_it, there_s = sum(one[0] for one in rows), sum(one[5] or 0.0 for one in rows)
        return _Sum(unit=unit, rows=rows, missing=runs - with_it, missing_s=max(0.0, duration_s - there_s))

    return runs, duration_s, summed("J", [row[2:8]]), summed("g", emissions)


def _later_sums(connection: sa.Connection, origin: sa.FromClause, conditions: tuple[Condition, ...]) -> tuple[Any, ...]:
    joined = origin.join(calculation, calculation.c.run_id == run.c.id)
    columns = _sum_columns([calculation.c[name] for name in ("method", "value", "low", "high")])
    query = sa.select(*columns).select_from(joined).where(*conditions, *is_latest())
    return tuple(connection.execute(query).one())


def _sum_columns(figure: Sequence[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """How many have the figure, the rank of the weakest method among them, the sums of value, low and high, and for how
    many seconds they ran."""
    method, *numbers = figure
    rank = sa.case({name: place for place, name in enumerate(METHODS)}, value=method)
    there_s = sa.func.sum(sa.case((numbers[0].is_not(None), run.c.duration_s)))
    return [sa.func.count(numbers[0]), sa.func.max(rank), *(sa.func.sum(number) for number in numbers), there_s]


def _figure(unit: str, sums: tuple[Any, ...]) -> Figure | None:
    """The sum that `_sum_columns` asked for; None if no run has the figure."""
    runs, rank, value, low, high, _ = sums
    if not runs:
        return None
    # adding up may put bounds that all equal their values a hair past the sum of the values
    bounds = {"value": value, "low": min(low, value), "high": max(high, value)}
    return Figure(**bounds, unit=unit, method=METHODS[rank], source=f"sum over {runs} runs")
