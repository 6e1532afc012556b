"""Export, import and merge."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, UsageError
from joulewise.ledger import RunQuery, write_trace
from joulewise.ledger.exporting import COLUMNS
from joulewise.testing.bundles import example_trace
from joulewise.testing.ledgers import empty_ledger, full_bundle, small_bundle, total_emissions


@pytest.fixture
def filled(tmp_path):
    """Five runs: a full one with a trace, one without figures, one hostile, one whose carbon was worked out again."""
    with ledger.open(empty_ledger(tmp_path / "filled" / "ledger.db")) as store:
        full = full_bundle(1)
        trace = write_trace(full.run.id, example_trace(), store.trace_folder)
        later = small_bundle(4)
        store.append_many(
            [
                replace(full, traces=(trace,)),
                small_bundle(2, energy_j=None, emissions_g=None, coverage=None),
                small_bundle(3, name="=cmd|' /C calc'!A1", project='\x00\udcff,\n"', tags={"k": "v"}),
                later,
                small_bundle(5, supersedes=small_bundle(2).run.id),
            ]
        )
        store.append_calculations([total_emissions(later.run.id, 9.0, id="again", supersedes="emissions")])
        yield store


@pytest.fixture
def empty(tmp_path):
    with ledger.open(empty_ledger(tmp_path / "empty" / "ledger.db")) as store:
        yield store


def everything(store):
    query = RunQuery(include_superseded=True, limit=100)
    rows = store.runs(query).rows
    return rows, [store.bundle(row.id, include_superseded=True) for row in rows]


def test_json_comes_back_whole(filled, empty, tmp_path):
    path = str(tmp_path / "all.json")

    assert filled.export(RunQuery(include_superseded=True), "json", path) == 5
    merged = empty.import_json(path)
    assert (merged.runs, merged.present, merged.calculations) == (5, 0, 1)
    assert everything(empty) == everything(filled)
    assert empty.verify(traces=False).ok
    again = empty.import_json(path)
    assert (again.runs, again.present, again.calculations) == (0, 5, 0)
    assert json.loads(Path(path).read_text())["version"] == 3


def test_csv_has_a_row_a_run_and_units_in_its_names(filled, tmp_path):
    path = tmp_path / "runs.csv"

    assert filled.export(None, "csv", str(path)) == 4
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    full, hostile = rows[full_bundle(1).run.id], rows[small_bundle(3).run.id]
    assert tuple(full) == COLUMNS
    assert (full["energy_j"], full["energy_method"], full["emissions_g"]) == ("5161.8", "modelled", "1.18")
    assert full["started_at"] == "2026-03-14T09:26:53+00:00"
    assert hostile["name"].startswith("'=cmd")
    assert rows[small_bundle(4).run.id]["emissions_g"] == "9.0"


def test_parquet_holds_the_same(filled, tmp_path):
    path = str(tmp_path / "runs.parquet")

    assert filled.export(RunQuery(sort="name", descending=False), "parquet", path) == 4
    table = pq.read_table(path)
    rows = table.to_pylist()
    assert tuple(table.column_names) == COLUMNS
    assert {str(table.schema.field(name).type) for name in ("started_at", "energy_j", "name")} == {
        "timestamp[us, tz=UTC]",
        "double",
        "string",
    }
    assert [row["emissions_g"] for row in rows if row["name"] == "run-4"] == [9.0]


@pytest.mark.parametrize("format", ["json", "csv", "parquet"])
def test_nothing_to_export_is_an_empty_file_of_its_kind(empty, tmp_path, format):
    path = tmp_path / f"none.{format}"

    assert empty.export(None, format, str(path)) == 0
    assert path.stat().st_size > 0


def test_a_failed_export_leaves_what_was_there(filled, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="unknown format"):
        filled.export(None, "xlsx", str(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(LedgerError, match="can't write"):
        filled.export(None, "csv", str(path))
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part")] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "joulewise-ledger", "version": 4, "runs": []}'])
def test_another_json_file_is_refused(empty, tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(LedgerError):
        empty.import_json(str(path))


def test_a_broken_run_in_an_export_is_refused(filled, empty, tmp_path):
    path = tmp_path / "all.json"
    filled.export(None, "json", str(path))
    document = json.loads(path.read_text())
    for harm in ({"run": None}, {"later": 5}, {"measurements": [{"id": 1}]}):
        path.write_text(json.dumps({**document, "runs": [document["runs"][0] | harm]}))
        with pytest.raises(LedgerError, match="not a run as the ledger exports it"):
            empty.import_json(str(path))
    assert empty.runs().total == 0


def test_merging_brings_everything_once(filled, empty, tmp_path):
    empty.append(small_bundle(2, energy_j=None, emissions_g=None, coverage=None))
    url = str(tmp_path / "filled" / "ledger.db")
    first, second = empty.merge(url), empty.merge(url)

    assert (first.runs, first.present, first.calculations, first.traces) == (4, 1, 1, 1)
    assert (second.runs, second.present, second.calculations, second.traces) == (0, 5, 0, 0)
    assert everything(empty) == everything(filled)
    assert empty.verify().ok
    assert len(list((tmp_path / "empty" / "traces").iterdir())) == 1


def test_merging_both_ways_gives_the_same_ledger(filled, empty, tmp_path):
    empty.append_many([small_bundle(10, group_key="job"), small_bundle(11, group_key="job", host_id="node-2")])
    filled.append(small_bundle(12, group_key="job"))
    empty.merge(str(tmp_path / "filled" / "ledger.db"))
    filled.merge(str(tmp_path / "empty" / "ledger.db"))

    assert everything(empty) == everything(filled)
    assert [row.name for row in filled.group("job")] == ["run-10", "run-11", "run-12"]


def test_a_run_that_differs_stops_the_merge(filled, empty, tmp_path):
    empty.append(small_bundle(4, energy_j=1.0))
    with pytest.raises(LedgerError, match="another content"):
        empty.merge(str(tmp_path / "filled" / "ledger.db"))
    assert empty.verify().ok
    with pytest.raises(LedgerError, match="there is no ledger"):
        empty.merge(str(tmp_path / "nowhere.db"))
