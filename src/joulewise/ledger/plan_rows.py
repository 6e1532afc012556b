"""Plans and decisions as rows and back; pure, no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError
from joulewise.core.figures import Figure
from joulewise.core.plans import Decision, Plan
from joulewise.core.ulid import is_ulid
from joulewise.ledger.plan_document import decision_document, decision_from, plan_document, plan_from
from joulewise.ledger.plan_tables import BOUNDS, FIGURES, column_of, decision, plan
from joulewise.ledger.rows import Row, encode, moment, unpack

_PLAN_JSON = ("job", "options", "forecast", "notices")
_FIGURE_PARTS = (*BOUNDS, "method", "source", "level")


def plan_row(record: Plan) -> Row:
    """The row of a plan. Raises LedgerError for an id that is no ULID, OutOfRange for what can't be stored."""
    _check_id("plan", record.id)
    document = plan_document(record)
    job = record.job
    found = {"name": job.name, "home": job.home, "release_at_us": job.release, "deadline_at_us": job.deadline}
    values = {name: document[name] for name in ("id", "chosen", "reason", *_PLAN_JSON)}
    return encode(plan, {**values, **found, "created_at_us": record.created_at})


def plan_record(row: Mapping[str, Any] | sa.RowMapping) -> Plan:
    """The plan of a row."""
    return plan_from(
        {
            **{name: unpack(row[name]) for name in ("id", "chosen", "reason")},
            **{name: json.loads(row[name]) for name in _PLAN_JSON},
            "created_at": moment(row["created_at_us"]).isoformat(),
        }
    )


def decision_row(record: Decision) -> Row:
    """The row of a decision. Raises LedgerError for an id that is no ULID, OutOfRange for what can't be stored."""
    _check_id("decision", record.id)
    if record.saved.unit != "g":
        raise LedgerError(f"a decision is in grams, got {record.saved.unit!r:.20}")
    document = decision_document(record)
    names = ("run_id", "id", "plan_id", "chosen", "segments", "details", "supersedes")
    figures: Row = {}
    for name in FIGURES:
        figures.update(_figure_columns(name, getattr(record, name)))
    values = {name: document[name] for name in names}
    return encode(decision, {**values, "decided_at_us": record.decided_at, **figures})


def decision_record(row: Mapping[str, Any] | sa.RowMapping) -> Decision:
    """The decision of a row."""
    texts = {name: row[name] for name in ("run_id", "id", "plan_id", "supersedes")}
    return decision_from(
        {
            **texts,
            "chosen": unpack(row["chosen"]),
            "decided_at": moment(row["decided_at_us"]).isoformat(),
            "segments": json.loads(row["segments"]),
            "details": json.loads(row["details"]),
            **{name: _figure_document(name, row) for name in FIGURES},
        }
    )


def _check_id(what: str, id: str) -> None:
    if not is_ulid(id):
        raise LedgerError(f"a {what}'s id must be a ULID, got {id!r:.60}", hint="joulewise.core.ulid.new_ulid()")


def _figure_columns(name: str, figure: Figure | None) -> Row:
    return {column_of(name, part): None if figure is None else getattr(figure, part) for part in _FIGURE_PARTS}


def _figure_document(name: str, row: Mapping[str, Any] | sa.RowMapping) -> Row | None:
    values = {part: row[column_of(name, part)] for part in _FIGURE_PARTS}
    if values["value"] is None:
        return None
    unit = FIGURES[name][0].removeprefix("_") or "1"
    return {**values, "source": unpack(values["source"]), "unit": unit}
