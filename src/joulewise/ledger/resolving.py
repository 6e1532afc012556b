"""From what a person types to the id of a run."""

from __future__ import annotations

from difflib import get_close_matches

import sqlalchemy as sa

from joulewise.core.errors import NotFound
from joulewise.core.ulid import is_ulid
from joulewise.ledger import tables, variant_tables
from joulewise.ledger.finding import find_page
from joulewise.ledger.query import RunQuery
from joulewise.ledger.rows import pack, unpack

LATEST = ("latest", "last", "-1")
_SHORTEST = 4
_NEAR = 500

run, variant = tables.run, variant_tables.variant


def resolve(connection: sa.Connection, text: str) -> str:
    """The run's id. Tried in turn: `latest`, the whole id, the name, the start of an id, its end (from 4 characters).

    `latest` is the newest run that has no run above it: what a script measures within a measured command is that
    command's. Where every run has one above (only a node's ranks were merged in, say), it is the newest of all.

    The id of a variant, or a part of it, is the run that measured it, where no run has such a part.

    Raises NotFound with what comes near, or with the choices if an end or start fits several.
    """
    wanted = text.strip()
    if wanted in LATEST:
        return _latest(connection, text)
    id = wanted.upper()
    if is_ulid(id) and connection.execute(sa.select(run.c.id).where(run.c.id == id)).first():
        return id
    named = _by_name(connection, text)
    if named is not None:
        return named
    if len(id) >= _SHORTEST and id.isascii() and id.isalnum():
        for own, runs in ((run.c.id, run.c.id), (variant.c.id, variant.c.run_id)):
            for condition in (_starts(own, id), own.like(f"%{id}")):
                found = connection.execute(sa.select(runs).distinct().where(condition).order_by(runs.desc()).limit(6))
                ids: list[str] = list(found.scalars())
                if len(ids) == 1:
                    return ids[0]
                if ids:
                    raise NotFound(f"{text!r} fits several runs: {', '.join(ids[:5])}", hint="type more of the id")
    raise _refusal(connection, text)


def _latest(connection: sa.Connection, text: str) -> str:
    pages = (find_page(connection, RunQuery(limit=1, count=False, roots_only=roots)) for roots in (True, False))
    page = next((page for page in pages if page.rows), None)
    if page is None:
        raise NotFound(f"no run {text!r}: the ledger is empty", hint="joulewise run -- COMMAND")
    return page.rows[0].id


def _starts(column: sa.Column[str], id: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= id, column < id + "~")


def _by_name(connection: sa.Connection, text: str) -> str | None:
    name = pack(text)
    newer = run.alias("newer")
    query = (
        sa.select(run.c.id)
        .where(run.c.name_key == name[: tables.KEY_LENGTH], run.c.name == name)
        .where(~sa.exists().where(newer.c.supersedes == run.c.id))
        .order_by(run.c.started_at_us.desc(), run.c.id.desc())
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar()
    return found


def _refusal(connection: sa.Connection, text: str) -> NotFound:
    recent = sa.select(run.c.name_key).order_by(run.c.started_at_us.desc()).limit(_NEAR)
    names = dict.fromkeys(unpack(name) for name in connection.execute(recent).scalars())
    near = get_close_matches(text, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? joulewise runs lists all" if near else "joulewise runs"
    return NotFound(f"no run {text!r:.80}", hint=hint)
