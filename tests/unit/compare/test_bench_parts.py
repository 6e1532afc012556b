"""The parts of a bench that need no process: arrivals, loops, plans, warming, frames, figures of blocks."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from joulewise.compare.bench_plan import BenchPlan
from joulewise.compare.blocks import Block
from joulewise.compare.condition_figures import energy_figure, observations_of, start_figures
from joulewise.compare.judging import agreement_notes
from joulewise.compare.outputs import canonical
from joulewise.compare.pacing import Loop, due_moments
from joulewise.compare.warming import is_steady, warmed
from joulewise.compare.worker import Limits
from joulewise.compare.worker_frames import Broken, Late, packed, read_blocking, read_within
from joulewise.compare.worker_model import _batches, first_rows
from joulewise.compare.worker_watch import environment, resident_bytes
from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure
from joulewise.core.runtimes import RunOptions


def test_requests_come_at_their_rate():
    assert due_moments(4, 1, "fixed", 0) == [0, 0.25, 0.5, 0.75]
    moments = due_moments(50, 200, "poisson", 1)
    assert moments == due_moments(50, 200, "poisson", 1) == sorted(moments)
    assert len(moments) == pytest.approx(10_000, rel=0.05)
    gaps = np.diff(moments)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as a Poisson process has it
    assert len(due_moments(0.001, 1, "poisson", 0)) == 1


def test_a_loop_walks_on_through_fresh_rows():
    fed = []
    loop = Loop(fed.append, ["a", "b", "c"])
    assert len(loop.saturated(4, None)) == 4
    assert len(loop.saturated(1, None)) == 1
    assert len(loop.paced([0.0, 0.001], 0.002)) == 2
    assert fed == ["a", "b", "c", "a", "b", "c", "a"]


def test_every_row_is_used_before_one_comes_again():
    feeds = {"x": np.arange(10)}
    found = np.concatenate([batch["x"] for batch in _batches(feeds, 10, 4, seed=0)])
    assert len(found) == 12
    assert sorted(found[:10].tolist()) == list(range(10))
    assert found[:10].tolist() != list(range(10))
    assert len(_batches({"x": np.arange(3)}, 3, 8, seed=0)[0]["x"]) == 8


def test_the_first_rows_are_read_without_the_rest(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(12.0).reshape(4, 3), t=np.array(["a", "bc"] * 2), y=np.ones(4))
    found = first_rows(tmp_path / "a.npz", 2)
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["t"].tolist() == ["a", "bc"]
    np.savez(tmp_path / "b.npz", x=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert first_rows(tmp_path / "b.npz", 1)["x"].tolist() == [[0, 1, 2]]


def test_threads_and_waiting_are_told_before_libraries_load():
    found = environment(RunOptions(threads=3), {"PATH": "/bin", "OMP_NUM_THREADS": "64"})
    assert (found["OMP_NUM_THREADS"], found["OMP_WAIT_POLICY"], found["PATH"]) == ("3", "PASSIVE", "/bin")
    assert environment(RunOptions(spinning=True), {})["OMP_WAIT_POLICY"] == "ACTIVE"
    assert resident_bytes(os.getpid()) > 1_000_000
    assert resident_bytes(2**22 + 1) == 0


class Warming:
    def __init__(self, medians):
        self.medians = iter(medians)

    def block(self, batch, *, duration_s):
        return Block(calls=1, rows=batch, wall_s=1, cpu_s=1, latencies_s=np.array([next(self.medians)]))


def test_warm_is_what_stays_the_same():
    assert not is_steady([1.0, 1.0])
    assert is_steady([5.0, 1.0, 1.01, 1.0])
    assert not is_steady([1.0, 1.2, 1.2])
    assert warmed(Warming([3, 2, 1, 1, 1]), 1, 60)
    assert not warmed(Warming([3, 2]), 1, 1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 1},
        {"batches": (), "rates": ()},
        {"batches": (0,)},
        {"rates": (float("nan"),)},
        {"block_s": 0},
        {"arrivals": "sometimes"},
        {"cold_starts": 0},
    ],
)
def test_a_plan_that_proves_nothing_is_refused(wrong):
    with pytest.raises(OutOfRange):
        BenchPlan(**wrong)
    with pytest.raises(OutOfRange):
        Limits(time_limit_s=0)


def block(cost_s, index, energy_j=None, unserved=0):
    energy = None
    if energy_j is not None:
        energy = Figure(value=energy_j, low=energy_j * 0.5, high=energy_j * 2, unit="J", method="modelled", source="m")
    return Block(
        calls=10, rows=20, wall_s=2, cpu_s=cost_s, latencies_s=np.linspace(0.1, 0.2, 10), batch=2, round=index,
        energy=energy, unserved=unserved,
    )  # fmt: skip


def test_figures_are_ratios_of_sums():
    found = {one.quantity: one for one in observations_of([block(1, 0, 4), block(2, 1, 6), block(3, 2, 5, 7)])}
    assert found["cpu_s_per_inference"].figure.value == pytest.approx(0.1)
    assert found["throughput_per_s"].figure.value == pytest.approx(10)
    energy = found["energy_j_per_inference"].figure
    assert energy.value == pytest.approx(0.25)
    assert energy.low <= 0.125 + 1e-9  # the meter's doubt is one for all blocks: it does not shrink
    assert energy.high >= 0.5 - 1e-9
    assert "7 more were due" in found["latency_s_p99"].figure.source
    assert observations_of([block(1, 0)]) == []
    assert energy_figure([block(1, 0, 4), block(1, 1)]) is None


def test_starts_have_a_mean_and_peaks_their_most():
    found = {one.quantity: one.figure for one in start_figures([1.0, 2.0, 3.0], [5, 9])}
    assert found["cold_start_s"].value == 2
    assert (found["memory_bytes_peak"].low, found["memory_bytes_peak"].value) == (5, 9)
    assert start_figures([1.0], []) == []


def test_batches_that_change_the_answer_are_told():
    def said(values):
        return canonical({"y": np.array(values)}, {"task": "regression"})

    assert agreement_notes(said([1.0, 2.0]), said([1.0, 2.0 + 1e-6]), 32) == []
    assert "values at batch 32" in agreement_notes(said([1.0, 2.0]), said([1.0, 2.5]), 32)[0]
    one, other = (
        canonical({"y": np.array(labels)}, {"task": "classification", "classes": [0, 1]}) for labels in ([0, 1], [1, 1])
    )
    assert agreement_notes(one, other, 8) == ["1 of 2 labels at batch 8 differ from those at batch 1"]
    assert agreement_notes(one, other, 1) == []


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_frames_come_back_as_they_went(pipe):
    arrays = {"a": np.arange(6).reshape(2, 3), "t": np.array(["x", "yy"], dtype=object)}
    writer = threading.Thread(target=os.write, args=(pipe[1], packed({"n": 1}, arrays)))
    writer.start()
    head, found = read_within(pipe[0], 10, 1 << 20, lambda spent_s: 1.0)
    writer.join()
    assert head == {"n": 1}
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["t"].tolist() == ["x", "yy"]


@pytest.mark.parametrize(
    "content", [b"hello, this is no frame at all", bytes(7) + b"\x02" + bytes(8) + b"[]", b"short"]
)
def test_what_is_no_frame_is_broken(pipe, content):
    os.write(pipe[1], content)
    os.close(pipe[1])
    with pytest.raises(Broken):
        read_within(pipe[0], 5, 1 << 20, lambda spent_s: 1.0)


def test_silence_is_late_and_an_end_is_the_end(pipe):
    with pytest.raises(Late):
        read_within(pipe[0], 0.05, 1 << 20, lambda spent_s: 0.01)
    os.close(pipe[1])
    assert read_blocking(pipe[0]) is None
