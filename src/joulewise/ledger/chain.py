"""The audit chain: each entry's hash covers the rows that were filed with it and the hash of the entry before.

hash(n) = SHA-256 of the canonical JSON of entry n, hash(n - 1) included, hash(n) itself left out. The content hash
covers the canonical bytes of every row of the entry; `contents` adds how many there are of each table and a CRC-32
each, which say where a difference lies. Rows removed from the very end leave no broken link: see `high_water`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy import exc

from joulewise.ledger import tables
from joulewise.ledger.filing import Rows
from joulewise.ledger.rows import Row, canonical, digest, pack, row_bytes

_log = logging.getLogger(__name__)
GENESIS = "0" * 64
HIGH_WATER = "joulewise_high_water"
"""PostgreSQL's sequence that remembers the last entry's number; SQLite's AUTOINCREMENT does so by itself."""


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and hash of the last entry; 0 and GENESIS for an empty chain."""
    query = sa.select(tables.audit.c.seq, tables.audit.c.sha256).order_by(tables.audit.c.seq.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return (0, GENESIS) if found is None else (found.seq, found.sha256)


def make_entry(last: tuple[int, str], rows: Rows, *, actor: str, action: str, run_id: str | None) -> Row:
    """The entry that follows `last` and covers `rows`."""
    parts = content_parts(rows)
    entry: Row = {
        "seq": last[0] + 1,
        "at_us": time.time_ns() // 1_000,
        "actor": pack(actor),
        "action": action,
        "run_id": run_id,
        "contents": describe(parts),
        "content_sha256": content_hash(parts),
        "prev_sha256": last[1],
    }
    return {**entry, "sha256": entry_hash(entry)}


def content_parts(rows: Mapping[sa.Table, list[Row]]) -> dict[str, list[bytes]]:
    """Table name to the bytes of its rows, in an order that no database has a say in."""
    return {table.name: sorted(map(row_bytes, found)) for table, found in rows.items() if found}


def describe(parts: Mapping[str, list[bytes]]) -> str:
    """Table name to number of rows and their CRC-32, as JSON."""
    return canonical({name: [len(found), f"{crc32(b'|'.join(found)):08x}"] for name, found in parts.items()})


def content_hash(parts: Mapping[str, list[bytes]]) -> str:
    """SHA-256 over the rows of all tables, by table name."""
    return digest(piece for name in sorted(parts) for piece in (name.encode(), *parts[name]))


def entry_hash(entry: Mapping[str, Any]) -> str:
    """SHA-256 over an entry without its own hash."""
    return digest([row_bytes({name: value for name, value in entry.items() if name != "sha256"})])


def high_water(connection: sa.Connection) -> int:
    """The number of the last entry that was ever filed; a chain that ends earlier has lost its end."""
    if connection.dialect.name == "postgresql":
        query = sa.text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {HIGH_WATER}")
    else:
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
    return int(connection.execute(query).scalar() or 0)


def remember(engine: sa.Engine, seq: int) -> None:
    """Raise PostgreSQL's high-water mark after a commit: sequences stand outside transactions.

    Two writers may come here in either order, and a crash may skip it; then the mark lags until the next entry.
    """
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"SELECT setval('{HIGH_WATER}', :seq)"), {"seq": seq})
    except exc.DBAPIError as error:  # what was filed is committed, and must not look as if it were not
        _log.warning("the ledger's high-water mark was not raised to %d: %s", seq, error.orig)
