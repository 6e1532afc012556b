"""Files what was found out about models, and reads it back. Nothing is edited: a newer variant supersedes an older."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError, NotFound
from joulewise.core.superseding import holding
from joulewise.core.variants import Comparison, Dataset, Model, Saving, Variant
from joulewise.ledger import chain, tables
from joulewise.ledger.engine import writing
from joulewise.ledger.rows import Row, row_bytes
from joulewise.ledger.variant_rows import (
    comparison_filing,
    dataset_record,
    model_record,
    saving_record,
    variant_record,
)
from joulewise.ledger.writing import Batch

ACTION = "append comparison"
_OWN = (tables.variant, tables.saving)


def append_comparisons(engine: sa.Engine, comparisons: Iterable[Comparison], actor: str) -> int:
    """File comparisons about runs that are there, in one transaction; how many variants and savings were new.

    Raises NotFound for a run, variant or superseded variant that is not there, LedgerError for an id that is there
    with another content.
    """
    filings = [(one, comparison_filing(one)) for one in comparisons]
    filed = 0
    with writing(engine) as connection:
        batch = Batch(connection)
        batch.know([filing for _, filing in filings])
        for comparison, filing in filings:
            _check_references(connection, comparison)
            fresh = {table: _unfiled(connection, table, filing.own[table]) for table in _OWN}
            if any(fresh.values()):
                filed += sum(map(len, fresh.values()))
                batch.add(type(filing)(run_id=filing.run_id, own=fresh, shared=filing.shared), actor, ACTION)
        batch.write()
    if filed:
        chain.remember(engine, batch.seq)
    return filed


def _unfiled(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> list[Row]:
    query = sa.select(table).where(table.c.id.in_([row["id"] for row in rows]))
    stored = {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    for row in rows:
        before = stored.get(row["id"])
        if before is not None and row_bytes({**before, "position": row["position"]}) != row_bytes(row):
            raise LedgerError(
                f"{table.name} {row['id']} is in the ledger with another content",
                hint="file a new one with a new id; rows are never edited",
            )
    return [row for row in rows if row["id"] not in stored]


def _check_references(connection: sa.Connection, found: Comparison) -> None:
    if connection.execute(sa.select(tables.run.c.id).where(tables.run.c.id == found.run_id)).first() is None:
        raise NotFound(f"no run {found.run_id!r:.60}", hint="joulewise runs")
    named = {one.supersedes for one in found.variants if one.supersedes}
    named |= {id for one in found.savings for id in (one.baseline_id, one.new_id)}
    named -= {one.id for one in found.variants}
    query = sa.select(tables.variant.c.id).where(tables.variant.c.id.in_(sorted(named)))
    missing = named - set(connection.execute(query).scalars())
    if missing:
        raise NotFound(f"no variant {min(missing)!r:.60}", hint="file the variants first")


def read_variants(
    connection: sa.Connection,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    include_superseded: bool = False,
) -> tuple[Variant, ...]:
    """All variants, or those of a run or a model, in the order of filing."""
    table = tables.variant
    query = sa.select(table).order_by(table.c.audit_seq, table.c.position)
    for column, wanted in ((table.c.run_id, run_id), (table.c.model_id, model_id)):
        query = query.where(column == wanted) if wanted is not None else query
    rows = connection.execute(query).mappings().all()
    held = None if include_superseded else _holding(connection, rows)
    return tuple(variant_record(row) for row in rows if held is None or row["id"] in held)


def _holding(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> set[str]:
    """A variant may be superseded by one of another run, which a list of one run does not hold."""
    table = tables.variant
    later = sa.select(table.c.id, table.c.supersedes).where(table.c.supersedes.is_not(None))
    links: dict[str, Any] = {row["id"]: row["supersedes"] for row in rows}
    links.update((row.id, row.supersedes) for row in connection.execute(later.order_by(table.c.audit_seq)))
    return holding(links.items())


def read_savings(connection: sa.Connection, run_id: str | None = None) -> tuple[Saving, ...]:
    """All savings, or those of a run, in the order of filing."""
    table = tables.saving
    query = sa.select(table).order_by(table.c.audit_seq, table.c.position)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    return tuple(map(saving_record, connection.execute(query).mappings()))


def read_model(connection: sa.Connection, id: str) -> Model:
    """The model of that id, as it was described last. Raises NotFound."""
    return model_record(_last(connection, tables.model, id))


def read_dataset(connection: sa.Connection, id: str) -> Dataset:
    """The dataset of that id, as it was described last. Raises NotFound."""
    return dataset_record(_last(connection, tables.dataset, id))


def _last(connection: sa.Connection, table: sa.Table, id: str) -> sa.RowMapping:
    query = sa.select(table).where(table.c.id == id).order_by(table.c.audit_seq.desc()).limit(1)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"no {table.name} {id!r:.60}", hint="joulewise bench files one")
    return found


def read_comparison(connection: sa.Connection, run_id: str) -> Comparison:
    """All that was filed about models by a run, superseded variants included."""
    rows = connection.execute(
        sa.select(tables.variant.c.model_row, tables.variant.c.dataset_row).where(tables.variant.c.run_id == run_id)
    ).all()
    return Comparison(
        run_id=run_id,
        models=tuple(map(model_record, _contents(connection, tables.model, (row.model_row for row in rows)))),
        datasets=tuple(map(dataset_record, _contents(connection, tables.dataset, (row.dataset_row for row in rows)))),
        variants=read_variants(connection, run_id=run_id, include_superseded=True),
        savings=read_savings(connection, run_id),
    )


def _contents(connection: sa.Connection, table: sa.Table, rows: Iterable[str | None]) -> Sequence[sa.RowMapping]:
    wanted = sorted({row for row in rows if row is not None})
    query = sa.select(table).where(table.c.row_sha256.in_(wanted)).order_by(table.c.id, table.c.audit_seq)
    return connection.execute(query).mappings().all()
