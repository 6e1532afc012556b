"""A bundle as the rows that are filed: pure, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError
from joulewise.core.records import Bundle, Calculation, Evaluation, Factor, Run
from joulewise.core.superseding import ring_of
from joulewise.core.ulid import is_ulid
from joulewise.ledger import tables
from joulewise.ledger.headline import headline_calculation, headline_columns
from joulewise.ledger.rows import Row, canonical, digest, encode, flat, pack, row_bytes

Rows = dict[sa.Table, list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The rows of one audit entry. `shared` may be there already, `own` must not be. A plan is of no run."""

    run_id: str | None
    own: Rows
    shared: Rows


def bundle_filing(bundle: Bundle) -> Filing:
    """The rows of a run. Raises LedgerError for an id that is no ULID or a reference to another run."""
    run_id = bundle.run.id
    if not is_ulid(run_id):
        raise LedgerError(f"a run's id must be a ULID, got {run_id!r:.60}", hint="joulewise.core.ulid.new_ulid()")
    for other in (bundle.run.parent_id, bundle.run.supersedes):
        if other is not None and not is_ulid(other):
            raise LedgerError(f"run {run_id} names a run {other!r:.60}, which is no ULID")
        if other == run_id:
            raise LedgerError(f"run {run_id} names itself as the run above or before it", hint="leave that open")
    _check_references(bundle)
    own: Rows = {
        tables.phase: _numbered(tables.phase, bundle.phases),
        tables.measurement: _numbered(tables.measurement, bundle.measurements),
        tables.evaluation: [
            {**row, "position": position} for position, row in enumerate(map(_evaluation_row, bundle.evaluations))
        ],
        tables.trace: _numbered(tables.trace, bundle.traces),
        tables.calculation: _calculation_rows(bundle.calculations, headline=1),
    }
    shared = {**_machine_rows(bundle), **factor_rows(bundle.factors)}
    run_row = _run_row(bundle, own, shared)
    own[tables.run] = [run_row]
    own[tables.run_tag] = [
        {"pair_sha256": pair, "started_at_us": run_row["started_at_us"], "run_id": run_id}
        for pair in sorted({tag_pair(key, value) for key, value in bundle.run.tags.items()})
    ]
    return Filing(run_id=run_id, own=own, shared=shared)


def calculations_filing(run_id: str, calculations: list[Calculation], factors: tuple[Factor, ...]) -> Filing:
    """The rows of calculations that are filed after their run. Raises LedgerError if some supersede each other."""
    refuse_ring("calculation", calculations)
    return Filing(
        run_id=run_id,
        own={tables.calculation: _calculation_rows(calculations, headline=2)},
        shared=factor_rows(factors),
    )


def tag_pair(key: str, value: str) -> str:
    """What tags are found by: a hash, since a tag may be longer than an index entry."""
    return sha256(canonical([key, value]).encode("ascii")).hexdigest()[:32]


def _check_references(bundle: Bundle) -> None:
    run_id = bundle.run.id
    kinds: tuple[tuple[Any, ...], ...] = (bundle.phases, bundle.measurements, bundle.evaluations, bundle.calculations)
    strangers = sorted({child.run_id for children in (*kinds, bundle.traces) for child in children} - {run_id})
    if strangers:
        raise LedgerError(f"run {run_id} comes with rows of run {strangers[0]!r:.60}", hint="file each run by itself")
    phases: set[str | None] = {None, *(phase.id for phase in bundle.phases)}
    named = {phase.parent_id for phase in bundle.phases}
    named |= {row.phase_id for row in bundle.measurements} | {row.phase_id for row in bundle.evaluations}
    named |= {row.phase_id for row in bundle.calculations}
    refuse_ring("measurement", bundle.measurements)
    refuse_ring("calculation", bundle.calculations)
    if not named <= phases:
        raise LedgerError(f"run {run_id} names the phase {min(map(str, named - phases))!r:.60}, which it does not have")


def refuse_ring(what: str, records: Sequence[Any]) -> None:
    """Refuse records that supersede themselves, at once or by way of others: none of them would hold."""
    found = ring_of((record.id, record.supersedes) for record in records)
    if found is not None:
        raise LedgerError(
            f"{what} {found!r:.60} supersedes itself, so that none would hold", hint="name the row that it replaces"
        )


def _numbered(table: sa.Table, records: tuple[Any, ...]) -> list[Row]:
    return [encode(table, {**flat(record), "position": position}) for position, record in enumerate(records)]


def _calculation_rows(calculations: list[Calculation] | tuple[Calculation, ...], headline: int) -> list[Row]:
    chosen = headline_calculation(calculations)
    rows = _numbered(tables.calculation, tuple(calculations))
    for record, row in zip(calculations, rows, strict=True):
        row["headline"] = headline if record is chosen else 0
    return rows


def _evaluation_row(record: Evaluation) -> Row:
    """A loss of NaN or infinity is a finding, not an error: SQLite can't hold it, so it is stored as a word.

    A bound that is not a number bounds nothing, hence is absent.
    """
    values = flat(record)
    for bound in ("low", "high"):
        if values[bound] is not None and not isfinite(values[bound]):
            values[bound] = None
    values["not_a_number"] = None
    if not isfinite(record.value):
        values.update(value=None, not_a_number=str(float(record.value)))
    return encode(tables.evaluation, values)


def _machine_rows(bundle: Bundle) -> Rows:
    """Hosts and devices are kept by content, since a machine changes while its id stays."""
    found: Rows = {tables.host: [], tables.device: []}
    if bundle.host is not None:
        found[tables.host].append(_by_content(tables.host, bundle.host))
    found[tables.device].extend(_by_content(tables.device, device) for device in bundle.devices)
    return found


def _by_content(table: sa.Table, record: Any) -> Row:
    row = encode(table, flat(record))
    return {**row, "sha256": digest([row_bytes(row)])}


def factor_rows(factors: tuple[Factor, ...]) -> Rows:
    """Factors and the sets that they belong to."""
    rows = [encode(tables.factor, flat(factor)) for factor in factors]
    return {tables.factor_set: [{"id": id} for id in sorted({row["set_id"] for row in rows})], tables.factor: rows}


_RENAMED = {"started_at": "started_at_us", "ended_at": "ended_at_us"}


def _run_row(bundle: Bundle, own: Rows, shared: Rows) -> Row:
    values = {_RENAMED.get(name, name): value for name, value in flat(bundle.run).items()}
    values["seed"] = None if bundle.run.seed is None else str(bundle.run.seed)
    row = encode(tables.run, values)
    hosts = shared[tables.host]
    machine = {
        "host_sha256": hosts[0]["sha256"] if hosts else None,
        "device_refs": canonical([device["sha256"] for device in shared[tables.device]]),
        "factor_ids": canonical([factor["id"] for factor in shared[tables.factor]]),
    }
    row.update(machine)
    parts = [row_bytes(row), *(row_bytes(part) for rows in own.values() for part in rows)]
    parts += [row_bytes(part) for part in shared[tables.factor]]
    return {
        **row,
        "bundle_sha256": digest(parts),
        **encode(tables.run, headline_columns(bundle)),
        **_keys(bundle.run),
    }


def _keys(run: Run) -> Row:
    """The beginnings by which runs are found."""
    return {f"{name}_key": pack(getattr(run, name))[: tables.KEY_LENGTH] for name in ("name", "project")}
