"""Free text anywhere in names and projects, by way of the different names that there are.

A million runs have few thousand names, so each name is looked at once: a walk from name to next name along its index.
Few runs with such a name are then taken from the index; where many have one, or names hardly repeat, the list is
walked in its order and each run's name is compared, which ends once the page is full.
"""

from __future__ import annotations

import sqlalchemy as sa

from joulewise.ledger import tables

run = tables.run
Condition = sa.ColumnElement[bool]

MOST_NAMES = 10_000
"""Different values that are walked, 4 us each; with more, comparing run by run is not much slower."""
MOST_VALUES = 500
"""Matching values that are named one by one in a query."""
MOST_RUNS = 5_000
"""Runs that are sorted; of more than these among a million, a page is found by walking sooner than by sorting."""


def text_condition(connection: sa.Connection, text: str) -> Condition:
    """True for runs with `text` in name or project, without regard to case (SQLite: to the case of ASCII letters)."""
    searched = {column: _values(connection, column, text) for column in (run.c.name_key, run.c.project_key)}
    chosen = sa.or_(sa.false(), *(column.in_(values) for column, values in searched.items() if values))
    if None not in searched.values() and _are_few(connection, chosen):
        return run.c.id.in_(sa.select(run.c.id).where(chosen))  # so that no planner walks all runs instead
    # a column without any match need not be looked at again
    return sa.or_(*(_alike(connection, column, text) for column, values in searched.items() if values != []))


def _alike(connection: sa.Connection, column: sa.ColumnElement[str], text: str) -> Condition:
    pattern = "%" + "".join(f"!{character}" if character in "!%_" else character for character in text) + "%"
    # LIKE minds no case in SQLite, and ILIKE would cost it twice the time
    sqlite = connection.dialect.name == "sqlite"
    return column.like(pattern, escape="!") if sqlite else column.ilike(pattern, escape="!")


def _values(connection: sa.Connection, column: sa.ColumnElement[str], text: str) -> list[str] | None:
    """The values of an indexed column that hold the text; None if there are too many to look at or to name."""
    walk = sa.select(sa.func.min(column).label("value"), sa.literal(1).label("number")).cte("walk", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > walk.c.value).scalar_subquery()
    more = sa.select(following, walk.c.number + 1).where(walk.c.value.is_not(None), walk.c.number <= MOST_NAMES)
    walk = walk.union_all(more)
    beyond = walk.c.number > MOST_NAMES
    rows = connection.execute(
        sa.select(walk.c.value, beyond)
        .where(walk.c.value.is_not(None), beyond | _alike(connection, walk.c.value, text))
        .limit(MOST_VALUES + 1)
    ).all()
    too_many = len(rows) > MOST_VALUES or any(is_beyond for _value, is_beyond in rows)
    return None if too_many else [value for value, _is_beyond in rows]


def _are_few(connection: sa.Connection, chosen: Condition) -> bool:
    first = sa.select(run.c.id).where(chosen).limit(MOST_RUNS + 1).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(first)).scalar_one()) <= MOST_RUNS
