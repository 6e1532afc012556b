"""Ray: the contract against its calls played on this machine, and the life of tasks on a real local Ray."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.schedule.executors.ray import JobSubmissionClient, RayExecutor
from joulewise.testing.executors import ExecutorContract, FakePlace, scripts, starts_in
from joulewise.testing.ray_jobs import RayJobs

HOSTILE = ["", " ", "$(touch pwned)", "`id`", "a'b\"c\\n\nd", "-x", "日本"]
TELLS = "import os, sys, pathlib; pathlib.Path('seen').write_text(repr((sys.argv[1:], os.environ['ODD'])))"


@pytest.fixture
def jobs() -> Iterator[RayJobs]:
    played = RayJobs()
    yield played
    played.close()


def place_at(tmp_path: Path, connect: object) -> FakePlace:
    tasks = str(tmp_path / "tasks")
    return FakePlace(
        executor=RayExecutor(tasks, connect=connect),  # type: ignore[arg-type]
        reopen=lambda: RayExecutor(tasks, connect=connect),  # type: ignore[arg-type]
        commands=scripts(tmp_path),
        starts=starts_in(tmp_path),
        folder=str(tmp_path),
        patience_s=60,
    )


@pytest.fixture
def place(jobs: RayJobs, tmp_path: Path) -> FakePlace:
    return place_at(tmp_path, lambda: jobs)


class TestRay(ExecutorContract):
    """The contract of all executors."""


def hostile(place: FakePlace, folder: Path) -> Task:
    folder.mkdir()
    command = (sys.executable, "-c", TELLS, *HOSTILE)
    environment = {"ODD": "'$x\n`id`"}
    return replace(place.task("quick"), command=command, folder=str(folder), name="';\n", environment=environment)


def test_hostile_names_arrive_as_they_are(place, tmp_path):
    folder = tmp_path / "a %j 'b' \"c\"\n$(touch pwned) ü;"
    handle = place.executor.submit(hostile(place, folder))
    place.executor.start(handle)

    assert place.settled(handle, "finished", "failed").state == "finished"
    assert (folder / "seen").read_text() == repr((HOSTILE, "'$x\n`id`"))
    assert not list(tmp_path.rglob("pwned"))


def test_a_starter_that_dies_before_it_has_noted_the_attempt_finds_it_again(place, jobs, tmp_path):
    task = place.task("checkpoints")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)
    (tmp_path / "tasks" / task.id / "job").unlink()

    later = place.reopen()
    later.start(handle)

    assert later.status(handle).state == "running"
    assert list(jobs.jobs) == [f"{task.id}-1"]


def test_an_attempt_that_another_starter_made_meanwhile_is_taken_for_ours(place, jobs, tmp_path):
    task = place.task("quick")
    handle = place.executor.submit(task)
    jobs.faults.extend(
        [
            RuntimeError("Request failed with status code 404: Job does not exist."),
            RuntimeError("Request failed with status code 500: ...\nValueError: Job already exists."),
        ]
    )
    other = RayJobs(jobs=jobs.jobs, folder=jobs.folder)
    other.submit_job(entrypoint="true", submission_id=f"{task.id}-1")

    place.executor.start(handle)

    assert list(jobs.jobs) == [f"{task.id}-1"]
    assert place.settled(handle, "finished").exit_code == 0


def test_what_ray_is_asked_for_is_what_the_task_asks_for(place, jobs):
    words = {"cpus": 2, "gpus": "0.5", "memory_gb": 1, "resources": '{"big": 1}', "runtime_env": {"pip": ["x"]}}
    task = replace(place.task("quick"), resources=words, save_s=12.5)
    place.executor.start(place.executor.submit(task))

    arguments = jobs.jobs[f"{task.id}-1"]["arguments"]
    assert arguments["entrypoint_num_cpus"] == 2
    assert arguments["entrypoint_num_gpus"] == 0.5
    assert arguments["entrypoint_memory"] == 2**30
    assert arguments["entrypoint_resources"] == {"big": 1}
    assert arguments["runtime_env"]["pip"] == ["x"]
    assert arguments["runtime_env"]["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"] == "13"
    assert arguments["metadata"] == {"joulewise_task": task.id, "name": "quick"}


def test_a_job_that_ends_well_although_it_was_stopped_has_finished(place, tmp_path):
    task = place.task("stubborn")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)
    place.executor.stop(handle)
    assert place.executor.status(handle).state == "stopping"

    (tmp_path / "enough").touch()

    assert place.settled(handle, "finished", "paused").state == "finished"


def test_a_job_that_does_not_stop_in_time_is_killed_and_paused(place):
    handle = place.executor.submit(place.task("stubborn", save_s=1))
    place.executor.start(handle)
    place.started(handle)

    place.executor.stop(handle)

    assert place.settled(handle, "paused").exit_code is None


def test_a_job_that_somebody_kills_is_lost_and_runs_again(place, jobs):
    task = place.task("checkpoints")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    place.started(task.id)
    os.killpg(jobs.jobs[f"{task.id}-1"]["process"].pid, signal.SIGKILL)
    jobs.jobs[f"{task.id}-1"]["told"] = {
        "status": "FAILED",
        "error_type": "JOB_SUPERVISOR_ACTOR_DIED",
        "message": "gone",
    }
    lost = place.settled(handle, "lost")

    place.executor.resume(handle)
    place.started(task.id, 2)

    assert "FAILED: gone" in lost.detail
    assert place.executor.status(handle).state == "running"


def test_a_cluster_that_was_started_anew_has_lost_its_jobs_but_not_what_we_saw_end(place, jobs):
    ended, running = place.task("quick"), place.task("forever")
    for task in (ended, running):
        place.executor.start(place.executor.submit(task))
    place.settled(ended.id, "finished")
    place.started(running.id)
    jobs.close()
    jobs.jobs.clear()

    assert place.executor.status(ended.id).state == "finished"
    assert place.executor.status(running.id).state == "lost"
    place.executor.cancel(running.id)
    assert place.executor.status(running.id).state == "cancelled"


def test_a_job_that_waits_for_room_waits(place, jobs):
    task = place.task("forever")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    jobs.jobs[f"{task.id}-1"]["told"] = {"status": "PENDING"}

    status = place.executor.status(handle)
    place.executor.start(handle)

    assert (status.state, list(jobs.jobs)) == ("waiting", [f"{task.id}-1"])


def test_an_environment_that_can_not_be_made_is_a_failure(place, jobs):
    task = place.task("quick")
    handle = place.executor.submit(task)
    place.executor.start(handle)
    failed = {"status": "FAILED", "error_type": "RUNTIME_ENV_SETUP_FAILURE", "message": "no package x"}
    jobs.jobs[f"{task.id}-1"]["told"] = failed

    status = place.executor.status(handle)

    assert (status.state, status.exit_code) == ("failed", None)
    assert "no package x" in status.detail


@pytest.mark.parametrize(
    ("fault", "said", "cure"),
    [
        (ConnectionError("Failed to connect to Ray at address: http://x."), "does not answer", "RAY_ADDRESS"),
        (
            RuntimeError("Request failed with status code 500: Traceback\n ...\nValueError: no room"),
            "no room",
            "ray job",
        ),
        (RuntimeError(""), "RuntimeError", "ray job list"),
    ],
)
def test_what_ray_refuses_comes_with_a_cure(place, jobs, fault, said, cure):
    handle = place.executor.submit(place.task("quick"))
    jobs.faults.append(fault)

    with pytest.raises(ExecutorError, match=said) as refused:
        place.executor.status(handle)

    assert cure in refused.value.hint


@pytest.mark.parametrize("words", [{"partition": "x"}, {"cpus": "many"}, {"runtime_env": "no json"}])
def test_resources_that_ray_does_not_know_are_refused(place, words):
    with pytest.raises(ExecutorError) as refused:
        place.executor.submit(replace(place.task("quick"), resources=words))

    assert refused.value.hint


def test_jobs_are_not_frozen(place):
    with pytest.raises(ExecutorError, match="can't freeze a job"):
        place.executor.submit(place.task("quick", stop="freeze"))


# A real Ray: its start takes a quarter of a minute, each job some seconds, so that the tasks below run side by side.


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives out."""
    found: list[int] = []
    for port in range(21_000 + os.getpid() % 8_000, 32_000):
        with socket.socket() as probe:
            if len(found) < count and probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


