"""Finds the ids of a page of runs. A million runs stay under 200 ms (benchmarks/ledger_million.py).

Ids are looked for on indexes that hold all that the filters need; only the rows of one page are read whole.
Pages are cut by key, (sort value, id), so that page 10,000 costs what page 1 does. Runs without a sort value come last,
whatever the direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from joulewise.ledger import tables
from joulewise.ledger.filing import tag_pair
from joulewise.ledger.listing import run_rows
from joulewise.ledger.query import Page, RunQuery, decode_cursor, encode_cursor
from joulewise.ledger.rows import microseconds, pack

run, run_tag, calculation = tables.run, tables.run_tag, tables.calculation
Condition = sa.ColumnElement[bool]
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
    wanted = query.offset + query.limit + 1
    keys: list[Key] = []
    for stage in _stages(connection, query):
        if len(keys) < wanted and not (after and after[0] is None and stage[0].value is not None):
            found = [key for source in stage for key in _walk(connection, source, query, after, wanted - len(keys))]
            keys += _merged(found, query.descending) if len(stage) > 1 else found
            after = after if stage[0].value is None else None
    return keys[query.offset :][: query.limit + 1]


def _merged(keys: list[Key], descending: bool) -> list[Key]:
    return sorted(keys, reverse=descending)


def _walk(connection: sa.Connection, source: Source, query: RunQuery, after: Key | None, limit: int) -> list[Key]:
    columns = [source.id] if source.value is None else [source.value, source.id]
    chosen = sa.select(*columns).select_from(source.origin).where(*source.conditions)
    if after is not None:
        here, there = sa.tuple_(*columns), sa.tuple_(*after[-len(columns) :])
        chosen = chosen.where(here < there if query.descending else here > there)
    order = [column.desc() if query.descending else column.asc() for column in columns]
    rows = connection.execute(chosen.order_by(*order).limit(limit))
    return [(None, row[0]) if source.value is None else (row[0], row[1]) for row in rows]


def _stages(connection: sa.Connection, query: RunQuery) -> list[list[Source]]:
    conditions = (*matching(query), *unless_superseded(connection, query))
    if query.sort in ("energy_j", "emissions_g"):
        return _figure_stages(connection, run.c[query.sort], conditions)
    if query.tag is not None and query.sort == "started_at":
        tagged = run_tag.join(run, run.c.id == run_tag.c.run_id)
        return [[Source(run_tag.c.started_at_us, run_tag.c.run_id, tagged, conditions)]]
    column = {"started_at": run.c.started_at_us, "duration_s": run.c.duration_s, "name": run.c.name_key}[query.sort]
    return [[Source(column, run.c.id, run, conditions)]]


def _figure_stages(
    connection: sa.Connection, column: sa.Column[Any], conditions: tuple[Condition, ...]
) -> list[list[Source]]:
    first, rest = [], conditions
    if column is run.c.emissions_g and has_later(connection):
        rest = (*conditions, ~later_exists())
        first.append(Source(calculation.c.value, run.c.id, LATER, (*conditions, *is_latest())))
    first.append(Source(column, run.c.id, run, (*rest, column.is_not(None))))
    return [first, [Source(None, run.c.id, run, (*rest, column.is_(None)))]]


def matching(query: RunQuery) -> tuple[Condition, ...]:
    """The conditions of a query on the run's row, whether superseded or not."""
    found: list[Condition] = []
    for name in ("kind", "status"):
        value = getattr(query, name)
        if value is not None:
            found.append(run.c[name] == value)
    for name in ("parent", "group_key"):
        value = getattr(query, name)
        if value is not None:
            found.append(run.c["parent_id" if name == "parent" else name] == pack(value))
    return (*found, *_texts(query), *_times(query), *_places(query))


def _texts(query: RunQuery) -> list[Condition]:
    found: list[Condition] = []
    if query.project is not None:
        found.append(run.c.project_key == pack(query.project)[: tables.KEY_LENGTH])
        if len(pack(query.project)) >= tables.KEY_LENGTH:
            found.append(run.c.project == pack(query.project))
    if query.name:
        start = pack(query.name)
        cut = start[: tables.KEY_LENGTH]
        found += [run.c.name_key >= cut, run.c.name_key < cut + "\U0010ffff"]
        if len(start) > tables.KEY_LENGTH:
            found.append(sa.func.substr(run.c.name, 1, len(start)) == start)
    if query.text:
        sought = pack(query.text).lower()
        columns = (run.c.name_key, run.c.project_key)
        found.append(sa.or_(*(sa.func.lower(column).contains(sought, autoescape=True) for column in columns)))
    return found


def _times(query: RunQuery) -> list[Condition]:
    # on a tag's own copy of the time the bounds cut the tag's index short
    column = run_tag.c.started_at_us if query.tag is not None and query.sort == "started_at" else run.c.started_at_us
    found: list[Condition] = []
    if query.since is not None:
        found.append(column >= microseconds(query.since))
    if query.until is not None:
        found.append(column < microseconds(query.until))
    return found


def _places(query: RunQuery) -> list[Condition]:
    found: list[Condition] = []
    if query.roots_only:
        found.append(run.c.parent_id.is_(None))
    if query.tag is not None:
        key, _, value = query.tag.partition("=")
        pair = run_tag.c.pair_sha256 == tag_pair(key, value)
        within = run.c.id.in_(sa.select(run_tag.c.run_id).where(pair))
        found.append(pair if query.sort == "started_at" else within)
    return found


def unless_superseded(connection: sa.Connection, query: RunQuery) -> tuple[Condition, ...]:
    """Hides superseded runs; no condition at all where nothing is superseded, which most ledgers are."""
    if query.include_superseded or not _any(connection, run.c.supersedes.is_not(None)):
        return ()
    newer = run.alias("newer")
    return (~sa.exists().where(newer.c.supersedes == run.c.id),)


LATER = calculation.join(run, run.c.id == calculation.c.run_id)
"""Runs with emissions that were filed after them."""


def has_later(connection: sa.Connection) -> bool:
    """True if any run has emissions that were filed after it."""
    return _any(connection, calculation.c.headline == 2)


def later_exists() -> Condition:
    """True for a run with emissions that were filed after it."""
    return sa.exists().where(calculation.c.run_id == run.c.id, calculation.c.headline == 2)


def is_latest() -> tuple[Condition, ...]:
    """True for the last of a run's later emissions."""
    newer = calculation.alias("newer")
    same = (newer.c.run_id == calculation.c.run_id, newer.c.headline == 2)
    return (
        calculation.c.headline == 2,
        ~sa.exists().where(*same, newer.c.audit_seq > calculation.c.audit_seq),
    )


def _any(connection: sa.Connection, condition: Condition) -> bool:
    return connection.execute(sa.select(sa.literal(1)).where(condition).limit(1)).first() is not None


def _total(connection: sa.Connection, query: RunQuery, shown: int, more: bool) -> int | None:
    """How many match in all, None if that was not asked for or would mean to read every name."""
    if not more and query.cursor is None and (shown or not query.offset):
        return query.offset + shown
    if not query.count or query.text:
        return None
    conditions = matching(query)
    tagged = query.tag is not None and query.sort == "started_at"
    origin = run_tag.join(run, run.c.id == run_tag.c.run_id) if tagged else run
    counted = sa.select(sa.func.count()).select_from(origin).where(*conditions)
    total = connection.execute(counted).scalar_one()
    if unless_superseded(connection, query):
        replaced = sa.select(run.c.supersedes).where(run.c.supersedes.is_not(None))
        total -= connection.execute(counted.where(run.c.id.in_(replaced))).scalar_one()
    return int(total)
