"""What a task's state is, by what Slurm says of its job and what the job left in its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.executors.slurm import SlurmExecutor
from joulewise.schedule.executors.slurm_commands import SlurmCommands, SlurmJob, parse, refusal, resource_arguments
from joulewise.schedule.executors.task_folder import ENDED, STOPPED, TERMINATED, Result, TaskFolder


@dataclass
class FakeSlurm:
    """Slurm's commands over one job that the test describes."""

    job: SlurmJob | None = None
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def submit(self, script: str, arguments: Sequence[str]) -> str:
        self.calls.append(("sbatch", *arguments))
        return str(6 + sum(call[0] == "sbatch" for call in self.calls))

    def find(self, name: str) -> str:
        return self.job.id if self.job else ""

    def show(self, job: str) -> SlurmJob | None:
        return self.job

    def change(self, *command: str) -> bool:
        self.calls.append(command)
        return True


def job(state: str, **fields: object) -> SlurmJob:
    known = {
        "id": "7",
        "reason": "None",
        "held": False,
        "begins_in_s": 0.0,
        "restarts": 0,
        "exit_code": 0,
        "node": "n1",
    }
    return SlurmJob(state=state, **{**known, **fields})  # type: ignore[arg-type]


def result(how: str, code: int | None) -> Result:
    return Result(job="7", how=how, exit_code=code)


@pytest.fixture
def slurm() -> FakeSlurm:
    return FakeSlurm()


@pytest.fixture
def executor(slurm: FakeSlurm) -> SlurmExecutor:
    return SlurmExecutor(commands=slurm)  # type: ignore[arg-type]


@pytest.fixture
def submit(executor: SlurmExecutor, tmp_path: Path) -> Callable[..., str]:
    def submit(**fields: object) -> str:
        known: dict[str, object] = {"id": new_ulid(), "name": "t", "command": ("true",), "folder": str(tmp_path)}
        return executor.submit(Task(**{**known, **fields}))  # type: ignore[arg-type]

    return submit


@pytest.mark.parametrize(
    ("now", "left", "marks", "want"),
    [
        (job("PENDING"), None, (), ("waiting", None)),
        (job("PENDING", held=True), result(STOPPED, 75), ("stop",), ("paused", None)),
        (job("PENDING"), result(STOPPED, 75), (), ("waiting", None)),
        (job("RUNNING"), None, (), ("running", None)),
        (job("RUNNING"), None, ("stop",), ("stopping", None)),
        (job("COMPLETING"), None, ("cancel",), ("stopping", None)),
        (job("STOPPED"), None, (), ("paused", None)),
        (job("COMPLETED"), result(ENDED, 0), (), ("finished", 0)),
        (job("FAILED", exit_code=3), result(ENDED, 3), (), ("failed", 3)),
        (job("FAILED", exit_code=127), None, (), ("failed", 127)),
        (job("CANCELLED"), None, (), ("cancelled", None)),
        (job("CANCELLED"), result(ENDED, 1), ("cancel",), ("cancelled", None)),
        (job("CANCELLED"), result(ENDED, 0), ("cancel",), ("finished", 0)),
        (job("COMPLETED"), result(STOPPED, 75), ("stop",), ("paused", None)),
        (job("TIMEOUT"), result(STOPPED, 75), (), ("paused", None)),
        (job("TIMEOUT"), result(TERMINATED, 143), (), ("failed", None)),
        (job("FAILED", exit_code=1), result(STOPPED, 75), (), ("paused", None)),
        (job("FAILED", exit_code=137), result(TERMINATED, 137), (), ("lost", 137)),
        (job("NODE_FAIL"), None, (), ("lost", None)),
        (job("OUT_OF_MEMORY", exit_code=137), result(TERMINATED, 137), (), ("failed", 137)),
        (None, result(ENDED, 0), (), ("finished", 0)),
        (None, result(ENDED, 2), (), ("failed", 2)),
        (None, result(STOPPED, 75), (), ("paused", None)),
        (None, None, ("stop",), ("paused", None)),
        (None, result(TERMINATED, 137), (), ("lost", None)),
        (None, None, ("cancel",), ("cancelled", None)),
        (None, None, (), ("lost", None)),
    ],
)
def test_state(executor, slurm, submit, now, left, marks, want):
    handle = submit()
    folder = TaskFolder(handle)
    if left:
        folder.write_result(left)
    for mark in marks:
        folder.mark(mark)
    slurm.job = now

    status = executor.status(handle)

    assert (status.state, status.exit_code) == want
    assert status.state != "running" or status.detail == ""


def test_a_time_limit_is_named(executor, slurm, submit):
    handle = submit()
    slurm.job = job("TIMEOUT")

    assert "time_limit_s" in executor.status(handle).detail


def test_a_job_that_was_lost_is_submitted_anew(executor, slurm, submit):
    handle = submit(resources={"cpus": 2})
    slurm.job = job("NODE_FAIL")

    executor.start(handle)

    again = slurm.calls[-1]
    assert again[0] == "sbatch"
    assert "--cpus-per-task=2" in again
    assert "--hold" not in again
    assert TaskFolder(handle).job == "8"


def test_what_ended_or_was_cancelled_is_not_started_again(executor, slurm, submit):
    ended, cancelled = submit(), submit()
    TaskFolder(ended).write_result(result(ENDED, 0))
    TaskFolder(cancelled).mark("cancel")
    before = len(slurm.calls)

    for handle in (ended, cancelled):
        executor.resume(handle)

    assert slurm.calls[before:] == []