@pytest.fixture(scope="module")
def ray_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Ray of our own: two CPUs, little memory, no reports to anybody."""
    port, dashboard, agent, client, first = (*free_ports(4), 33_000 + os.getpid() % 5_000)
    scratch = Path("/tmp") / f"jw-ray-{os.getpid()}"  # its sockets need a short path
    own = ("RAY_", "JOULEWISE_", "COV_", "PYTEST_")
    environ = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
    }
    head = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("ray"), "start", "--head", "--block", f"--port={port}"),
            *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"),
            *(f"--ray-client-server-port={client}", f"--min-worker-port={first}", f"--max-worker-port={first + 99}"),
            *("--num-cpus=2", "--object-store-memory=80000000", f"--temp-dir={scratch}", "--disable-usage-stats"),
            *("--node-ip-address=127.0.0.1", "--include-dashboard=true"),
        ],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield f"http://127.0.0.1:{dashboard}"
    os.killpg(head.pid, signal.SIGTERM)
    head.wait()
    subprocess.run(["rm", "-rf", scratch], check=True)


@pytest.mark.slow
def test_tasks_live_on_a_real_ray(ray_address, tmp_path):
    folder = tmp_path / "a 'b' \"c\" $(touch pwned) ü;"

    def connect() -> JobSubmissionClient:
        return JobSubmissionClient(ray_address)

    place = place_at(tmp_path, connect)
    strange, fails, saves, runs = (
        hostile(place, folder),
        place.task("fails"),
        place.task("checkpoints"),
        place.task("forever"),
    )
    until_ray_takes(place, strange)
    for task in (strange, fails, saves, runs):
        place.executor.start(place.executor.submit(task))
        place.executor.start(task.id)

    assert place.settled(strange.id, "finished", "failed").state == "finished"
    assert (folder / "seen").read_text() == repr((HOSTILE, "'$x\n`id`"))
    assert place.settled(fails.id, "finished", "failed").exit_code == 3
    place.started(saves.id)
    place.started(runs.id)
    place.reopen().stop(saves.id)
    place.executor.cancel(runs.id)
    assert place.settled(saves.id, "paused", "finished", "failed").exit_code == 75
    assert place.settled(runs.id, "cancelled", "failed", "lost").state == "cancelled"
    place.reopen().resume(saves.id)
    assert place.settled(saves.id, "finished", "failed").state == "finished"
    assert (place.starts(saves.id), place.starts(runs.id)) == (2, 1)


def until_ray_takes(place: FakePlace, task: Task) -> None:
    """The job server comes up some seconds after the rest, and takes jobs some seconds after it answers."""
    place.executor.submit(task)
    refused = None
    for _ in range(600):
        try:
            place.executor.start(task.id)
        except ExecutorError as error:
            refused = error
            signal.sigtimedwait([], 0.1)
        else:
            return
    raise AssertionError(f"Ray takes no job after a minute: {refused}")
