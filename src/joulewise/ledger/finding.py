"""Finds the ids of a page of runs. A million runs stay under 200 ms (benchmarks/ledger_million.py).

Ids are looked for on indexes that hold all that the filters need; only the rows of one page are read whole.
Pages are cut by key, (sort value, id), so that page 10,000 costs what page 1 does. Runs without a sort value come last,
whatever the direction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from joulewise.ledger import tables
from joulewise.ledger.conditions import (
    LATER,
    Condition,
    Selection,
    has_later,
    is_latest,
    later_of,
    select_runs,
    unless_superseded,
)
from joulewise.ledger.listing import run_rows
from joulewise.ledger.query import Page, RunQuery, decode_cursor, encode_cursor

run, calculation = tables.run, tables.calculation
Key = tuple[Any, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Somewhere that ids come from, in order: `value` is what they are sorted by, None behind all that have one."""

    value: sa.ColumnElement[Any] | None
    id: sa.ColumnElement[str]
    origin: sa.FromClause
    conditions: tuple[Condition, ...]


def find_page(connection: sa.Connection, query: RunQuery) -> Page:
    """One page of the list."""
    after = decode_cursor(query.cursor) if query.cursor else None
    keys = _keys(connection, query, after)
    shown, more = keys[: query.limit], len(keys) > query.limit
    return Page(
        rows=run_rows(connection, [id for _value, id in shown]),
        total=_total(connection, query, len(shown), more),
        next=encode_cursor(shown[-1]) if more else None,
    )


def _keys(connection: sa.Connection, query: RunQuery, after: Key | None) -> list[Key]:
    """The sort values and ids of the page, and one more if there is one."""
    stages = _stages(connection, query)
    if len(stages) == 1:
        [[source]] = stages
        return _walk(connection, source, query, after, (query.limit + 1, query.offset))
    wanted = query.offset + query.limit + 1
    keys: list[Key] = []
    for stage in stages:
        if len(keys) < wanted and not (after and after[0] is None and stage[0].value is not None):
            cut = (wanted - len(keys), 0)
            found = [key for source in stage for key in _walk(connection, source, query, after, cut)]
            keys += sorted(found, reverse=query.descending) if len(stage) > 1 else found
            after = after if stage[0].value is None else None
    return keys[query.offset :][: query.limit + 1]


def _walk(
    connection: sa.Connection, source: Source, query: RunQuery, after: Key | None, cut: tuple[int, int]
) -> list[Key]:
    columns = [source.id] if source.value is None else [source.value, source.id]
    chosen = sa.select(*columns).select_from(source.origin).where(*source.conditions)
    if after is not None:
        here, there = sa.tuple_(*columns), sa.tuple_(*after[-len(columns) :])
        chosen = chosen.where(here < there if query.descending else here > there)
    order = [column.desc() if query.descending else column.asc() for column in columns]
    limit, offset = cut
    rows = connection.execute(chosen.order_by(*order).limit(limit).offset(offset or None))
    return [(None, row[0]) if source.value is None else (row[0], row[1]) for row in rows]


def _stages(connection: sa.Connection, query: RunQuery) -> list[list[Source]]:
    """What to walk, one stage behind the other; the sources of one stage are merged."""
    found = select_runs(connection, query)
    simple = {"started_at": found.started_at_us, "name": run.c.name_key, "duration_s": run.c.duration_s}
    if query.sort in simple:
        return [[Source(simple[query.sort], found.id, found.origin, found.conditions)]]
    return _figure_stages(connection, run.c[query.sort], found)


def _figure_stages(connection: sa.Connection, column: sa.Column[Any], found: Selection) -> list[list[Source]]:
    first, rest = [], found.conditions
    if column is run.c.emissions_g and has_later(connection):
        rest = (*found.conditions, ~later_of(tables.run))
        first.append(Source(calculation.c.value, run.c.id, LATER, (*found.conditions, *is_latest())))
    first.append(Source(column, run.c.id, run, (*rest, column.is_not(None))))
    return [first, [Source(None, run.c.id, run, (*rest, column.is_(None)))]]


def _total(connection: sa.Connection, query: RunQuery, shown: int, more: bool) -> int | None:
    """How many match in all, None if that was not asked for or would mean to read every name."""
    if not more and query.cursor is None and (shown or not query.offset):
        return query.offset + shown
    if not query.count or query.text:
        return None
    by_time = replace(query, sort="started_at")  # the order that leaves the choice of index open
    total = _count(connection, replace(by_time, include_superseded=True))
    if unless_superseded(connection, query):
        replaced = sa.select(run.c.supersedes).where(run.c.supersedes.is_not(None))
        total -= _count(connection, replace(by_time, include_superseded=True), replaced)
    return total


def _count(connection: sa.Connection, query: RunQuery, among: sa.Select[Any] | None = None) -> int:
    found = select_runs(connection, query)
    counted = sa.select(sa.func.count()).select_from(found.origin)
    if among is not None:
        return int(connection.execute(counted.where(*found.conditions, found.id.in_(among))).scalar_one())
    if query.roots_only and len(found.conditions) == 1:  # cheaper to count what is left out, which has an index
        below = connection.execute(counted.where(run.c.parent_id.is_not(None))).scalar_one()
        return int(connection.execute(counted).scalar_one() - below)
    return int(connection.execute(counted.where(*found.conditions)).scalar_one())
