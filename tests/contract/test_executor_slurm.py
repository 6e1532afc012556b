"""Slurm, the real one: a node of its own that tests/contract/start_slurm.sh starts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.core.errors import ExecutorError, ProviderUnavailable
from joulewise.core.plans import Job, Plan, Segment, Task
from joulewise.schedule.clock import Clock
from joulewise.schedule.controller import Controller
from joulewise.schedule.executors.slurm import SlurmExecutor
from joulewise.schedule.executors.slurm_commands import SlurmCommands
from joulewise.schedule.executors.task_folder import TaskFolder
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Schedule, Submission
from joulewise.testing.executors import ExecutorContract, FakePlace, scripts, starts_in


@pytest.fixture(scope="session")
def slurm_environ() -> dict[str, str]:
    """The environment in which Slurm's commands find our Slurm."""
    conf = os.environ.get("JOULEWISE_TEST_SLURM")
    if not conf:
        pytest.skip('needs Slurm: export JOULEWISE_TEST_SLURM="$(tests/contract/start_slurm.sh)"')
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("SLURM_", "COV_", "PYTEST_"))}
    return {**environ, "SLURM_CONF": conf}


@pytest.fixture
def slurm(slurm_environ: dict[str, str]) -> SlurmCommands:
    return SlurmCommands(slurm_environ)


@pytest.fixture
def place(slurm: SlurmCommands, tmp_path: Path) -> Iterator[FakePlace]:
    def executor() -> SlurmExecutor:
        return SlurmExecutor(commands=slurm, settle_s=2)

    yield FakePlace(
        executor=executor(),
        reopen=executor,
        commands=scripts(tmp_path),
        starts=starts_in(tmp_path),
        folder=str(tmp_path),
        stops=("checkpoint", "freeze"),
        patience_s=60,
        look_every_s=0.3,
    )
    jobs = [path.read_text() for path in tmp_path.glob("**/.joulewise/tasks/*/job")]
    subprocess.run(["scancel", "--quiet", *jobs], env=slurm.environ, check=False) if jobs else None


class TestSlurm(ExecutorContract):
    """The contract of all executors."""


def jobs_of(slurm: SlurmCommands, task_id: str) -> list[str]:
    ask = ["squeue", "--noheader", "--states=all", f"--name=joulewise-{task_id}", "--format=%i"]
    return subprocess.run(ask, env=slurm.environ, capture_output=True, text=True, check=True).stdout.split()


def python(place: FakePlace, source: str, *arguments: str, **fields: object) -> Task:
    return replace(place.task("quick"), command=(sys.executable, "-c", source, *arguments), **fields)  # type: ignore[arg-type]


def test_hostile_names_arrive_as_they_are(place, tmp_path):
    folder = tmp_path / "a %j \\ 'b' \"c\"\n$(touch pwned) ü;"
    folder.mkdir()
    words = ["", " ", "$(touch pwned)", "`id`", "a'b\"c\\n\nd", "-x", "%j", "日本"]
    source = "import os, sys, pathlib; pathlib.Path('seen').write_text(repr((sys.argv[1:], os.environ['ODD NAME'])))"
    task = python(
        place, source, *words, folder=str(folder), name="x; $(touch pwned)\n\"'%j", environment={"ODD NAME": "'$x\n"}
    )

    handle = place.executor.submit(task)
    place.executor.start(handle)

    assert place.settled(handle, "finished", "failed").state == "finished", TaskFolder(handle).log.read_text()
    assert (folder / "seen").read_text() == repr((words, "'$x\n"))
    assert not list(tmp_path.rglob("pwned"))
    assert oct(TaskFolder(handle).path.stat().st_mode)[-3:] == "700"


def test_the_run_is_measured(place):
    task = place.task("quick")
    measured = (sys.executable, "-m", "joulewise", "run", "--", *task.command)
    handle = place.executor.submit(replace(task, command=measured))
    place.executor.start(handle)
    place.settled(handle, "finished")

    log = Path(place.executor.log_path(handle)).read_text()

    assert "behaves: quick" in log
    assert "joulewise: " in log
    assert "CO2e" in log


def test_a_submitter_that_dies_before_it_has_noted_the_job_finds_it_again(place, slurm, tmp_path):
    real = tmp_path / "bin"
    real.mkdir()
    sbatch = real / "sbatch"
    sbatch.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]}\nsbatch "$@" >/dev/null\nkill -9 $PPID\nsleep 5\n')
    sbatch.chmod(0o755)
    task = place.task("quick")
    dying = os.fork()
    if dying == 0:
        doomed = SlurmCommands({**slurm.environ, "PATH": f"{real}:{slurm.environ['PATH']}"})
        SlurmExecutor(commands=doomed).submit(task)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(dying, 0)[1]) == signal.SIGKILL

    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.settled(handle, "finished")

    assert len(jobs_of(slurm, task.id)) == 1
    assert place.starts(task.id) == 1