def test_resuming_a_job_that_still_stops_lets_it_come_back_by_itself(executor, slurm, submit):
    handle = submit()
    slurm.job = job("RUNNING")
    executor.stop(handle)

    executor.resume(handle)

    assert TaskFolder(handle).marked("resume")


@pytest.mark.parametrize(
    ("now", "want"),
    [
        (job("PENDING", held=True), ["StartTime=now+0", "release"]),
        (job("PENDING", held=True, restarts=1, begins_in_s=120), ["StartTime=now+3", "release"]),
        (job("PENDING", begins_in_s=3600), ["StartTime=now+0"]),
        (job("PENDING", reason="Resources"), []),
        (job("PENDING", restarts=1, begins_in_s=2), []),
        (job("RUNNING"), []),
    ],
)
def test_a_release_changes_only_what_holds_the_job(executor, slurm, submit, now, want):
    """The controller asks again and again: a job in the queue must not lose its place."""
    handle = submit()
    slurm.job = now
    before = len(slurm.calls)

    executor.start(handle)

    told = [word for call in slurm.calls[before:] for word in call if word.startswith(("StartTime", "release"))]
    assert told == want


def test_a_frozen_job_is_stopped_and_continued_by_signal(executor, slurm, submit):
    handle = submit(stop="freeze")
    slurm.job = job("RUNNING")
    executor.stop(handle)
    slurm.job = job("STOPPED")
    executor.resume(handle)

    assert slurm.calls[-2:] == [
        ("scancel", "--signal=STOP", "--full", "7"),
        ("scancel", "--signal=CONT", "--full", "7"),
    ]


def test_a_refused_submit_is_an_error_and_leaves_no_job(executor, slurm, submit, tmp_path):
    def refuse(script: str, arguments: Sequence[str]) -> str:
        raise ExecutorError("sbatch: no", hint="x")

    slurm.submit = refuse

    with pytest.raises(ExecutorError, match="sbatch: no"):
        submit()


def test_free_text_of_the_user_is_not_taken_for_slurms_own():
    line = (
        "JobId=7 JobName=joulewise-X Priority=0 JobState=PENDING Reason=None Restarts=2 ExitCode=0:9 EligibleTime=130 "
    )
    line += "NodeList=(null) Comment=a JobState=COMPLETED ExitCode=0:0 WorkDir=/x Restarts=0"

    found = parse(line, now_s=100)

    assert found == job("PENDING", held=True, restarts=2, begins_in_s=30.0, exit_code=137, node="")


def test_resources_become_flags():
    words = {
        "cpus": "4",
        "gpus": "a100:2",
        "memory_gb": 1.5,
        "time_limit_s": 61,
        "partition": "gpu",
        "options": "--exclusive",
    }

    assert resource_arguments(words) == [
        "--cpus-per-task=4", "--gpus=a100:2", "--mem=1536M", "--time=2", "--partition=gpu", "--exclusive",
    ]  # fmt: skip
    assert resource_arguments({"options": ["--nice=5"]}) == ["--nice=5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"cups": 4}, "no resource 'cups'"),
        ({"cpus": "many"}, "cpus='many' is no cpus"),
        ({"options": "rm -rf"}, "not of the form --flag"),
        ({"options": 5}, "options=5"),
    ],
)
def test_resources_that_are_none_are_refused(executor, words, said):
    with pytest.raises(ExecutorError, match=said) as refused:
        executor.check(Task(id=new_ulid(), name="t", command=("true",), folder="/", resources=words))

    assert refused.value.hint


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", "scontrol ping"),
        ("sbatch: fatal: Could not establish a configuration source", "SLURM_CONF"),
        ("sbatch: error: invalid partition specified: x", "sinfo"),
        ("sbatch: error: Invalid account or account/partition combination specified", "sacctmgr"),
        ("", "sinfo"),
    ],
)
def test_what_slurm_says_comes_with_a_cure(said, cure):
    assert cure in refusal("sbatch", said).hint


def commands(folder: Path, **programs: str) -> SlurmCommands:
    """Slurm's commands, played by scripts."""
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return SlurmCommands({"PATH": f"{folder}:/usr/bin:/bin", "SLURM_JOB_ID": "1", "SLURM_CONF": "/c"}, timeout_s=5)


def test_a_signal_that_never_arrives_is_given_up_where_slurm_lives(tmp_path):
    slurm = commands(tmp_path, scancel="exec sleep 60", scontrol="exit 0")

    assert slurm.change("scancel", "--signal=TERM", "7", timeout_s=0.2) is False


def test_a_signal_that_never_arrives_is_an_error_where_slurm_is_gone(tmp_path):
    slurm = commands(tmp_path, scancel="exec sleep 60", scontrol="echo Unable to contact slurm controller >&2; exit 1")

    with pytest.raises(ExecutorError, match="Unable to contact"):
        slurm.change("scancel", "7", timeout_s=0.2)


def test_slurm_says_why(tmp_path):
    slurm = commands(
        tmp_path,
        scancel="echo scancel: error: Access/permission denied >&2; exit 1",
        scontrol='[ "$4" = 7 ] && echo Invalid job id >&2 || echo Unable to contact slurm controller >&2; exit 1',
        squeue="echo slurm_load_jobs error: x >&2; exit 1",
        sbatch='[ -z "$SLURM_JOB_ID" ] && [ "$SLURM_CONF" = /c ] && echo "12;cluster"',
    )

    assert slurm.submit("#!/bin/sh\n", []) == "12"
    assert slurm.show("7") is None
    for question in (lambda: slurm.change("scancel", "7"), lambda: slurm.find("x"), lambda: slurm.show("8")):
        with pytest.raises(ExecutorError) as refused:
            question()
        assert refused.value.hint
