"""Lists (runs, factors, plug-ins, ...) twice: a table to look at, and records for machines, units in their names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import fill
from typing import Any

from joulewise.core.errors import UsageError
from joulewise.core.figures import Figure
from joulewise.core.plugins import load
from joulewise.report.escape import csv_cell, markdown, plain, to_ascii
from joulewise.report.view import Grid, Row, RunView, Step

FORMATS = ("table", "json", "csv", "markdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The same things twice: `grid` as people read them, `records` as machines do. `notes` belong to the grid and are
    drawn below it; `header` and `footer` are for people only and are left to whoever draws."""

    grid: Grid
    records: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    header: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the terminal can show."""

    width: int = 100
    color: bool = False
    ascii_only: bool = False
    brief: bool = False


def draw(listing: Listing, format: str, style: Style | None = None) -> str:
    """The list in one of FORMATS. Raises UsageError for another."""
    style = style or Style()
    if format == "json":
        return json.dumps([_jsonable(record) for record in listing.records], indent=2, allow_nan=False) + "\n"
    if format == "csv":
        return csv_text(listing.records)
    if format == "markdown":
        text = str(load("exporters", "markdown")().render(listing.grid))
        return _joined(text, "\n\n".join(map(markdown, listing.notes)))
    if format == "table":
        return _joined(_table(listing.grid, style), "\n".join(_folded(note, style) for note in listing.notes))
    raise UsageError(f"unknown output {format!r}", hint=f"one of {', '.join(FORMATS)}")


def _joined(text: str, notes: str) -> str:
    return f"{text.rstrip()}\n\n{notes}\n" if notes else text


def _folded(note: str, style: Style) -> str:
    text = to_ascii(plain(note)) if style.ascii_only else plain(note)
    return fill(text, max(style.width, 20), subsequent_indent="  ")


def draw_run(view: RunView, format: str, style: Style | None = None) -> str:
    """A run in one of FORMATS, or of the exporters that are installed."""
    if format == "csv":
        return csv_text(figure_records(view))
    if format == "table":
        return _table(view, style or Style())
    return str(load("exporters", format)().render(view))


def draw_below(listing: Listing, format: str, style: Style | None = None) -> str:
    """A list that stands below others: its header above it, its footer below, folded to the width."""
    text = draw(listing, format, style)
    if format == "markdown":
        above = f"**{markdown(listing.header)}**\n\n" if listing.header else ""
        below = "".join(f"\n- {markdown(line)}" for line in listing.footer.splitlines())
        return f"{above}{text}{below}".rstrip() + "\n"
    if format != "table":
        return text
    style = style or Style()
    stacked = text.startswith(listing.grid.title)  # a grid that is too wide is a list below its title
    head = f"{_folded(listing.header, style)}\n\n" if listing.header and not stacked else ""
    return head + _joined(text, "\n".join(_folded(line, style) for line in listing.footer.splitlines()))


def draw_steps(rows: Sequence[Row], format: str, style: Style | None = None) -> str:
    """How each figure was computed: an indented text for table, a list for Markdown, a tree for JSON, a line a step
    for CSV."""
    style = style or Style()
    if format == "json":
        return json.dumps([_step_tree(row) for row in rows], indent=2) + "\n"
    if format == "csv":
        return csv_text(_step_line(row, depth, step) for row in rows if row.how for depth, step in row.how.walk())
    if format == "markdown":
        return load("exporters", "markdown")().steps(rows)  # type: ignore[no-any-return]
    exporter = load("exporters", "table")(width=style.width, color=style.color, ascii_only=style.ascii_only)
    return "\n".join(exporter.steps(row) for row in rows)


def _step_tree(row: Row) -> dict[str, Any]:
    return {
        "name": row.key,
        "label": row.label,
        "shown": row.shown,
        "reason": row.reason or None,
        "how": _tree(row.how) if row.how else None,
    }


def _tree(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "name": step.name,
        "shown": step.shown,
        "text": step.text,
        "details": list(step.details),
        "inputs": [_tree(one) for one in step.inputs],
    }


def _step_line(row: Row, depth: int, step: Step) -> dict[str, Any]:
    details = "; ".join(step.details)
    return {"figure": row.key, "depth": depth, "kind": step.kind, "name": step.name, "shown": step.shown,
            "text": step.text, "details": details}  # fmt: skip


def figure_records(view: RunView) -> list[dict[str, Any]]:
    """A line a figure, the absent ones too: their value is empty and their reason says why."""
    return [
        {
            "run_id": view.run_id,
            "name": row.key,
            "label": row.label,
            "value": row.figure.value if row.figure else None,
            "low": row.figure.low if row.figure else None,
            "high": row.figure.high if row.figure else None,
            "unit": row.figure.unit if row.figure else None,
            "method": row.method or None,
            "coverage": row.coverage,
            "reason": row.reason or None,
        }
        for row in view.rows()
    ]


def figure_fields(stem: str, unit: str, figure: Figure | None) -> dict[str, Any]:
    """energy_j, energy_low_j, energy_high_j, energy_method; all None where there is no figure."""
    return {
        f"{stem}_{unit}": figure.value if figure else None,
        f"{stem}_low_{unit}": figure.low if figure else None,
        f"{stem}_high_{unit}": figure.high if figure else None,
        f"{stem}_method": figure.method if figure else None,
    }


def csv_text(records: Iterable[Mapping[str, Any]]) -> str:
    """RFC 4180 with a header; the columns are those of all records, in order of appearance."""
    listed = list(records)
    columns = list(dict.fromkeys(name for record in listed for name in record))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([csv_cell(_flat(record.get(name))) for name in columns] for record in listed)
    return out.getvalue()


def simple(
    title: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[Row | str, ...]],
    *,
    numeric: Iterable[str] = (),
    spare: Iterable[str] = (),
) -> Grid:
    """A grid of text."""
    return Grid(title=title, columns=columns, rows=tuple(rows), numeric=frozenset(numeric), spare=frozenset(spare))


def _table(shown: Grid | RunView, style: Style) -> str:
    exporter = load("exporters", "table")
    made = exporter(width=style.width, color=style.color, ascii_only=style.ascii_only, brief=style.brief)
    return str(made.render(shown))


def _flat(value: Any) -> Any:
    plain = _jsonable(value)
    return json.dumps(plain, sort_keys=True) if isinstance(plain, dict | list) else plain


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_jsonable(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
