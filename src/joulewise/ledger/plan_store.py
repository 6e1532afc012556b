"""Files plans and decisions, and reads them back. Nothing is edited: a better decision supersedes the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError, NotFound
from joulewise.core.plans import Decision, Plan
from joulewise.core.superseding import holding
from joulewise.ledger import chain, tables
from joulewise.ledger.engine import writing
from joulewise.ledger.filing import Filing, refuse_ring
from joulewise.ledger.plan_rows import decision_record, decision_row, plan_record, plan_row
from joulewise.ledger.rows import Row, row_bytes
from joulewise.ledger.writing import Batch

PLAN_ACTION, DECISION_ACTION = "append plan", "append decision"


def append_plans(engine: sa.Engine, plans: Iterable[Plan], actor: str) -> int:
    """File plans in one transaction; those that are there already are left out. How many were new.

    Raises LedgerError for an id that is no ULID, or that is there with another content.
    """
    rows = [(None, plan_row(plan)) for plan in plans]
    with writing(engine) as connection:
        batch, filed = _added(connection, tables.plan, rows, (PLAN_ACTION, actor))
    if filed:
        chain.remember(engine, batch.seq)
    return filed


def append_decisions(engine: sa.Engine, decisions: Sequence[Decision], actor: str) -> int:
    """File decisions about runs that are there, in one transaction; how many were new.

    Raises NotFound for a run, a plan or a superseded decision that is not there, LedgerError as `append_plans` and for
    decisions that supersede each other in a ring.
    """
    refuse_ring("decision", decisions)
    rows = [(one.run_id, decision_row(one)) for one in decisions]
    with writing(engine) as connection:
        for decision in decisions:
            _check_references(connection, decision, {one.id for one in decisions if one.run_id == decision.run_id})
        batch, filed = _added(connection, tables.decision, rows, (DECISION_ACTION, actor))
    if filed:
        chain.remember(engine, batch.seq)
    return filed


def _added(
    connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[str | None, Row]], words: tuple[str, str]
) -> tuple[Batch, int]:
    action, actor = words
    batch = Batch(connection)
    fresh: dict[str, bytes] = {}
    for run_id, row in rows:
        content = fresh.get(row["id"]) or _stored(connection, table, row["id"])
        if content is None:
            fresh[row["id"]] = row_bytes(row)
            batch.add(Filing(run_id=run_id, own={table: [row]}, shared={}), actor, action)
        elif content != row_bytes(row):
            raise LedgerError(
                f"{table.name} {row['id']} is in the ledger with another content",
                hint="file a new one with a new id; rows are never edited",
            )
    batch.write()
    return batch, len(fresh)


def _stored(connection: sa.Connection, table: sa.Table, id: str) -> bytes | None:
    found = connection.execute(sa.select(table).where(table.c.id == id)).mappings().first()
    return None if found is None else row_bytes(found)


def _check_references(connection: sa.Connection, decision: Decision, filed_with_it: set[str]) -> None:
    wanted: tuple[tuple[sa.Table, str | None, str], ...] = (
        (tables.run, decision.run_id, "joulewise runs"),
        (tables.plan, decision.plan_id, "file the plan first"),
    )
    for table, id, hint in wanted:
        if id is not None and connection.execute(sa.select(table.c.id).where(table.c.id == id)).first() is None:
            raise NotFound(f"no {table.name} {id!r:.60}", hint=hint)
    if decision.supersedes is not None and decision.supersedes not in filed_with_it:
        there = tables.decision.c.id == decision.supersedes, tables.decision.c.run_id == decision.run_id
        if connection.execute(sa.select(tables.decision.c.id).where(*there)).first() is None:
            raise NotFound(f"run {decision.run_id} has no decision {decision.supersedes!r:.60} to supersede")


def walk_plans(connection: sa.Connection, ids: Iterable[str] | None = None) -> Iterator[Plan]:
    """The plans of these ids that are there, or all of them, in the order of filing; a few in memory at a time."""
    query = sa.select(tables.plan.c.id).order_by(tables.plan.c.audit_seq)
    if ids is not None:
        query = query.where(tables.plan.c.id.in_(list(ids)))
    for id in connection.execute(query).scalars().all():
        yield read_plan(connection, id)


def read_plan(connection: sa.Connection, id: str) -> Plan:
    """The plan of that id. Raises NotFound."""
    found = connection.execute(sa.select(tables.plan).where(tables.plan.c.id == id)).mappings().first()
    if found is None:
        raise NotFound(f"no plan {id!r:.60}", hint="joulewise plan makes one")
    return plan_record(found)


def read_decisions(
    connection: sa.Connection, run_id: str | None = None, *, include_superseded: bool = False
) -> tuple[Decision, ...]:
    """All decisions, or those of a run, in the order in which they were made."""
    table = tables.decision
    query: sa.Select[Any] = sa.select(table).order_by(table.c.decided_at_us, table.c.audit_seq)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    rows = connection.execute(query).mappings().all()
    if include_superseded:
        return tuple(map(decision_record, rows))
    # of two made at the same time the greater id counts as the later one: ledgers agree whatever came in first
    in_order = sorted(rows, key=lambda row: (row["decided_at_us"], row["id"]))
    held = holding((row["id"], row["supersedes"]) for row in in_order)
    return tuple(decision_record(row) for row in rows if row["id"] in held)
