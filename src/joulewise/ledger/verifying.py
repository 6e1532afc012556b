"""Recomputes the hash of every row, entry and trace file, and names whatever differs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain as joined
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError
from joulewise.ledger import chain, tables
from joulewise.ledger.engine import reading
from joulewise.ledger.migrations.append_only import trigger_names
from joulewise.ledger.rows import Row, canonical
from joulewise.ledger.traces import trace_problem

_BATCH = 200
_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` found. `head` ("number:hash") pins all that was filed so far: noted elsewhere, it is an anchor
    that shows later whether the chain still runs through it."""

    ok: bool
    checked_rows: int
    problems: tuple[str, ...]
    head: str


@dataclass(slots=True)
class _Check:
    """What has been seen so far on the way along the chain."""

    problems: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    last: tuple[int, str] = (0, chain.GENESIS)
    anchored: bool = False

    def complain(self, problem: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)


def verify(engine: sa.Engine, *, trace_folder: str | None, anchor: str | None = None) -> Verification:
    """Check every row of every table against the chain, the chain itself, the triggers, the file, and the traces."""
    check = _Check()
    try:
        with reading(engine) as connection, _raw_text(connection):
            _check_rows(connection, check, anchor)
            _check_counts(connection, check)
            _check_guards(connection, check)
            if trace_folder is not None:
                _check_traces(connection, check, trace_folder)
    except LedgerError as error:
        if engine.dialect.name != "sqlite":  # a server that went away says nothing about its rows
            raise
        check.complain(error.message)
    if anchor is not None and not check.anchored:
        check.complain(f"the chain does not run through the anchor {anchor}")
    return Verification(
        ok=not check.problems,
        checked_rows=sum(check.seen.values()),
        problems=tuple(check.problems),
        head=f"{check.last[0]}:{check.last[1]}",
    )


