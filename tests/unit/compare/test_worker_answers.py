"""What a worker does with each request, seen from inside its process: rows in order, batches, blocks, memory."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare.facts import BATCH, answers, entry
from joulewise.compare.linear_files import write_linear
from joulewise.compare.worker_model import LoadedModel, _as_numbers, first_rows
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Tensor

ROWS = np.arange(30.0).reshape(10, 3)


@pytest.fixture(autouse=True)
def _nothing_stays_frozen():
    yield
    gc.unfreeze()


def told_of(folder: Path, **more: Any) -> dict[str, Any]:
    """The opening request for a model that adds up three columns."""
    facts = {"inputs": [entry("x", "float64", (BATCH, 3))], **answers("regression")}
    path = write_linear(folder / "sum", [{"op": "dense", "weight": np.ones((3, 1)), "bias": np.zeros(1)}], facts)
    np.savez(folder / "rows.npz", x=ROWS, y=ROWS.sum(axis=1))
    deployment = {"path": str(path), "format": "linear", "facts": facts, "runtime": "numpy", "threads": 1}
    return {"deployment": {**deployment, "spinning": False, "more": {}}, "feeds": str(folder / "rows.npz"), **more}


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedModel:
    return LoadedModel.open(told_of(tmp_path))[0]


class Fixed:
    """A model that takes just four rows a call and counts its calls."""

    inputs = (Tensor(name="x", dtype="float64", shape=(4, 3)),)
    outputs = (Tensor(name="y", dtype="float64", shape=(4,)),)

    def __init__(self) -> None:
        self.fed: list[Any] = []

    def predict(self, feeds: Any) -> Any:
        self.fed.append(feeds["x"])
        assert feeds["x"].shape == (4, 3)
        return {"y": feeds["x"].sum(axis=1)}


def test_the_cold_start_answers_a_row_and_tells_the_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.path)
    monkeypatch.setattr("sys.path", list(before))
    told = told_of(tmp_path, sys_path=[*before, str(tmp_path / "plugins")])
    loaded, head = LoadedModel.open(told)
    assert sys.path == [*before, str(tmp_path / "plugins")]  # where the harness finds the user's modules, once each
    assert head["inputs"] == [["x", "float64", ["batch", 3]]]
    assert head["outputs"] == [["values", "float64", ["batch"]]]
    assert head["load_s"] > 0
    assert head["memory_bytes_peak"] == loaded.peak_bytes > 1_000_000


def test_rows_are_answered_in_their_order_whatever_the_batch(loaded: LoadedModel) -> None:
    for batch in (1, 3, 4, 100):
        head, found = loaded.answer({"do": "predict", "start": 2, "stop": 9, "batch": batch})
        assert found["values"].tolist() == ROWS[2:9].sum(axis=1).tolist()
        assert head["memory_bytes_peak"] >= loaded.peak_bytes > 0


def test_batches_are_prepared_once_and_say_what_a_call_moves(loaded: LoadedModel) -> None:
    head, arrays = loaded.answer({"do": "prepare", "batch": 4})
    assert (head["rows"], head["batches"], arrays) == (10, 3, {})
    assert head["bytes_moved"] == 4 * 3 * 8 + 4 * 8
    prepared = loaded._loops[4]
    loaded.answer({"do": "prepare", "batch": 4})
    assert loaded._loops[4] is prepared


def test_only_the_batches_of_one_size_are_held(loaded: LoadedModel) -> None:
    loaded.answer({"do": "prepare", "batch": 4})
    held = loaded.held_bytes
    loaded.answer({"do": "prepare", "batch": 5})
    assert list(loaded._loops) == [5]
    assert held == ROWS.nbytes + 12 * 24
    assert loaded.held_bytes == ROWS.nbytes + 10 * 24


def test_a_block_of_calls_makes_so_many_and_times_each(loaded: LoadedModel) -> None:
    head, arrays = loaded.answer(
        {
            "do": "block",
            "batch": 4,
            "duration_s": None,
            "calls": 7,
            "rate_per_s": None,
            "arrivals": "poisson",
            "seed": 0,
        }
    )
    assert (head["calls"], head["rows"], head["unserved"]) == (7, 28, 0)
    assert len(arrays["latencies_ns"]) == 7
    assert arrays["latencies_ns"].min() > 0
    assert arrays["latencies_ns"].sum() <= head["wall_s"] * 1e9
    assert loaded._loops[4].position == 7 % 3  # the next block goes on from here
    assert loaded.last_s == pytest.approx(float(np.median(arrays["latencies_ns"])) / 1e9)


class Farming(Fixed):
    """Has another process do the work: one that ends with the call, or one that lives on."""

    BUSY = """
