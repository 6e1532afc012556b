"""Engines for SQLite and PostgreSQL with the same transactions on both, and their errors in our words."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from joulewise.core.errors import LedgerError, PluginMissing, UsageError
from joulewise.ledger import disk

BUSY_TIMEOUT_S = 60.0
_WRITE_LOCK = 0x6A6F756C  # any number will do, as long as it stays
_EXAMPLES = "sqlite:////home/me/ledger.db, a path, or postgresql://user@host/database"


def sqlite_path(url: str) -> str | None:
    """The absolute path of an SQLite URL or a bare path, None for PostgreSQL. Raises UsageError for anything else.

    The path is taken as it stands: no percent signs, no question marks are special in it.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return None
    if separator and scheme != "sqlite":
        raise UsageError(f"can't read the ledger URL {scheme}://...", hint=_EXAMPLES)
    path = rest.removeprefix("/") if separator else url
    if path in ("", ":memory:") or "\x00" in path:
        raise UsageError(f"the ledger URL {url!r} names no file", hint=_EXAMPLES)
    return os.path.abspath(os.path.expanduser(path))


def make_engine(url: str, *, create: bool) -> sa.Engine:
    """An engine for the URL; for SQLite the file is there afterwards. Raises LedgerError with the cure."""
    path = sqlite_path(url)
    if path is None:
        return _postgresql_engine(url)
    disk.check_place(path, create=create)
    return _sqlite_engine(path)


def _sqlite_engine(path: str) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=path),
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")  # KiB, taken as needed
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # SQLite does not wait for this lock, however long the timeout
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _is_locked(error: sqlite3.OperationalError) -> bool:
    """False for what no waiting cures, a full disk say. An extended code has the plain one in its lowest byte."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _begin_sqlite(connection: sa.Connection) -> None:
    # the driver's own BEGIN is off: a writer must take its lock at once, else two readers that want to write deadlock
    writes = connection.get_execution_options().get("joulewise_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
        return sa.create_engine(parsed, pool_pre_ping=True, isolation_level="READ COMMITTED")
    except (exc.ArgumentError, ValueError) as error:
        raise UsageError("can't read the ledger URL", hint=_EXAMPLES) from error
    except ModuleNotFoundError as error:
        raise PluginMissing("a PostgreSQL ledger needs psycopg", hint="pip install 'joulewise[postgres]'") from error


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other writer shares; committed at the end, rolled back on any error."""
    with in_our_words(engine), engine.connect() as plain:
        connection = plain.execution_options(joulewise_writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITE_LOCK)))
            yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that sees one state of the ledger throughout."""
    with in_our_words(engine), engine.connect() as plain:
        options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        connection = plain.execution_options(**options)
        with connection.begin():
            yield connection


_CURES = (
    ("locked", "another program holds the ledger", "end it, or try again"),
    ("readonly", "the ledger can't be written", "chmod u+w the file and its folder"),
    ("unable to open", "the ledger can't be opened", "check the folder's permissions"),
    ("full", "the disk is full", "free some space and try again; nothing that was filed is lost"),
    ("disk i/o error", "the disk refuses to write", "free some space and try again; nothing that was filed is lost"),
    ("malformed", "the ledger's file is damaged", "restore a copy, then joulewise ledger merge what is newer"),
    ("not a database", "the file is not an SQLite database", "--ledger with another path"),
    ("append-only", "the ledger is append-only", "file a new row that supersedes the old one"),
)


@contextmanager
def in_our_words(engine: sa.Engine) -> Iterator[None]:
    """Turns the drivers' errors into LedgerError with a cure."""
    try:
        yield
    except exc.IntegrityError as error:
        raise LedgerError(
            f"the ledger refuses the row: {_first_line(error)}", hint="the record breaks a rule"
        ) from error
    except exc.DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        said = _first_line(error)
        for word, message, cure in _CURES:
            if word in said.lower():
                raise LedgerError(f"{message}: {place} ({said})", hint=cure) from error
        raise LedgerError(f"{place}: {said}", hint="check that the server runs and the URL is right") from error


def _first_line(error: exc.DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
