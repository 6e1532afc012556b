"""Handing tasks over: a place that will never take one says so before anything is kept."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from joulewise.api import load_settings, open_ledger, plan_request, submitting, task_accounting
from joulewise.core.errors import ExecutorError, JoulewiseError
from joulewise.testing.ledgers import empty_ledger


class Place:
    """Takes every task, or none."""

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses
        self.asked = []

    def check(self, task):
        self.asked.append(task)
        if self.refuses:
            raise ExecutorError("no such image", hint="--resource image=NAME")


@pytest.fixture
def submit(tmp_path, monkeypatch):
    def send(place, **wanted):
        monkeypatch.setattr(submitting, "executor", lambda *_: place)
        settings = load_settings(zone="FR", ledger=empty_ledger(tmp_path / "ledger.db"), spool=str(tmp_path / "spool"))
        tasks = submitting.Tasks(settings, folder=str(tmp_path / "tasks"))
        return tasks, lambda: tasks.submit(["true"], plan_request(**wanted), on="k8s")

    return send


def test_a_task_that_a_place_will_never_take_is_refused_and_not_kept(submit):
    tasks, send = submit(Place(refuses=True), duration_s=3600, power_w=100.0, within_s=7200)

    with pytest.raises(ExecutorError, match="no such image"):
        send()
    assert tasks.all() == []


def test_the_place_learns_when_the_task_must_begin_at_the_latest(submit):
    place = Place(refuses=False)
    tasks, send = submit(place, duration_s=3600, power_w=100.0, within_s=7200)

    record, _plan = send()
    [task] = place.asked

    assert task.latest_start == record.submission.job.deadline - timedelta(hours=1)
    assert [one.id for one in tasks.all()] == [task.id]
    assert record.submission.task.latest_start == task.latest_start


def test_killed_while_its_plan_is_filed_a_task_keeps_its_plan(submit, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    tasks, send = submit(Place(refuses=False), duration_s=3600, power_w=100.0, within_s=7200)
    monkeypatch.setattr(submitting.task_accounting, "file_plan", killed)

    with pytest.raises(KeyboardInterrupt):
        send()
    [record] = tasks.all()
    assert record.schedule is not None, "without one it would run at once"
    assert record.schedule.segments


def test_a_plan_that_can_not_be_filed_at_submit_is_filed_with_the_account(submit, tmp_path):
    tasks, send = submit(Place(refuses=False), duration_s=3600, power_w=100.0, within_s=7200)
    good = tasks.settings.ledger
    hidden = tmp_path / "hidden.db"
    os.rename(tmp_path / "ledger.db", hidden)
    os.makedirs(tmp_path / "ledger.db")  # a folder in the ledger's place: it can't be opened

    record, plan = send()
    assert os.path.exists(os.path.join(tasks.folder, record.id, "plan.json"))
    os.rmdir(tmp_path / "ledger.db")
    os.rename(hidden, tmp_path / "ledger.db")
    for _ in range(2):
        task_accounting.account_for(record, tasks.clock, tasks.folder)

    with open_ledger(load_settings(ledger=good)) as ledger:
        assert ledger.plan(plan.id) == plan
    assert not os.path.exists(os.path.join(tasks.folder, record.id, "plan.json"))


def test_a_plan_that_was_filed_is_not_kept_beside_its_task(submit):
    tasks, send = submit(Place(refuses=False), duration_s=3600, power_w=100.0, within_s=7200)
    record, plan = send()

    with open_ledger(tasks.settings) as ledger:
        assert ledger.plan(plan.id) == plan
    assert not os.path.exists(os.path.join(tasks.folder, record.id, "plan.json"))


def test_a_kept_plan_that_can_not_be_read_keeps_no_account_from_being_filed(submit):
    tasks, send = submit(Place(refuses=False), duration_s=3600, power_w=100.0, within_s=7200)
    record, _ = send()
    with open(os.path.join(tasks.folder, record.id, "plan.json"), "w") as file:
        file.write('{"id": 1')

    assert task_accounting.account_for(record, tasks.clock, tasks.folder) == "nothing of it was measured"


@pytest.mark.parametrize(
    ("resources", "message", "hint"),
    [
        ({"gpus": "-1"}, "can't have gpus=-1", ">= 0"),
        ({"memory_gb": "nan"}, "memory_gb=nan", ">= 0"),
        ({"nonsense": "foo"}, "no resource 'nonsense'", "cpus, gpus, memory_gb"),
        ({"cpus": "many"}, "is no number", "cpus=4"),
    ],
)
def test_resources_that_mean_nothing_on_this_machine_are_refused(tmp_path, resources, message, hint):
    tasks = submitting.Tasks(load_settings(zone="FR", spool=str(tmp_path)), folder=str(tmp_path / "tasks"))

    with pytest.raises(JoulewiseError, match=message) as caught:
        tasks.submit(["true"], plan_request(), when="now", resources=resources)
    assert hint in caught.value.hint
    assert tasks.all() == []
