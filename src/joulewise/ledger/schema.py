"""The schema's version, and the way up to it. Alembic is imported only when there is something to do."""

from __future__ import annotations

import os

import sqlalchemy as sa
from sqlalchemy import exc

from joulewise.core.errors import LedgerError, LedgerSchema
from joulewise.ledger.engine import in_our_words, writing

VERSIONS = ("0001", "0002", "0003")
"""Every schema version, oldest first; the last one is ours."""
VERSION_TABLE = "joulewise_schema"


def ensure(engine: sa.Engine, *, create: bool) -> None:
    """Bring the ledger to our schema version, under the writers' lock; does nothing if it is there already.

    Raises LedgerSchema for a newer ledger, LedgerError for a database of somebody else or, unless `create`, for an
    empty one.
    """
    with in_our_words(engine), engine.connect() as connection:
        if version(connection) == VERSIONS[-1]:
            return
    with writing(engine) as connection:
        found = version(connection)  # again: another process may have been faster
        _check(connection, found, create)
        if found != VERSIONS[-1]:
            _migrate(connection)


def version(connection: sa.Connection) -> str | None:
    """The ledger's schema version, None if it has no tables of ours."""
    if connection.dialect.name == "postgresql":
        # not to_regclass(): it may answer from a cache that another process's new tables have not reached
        there = sa.text("SELECT 1 FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)")
        if connection.execute(there, {"name": VERSION_TABLE}).first() is None:
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    try:
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    except exc.OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise


def _check(connection: sa.Connection, found: str | None, create: bool) -> None:
    if found is not None and found not in VERSIONS:
        raise LedgerSchema(
            f"the ledger has schema {found}, this joulewise knows up to {VERSIONS[-1]}",
            hint="pip install --upgrade joulewise",
        )
    if found is None and sa.inspect(connection).get_table_names():
        raise LedgerError("the database belongs to another program", hint="--ledger with a path or database of its own")
    if found is None and not create:
        raise LedgerError("the database holds no ledger", hint="joulewise run -- COMMAND makes one")


def _migrate(connection: sa.Connection) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(os.path.join(os.path.dirname(__file__), "migrations"))
    context = MigrationContext.configure(
        connection,
        opts={
            "fn": lambda current, _context: scripts._upgrade_revs("head", current),
            "version_table": VERSION_TABLE,
        },
    )
    with Operations.context(context):
        context.run_migrations()
