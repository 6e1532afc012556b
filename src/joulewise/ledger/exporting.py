"""The ledger as files: JSON without loss, CSV and Parquet with a row a run and units in the column names.

Runs are read page by page inside one transaction and written as they come; the file appears when it is whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import LedgerError, PluginMissing, UsageError
from joulewise.core.figures import Figure
from joulewise.core.plans import Plan
from joulewise.ledger.document import from_document, to_document
from joulewise.ledger.engine import reading
from joulewise.ledger.files import write_atomically
from joulewise.ledger.finding import find_page
from joulewise.ledger.later import read_part
from joulewise.ledger.merging import Part
from joulewise.ledger.plan_document import plan_document, plan_from
from joulewise.ledger.plan_store import walk_plans
from joulewise.ledger.query import RunQuery, RunRow

_Writer = Callable[[io.BufferedWriter, Iterator[RunRow]], None]
FORMATS = ("json", "csv", "parquet")
_FORMAT_NAME, _FORMAT_VERSION = "joulewise-ledger", 3
"""Version 1 had no plans and no decisions, version 2 no models and variants."""
_PAGE = 500
_TEXTS = ("id", "name", "kind", "status", "project")
_MORE_TEXTS = ("parent_id", "group_key", "host_id", "supersedes", "tags")
COLUMNS = (
    *_TEXTS,
    *("started_at", "ended_at", "duration_s", "coverage"),
    *("energy_j", "energy_low_j", "energy_high_j", "energy_method", "energy_attribution"),
    *("emissions_g", "emissions_low_g", "emissions_high_g", "emissions_method"),
    *("unit", "unit_count"),
    *_MORE_TEXTS,
)


def export(engine: sa.Engine, query: RunQuery, format: str, path: str) -> int:
    """Write all runs that match, whatever the paging; how many they were.

    Raises UsageError for an unknown format, PluginMissing for Parquet without pyarrow, LedgerError if it can't write.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r:.40}", hint=f"one of {', '.join(FORMATS)}")
    query = replace(query, limit=_PAGE, offset=0, cursor=None, count=False)
    counted: list[int] = []
    with reading(engine) as connection:
        rows = _counting(_all_rows(connection, query), counted)
        writers: dict[str, _Writer] = {
            "json": partial(_write_json, connection, query.everything),
            "csv": _write_csv,
            "parquet": _write_parquet,
        }
        write = writers[format]
        write_atomically(path, lambda file: write(file, rows))
    return len(counted)


def read_export(path: str) -> tuple[Iterator[Part], Iterator[Plan]]:
    """The bundles of a JSON export, each with what was filed later, and the plans.

    Raises LedgerError if that is not what the file holds, at the latest when it comes to the damaged part.
    """
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        raise LedgerError(f"can't read {path}: {error}", hint="joulewise export --format json") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT_NAME or "runs" not in document:
        raise LedgerError(f"{path} is not a ledger's JSON export", hint="joulewise export --format json")
    if document.get("version") not in range(1, _FORMAT_VERSION + 1):
        raise LedgerError(
            f"{path} is an export of version {document.get('version')!r:.20}, this joulewise reads up to "
            f"{_FORMAT_VERSION}",
            hint="pip install --upgrade joulewise",
        )
    return map(from_document, document["runs"]), map(plan_from, document.get("plans", ()))


def _counting(rows: Iterable[RunRow], counted: list[int]) -> Iterator[RunRow]:
    for row in rows:
        counted.append(1)
        yield row


def _all_rows(connection: sa.Connection, query: RunQuery) -> Iterator[RunRow]:
    while True:
        page = find_page(connection, query)
        yield from page.rows
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


def _write_json(connection: sa.Connection, whole: bool, file: io.BufferedWriter, rows: Iterator[RunRow]) -> None:
    """Runs, and the plans that their decisions name; of the whole ledger also the plans that nobody followed."""
    named: dict[str, None] = {}

    def runs() -> Iterator[Any]:
        for row in rows:
            bundle, later = read_part(connection, row.id)
            named.update((one.plan_id, None) for one in later.decisions if one.plan_id)
            yield to_document(bundle, later)

    file.write(f'{{"format": "{_FORMAT_NAME}", "version": {_FORMAT_VERSION}, "runs": ['.encode())
    _write_list(file, runs())
    file.write(b'\n], "plans": [')
    _write_list(file, map(plan_document, walk_plans(connection, None if whole else list(named))))
    file.write(b"\n]}\n")


def _write_list(file: io.BufferedWriter, documents: Iterable[Any]) -> None:
    for number, document in enumerate(documents):
        file.write((",\n" if number else "\n").encode() + json.dumps(document, allow_nan=False).encode("ascii"))


def flat_row(row: RunRow) -> dict[str, Any]:
    """One run as COLUMNS; None where there is no figure."""
    values = {name: getattr(row, name, None) for name in COLUMNS}
    values.update(_figure("energy", "j", row.energy), **_figure("emissions", "g", row.emissions))
    values["tags"] = json.dumps(dict(row.tags), sort_keys=True)
    return values


def _figure(name: str, unit: str, figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return dict.fromkeys((f"{name}_{unit}", f"{name}_low_{unit}", f"{name}_high_{unit}", f"{name}_method"))
    return {
        f"{name}_{unit}": figure.value,
        f"{name}_low_{unit}": figure.low,
        f"{name}_high_{unit}": figure.high,
        f"{name}_method": figure.method,
    }


def _write_csv(file: io.BufferedWriter, rows: Iterator[RunRow]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in flat_row(row).values()])
    text.flush()
    text.detach()


def _cell(value: Any) -> Any:
    """A spreadsheet runs a cell that starts like a formula; an apostrophe keeps it text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _write_parquet(file: io.BufferedWriter, rows: Iterator[RunRow]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PluginMissing("Parquet needs pyarrow", hint="pip install 'joulewise[parquet]'") from error
    times = {"started_at", "ended_at"}
    texts = {*_TEXTS, *_MORE_TEXTS, "energy_method", "energy_attribution", "emissions_method", "unit"}
    types = {name: pa.timestamp("us", tz="UTC") if name in times else pa.float64() for name in COLUMNS}
    schema = pa.schema([(name, pa.string() if name in texts else types[name]) for name in COLUMNS])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append({name: _encodable(value) for name, value in flat_row(row).items()})
            if len(batch) == _PAGE * 20:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