def test_an_answer_that_gets_lost_does_not_submit_twice(place, slurm, tmp_path):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(
        f'#!/bin/sh\nPATH={os.environ["PATH"]}\nsbatch "$@" >/dev/null\n'
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\nexit 1\n"
    )
    sbatch.chmod(0o755)
    task = place.task("quick")
    deaf = SlurmExecutor(commands=SlurmCommands({**slurm.environ, "PATH": f"{tmp_path}:{slurm.environ['PATH']}"}))

    handle = deaf.submit(task)

    assert jobs_of(slurm, task.id) == [TaskFolder(handle).job]


def test_slurm_itself_waits_for_the_hour_or_for_the_latest_start(place, slurm):
    hour = datetime.now(UTC) + timedelta(hours=1)
    for fields in ({"not_before": hour}, {"latest_start": hour}):
        handle = place.executor.submit(replace(place.task("quick"), **fields))
        said = subprocess.run(
            ["squeue", "--noheader", f"--jobs={TaskFolder(handle).job}", "--format=%S"],
            env={**slurm.environ, "TZ": "UTC", "SLURM_TIME_FORMAT": "%s"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert place.executor.status(handle).state == "waiting"
        assert abs(float(said) - hour.timestamp()) < 60

    place.executor.start(handle)
    assert place.settled(handle, "finished").exit_code == 0


def test_a_waiting_job_that_is_stopped_is_held(place, slurm):
    handle = place.executor.submit(replace(place.task("quick"), not_before=datetime.now(UTC) + timedelta(hours=1)))

    place.executor.stop(handle)

    job = slurm.show(TaskFolder(handle).job)
    assert job is not None
    assert job.held
    assert place.executor.status(handle).state == "waiting"


def test_a_job_that_does_not_stop_in_time_is_ended_and_paused(place):
    handle = place.executor.submit(place.task("stubborn", save_s=0.5))
    place.executor.start(handle)
    place.started(TaskFolder(handle).task_id)

    place.executor.stop(handle)
    place.settled(handle, "paused")

    result = TaskFolder(handle).result
    assert result is not None
    assert "did not stop within 0.5 s" in result.detail


def test_a_job_that_the_cluster_takes_away_comes_back_by_itself(place, slurm):
    task = place.task("checkpoints")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)

    assert slurm.change("scontrol", "requeue", TaskFolder(handle).job)
    assert slurm.change("scontrol", "update", f"JobId={TaskFolder(handle).job}", "StartTime=now+2")

    assert place.settled(handle, "finished", "failed", "paused").state == "finished"
    assert place.starts(task.id) == 2


def test_what_slurm_refuses_comes_with_a_cure(place):
    with pytest.raises(ExecutorError) as refused:
        place.executor.submit(replace(place.task("quick"), resources={"partition": "nowhere"}))

    assert "invalid partition" in refused.value.message.lower()
    assert "sinfo" in refused.value.hint


def test_no_slurm_and_a_dead_slurm_are_told_apart(place, slurm, tmp_path):
    conf = re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=9", Path(slurm.environ["SLURM_CONF"]).read_text())
    dead = tmp_path / "slurm.conf"
    dead.write_text(f"{conf}MessageTimeout=2\n")
    absent, deaf = SlurmCommands({"PATH": str(tmp_path)}), SlurmCommands({**slurm.environ, "SLURM_CONF": str(dead)}, 1)

    with pytest.raises(ExecutorError, match="no Slurm here: squeue is not in PATH"):
        SlurmExecutor(commands=absent).submit(place.task("quick"))
    with pytest.raises(ExecutorError, match="no Slurm here: sbatch is not in PATH"):
        absent.program("sbatch")
    with pytest.raises(ExecutorError, match="gave no answer within 1 s"):
        SlurmExecutor(commands=deaf).submit(place.task("quick"))


def test_the_controller_pauses_and_resumes_a_real_job_by_its_plan(place, slurm, tmp_path):
    """An hour in six seconds: the job runs in the first, is paused for one, and goes on."""
    clock = Clock(speed=600)
    now = clock.now()

    def hours(start: float, end: float) -> Segment:
        return Segment(region="DE", start=now + timedelta(hours=start), end=now + timedelta(hours=end))

    task = place.task("checkpoints", save_s=1200)
    job = Job(
        name="train", duration_s=9000.0, power_profile=((9000.0, 100.0),), home="DE", max_runs=None, save_s=1200.0,
        release=now, deadline=now + timedelta(days=1),
    )  # fmt: skip
    journal = TaskJournal(str(tmp_path / "tasks"))
    journal.create(Submission(task=task, job=job, executor="slurm", submitted_at=now))
    segments = (hours(0, 1), hours(2, 4))
    journal.plan(task.id, Schedule(plan_id="p", made_at=now, chosen="paused", reason="test", segments=segments))
    journal.close(task.id)

    def no_news(*_: object) -> Plan:
        raise ProviderUnavailable("no forecast", hint="wait")

    executor = SlurmExecutor(clock=clock, commands=slurm, settle_s=2)
    controller = Controller(journal, lambda name: executor, no_news, clock)
    controller.poll_s = controller.idle_poll_s = 0.2

    controller.run([task.id])

    record = journal.read(task.id)
    assert (record.state, [span.how for span in record.spans]) == ("finished", ["paused", "finished"])
    assert place.starts(task.id) == 2
    assert record.spans[1].start >= segments[1].start
