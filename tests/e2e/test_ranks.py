"""Four ranks on a node, as torchrun starts them: the node's energy once, every rank's CPU time counted."""

import os
import subprocess
import sys

import pytest

from joulewise.measure.group import Group, group_key
from joulewise.measure.reading import journals_in, read
from joulewise.measure.spool import take_in

LAUNCHER = """
import os, subprocess, sys
ranks = [
    subprocess.Popen(
        [sys.executable, "-c", sys.argv[1], sys.argv[2], str(rank)],
        env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank)},
    )
    for rank in range(4)
]
sys.exit(max(rank.wait() for rank in ranks))
"""

RANK = """
import os, sys, time
from joulewise.core.channels import ENERGY, Channel
from joulewise.core.settings import Settings
from joulewise.measure.equipment import Equipment
from joulewise.measure.session import Job, Session

class Meter:
    channels = (Channel(key="fake:cpu", component="cpu", device="cpu:0", quantity=ENERGY, scale=1e-6,
                        method="measured", source="fake", idle_w=0.0, max_power_w=150.0),)
    def read(self):
        return (time.monotonic_ns() // 10,)
    def close(self):
        pass

class Fake(Equipment):
    def discover(self, pids, *, thorough=False):
        return [Meter()], []

settings = Settings(spool=sys.argv[1], tick_s=1.0)
rank = int(sys.argv[2])
session = Session(Job(name="ddp", unit="step"), settings, os.environ, equipment=Fake(settings, os.environ))
with session:
    with session.phase(f"rank {rank}"):
        end = time.process_time() + 0.25
        while time.process_time() < end:
            pass
    session.count("step", 10)
    if os.environ.get("DIES") == "leader" and session._group.leads:
        os.kill(os.getpid(), 9)
    if os.environ.get("DIES") == "leader":
        time.sleep(2.2)
"""


def run_ranks(spool, **environ):
    env = {
        **os.environ,
        "TORCHELASTIC_RUN_ID": "none",
        "LOCAL_WORLD_SIZE": "4",
        "WORLD_SIZE": "4",
        "MASTER_PORT": "29500",
        **environ,
    }
    return subprocess.run([sys.executable, "-c", LAUNCHER, RANK, str(spool)], env=env, check=False).returncode


def test_four_ranks_are_one_run_with_the_energy_of_one_node(tmp_path):
    assert run_ranks(tmp_path) == 0
    [taken] = take_in(str(tmp_path))
    result = taken.result
    journals = [read(path) for path in journals_in(taken.folder)]
    assert len(journals) == 4
    assert sum(journal.header["leads"] for journal in journals) == 1, "one reader of the machine's meters"
    assert result.bundle.run.unit_count == 40
    assert result.bundle.run.group_key == "torchrun:none:29500"
    assert result.bundle.run.status == "finished"
    assert result.cpu_time_s >= 4 * 0.25
    assert result.machine_j <= 100 * result.duration_s * 1.02, "the node once, not four times"
    phases = [phase.name for phase in result.bundle.phases]
    assert set(phases) == {f"rank {rank}" for rank in range(4)}
    parts = [result.figure("energy_j", phase=phase).value for phase in phases]
    assert sum(parts) <= result.energy_j + 1e-9, "phases of ranks at the same time share the node's energy"
    assert all(result.figure("cpu_time_s", phase=phase).value < 0.4 for phase in phases)


def test_when_the_leader_dies_another_rank_reads_on(tmp_path):
    run_ranks(tmp_path, DIES="leader")
    [taken] = take_in(str(tmp_path))
    journals = [read(path) for path in journals_in(taken.folder)]
    assert sum(bool(journal.channels) for journal in journals) == 2
    assert taken.result.bundle.run.status == "recovered"
    assert taken.result.coverage > 0.9
    assert taken.result.machine_j == pytest.approx(100 * taken.result.duration_s * taken.result.coverage, rel=0.02)


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({}, ""),
        ({"TORCHELASTIC_RUN_ID": "job", "LOCAL_WORLD_SIZE": "1"}, ""),
        ({"TORCHELASTIC_RUN_ID": "job", "LOCAL_WORLD_SIZE": "8", "MASTER_PORT": "1"}, "torchrun:job:1"),
        ({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "4"}, "slurm:7:0"),
        ({"SLURM_JOB_ID": "7"}, ""),
        ({"PMIX_NAMESPACE": "n", "PMI_SIZE": "2"}, "mpi:n:"),
    ],
)
def test_what_makes_processes_ranks_of_one_job(environ, key):
    assert group_key("", environ) == key
    assert group_key("mine", environ) == "mine"


def test_the_lead_is_taken_once_and_passes_on(tmp_path):
    first, second = (Group("job", 0, str(tmp_path), str(tmp_path)) for _ in range(2))
    assert first.run_id == second.run_id
    assert first.try_to_lead()
    assert first.try_to_lead()
    assert not second.try_to_lead()
    first.leave()
    first.leave()
    assert second.try_to_lead()
    assert (first.leads, second.leads) == (False, True)
    second.leave()


def test_sessions_that_follow_one_another_are_runs_of_their_own(tmp_path):
    first, second = (Group("job", ordinal, str(tmp_path), str(tmp_path)) for ordinal in range(2))
    assert first.run_id != second.run_id


def test_without_shared_memory_the_lock_lies_with_the_journals(tmp_path):
    group = Group("job", 0, str(tmp_path), str(tmp_path / "absent"))
    assert group.try_to_lead()
    assert any(name.endswith(".lock") for name in os.listdir(group.folder))
    group.leave()
