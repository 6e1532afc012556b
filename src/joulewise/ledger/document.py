"""Bundles as JSON documents and back, without loss: {"run": {...}, "measurements": [...], ..., "later": {...}}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from joulewise.core.errors import LedgerError
from joulewise.core.figures import Figure
from joulewise.core.plans import Decision
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
from joulewise.core.variants import Comparison
from joulewise.ledger.plain import plain
from joulewise.ledger.plan_document import decision_document, decision_from
from joulewise.ledger.variant_rows import comparison_document, comparison_from

_LISTS: dict[str, type[Any]] = {
    "devices": Device,
    "phases": Phase,
    "measurements": Measurement,
    "evaluations": Evaluation,
    "factors": Factor,
    "calculations": Calculation,
    "traces": Trace,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What was filed about a run after it: calculations with the factors that they need, decisions, a comparison."""

    calculations: tuple[Calculation, ...] = ()
    factors: tuple[Factor, ...] = ()
    decisions: tuple[Decision, ...] = ()
    comparison: Comparison | None = None


def to_document(bundle: Bundle, later: Later | None = None) -> dict[str, Any]:
    """The bundle as it was filed, and what came later."""
    later = later or Later()
    document: dict[str, Any] = {
        "run": _plain(bundle.run),
        "host": None if bundle.host is None else _plain(bundle.host),
        **{name: [_plain(record) for record in getattr(bundle, name)] for name in _LISTS},
    }
    document["later"] = {
        "calculations": [_plain(one) for one in later.calculations],
        "factors": [_plain(one) for one in later.factors],
        "decisions": [decision_document(one) for one in later.decisions],
        **(comparison_document(later.comparison) if later.comparison else {}),
    }
    return document


def from_document(document: Mapping[str, Any]) -> tuple[Bundle, Later]:
    """What `to_document` was given. Raises LedgerError for anything else, OutOfRange for impossible values.

    Exports of the first version hold no decisions, those of the second no comparisons.
    """
    try:
        bundle = Bundle(
            run=_record(Run, document["run"]),
            host=None if document["host"] is None else _record(Host, document["host"]),
            **{name: _records(kind, document[name]) for name, kind in _LISTS.items()},
        )
        later = document["later"]
        return bundle, Later(
            calculations=_records(Calculation, later["calculations"]),
            factors=_records(Factor, later["factors"]),
            decisions=tuple(map(decision_from, later.get("decisions", ()))),
            comparison=comparison_from(bundle.run.id, later) if later.get("variants") or later.get("savings") else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"that is not a run as the ledger exports it: {error}", hint="joulewise export") from error


def _plain(record: Any) -> Any:
    return plain(record, _leaf)


def _leaf(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, float) and not isfinite(value) else value  # JSON has no NaN


def _records(kind: type[Any], documents: list[Any]) -> tuple[Any, ...]:
    return tuple(_record(kind, document) for document in documents)


def _record(kind: type[Any], document: Mapping[str, Any]) -> Any:
    known = {field.name: str(field.type) for field in fields(kind)}
    return kind(**{name: _typed(known.get(name, ""), value) for name, value in document.items()})


def _typed(annotation: str, value: Any) -> Any:
    if annotation == "Figure":
        return Figure(**value)
    if annotation == "datetime":
        return datetime.fromisoformat(value)
    if annotation == "float" and isinstance(value, str):
        return float(value)
    return tuple(value) if annotation.startswith("tuple") else value