import sys, time
for line in sys.stdin:
    end = time.process_time() + 0.05
    while time.process_time() < end: pass
    print(flush=True)
"""

    def __init__(self, *, stays: bool) -> None:
        super().__init__()
        self.stays = stays
        self.process = self.started()

    def started(self) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, "-S", "-c", self.BUSY], **pipes)

    def predict(self, feeds: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        if not self.stays:
            self.end()
            self.process = self.started()
        return super().predict(feeds)

    def end(self) -> None:
        self.process.communicate()


@pytest.mark.parametrize("stays", [True, False])
def test_the_time_of_other_processes_that_do_the_work_counts(tmp_path: Path, stays: bool) -> None:
    farming = Farming(stays=stays)
    loaded = LoadedModel(farming, told_of(tmp_path))
    asked = {"batch": 4, "duration_s": None, "calls": 4, "rate_per_s": None, "arrivals": "poisson", "seed": 0}
    head, _ = loaded.answer({"do": "block", **asked})
    farming.end()
    assert 4 * 0.04 <= head["cpu_s"] <= 2.0  # 50 ms a call, of which the kernel tells whole hundredths


def test_a_block_of_requests_serves_those_that_are_due(loaded: LoadedModel) -> None:
    before = loaded.last_s
    head, arrays = loaded.answer(
        {
            "do": "block",
            "batch": 1,
            "duration_s": 0.02,
            "calls": None,
            "rate_per_s": 200,
            "arrivals": "fixed",
            "seed": 0,
        }
    )
    assert head["calls"] + head["unserved"] == 4
    assert len(arrays["latencies_ns"]) == head["calls"]
    assert head["wall_s"] >= 0.02  # it stays until the planned end
    assert loaded.last_s == before  # waiting for requests says nothing about the speed of calls


def test_a_block_of_seconds_works_for_as_long(loaded: LoadedModel) -> None:
    head, arrays = loaded.answer(
        {
            "do": "block",
            "batch": 1,
            "duration_s": 0.01,
            "calls": None,
            "rate_per_s": None,
            "arrivals": "fixed",
            "seed": 0,
        }
    )
    assert head["calls"] == len(arrays["latencies_ns"]) >= 1
    assert head["rows"] == head["calls"]


def test_a_model_of_a_fixed_batch_is_fed_just_that_and_its_padding_is_dropped(tmp_path: Path) -> None:
    model = Fixed()
    loaded = LoadedModel(model, told_of(tmp_path))
    _, found = loaded.answer({"do": "predict", "start": 0, "stop": 10, "batch": 32})
    assert found["y"].tolist() == ROWS.sum(axis=1).tolist()
    assert len(model.fed) == 3
    assert model.fed[-1][1:].tolist() == [ROWS[-1].tolist()] * 3  # the last row fills it up
    with pytest.raises(ModelError, match="takes 4 rows a call, no more and no less: no batch of 8") as refused:
        loaded.answer({"do": "prepare", "batch": 8})
    assert "dynamic axes" in refused.value.hint
    assert loaded.answer({"do": "prepare", "batch": 4})[0]["batches"] == 3


def test_rows_of_text_reach_the_model_as_objects(tmp_path: Path) -> None:
    told = told_of(tmp_path)
    np.savez(told["feeds"], x=np.array(["a", "bc"]), y=np.zeros(2))

    class Reads(Fixed):
        inputs = (Tensor(name="x", dtype="object", shape=("n",)),)

        def predict(self, feeds: Any) -> Any:
            assert feeds["x"].dtype == object
            return {"y": np.array([len(text) for text in feeds["x"]])}

    _, found = LoadedModel(Reads(), told).answer({"do": "predict", "start": 0, "stop": 2, "batch": 1})
    assert found["y"].tolist() == [1, 2]


def test_the_target_is_never_among_what_the_model_is_fed(tmp_path: Path) -> None:
    told_of(tmp_path)
    assert set(first_rows(tmp_path / "rows.npz", 20)) == {"x"}
    assert first_rows(tmp_path / "rows.npz", 20)["x"].tolist() == ROWS.tolist()  # no more than there are


def test_no_call_has_no_latency() -> None:
    from array import array

    assert _as_numbers(array("q")).dtype == np.int64
    assert _as_numbers(array("q", [3, 4])).tolist() == [3, 4]
