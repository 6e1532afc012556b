"""A fresh ledger on each back-end: an SQLite file, and a schema of its own on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from joulewise import ledger
from joulewise.testing.ledgers import empty_ledger

POSTGRES = pytest.param("postgresql", marks=pytest.mark.postgres)
PSYCOPG = "postgresql+psycopg"


@pytest.fixture(scope="session")
def admin() -> Iterator[sa.Connection]:
    """A connection to the PostgreSQL server, to make and drop schemas with."""
    base = os.environ.get("JOULEWISE_TEST_POSTGRES")
    if not base:
        pytest.skip('needs PostgreSQL: export JOULEWISE_TEST_POSTGRES="$(tests/contract/start_postgres.sh)"')
    engine = sa.create_engine(sa.make_url(base).set(drivername=PSYCOPG), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def schema_of_its_own(admin: sa.Connection) -> Iterator[str]:
    """The URL of an empty schema, for as long as the block lasts."""
    schema = f"t{uuid4().hex}"
    admin.execute(sa.text(f"CREATE SCHEMA {schema}"))
    yield f"{os.environ['JOULEWISE_TEST_POSTGRES']}?options=-csearch_path%3D{schema}"
    admin.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))


@pytest.fixture(params=["sqlite", POSTGRES])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a ledger that isn't there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store' / 'ledger.db'}"
        return
    with schema_of_its_own(request.getfixturevalue("admin")) as url:
        yield url


@pytest.fixture(scope="session")
def migrations(admin: sa.Connection) -> str:
    """All that our migrations say to a PostgreSQL server."""
    said: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if not statement.lstrip().startswith("SELECT"):
            assert not parameters, statement
            said.append(statement.replace("%%", "%"))

    sa.event.listen(sa.Engine, "before_cursor_execute", record)
    try:
        with schema_of_its_own(admin) as url:
            ledger.open(url).close()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", record)
    return ";\n".join(one for one in said if " SCHEMA " not in one)


@pytest.fixture
def store(store_url: str, request: pytest.FixtureRequest) -> Iterator[ledger.Ledger]:
    """An open, empty ledger: to migrate each anew takes longer than most tests, so it begins as a copy of one."""
    if store_url.startswith("sqlite"):
        empty_ledger(Path(store_url.removeprefix("sqlite:///")))
    else:
        with psycopg.connect(store_url) as connection:
            connection.execute(request.getfixturevalue("migrations"))
    with ledger.open(store_url) as opened:
        yield opened


@pytest.fixture
def outsider(store: ledger.Ledger, store_url: str) -> Iterator[sa.Engine]:
    """The same database without our manners: no triggers of ours stop it once it has dropped them."""
    url = sa.make_url(store_url)
    engine = sa.create_engine(url.set(drivername=PSYCOPG) if url.drivername == "postgresql" else url)
    yield engine
    engine.dispose()
