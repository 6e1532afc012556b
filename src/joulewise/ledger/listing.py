"""Rows of a list: only what a list shows, with the latest emissions."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from joulewise.core.figures import Figure
from joulewise.ledger import tables
from joulewise.ledger.query import RunRow
from joulewise.ledger.rows import moment, unpack

LIST_COLUMNS = tuple(
    tables.run.c[name]
    for name in (
        *("id", "name", "kind", "status", "project", "started_at_us", "ended_at_us", "duration_s", "coverage"),
        *("energy_id", "energy_j", "energy_low_j", "energy_high_j", "energy_method", "energy_attribution"),
        *("emissions_id", "emissions_g", "emissions_low_g", "emissions_high_g", "emissions_method"),
        *("unit", "unit_count", "parent_id", "group_key", "host_id", "supersedes", "tags"),
    )
)


def run_rows(connection: sa.Connection, ids: list[str]) -> tuple[RunRow, ...]:
    """The rows of these runs, in this order, with the latest emissions."""
    query = sa.select(*LIST_COLUMNS).where(tables.run.c.id.in_(ids))
    found = {row["id"]: row for row in connection.execute(query).mappings()}
    later = _later_emissions(connection, ids)
    return tuple(_row(found[id], later.get(id)) for id in ids)


def _later_emissions(connection: sa.Connection, ids: list[str]) -> dict[str, sa.RowMapping]:
    table = tables.calculation
    query = sa.select(table).where(table.c.run_id.in_(ids), table.c.headline == 2).order_by(table.c.audit_seq)
    return {row["run_id"]: row for row in connection.execute(query).mappings()}


def _row(row: sa.RowMapping, later: sa.RowMapping | None) -> RunRow:
    emissions = _figure(row, "emissions", "g", "g")
    if later is not None:
        names = ("value", "low", "high", "unit", "method")
        emissions = Figure(**{name: later[name] for name in names}, source=later["id"])
    same = ("id", "kind", "status", "duration_s", "coverage", "energy_attribution", "unit_count")
    texts = ("name", "project", "unit", "parent_id", "group_key", "supersedes", "host_id")
    values: dict[str, Any] = {name: row[name] for name in same}
    values.update({name: None if row[name] is None else unpack(row[name]) for name in texts})
    return RunRow(
        **values,
        started_at=moment(row["started_at_us"]),
        ended_at=moment(row["ended_at_us"]),
        energy=_figure(row, "energy", "j", "J"),
        emissions=emissions,
        tags=json.loads(row["tags"]),
    )


def _figure(row: sa.RowMapping, name: str, suffix: str, unit: str) -> Figure | None:
    if row[f"{name}_{suffix}"] is None:
        return None
    return Figure(
        value=row[f"{name}_{suffix}"],
        low=row[f"{name}_low_{suffix}"],
        high=row[f"{name}_high_{suffix}"],
        unit=unit,
        method=row[f"{name}_method"],
        source=row[f"{name}_id"],
    )
