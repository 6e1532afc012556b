"""Deployments in real processes: what they cost, and how they may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from joulewise.api import measure
from joulewise.compare import BenchPlan, Limits, Rows, Worker, attach_energy, bench, ratio_of
from joulewise.core.errors import DataError, ModelError, OutOfRange
from joulewise.core.runtimes import Artifact, Deployment, RunOptions

RUNTIME = '''
"""A runtime whose models do what their format's facts say."""
import os, sys, time
import numpy as np
from joulewise.core.runtimes import Tensor

class Odd:
    name, formats, version = "odd", ("odd",), "1"

    def settings(self, artifact):
        return [{}]

    def open(self, artifact, options):
        act = artifact.facts.get("act", "")
        if act == "die at once":
            os._exit(3)
        if act == "raise":
            raise RuntimeError("can't open this")
        if act == "sleep at start":
            time.sleep(600)
        if act == "garbage":
            print("this is no frame" * 10000)
            os.write(1, b"\\x00" * 100)
        return Model(artifact.facts)

class Model:
    def __init__(self, facts):
        self.act, self.work_s, self.held, self.calls = facts.get("act", ""), facts.get("work_s", 0.0), [], 0
        size = facts.get("batch", "n")
        self.inputs = (Tensor(name="x", dtype="float32", shape=(size, 3)),)
        self.outputs = (Tensor(name="y", dtype="float32", shape=(size,)),)
        if self.act == "spin":
            import threading
            threading.Thread(target=self.spin, daemon=True).start()

    def spin(self):
        while True:
            sum(range(1000))

    def predict(self, feeds):
        self.calls += 1
        if self.calls > 2:
            self.misbehave()
        end = time.process_time() + self.work_s
        while time.process_time() < end:
            pass
        return {"y": feeds["x"].sum(axis=1) + (len(feeds["x"]) if self.act == "batchy" else 0)}

    def misbehave(self):
        if self.act == "kill":
            os.kill(os.getpid(), 9)
        if self.act == "hog":
            self.held.append(np.ones(4_000_000))
        if self.act == "sleep":
            time.sleep(600)
        if self.act == "abort":
            sys.stderr.write("tensor arena is gone\\n")
            sys.stderr.flush()
            os.abort()

    def close(self):
        pass
