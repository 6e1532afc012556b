"""Files bundles: one transaction, one audit entry a run, nothing edited, nothing filed twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import sqlalchemy as sa

from joulewise.core.errors import LedgerError, NotFound
from joulewise.core.records import Bundle, Calculation, Factor
from joulewise.ledger import chain, tables
from joulewise.ledger.engine import writing
from joulewise.ledger.filing import Filing, Rows, bundle_filing, calculations_filing
from joulewise.ledger.rows import Row, row_bytes

CHUNK = 250
_KEYS = {
    tables.host: "sha256",
    tables.device: "sha256",
    tables.factor_set: "id",
    tables.factor: "id",
    tables.model: "row_sha256",
    tables.dataset: "row_sha256",
}


class Batch:
    """Rows on their way into one transaction; the chain runs through them in memory."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._rows: Rows = {table: [] for table in tables.ALL_TABLES}
        self._last = chain.head(connection)
        self._shared: dict[tuple[sa.Table, str], bytes] = {}
        self._runs: dict[str, str] = {}

    @property
    def seq(self) -> int:
        return self._last[0]

    def know(self, filings: Sequence[Filing]) -> None:
        """Look up what is there already of the runs and shared rows that are about to come."""
        wanted = [filing.run_id for filing in filings if filing.run_id]
        query = sa.select(tables.run.c.id, tables.run.c.bundle_sha256).where(tables.run.c.id.in_(wanted))
        self._runs.update((row.id, row.bundle_sha256) for row in self._connection.execute(query))
        for table, key in _KEYS.items():
            ids = {row[key] for filing in filings for row in filing.shared.get(table, ())}
            if ids:
                found = self._connection.execute(sa.select(table).where(table.c[key].in_(ids)))
                self._shared.update({(table, row[key]): row_bytes(row) for row in found.mappings()})

    def has(self, filing: Filing) -> bool:
        """True if the run is there with the same content. Raises LedgerError if its content differs."""
        stored = self._runs.get(filing.run_id or "")
        if stored is not None and stored != filing.own[tables.run][0]["bundle_sha256"]:
            raise LedgerError(
                f"run {filing.run_id} is in the ledger with another content",
                hint="file a new run whose `supersedes` names it; rows are never edited",
            )
        return stored is not None

    def add(self, filing: Filing, actor: str, action: str) -> None:
        rows = {**filing.own, **{table: self._new(table, found) for table, found in filing.shared.items()}}
        entry = chain.make_entry(self._last, rows, actor=actor, action=action, run_id=filing.run_id)
        self._last = (entry["seq"], entry["sha256"])
        self._rows[tables.audit].append(entry)
        for table, found in rows.items():
            self._rows[table].extend({**row, "audit_seq": entry["seq"]} for row in found)
        for row in filing.own.get(tables.run, ()):
            self._runs[row["id"]] = row["bundle_sha256"]

    def _new(self, table: sa.Table, rows: list[Row]) -> list[Row]:
        fresh = []
        for row in rows:
            place, content = (table, row[_KEYS[table]]), row_bytes(row)
            stored = self._shared.get(place)
            if stored is None:
                self._shared[place] = content
                fresh.append(row)
            elif stored != content:
                raise LedgerError(
                    f"{table.name} {place[1]!r:.80} is in the ledger with another content",
                    hint="give the new version a new id; rows are never edited",
                )
        return fresh

    def write(self) -> None:
        for table, rows in self._rows.items():
            if rows:
                self._connection.execute(sa.insert(table), rows)


def append_bundles(engine: sa.Engine, bundles: Iterable[Bundle], actor: str) -> int:
    """File bundles, CHUNK of them a transaction; how many were new. Those before a refused chunk stay filed."""
    source, filed = iter(bundles), 0
    while chunk := [bundle_filing(bundle) for bundle in islice(source, CHUNK)]:
        filed += _append_chunk(engine, chunk, actor)
    return filed


def _append_chunk(engine: sa.Engine, filings: list[Filing], actor: str) -> int:
    filed = 0
    with writing(engine) as connection:
        batch = Batch(connection)
        batch.know(filings)
        for filing in filings:
            if not batch.has(filing):
                batch.add(filing, actor, "append")
                filed += 1
        batch.write()
    if filed:
        chain.remember(engine, batch.seq)
    return filed


def append_calculations(
    engine: sa.Engine, calculations: Sequence[Calculation], factors: tuple[Factor, ...], actor: str
) -> int:
    """File calculations of runs that are there; those that are there already are left out. How many were new.

    Raises NotFound if a run or a superseded calculation is not there, LedgerError for an id with another content.
    """
    by_run: dict[str, list[Calculation]] = {}
    for calculation in calculations:
        by_run.setdefault(calculation.run_id, []).append(calculation)
    with writing(engine) as connection:
        filings = [
            calculations_filing(run_id, fresh, factors)
            for run_id, rows in by_run.items()
            if (fresh := _unfiled(connection, run_id, rows))
        ]
        batch = Batch(connection)
        batch.know(filings)
        for filing in filings:
            batch.add(filing, actor, "append calculations")
        batch.write()
    if filings:
        chain.remember(engine, batch.seq)
    return sum(len(filing.own[tables.calculation]) for filing in filings)


def _unfiled(connection: sa.Connection, run_id: str, calculations: list[Calculation]) -> list[Calculation]:
    if connection.execute(sa.select(tables.run.c.id).where(tables.run.c.id == run_id)).first() is None:
        raise NotFound(f"no run {run_id!r:.60}", hint="joulewise runs")
    query = sa.select(tables.calculation).where(tables.calculation.c.run_id == run_id)
    stored = {row["id"]: row for row in connection.execute(query).mappings()}
    known = stored.keys() | {calculation.id for calculation in calculations}
    for calculation in calculations:
        if calculation.supersedes is not None and calculation.supersedes not in known:
            raise NotFound(f"run {run_id} has no calculation {calculation.supersedes!r:.60} to supersede")
    for row in calculations_filing(run_id, calculations, ()).own[tables.calculation]:
        _check_same(row, stored.get(row["id"]))
    return [calculation for calculation in calculations if calculation.id not in stored]


def _check_same(row: Row, stored: sa.RowMapping | None) -> None:
    placed = ("position", "headline")
    if stored is not None and any(stored[name] != value for name, value in row.items() if name not in placed):
        raise LedgerError(
            f"calculation {row['id']} is in the ledger with another content",
            hint="give the new one a new id and let it supersede the old; rows are never edited",
        )
