"""Two processes account for the same tasks at once: a run and a decision each, whoever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.core.plans import Task
from joulewise.core.records import Bundle
from joulewise.schedule.clock import Clock
from joulewise.schedule.task_record import Submission, TaskRecord
from joulewise.testing.ledgers import FIRST, small_bundle, store_id
from joulewise.testing.plans import HOUR, small_job, small_plan

TASKS = 3
END = FIRST + 9 * HOUR

DRIVER = """
import os, sys, time
from tests.contract.test_store_two_drivers import TASKS, account

url, spool, meeting, name = sys.argv[1:]

def meet(point):
    "Wait until the other driver has come as far, a few seconds at most: it may have gone another way."
    open(os.path.join(meeting, f"{point}-{name}"), "w").close()
    until = time.monotonic() + 3
    while len([one for one in os.listdir(meeting) if one.startswith(point + "-")]) < 2 and time.monotonic() < until:
        time.sleep(0.002)

for number in range(TASKS):
    meet(f"begin{number}")
    print(account(url, spool, number, lambda: meet(f"decide{number}")), flush=True)
"""


class Meeting(Clock):
    """Tells the time of the account, and first that it was asked for it: the ledger has been looked at by then."""

    def __init__(self, meet) -> None:
        super().__init__(start=END)
        self.meet = meet

    def now(self):
        self.meet()
        return END + timedelta(microseconds=os.getpid())  # two drivers never decide at quite the same time

    def shown_at(self, real):
        return real


def parts(number: int) -> list[Bundle]:
    """Two parts of a task, an hour each, filed by `joulewise run` already."""
    found = []
    for part in range(2):
        start = FIRST + (3 + part) * HOUR
        bundle = small_bundle(
            100 * (number + 1) + part,
            parent_id=store_id(number),
            started_at=start,
            ended_at=start + HOUR,
            duration_s=3_600.0,
            emissions_g=None,
        )
        found.append(bundle)
    return found


def record_of(number: int, url: str, spool: str) -> TaskRecord:
    settings = {"zone": "DE", "ledger": url, "spool": spool}
    task = Task(id=store_id(number), name="train", command=("true",), folder="/")
    submission = Submission(
        task=task, job=small_job(), executor="local", submitted_at=FIRST, extra={"settings": settings}
    )
    return TaskRecord(submission=submission, first_plan_id=small_plan().id, state="finished", exit_code=0)


def account(url: str, spool: str, number: int, meet) -> str:
    from joulewise.api.task_accounting import account_for

    return account_for(record_of(number, url, spool), Meeting(meet))


@pytest.fixture
def spool(tmp_path: Path) -> str:
    return str(tmp_path / "spool")


def filed(store: ledger.Ledger) -> None:
    store.append_plan(small_plan())
    for number in range(TASKS):
        store.append_many(parts(number))


def test_two_drivers_file_one_decision_a_task(store, store_url, spool, tmp_path, root):
    filed(store)
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, store_url, spool, str(meeting), name],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    ended = [driver.communicate(timeout=120) for driver in drivers]
    tasks = [store_id(number) for number in range(TASKS)]

    assert [driver.returncode for driver in drivers] == [0, 0], [error for _, error in ended]
    assert [out.split() for out, _ in ended] == [tasks, tasks]
    assert not any("not known" in error for _, error in ended), ended
    assert sorted(one.run_id for one in store.decisions(include_superseded=True)) == sorted(tasks)
    assert store.totals().runs == TASKS
    assert store.verify().ok


def test_the_second_account_is_the_first(store, store_url, spool):
    filed(store)
    for _ in range(2):
        account(store_url, spool, 0, lambda: None)

    assert len(store.decisions(include_superseded=True)) == 1


def test_a_part_without_energy_leaves_the_task_without_a_sum_and_the_totals_with_the_rest(store, store_url, spool):
    first, second = parts(0)
    store.append_plan(small_plan())
    covered = replace(first, run=replace(first.run, coverage=0.8))
    store.append_many([covered, replace(second, run=replace(second.run, duration_s=1_200.0), measurements=())])
    account(store_url, spool, 0, lambda: None)
    task = store.bundle(store_id(0))
    totals = store.totals()

    assert not [one for one in task.measurements if one.quantity == "energy_j"]
    assert task.run.warnings[-1] == "1 of 2 parts, 25 % of its time, have no energy: there is no sum"
    assert task.run.coverage == pytest.approx(0.6)
    assert (totals.runs, totals.duration_s, totals.energy.value) == (1, 4_800.0, 100.0)
    assert (totals.without_energy, totals.energy_coverage) == (1, pytest.approx(0.75))
    assert store.decisions() == ()
