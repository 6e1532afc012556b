"""A query's filters as SQL, written so that both back-ends walk an index that holds all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.sql.expression import UnaryExpression

from joulewise.ledger import tables
from joulewise.ledger.filing import tag_pair
from joulewise.ledger.query import RunQuery
from joulewise.ledger.rows import microseconds, pack
from joulewise.ledger.text_search import text_condition

run, run_tag, calculation = tables.run, tables.run_tag, tables.calculation
Condition = sa.ColumnElement[bool]
Text = sa.ColumnElement[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Where runs come from and which: with a tag and by time, the tag's own index gives them in order."""

    origin: sa.FromClause
    id: Text
    started_at_us: sa.ColumnElement[int]
    conditions: tuple[Condition, ...]


def select_runs(connection: sa.Connection, query: RunQuery, *, rows: bool = False) -> Selection:
    """The runs that a query means, superseded ones left out as it says. With `rows` there is `run` to read from."""
    on_run = (*_marks(connection, query), *_links(query), *unless_superseded(connection, query))
    if query.tag is None:
        conditions = (*on_run, *_times(query, run.c.started_at_us))
        return Selection(origin=run, id=run.c.id, started_at_us=run.c.started_at_us, conditions=conditions)
    key, _, value = query.tag.partition("=")
    pair = run_tag.c.pair_sha256 == tag_pair(key, value)
    if query.sort != "started_at" and not rows:
        tagged = run.c.id.in_(sa.select(run_tag.c.run_id).where(pair))
        conditions = (*on_run, tagged, *_times(query, run.c.started_at_us))
        return Selection(origin=run, id=run.c.id, started_at_us=run.c.started_at_us, conditions=conditions)
    joined = run_tag.join(run, run.c.id == run_tag.c.run_id)
    return Selection(
        origin=joined if on_run or rows else run_tag,
        id=run_tag.c.run_id,
        started_at_us=run_tag.c.started_at_us,
        conditions=(pair, *_times(query, run_tag.c.started_at_us), *on_run),
    )


def _marks(connection: sa.Connection, query: RunQuery) -> list[Condition]:
    """Conditions on what every index of the list carries."""
    sqlite = connection.dialect.name == "sqlite"
    # SQLite would rather read half the table by kind and sort it than walk the index that has the order
    walk = sqlite and query.sort != "started_at"
    found = [_held(run.c[name], walk) == value for name in ("kind", "status") if (value := getattr(query, name))]
    if query.project is not None:
        project = pack(query.project)
        found.append(_held(run.c.project_key, walk) == project[: tables.KEY_LENGTH])
        if len(project) >= tables.KEY_LENGTH:
            found.append(run.c.project == project)
    if query.name:
        found += _begins(pack(query.name), walk)
    if query.text:
        found.append(text_condition(connection, pack(query.text)))
    return found


def _held(column: sa.Column[str], walk: bool) -> Text:
    """The column, for SQLite with the plus sign that keeps it from choosing an index by it."""
    return UnaryExpression(column, operator=operators.custom_op("+"), type_=column.type) if walk else column


def _begins(start: str, walk: bool) -> list[Condition]:
    cut, key = start[: tables.KEY_LENGTH], _held(run.c.name_key, walk)
    exact = [sa.func.substr(run.c.name, 1, len(start)) == start] if len(start) > tables.KEY_LENGTH else []
    return [key >= cut, key < cut + "\U0010ffff", *exact]


def _links(query: RunQuery) -> list[Condition]:
    found: list[Condition] = []
    if query.parent is not None:
        found.append(run.c.parent_id == pack(query.parent))
    if query.group_key is not None:
        found.append(run.c.group_key == pack(query.group_key))
    if query.roots_only:
        found.append(run.c.parent_id.is_(None))
    return found


def _times(query: RunQuery, column: sa.ColumnElement[int]) -> list[Condition]:
    found: list[Condition] = []
    if query.since is not None:
        found.append(column >= microseconds(query.since))
    if query.until is not None:
        found.append(column < microseconds(query.until))
    return found


def unless_superseded(connection: sa.Connection, query: RunQuery) -> tuple[Condition, ...]:
    """Hides superseded runs; no condition at all where nothing is superseded, which most ledgers are."""
    if query.include_superseded or not there_is(connection, run.c.supersedes.is_not(None)):
        return ()
    newer = run.alias("newer")
    return (~sa.exists().where(newer.c.supersedes == run.c.id),)


LATER = calculation.join(run, run.c.id == calculation.c.run_id)
"""Runs with emissions that were filed after them."""


def has_later(connection: sa.Connection) -> bool:
    """True if any run has emissions that were filed after it."""
    return there_is(connection, calculation.c.headline == 2)


def later_of(row: sa.FromClause) -> Condition:
    """True for a row of `run`, or of an alias of it, with emissions that were filed after it."""
    return sa.exists().where(calculation.c.run_id == row.c.id, calculation.c.headline == 2)


def is_latest() -> tuple[Condition, ...]:
    """True for the last of a run's later emissions."""
    newer = calculation.alias("newer_figure")
    same = (newer.c.run_id == calculation.c.run_id, newer.c.headline == 2)
    return (calculation.c.headline == 2, ~sa.exists().where(*same, newer.c.audit_seq > calculation.c.audit_seq))


def there_is(connection: sa.Connection, condition: Condition) -> bool:
    """True if any row fulfils the condition."""
    found: Any = connection.execute(sa.select(sa.literal(1)).where(condition).limit(1)).first()
    return found is not None
