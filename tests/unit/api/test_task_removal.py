"""Removing tasks that have ended, and none that has not."""

from __future__ import annotations

import os
import sys

import pytest

from joulewise.api import load_settings, plan_request, task_removal
from joulewise.api.submitting import Tasks
from joulewise.core.errors import NotFound, UsageError
from joulewise.core.plans import TaskStatus
from joulewise.core.ulid import new_ulid
from joulewise.testing.ledgers import empty_ledger


@pytest.fixture
def tasks(tmp_path):
    settings = load_settings(zone="FR", ledger=empty_ledger(tmp_path / "ledger.db"), spool=str(tmp_path / "spool"))
    return Tasks(settings, folder=str(tmp_path / "tasks"))


def submitted(tasks, name, *, ended=True, accounted=True):
    record, _ = tasks.submit([sys.executable, "-V"], plan_request(), when="now", name=name, task_id=new_ulid())
    if ended:
        tasks.journal.runs(record.id, tasks.clock.now())
        tasks.journal.end(record.id, tasks.clock.now(), TaskStatus(state="failed", exit_code=3))
    if accounted:
        tasks.journal.accounted(record.id, record.id)
    tasks.journal.close()
    state = os.path.join(tasks.folder, record.id, "state")
    os.makedirs(state, exist_ok=True)
    with open(os.path.join(state, "train.ckpt"), "wb") as file:
        file.write(bytes(1000))
    return record.id


def test_one_that_ended_goes_with_all_that_was_kept_for_it(tasks):
    one, other = submitted(tasks, "one"), submitted(tasks, "other")
    found = task_removal.remove(tasks, ("one",))

    assert found.ids == (one,)
    assert found.size_bytes > 1000
    assert "removed 1 task, " in str(found)
    assert tasks.journal.ids() == [other]
    assert not os.path.exists(os.path.join(tasks.folder, one))


@pytest.mark.parametrize(("ended", "hint"), [(False, "tasks cancel"), (True, "tasks drive")])
def test_one_that_is_still_needed_stays_and_so_do_the_others(tasks, ended, hint):
    done = submitted(tasks, "done")
    submitted(tasks, "open", ended=ended, accounted=False)

    with pytest.raises(UsageError) as caught:
        task_removal.remove(tasks, ("done", "open"))
    assert hint in caught.value.hint
    assert done in tasks.journal.ids()


def test_all_that_ended_go_if_they_are_old_enough(tasks):
    submitted(tasks, "done")
    still = submitted(tasks, "open", ended=False, accounted=False)

    assert task_removal.remove_ended(tasks, 3600.0).ids == ()
    assert str(task_removal.remove_ended(tasks, 3600.0)) == "no task was removed"
    assert len(task_removal.remove_ended(tasks).ids) == 1
    assert tasks.journal.ids() == [still]


def test_what_a_kill_left_half_removed_goes_with_the_next(tasks):
    gone = submitted(tasks, "gone")
    left = os.path.join(tasks.folder, f".removed-{gone}")
    os.rename(os.path.join(tasks.folder, gone), left)
    task_removal.remove_ended(tasks)

    assert not os.path.exists(left)


def test_one_that_another_process_looks_after_stays(tasks):
    held = submitted(tasks, "held")
    fd = tasks.journal.take(held)
    try:
        assert task_removal.remove_ended(Tasks(tasks.settings, folder=tasks.folder)).ids == ()
    finally:
        os.close(fd)
    assert held in tasks.journal.ids()


def test_an_unknown_one_is_named(tasks):
    with pytest.raises(NotFound, match="nobody"):
        task_removal.remove(tasks, ("nobody",))
