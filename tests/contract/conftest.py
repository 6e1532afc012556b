"""A fresh ledger on each back-end: an SQLite file, and a schema of its own on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from joulewise import ledger

POSTGRES = pytest.param("postgresql", marks=pytest.mark.postgres)
PSYCOPG = "postgresql+psycopg"


@pytest.fixture(params=["sqlite", POSTGRES])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a ledger that isn't there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store' / 'ledger.db'}"
        return
    base = os.environ.get("JOULEWISE_TEST_POSTGRES")
    if not base:
        pytest.skip('needs PostgreSQL: export JOULEWISE_TEST_POSTGRES="$(tests/contract/start_postgres.sh)"')
    schema = f"t{uuid4().hex}"
    admin = sa.create_engine(sa.make_url(base).set(drivername=PSYCOPG), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    yield f"{base}?options=-csearch_path%3D{schema}"
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()


@pytest.fixture
def store(store_url: str) -> Iterator[ledger.Ledger]:
    """An open, empty ledger."""
    with ledger.open(store_url) as opened:
        yield opened


@pytest.fixture
def outsider(store: ledger.Ledger, store_url: str) -> Iterator[sa.Engine]:
    """The same database without our manners: no triggers of ours stop it once it has dropped them."""
    url = sa.make_url(store_url)
    engine = sa.create_engine(url.set(drivername=PSYCOPG) if url.drivername == "postgresql" else url)
    yield engine
    engine.dispose()