@contextmanager
def _raw_text(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite hand out text that is no longer UTF-8, which is what a changed byte may make of it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


def _check_rows(connection: sa.Connection, check: _Check, anchor: str | None) -> None:
    shared = _by_entry(
        (table, row) for table in tables.SHARED_TABLES for row in _raw(connection, f"SELECT * FROM {table.name}")
    )
    entries = _entries(connection)
    for batch in iter(lambda: [entry for _, entry in zip(range(_BATCH), entries, strict=False)], []):
        run_ids = {entry["run_id"] for entry in batch if entry["run_id"]}
        plan_seqs = [entry["seq"] for entry in batch if not entry["run_id"]]
        rows = _by_entry(joined(_rows_of_runs(connection, run_ids), _plans(connection, plan_seqs)))
        for entry in batch:
            _check_entry(entry, {**shared.get(entry["seq"], {}), **rows.get(entry["seq"], {})}, check)
            check.anchored |= anchor == f"{entry['seq']}:{entry['sha256']}"
    high_water = chain.high_water(connection)
    if check.last[0] < high_water:
        check.complain(f"the chain ends at entry {check.last[0]}, but {high_water} were filed")


def _entries(connection: sa.Connection) -> Iterator[Row]:
    """The audit table by number, read in pieces."""
    last: Any = None
    while True:
        where = "" if last is None else "WHERE seq > :last"
        rows = _raw(
            connection, f"SELECT * FROM audit {where} ORDER BY seq LIMIT 5000", **({"last": last} if where else {})
        )
        yield from rows
        if not rows:
            return
        last = rows[-1]["seq"]


def _raw(connection: sa.Connection, statement: str, **values: Any) -> list[Row]:
    """Rows as the driver gives them: no type of ours may smooth over a difference."""
    query = sa.text(statement)
    lists = [name for name, value in values.items() if isinstance(value, list)]
    expanding: list[sa.BindParameter[Any]] = [sa.bindparam(name, expanding=True) for name in lists]
    return [dict(row) for row in connection.execute(query.bindparams(*expanding), values).mappings()]


def _rows_of_runs(connection: sa.Connection, run_ids: set[str]) -> Iterator[tuple[sa.Table, Row]]:
    for table in tables.RUN_TABLES:
        column = "id" if table is tables.run else "run_id"
        if run_ids:
            statement = f"SELECT * FROM {table.name} WHERE {column} IN :ids"
            for row in _raw(connection, statement, ids=sorted(run_ids)):
                yield table, row


def _plans(connection: sa.Connection, seqs: list[int]) -> Iterator[tuple[sa.Table, Row]]:
    """Plans are long, so that they are read with their entries, unlike what else belongs to no run."""
    if seqs:
        for row in _raw(connection, "SELECT * FROM plan WHERE audit_seq IN :seqs", seqs=seqs):
            yield tables.plan, row


def _by_entry(found: Iterable[tuple[sa.Table, Row]]) -> dict[Any, dict[sa.Table, list[Row]]]:
    entries: dict[Any, dict[sa.Table, list[Row]]] = {}
    for table, row in found:
        entries.setdefault(row["audit_seq"], {}).setdefault(table, []).append(row)
    return entries


def _check_entry(entry: Row, rows: Mapping[sa.Table, list[Row]], check: _Check) -> None:
    parts = chain.content_parts(rows)
    name = f"audit entry {entry['seq']}" + (f" (run {entry['run_id']})" if entry["run_id"] else "")
    if entry["seq"] != check.last[0] + 1 or entry["prev_sha256"] != check.last[1]:
        check.complain(f"{name} does not follow entry {check.last[0]}: something between them was removed or changed")
    if entry["sha256"] != chain.entry_hash(entry):
        check.complain(f"{name} was changed")
    if entry["content_sha256"] != chain.content_hash(parts):
        check.complain(f"{name}: {_difference(entry['contents'], chain.describe(parts))}")
    elif entry["contents"] != chain.describe(parts):
        check.complain(f"{name} was changed: it describes other rows")
    check.last = (entry["seq"], entry["sha256"])
    check.seen["audit"] = check.seen.get("audit", 0) + 1
    for table, found in parts.items():
        check.seen[table] = check.seen.get(table, 0) + len(found)


def _difference(filed: str, found: str) -> str:
    try:
        before, after = json.loads(filed), json.loads(found)
    except ValueError:
        return "its list of contents was changed"
    for name in sorted({*before, *after}):
        had, has = before.get(name, [0, ""]), after.get(name, [0, ""])
        if had[0] != has[0]:
            return f"{had[0]} rows of {name} were filed, {has[0]} are there"
        if had != has:
            return f"a row of {name} was changed"
    return "a row was changed: " + canonical(sorted(after))


def _check_counts(connection: sa.Connection, check: _Check) -> None:
    """Rows that belong to no entry were not seen on the way."""
    for table in tables.ALL_TABLES:
        there = _raw(connection, f"SELECT count(*) AS n FROM {table.name}")[0]["n"]
        seen = check.seen.get(table.name, 0)
        if there != seen:
            check.complain(f"{table.name} holds {there} rows, the chain covers {seen}")


def _check_guards(connection: sa.Connection, check: _Check) -> None:
    """The triggers must be there, and an SQLite file sound, its indexes included."""
    dialect = connection.dialect.name
    source = (
        "SELECT tgname AS name FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE tgenabled <> 'D' AND relnamespace = CAST(current_schema() AS regnamespace)"
    )
    if dialect == "sqlite":
        source = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for row in _raw(connection, "PRAGMA integrity_check(10)"):
            if row["integrity_check"] != "ok":
                check.complain(f"the database file is damaged: {row['integrity_check']}")
    there = {row["name"] for row in _raw(connection, source)}
    for table in tables.ALL_TABLES:
        for name in trigger_names(dialect, table.name):
            if name not in there:
                check.complain(f"the trigger {name} that protects {table.name} was removed")


def _check_traces(connection: sa.Connection, check: _Check, folder: str) -> None:
    rows = _raw(connection, "SELECT run_id, path, sha256 FROM trace ORDER BY run_id")
    for run_id, traces in groupby(rows, key=lambda row: row["run_id"]):
        for trace in traces:
            problem = trace_problem(trace["path"], trace["sha256"], folder)
            if problem:
                check.complain(f"run {run_id}: {problem}")
