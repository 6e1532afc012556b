"""Rows back to bundles."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import NotFound
from joulewise.core.records import (
    Bundle,
    Calculation,
    Device,
    Evaluation,
    Factor,
    Host,
    Measurement,
    Phase,
    Run,
    Trace,
)
from joulewise.core.superseding import holding
from joulewise.ledger import tables
from joulewise.ledger.rows import Row, decode, moment


def read_bundle(connection: sa.Connection, run_id: str, *, include_superseded: bool) -> Bundle:
    """The run with all that was ever filed for it, in the order of filing; superseded rows only if asked for."""
    row = _run_row(connection, run_id)
    calculations = _children(connection, tables.calculation, Calculation, run_id)
    measurements = _children(connection, tables.measurement, Measurement, run_id)
    if not include_superseded:
        calculations, measurements = _latest(calculations), _latest(measurements)
    return _assembled(connection, row, measurements, calculations)


def read_as_filed(connection: sa.Connection, run_id: str) -> tuple[Bundle, tuple[Calculation, ...]]:
    """The bundle exactly as it was filed first, and the calculations that came later."""
    row = _run_row(connection, run_id)
    measurements = _children(connection, tables.measurement, Measurement, run_id)
    first, later = (
        _children(connection, tables.calculation, Calculation, run_id, where)
        for where in (
            tables.calculation.c.audit_seq == row["audit_seq"],
            tables.calculation.c.audit_seq > row["audit_seq"],
        )
    )
    return _assembled(connection, row, measurements, first), later


def read_factors(connection: sa.Connection, ids: Iterable[str]) -> tuple[Factor, ...]:
    """The factors of these ids that are there, in that order."""
    wanted = list(dict.fromkeys(ids))
    query = sa.select(tables.factor).where(tables.factor.c.id.in_(wanted))
    found = {row["id"]: row for row in connection.execute(query).mappings()}
    return tuple(decode(Factor, found[id]) for id in wanted if id in found)


def factors_named(calculations: Iterable[Calculation]) -> list[str]:
    """The ids of the factors that went into calculations."""
    parts = [part for calculation in calculations for part in calculation.inputs.values()]
    return [str(part["factor"]) for part in parts if part.get("factor")]


def _run_row(connection: sa.Connection, run_id: str) -> sa.RowMapping:
    found = connection.execute(sa.select(tables.run).where(tables.run.c.id == run_id)).mappings().one_or_none()
    if found is None:
        raise NotFound(f"no run {run_id!r:.60}", hint="joulewise runs")
    return found


def _assembled(
    connection: sa.Connection,
    row: sa.RowMapping,
    measurements: tuple[Measurement, ...],
    calculations: tuple[Calculation, ...],
) -> Bundle:
    run_id = row["id"]
    factor_ids = dict.fromkeys([*json.loads(row["factor_ids"]), *factors_named(calculations)])
    return Bundle(
        run=run_record(row),
        host=_host(connection, row["host_sha256"]),
        devices=_devices(connection, json.loads(row["device_refs"])),
        phases=_children(connection, tables.phase, Phase, run_id),
        measurements=measurements,
        evaluations=_children(connection, tables.evaluation, Evaluation, run_id),
        factors=read_factors(connection, factor_ids),
        calculations=calculations,
        traces=_children(connection, tables.trace, Trace, run_id),
    )


def run_record(row: sa.RowMapping) -> Run:
    """The run of a row."""
    values: Row = dict(row)
    values["started_at"], values["ended_at"] = moment(row["started_at_us"]), moment(row["ended_at_us"])
    values["seed"] = None if row["seed"] is None else int(row["seed"])
    run: Run = decode(Run, values)
    return run


def _children(
    connection: sa.Connection,
    table: sa.Table,
    kind: type[Any],
    run_id: str,
    where: sa.ColumnElement[bool] | None = None,
) -> tuple[Any, ...]:
    query = sa.select(table).where(table.c.run_id == run_id).order_by(table.c.audit_seq, table.c.position)
    if where is not None:
        query = query.where(where)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        if row.get("not_a_number") is not None:
            row["value"] = float(row["not_a_number"])
    return tuple(decode(kind, row) for row in rows)


def _latest(records: tuple[Any, ...]) -> tuple[Any, ...]:
    held = holding((record.id, record.supersedes) for record in records)
    return tuple(record for record in records if record.id in held)


def _host(connection: sa.Connection, sha256: str | None) -> Host | None:
    if sha256 is None:
        return None
    found: Host = decode(Host, connection.execute(_by_content(tables.host, [sha256])).mappings().one())
    return found


def _devices(connection: sa.Connection, refs: list[str]) -> tuple[Device, ...]:
    if not refs:
        return ()
    found = {row["sha256"]: row for row in connection.execute(_by_content(tables.device, refs)).mappings()}
    return tuple(decode(Device, found[ref]) for ref in refs)


def _by_content(table: sa.Table, hashes: list[str]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.sha256.in_(hashes))