'''


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Make deployments of the odd runtime, which is installed as any plug-in is."""
    folder = tmp_path / "installed"
    info = folder / "odd_runtime-1.dist-info"
    info.mkdir(parents=True)
    (folder / "odd_runtime.py").write_text(RUNTIME)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-runtime\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[joulewise.runtimes]\nodd = odd_runtime:Odd\n")
    (tmp_path / "model.odd").write_text("")
    monkeypatch.syspath_prepend(str(folder))

    def make(name="odd", threads=1, **facts) -> Deployment:
        artifact = Artifact(path=tmp_path / "model.odd", format="odd", facts={"task": "regression", **facts})
        return Deployment(name=name, artifact=artifact, runtime="odd", options=RunOptions(threads=threads))

    return make


@pytest.fixture
def rows() -> Rows:
    matrix = np.arange(60.0).reshape(20, 3)
    return Rows(features={"x": matrix}, target=matrix.sum(axis=1), name="sums")


@pytest.fixture
def feeds(rows, tmp_path) -> Path:
    return rows.save_npz(tmp_path / "rows.npz")


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_a_worker_answers_in_order_and_counts_its_cpu(odd, rows, feeds):
    with Worker(odd(work_s=0.002), feeds) as worker:
        assert worker.cold_start_s > worker.load_s >= 0
        assert worker.prepare(8) == 3
        assert np.allclose(worker.predict(0, 20, 8)["y"], rows.target)
        block = worker.block(8, calls=6)
        assert (block.calls, block.rows) == (6, 48)
        assert block.cpu_s >= 6 * 0.002
        assert block.latencies_s.min() >= 0.002
        assert worker.memory_bytes_peak > 1_000_000
        assert worker.bytes_moved[8] == 8 * 3 * 4 + 8 * 4
        with pytest.raises(OutOfRange):
            worker.block(1)
        with pytest.raises(OutOfRange):
            worker.block(0, calls=1)
        pid = worker.pid
    assert gone(pid)
    with pytest.raises(ModelError, match="closed"):
        worker.predict(0, 1)
    worker.close()


def test_a_paced_block_counts_from_the_due_moment(odd, feeds):
    with Worker(odd(work_s=0.05), feeds) as worker:
        slow = worker.block(1, duration_s=0.5, rate_per_s=60, arrivals="fixed")
        # 30 requests were due in half a second, each takes a twentieth: the queue grows, and shows
        assert slow.latencies_s[-1] > 5 * slow.latencies_s[0]
        assert slow.wall_s >= 1.0
        assert slow.calls + slow.unserved == 30
        assert slow.load == "60/s"


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("kill", "ended by SIGKILL"),
        ("sleep", "no answer within"),
        ("hog", "more than 400 MB"),
        ("abort", r"SIGABRT; its last words: (.|\n)*tensor arena is gone"),
    ],
)
def test_how_a_worker_dies_is_told(odd, feeds, act, told):
    limits = Limits(time_limit_s=2 if act == "sleep" else 120, memory_bytes=400_000_000)
    with Worker(odd(act=act), feeds, limits) as worker:
        pid = worker.pid
        with pytest.raises(ModelError, match=told):
            worker.block(1, calls=1_000_000)
        assert not worker.alive
        with pytest.raises(ModelError):
            worker.prepare(1)
    assert gone(pid)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("die at once", "exit code 3"),
        ("raise", "RuntimeError: can't open this"),
        ("sleep at start", "no answer within"),
    ],
)
def test_a_worker_that_does_not_start_is_told(odd, feeds, act, told):
    with pytest.raises(ModelError, match=told):
        Worker(odd(act=act), feeds, Limits(start_limit_s=3 if act.startswith("sleep") else 120))


def test_garbage_on_standard_output_harms_nothing(odd, rows, feeds):
    with Worker(odd(act="garbage"), feeds) as worker:
        assert np.allclose(worker.predict(0, 20)["y"], rows.target)


def test_killed_from_outside_in_a_block(odd, feeds):
    with Worker(odd(work_s=0.001), feeds) as worker:
        timer = threading.Timer(0.5, os.kill, (worker.pid, signal.SIGKILL))
        timer.start()
        with pytest.raises(ModelError, match="SIGKILL"):
            worker.block(1, duration_s=60)
        timer.join()


def test_a_fixed_batch_is_filled_for_answers_and_refused_for_others(odd, rows, feeds):
    with Worker(odd(batch=8), feeds) as worker:
        assert np.allclose(worker.predict(0, 20)["y"], rows.target)
        assert worker.block(8, calls=2).rows == 16
        with pytest.raises(ModelError, match="takes 8 rows a call"):
            worker.prepare(1)
        assert worker.alive


def test_rows_that_do_not_fit_are_a_data_error(odd, tmp_path):
    path = Rows(features={"x": np.ones((3, 5))}).save_npz(tmp_path / "wide.npz")
    with pytest.raises(DataError, match="shape"):
        Worker(odd(), path)


def test_a_worker_ends_with_its_parent(odd, feeds, tmp_path):
    script = f"""
import sys, os
sys.path[:0] = {sys.path!r}
from joulewise.compare import Worker
from joulewise.core.runtimes import Artifact, Deployment
from pathlib import Path
artifact = Artifact(path=Path({str(tmp_path / "model.odd")!r}), format="odd", facts={{}})
worker = Worker(Deployment(name="odd", artifact=artifact, runtime="odd"), {str(feeds)!r})
print(worker.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -9, done.stderr
    assert gone(int(done.stdout))


@pytest.mark.slow
def test_a_bench_measures_side_by_side_and_survives_the_failed(odd, rows):
    plan = BenchPlan(batches=(1, 32), rates=(20,), rounds=2, block_s=0.3, warm_up_s=0.3, cold_starts=2, metric="r2")
    said = []
    deployments = [
        odd("light", work_s=0.001),
        odd("heavy", work_s=0.004),
        odd("dead", act="kill"),
        odd("b", act="batchy"),
    ]
    with measure("bench", kind="infer") as session:
        found = bench(deployments, rows, plan, session, lambda share, text: said.append((share, text)))
    light, heavy, dead, batchy = attach_energy(found, session.result)
    assert [one.ok for one in (light, heavy, dead, batchy)] == [True, True, False, True]
    assert "SIGKILL" in dead.failure
    seen = {(one.quantity, one.batch, one.load) for one in light.observations}
    assert {
        ("cpu_s_per_inference", 1, "saturated"),
        ("cpu_s_per_inference", 32, "saturated"),
        ("cpu_s_per_inference", 1, "20/s"),
        ("latency_s_p99", 1, "saturated"),
        ("throughput_per_s", 32, "saturated"),
        ("cold_start_s", None, None),
        ("memory_bytes_peak", None, None),
        ("bytes_moved_per_inference", 32, None),
        ("r2", None, None),
    } <= seen
    assert any("more than the 20 rows" in note for note in light.notes)
    assert any("values at batch 32 differ" in note for note in batchy.notes)
    assert len(light.blocks) == 3 * plan.rounds
    order = [(one.name, one.round) for one in sorted(light.blocks + heavy.blocks, key=_number) if one.batch == 32]
    assert order == [("light", 0), ("heavy", 0), ("heavy", 1), ("light", 1)]
    singly = [[one for one in side.blocks if (one.batch, one.load) == (1, "saturated")] for side in (heavy, light)]
    ratio = ratio_of(*singly)
    assert 2 < ratio.value < 8
    assert said[0][0] == 0
    assert all(0 <= share <= 1 for share, _ in said)
    if session.result.energy_j is not None:
        assert {one.batch for one in light.observations if one.quantity == "energy_j_per_inference"} == {1, 32}
        assert ratio_of(*singly, "energy_j").low > 0
    else:
        assert any("no meter" in note for note in light.notes)


def _number(block) -> int:
    return int(block.phase.rpartition("#")[2])


def test_one_row_and_a_spinning_runtime(odd, rows):
    plan = BenchPlan(batches=(4,), rounds=2, block_s=1.1, warm_up_s=0.2, cold_starts=1)
    with measure("bench", kind="infer") as session:
        # while the calm one has its turns, the other has time to spin
        [found, _] = bench([odd("restless", act="spin"), odd("calm")], rows.take([0]), plan, session)
    assert found.ok
    assert any("its threads spin" in note for note in found.notes)
    assert any("no r2" in note for note in found.notes)
    with pytest.raises(OutOfRange, match="different names"):
        bench([odd(), odd()], rows, plan, session)


def test_a_bench_out_of_time_tells_what_is_left_out(odd, rows):
    plan = BenchPlan(batches=(1,), rounds=2, block_s=0.2, warm_up_s=0.2, cold_starts=1, time_limit_s=0.01)
    with measure("bench", kind="infer") as session:
        [found] = bench([odd()], rows, plan, session)
    assert found.ok
    assert found.blocks == ()
    assert "batch 1, saturated: out of time after 0 of 2 rounds" in found.notes
