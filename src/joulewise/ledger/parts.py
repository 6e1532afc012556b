"""Where a run has no figure of its own, its parts have it: which of them count, and what is missing even so.

A run with a figure speaks for all below it. One without is open: what is below it is looked at in turn, down to the
runs with a figure, which count, and to those that have neither a figure nor parts, which are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from joulewise.ledger import tables
from joulewise.ledger.conditions import Condition, Selection, there_is

run = tables.run
Has = Callable[[sa.FromClause], Condition]
"""The condition that a row of `run`, or of an alias of it, has the figure."""


def unless_descendant(connection: sa.Connection, found: Selection) -> tuple[Condition, ...]:
    """Leaves out runs below another run that matches, at any depth."""
    if not there_is(connection, run.c.parent_id.is_not(None)):
        return ()
    matched = sa.select(found.id).select_from(found.origin).where(*found.conditions)
    child, grandchild = run.alias("child"), run.alias("grandchild")
    below = sa.select(child.c.id).where(child.c.parent_id.is_not(None), child.c.parent_id.in_(matched))
    tree = below.cte("below", recursive=True)
    deeper = sa.select(grandchild.c.id).where(grandchild.c.parent_id.is_not(None), grandchild.c.parent_id == tree.c.id)
    return (sa.or_(run.c.parent_id.is_(None), run.c.id.not_in(sa.select(tree.union(deeper).c.id))),)


def has_open_parents(connection: sa.Connection, has: Has) -> bool:
    """True if any run without the figure has runs below it: else every run speaks for itself."""
    child = run.alias("child")
    below = sa.exists().where(child.c.parent_id.is_not(None), child.c.parent_id == run.c.id)
    return there_is(connection, sa.and_(sa.not_(has(run)), below))


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Conditions on the runs below open ones: those that may count in their place, and those without a figure."""

    counted: tuple[Condition, ...]
    missing: tuple[Condition, ...]
    found: Selection

    def count_missing(self, connection: sa.Connection) -> tuple[int, float]:
        """How many runs have neither the figure nor parts, and how many seconds no figure speaks for: those of runs
        without one that none of their own parts fill."""
        child = run.alias("part")
        parts = _matching(self.found, child)
        here = sa.and_(child.c.parent_id.is_not(None), child.c.parent_id == run.c.id, parts)
        filled_s = sa.select(sa.func.coalesce(sa.func.sum(child.c.duration_s), 0.0)).where(here).correlate(run)
        gap_s = run.c.duration_s - filled_s.scalar_subquery()
        query = sa.select(
            sa.func.sum(sa.case((sa.exists().where(here).correlate(run), 0), else_=1)),
            sa.func.sum(sa.case((gap_s > 0, gap_s), else_=0.0)),
        )
        count, missing_s = connection.execute(query.select_from(self.found.origin).where(*self.missing)).one()
        return int(count or 0), float(missing_s or 0.0)


def open_runs(found: Selection, tops: tuple[Condition, ...], has: Has) -> Open:
    """What to look at where a top run (one that matches `tops`) has no figure."""
    child = run.alias("below_open")
    start = sa.select(found.id.label("id")).select_from(found.origin).where(*tops, sa.not_(has(run)))
    tree = start.cte("open_runs", recursive=True)
    speaks = sa.and_(has(child), _matching(found, child))
    deeper = sa.select(child.c.id).where(child.c.parent_id.is_not(None), child.c.parent_id == tree.c.id, ~speaks)
    ids = sa.select(tree.union(deeper).c.id)
    return Open(
        counted=(*found.conditions, run.c.parent_id.is_not(None), run.c.parent_id.in_(ids)),
        missing=(*found.conditions, sa.not_(has(run)), run.c.id.in_(ids)),
        found=found,
    )


def _matching(found: Selection, child: sa.FromClause) -> Condition:
    """True for a row of an alias of `run` that the query means."""
    same = sa.select(sa.literal(1)).select_from(found.origin).where(*found.conditions, run.c.id == child.c.id)
    return same.correlate(child).exists()
