"""Power traces beside the ledger."""

from __future__ import annotations

import os
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, UsageError
from joulewise.ledger import read_trace
from joulewise.ledger.traces import write_trace
from joulewise.testing.bundles import example_trace
from joulewise.testing.ledgers import empty_ledger, small_bundle, store_id

RUN = store_id(1)


@pytest.mark.parametrize("parquet", [True, False])
def test_what_is_written_comes_back(tmp_path, parquet):
    columns = example_trace() | {'odd\x00,\n"name"': [0.1 + 0.2] * 85}
    trace = write_trace(RUN, columns, str(tmp_path), parquet=parquet)

    assert read_trace(trace) == columns
    assert (trace.rows, trace.period_s, trace.run_id) == (85, 1.0, RUN)
    assert os.listdir(tmp_path) == [os.path.basename(trace.path)]


@pytest.mark.parametrize("parquet", [True, False])
def test_nan_is_a_gap(tmp_path, parquet):
    trace = write_trace(RUN, {"t_s": [0.0, 1.0], "cpu_w": [nan, 5.0]}, str(tmp_path), parquet=parquet)

    assert read_trace(trace)["cpu_w"] == [None, 5.0]


def test_the_same_trace_has_the_same_hash(tmp_path):
    first, second = (write_trace(RUN, example_trace(), str(tmp_path / n), parquet=False) for n in ("a", "b"))

    assert first.sha256 == second.sha256


@pytest.mark.parametrize("columns", [{}, {"t_s": [1.0], "cpu_w": []}])
def test_ragged_columns_are_refused(tmp_path, columns):
    with pytest.raises(UsageError):
        write_trace(RUN, columns, str(tmp_path))
    with pytest.raises(UsageError):
        write_trace("../../etc", {"t_s": [1.0]}, str(tmp_path))


def test_an_empty_trace_has_no_period(tmp_path):
    trace = write_trace(RUN, {"t_s": [], "cpu_w": []}, str(tmp_path), parquet=False)

    assert (trace.rows, trace.period_s, read_trace(trace)) == (0, None, {"t_s": [], "cpu_w": []})


def test_a_folder_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="can't write"):
        write_trace(RUN, example_trace(), str(tmp_path / "file" / "traces"))


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_verify_finds_a_changed_or_missing_trace(tmp_path, harm):
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        bundle = small_bundle()
        trace = write_trace(bundle.run.id, example_trace(), store.trace_folder)
        store.append(replace(bundle, traces=(trace,)))
        assert store.verify().ok
        if harm == "change":
            content = bytearray(Path(trace.path).read_bytes())
            content[len(content) // 2] ^= 1
            Path(trace.path).write_bytes(content)
        else:
            os.unlink(trace.path)
        found = store.verify()

        assert len(found.problems) == 1
        assert found.problems[0].startswith(f"run {bundle.run.id}: the trace ")
        assert store.verify(traces=False).ok
        with pytest.raises(LedgerError, match="the trace"):
            read_trace(trace)


def test_a_ledger_that_moved_finds_its_traces(tmp_path):
    with ledger.open(empty_ledger(tmp_path / "old" / "ledger.db")) as store:
        bundle = small_bundle()
        trace = write_trace(bundle.run.id, example_trace(), store.trace_folder)
        store.append(replace(bundle, traces=(trace,)))
    (tmp_path / "old").rename(tmp_path / "new")
    with ledger.open(empty_ledger(tmp_path / "new" / "ledger.db")) as store:
        assert store.verify().ok
        assert read_trace(trace, store.trace_folder) == example_trace()
