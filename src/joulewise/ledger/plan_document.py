"""Plans and decisions as plain values and back, without loss: for JSON exports and for the columns that hold JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joulewise.core.errors import LedgerError
from joulewise.core.figures import Figure
from joulewise.core.plans import Decision, Job, Option, Plan, Segment
from joulewise.core.signal_series import from_series, moment_text, to_series
from joulewise.ledger.plain import plain

Document = dict[str, Any]

_ADDED = {"energy_low_ratio": 1.0, "energy_high_ratio": 1.0}
"""Fields of a job that older plans lack: left out where they say nothing, as a plan's content must stay what it was."""


def plan_document(plan: Plan) -> Document:
    """A plan as JSON can hold it; the forecast in a short form."""
    return {
        "id": plan.id,
        "created_at": moment_text(plan.created_at),
        "job": {name: value for name, value in _plain(plan.job).items() if name not in _ADDED or value != _ADDED[name]},
        "options": [_plain(option) for option in plan.options],
        "chosen": plan.chosen,
        "reason": plan.reason,
        "forecast": to_series(plan.forecast),
        "notices": list(plan.notices),
    }


def plan_from(document: Mapping[str, Any]) -> Plan:
    """What `plan_document` was given. Raises LedgerError for anything else, OutOfRange for impossible values."""
    try:
        values = dict(document)
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        values["job"] = _job(values["job"])
        values["options"] = tuple(map(_option, values["options"]))
        values["forecast"] = from_series(values["forecast"])
        values["notices"] = tuple(values["notices"])
        return Plan(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no("plan", error) from error


def decision_document(decision: Decision) -> Document:
    """A decision as JSON can hold it."""
    document: Document = _plain(decision)
    return document


def decision_from(document: Mapping[str, Any]) -> Decision:
    """What `decision_document` was given. Raises LedgerError for anything else, OutOfRange for impossible values."""
    try:
        values = dict(document)
        values["decided_at"] = datetime.fromisoformat(values["decided_at"])
        values["segments"] = _segments(values["segments"])
        for name in ("realised", "counterfactual", "saved", "oracle", "market_saved", "ratio"):
            values[name] = _figure(values[name])
        return Decision(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no("decision", error) from error


def _no(what: str, error: Exception) -> LedgerError:
    return LedgerError(f"that is not a {what} as the ledger exports it: {error}", hint="joulewise export")


def _plain(record: Any) -> Any:
    return plain(record, lambda value: moment_text(value) if isinstance(value, datetime) else value)


def _figure(document: Mapping[str, Any] | None) -> Figure | None:
    return None if document is None else Figure(**document)


def _segments(documents: list[Mapping[str, Any]]) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            region=one["region"],
            start=datetime.fromisoformat(one["start"]),
            end=datetime.fromisoformat(one["end"]),
        )
        for one in documents
    )


def _job(document: Mapping[str, Any]) -> Job:
    values = dict(document)
    values["power_profile"] = tuple((seconds, power_w) for seconds, power_w in values["power_profile"])
    values["regions"] = tuple(values["regions"])
    values["release"] = datetime.fromisoformat(values["release"])
    values["deadline"] = datetime.fromisoformat(values["deadline"])
    return Job(**values)


def _option(document: Mapping[str, Any]) -> Option:
    values = dict(document)
    values["segments"] = _segments(values["segments"])
    for name in ("energy", "emissions", "cost"):
        values[name] = _figure(values[name])
    return Option(**values)
