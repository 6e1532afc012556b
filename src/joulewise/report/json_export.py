"""The report for machines: JSON with a versioned schema, units in key names, numbers exact to the last bit.

Schema `joulewise.run-report/1`. A number is written with the shortest digits that give the same 64-bit float back, so
nothing is rounded. A figure that is absent is null and stands in `absent` with its reason; it is never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from joulewise.core.figures import Figure
from joulewise.core.records import Bundle, Calculation, Measurement
from joulewise.core.variants import Comparison
from joulewise.report.view import Grid, Row, RunView

SCHEMA = "joulewise.run-report/1"


class JsonExporter:
    """Writes a RunView as one JSON object, a Grid as a list of objects."""

    name = "json"
    suffix = ".json"

    def render(self, view: object) -> str:
        """The whole document. Raises TypeError for anything else than a RunView or a Grid."""
        if isinstance(view, Grid):
            return _text([_line(view, line) for line in view.rows])
        if not isinstance(view, RunView):
            raise TypeError(f"want a RunView or a Grid, got {type(view).__name__}")
        return _text(document(view))


def document(view: RunView) -> dict[str, Any]:
    """The JSON object of a run, as Python values."""
    bundle = view.bundle
    return {
        "schema": SCHEMA,
        "run": _run(bundle),
        "summary": {name: value for row in view.headline for name, value in _flat(row).items()},
        "figures": [_figure_row(row) for row in view.rows() if row.figure is not None],
        "absent": [
            {"name": row.key, "reason": row.reason, "cure": row.cure} for row in view.rows() if row.figure is None
        ],
        "notices": [{"level": one.level, "text": one.text, "cure": one.cure} for one in view.notices],
        "phases": [_record(one) for one in bundle.phases],
        "measurements": [_measurement(one) for one in bundle.measurements],
        "calculations": [_calculation(one) for one in bundle.calculations],
        "factors": [_record(one) for one in bundle.factors],
        "evaluations": [_record(one) for one in bundle.evaluations],
        "host": _record(bundle.host) if bundle.host else None,
        "devices": [_record(one) for one in bundle.devices],
        "traces": [_record(one) for one in bundle.traces],
        **_compared(view.comparison),
    }


def _compared(found: Comparison | None) -> dict[str, Any]:
    """The models, data, variants and savings of a run that compared any, linked by their ids; else nothing."""
    if found is None or not found.variants:
        return {}
    names = ("models", "datasets", "variants", "savings")
    return {name: [_record(one) for one in getattr(found, name)] for name in names}


def _flat(row: Row) -> dict[str, Any]:
    """energy_j, energy_low_j, energy_high_j, energy_method: the unit stays last in each name."""
    quantity = row.key.partition(".")[0]
    stem, underscore, unit = quantity.rpartition("_")
    if not underscore:  # money: its unit is the currency
        stem, unit = quantity, (row.figure.unit.lower() if row.figure else "")
    tail = f"_{unit}" if unit else ""
    figure = row.figure
    return {
        f"{stem}{tail}": figure.value if figure else None,
        f"{stem}_low{tail}": figure.low if figure else None,
        f"{stem}_high{tail}": figure.high if figure else None,
        f"{stem}_method": figure.method if figure else None,
    }


def _figure_row(row: Row) -> dict[str, Any]:
    assert row.figure is not None
    optional = {
        "attribution": row.attribution,
        "component": row.component,
        "basis": row.basis,
        "phase": row.phase,
        "boundary": row.boundary,
        "pue_included": row.pue_included,
        "coverage": row.coverage,
        "id": row.id,
    }
    kept = {name: value for name, value in optional.items() if value not in ("", None)}
    return {"name": row.key, "label": row.label, **figure_values(row.figure), "shown": row.shown, **kept}


def figure_values(figure: Figure) -> dict[str, Any]:
    """Value, bounds, unit, method, source and level of a figure."""
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "method": figure.method,
        "source": figure.source,
        "level": figure.level,
    }


def _run(bundle: Bundle) -> dict[str, Any]:
    return _record(bundle.run)


def _measurement(one: Measurement) -> dict[str, Any]:
    return {**_record(one), "figure": figure_values(one.figure)}


def _calculation(one: Calculation) -> dict[str, Any]:
    return {**_record(one), "figure": figure_values(one.figure)}


def _record(record: Any) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in record.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Figure):
        return figure_values(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(inner) for inner in value]
    if is_dataclass(value):  # observations and steps within a variant
        return _record(value)
    if isinstance(value, float) and not isfinite(value):
        return None  # JSON has no NaN; absent is null
    return value


def _line(grid: Grid, line: tuple[Row | str, ...]) -> dict[str, Any]:
    return {
        column: figure_values(cell.figure) if isinstance(cell, Row) and cell.figure else getattr(cell, "shown", cell)
        for column, cell in zip(grid.columns, line, strict=True)
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
