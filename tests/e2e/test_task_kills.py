"""Killed at random instants, whoever drives, watches or runs a task: it is never lost, never run twice at a time, and
done before its deadline. Time is accelerated; all processes are real."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.core.plans import Job, Segment, Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.local import LocalExecutor
from joulewise.schedule.executors.local_processes import last_part, processes_of
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Schedule, Submission, TaskRecord

SPEED = 600.0
START = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = 120

JOB = """
import fcntl, os, sys, time
import joulewise
folder = sys.argv[1]
lock = os.open(f"{folder}/alone", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    open(f"{folder}/twice", "w").close()
    sys.exit(9)
checkpoint = joulewise.checkpointing(f"{folder}/job.ckpt", every_s=0.1)
done = checkpoint.resume(0)
for step in range(done, STEPS):
    time.sleep(0.01)
    with open(f"{folder}/steps", "a") as file:
        file.write(f"{step}\\n")
    checkpoint.step(step + 1)
with open(f"{folder}/finished", "a") as file:
    file.write("once\\n")
""".replace("STEPS", str(STEPS))

DRIVER = """
import sys
from joulewise.core.errors import ProviderUnavailable
from joulewise.schedule.clock import Clock
from joulewise.schedule.controller import Controller
from joulewise.schedule.executors.local import LocalExecutor
from joulewise.schedule.task_journal import TaskJournal
folder, text, task = sys.argv[1:]
clock = Clock.parse(text)
def planner(record, job, now):
    raise ProviderUnavailable("down for hours")
controller = Controller(TaskJournal(folder), lambda name: LocalExecutor(folder, clock), planner, clock)
controller.poll_s = 0.05
controller.run([task])
"""


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Stage:
    """One task with two planned runs, its processes, and what may happen to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks = str(folder / "tasks")
        self.clock = Clock(SPEED, start=START)
        self.task_id = new_ulid()
        self.journal = TaskJournal(self.tasks)
        self.drivers: list[subprocess.Popen[bytes]] = []

    def submit(self, stop: str = "checkpoint") -> None:
        task = Task(
            id=self.task_id, name="job", command=(sys.executable, "-c", JOB, str(self.folder)),
            folder=str(self.folder), stop=stop, save_s=600.0,
        )  # fmt: skip
        job = Job(
            name="job", duration_s=40 * 60.0, power_profile=((40 * 60.0, 100.0),), release=START, deadline=at(300),
            home="DE", max_runs=None, save_s=60.0, restore_s=60.0,
        )  # fmt: skip
        planned = Schedule(
            plan_id="test", made_at=START, chosen="paused", reason="test",
            segments=(Segment(region="DE", start=at(20), end=at(28)), Segment(region="DE", start=at(45), end=at(90))),
        )  # fmt: skip
        self.journal.create(Submission(task=task, job=job, executor="local", submitted_at=START))
        self.journal.plan(self.task_id, planned)
        self.journal.close()

    def drive(self) -> None:
        words = [sys.executable, "-c", DRIVER, self.tasks, self.clock.as_text(), self.task_id]
        self.drivers.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))

    def pids(self, victim: str) -> list[int]:
        """Who can be killed now."""
        if victim == "controller":
            return [one.pid for one in self.drivers if one.poll() is None]
        part = last_part(os.path.join(self.tasks, self.task_id, "run"))
        if part is None or part.ended or not part.alive(self.task_id):
            return []
        return [part.supervisor] if victim == "supervisor" else processes_of(self.task_id)

    def record(self) -> TaskRecord:
        return self.journal.read(self.task_id)

    def end(self) -> None:
        for driver in self.drivers:
            with contextlib.suppress(ProcessLookupError):
                driver.kill()
            driver.wait()
        for pid in processes_of(self.task_id):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    yield made
    made.end()


def until_ended(stage: Stage, seconds: float = 40.0) -> TaskRecord:
    limit = time.monotonic() + seconds
    while not (record := stage.record()).ended or not record.accounted:
        if all(driver.poll() is not None for driver in stage.drivers):
            stage.drive()
        assert time.monotonic() < limit, record
        time.sleep(0.02)
    return record


def check(stage: Stage, record: TaskRecord) -> None:
    assert record.state == "finished", record
    assert record.exit_code == 0
    assert record.ended_at < at(300), "the deadline"
    assert not (stage.folder / "twice").exists(), "two copies ran at the same time"
    assert (stage.folder / "finished").read_text() == "once\n"
    steps = [int(line) for line in (stage.folder / "steps").read_text().split()]
    assert sorted(set(steps)) == list(range(STEPS)), "no step is left out"


def test_without_kills_it_runs_in_its_two_windows(stage):
    stage.submit()
    record = until_ended(stage)

    check(stage, record)
    assert record.spans[0].start >= at(20)
    assert record.spans[-1].start >= at(45)
    assert {span.how for span in record.spans[:-1]} <= {"paused"}


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(10))
def test_fifty_random_kills(stage, trial):
    chance = random.Random(f"kills {trial}")
    stage.submit()
    stage.drive()
    killed = []
    while len(killed) < 5 and not stage.record().ended:
        time.sleep(chance.uniform(0.0, 1.2))
        if all(driver.poll() is not None for driver in stage.drivers):
            stage.drive()
        victim = chance.choice(("controller", "controller", "job", "job", "supervisor"))
        pids = stage.pids(victim) or stage.pids("controller")
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
        killed.append(victim)

    record = until_ended(stage)

    check(stage, record)


def test_two_controllers_run_it_once(stage):
    stage.submit()
    for _ in range(3):
        stage.drive()

    record = until_ended(stage)

    check(stage, record)
    assert record.losses == 0


def test_all_processes_killed_at_once_as_by_a_power_cut(stage):
    stage.submit()
    stage.drive()
    while not stage.pids("job"):
        time.sleep(0.01)
    time.sleep(0.3)
    for victim in ("controller", "supervisor", "job"):
        for pid in stage.pids(victim):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    check(stage, until_ended(stage))


def test_a_frozen_task_whose_controller_dies_goes_on(stage):
    stage.submit(stop="freeze")
    stage.drive()
    executor = LocalExecutor(stage.tasks, stage.clock)
    while executor.status(stage.task_id).state != "paused":
        time.sleep(0.02)
    stage.drivers[0].kill()

    record = until_ended(stage)

    check(stage, record)
    assert [span.how for span in record.spans][-1] == "finished"
