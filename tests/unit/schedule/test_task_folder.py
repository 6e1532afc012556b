"""The folder of a task: whole files, private, and clear words where it can't be kept."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.executors.task_folder import TaskFolder, task_from_dict, task_to_dict


@pytest.fixture
def task(tmp_path) -> Task:
    return Task(id=new_ulid(), name="t", command=("true",), folder=str(tmp_path), environment={"TOKEN": "secret"})


def test_what_is_kept_is_private_and_stays(task):
    folder = TaskFolder.create(task)
    again = TaskFolder.create(replace(task, name="other"))

    assert again.path == folder.path
    assert again.task == task
    assert again.task_id == task.id
    assert oct(folder.path.stat().st_mode)[-3:] == "700"
    assert oct((folder.path / "task.json").stat().st_mode)[-3:] == "600"
    assert folder.state.is_dir()


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(
    name=text,
    command=st.lists(text, min_size=1).map(tuple),
    environment=st.dictionaries(text, text),
    not_before=st.none() | st.just(datetime(2026, 10, 25, 1, tzinfo=UTC)),
)
def test_a_task_comes_back_as_it_was(name, command, environment, not_before):
    task = Task(
        id=new_ulid(), name=name, command=command, folder="/", environment=environment, not_before=not_before,
        resources={"cpus": 4},
    )  # fmt: skip

    assert task_from_dict(task_to_dict(task)) == task


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "../../etc"}, "ULID"),
        ({"command": ()}, "no command"),
        ({"command": ("",)}, "no command"),
        ({"command": ("a\0b",)}, "zero byte"),
        ({"environment": {"A": "\0"}}, "zero byte"),
        ({"environment": {"A=B": "x"}}, "can't name"),
        ({"environment": {"": "x"}}, "can't name"),
        ({"folder": "/no/such/folder"}, "no folder"),
    ],
)
def test_what_can_not_be_handed_over_is_refused(task, fields, said):
    with pytest.raises(ExecutorError, match=said):
        TaskFolder.create(replace(task, **fields))


def test_a_place_that_is_no_folder_is_told(task, tmp_path):
    (tmp_path / ".joulewise").write_text("a file")

    with pytest.raises(ExecutorError, match="can't keep the task in") as refused:
        TaskFolder.create(task)

    assert "shares" in refused.value.hint


@pytest.mark.parametrize("text", [None, "", "{", "{}", '{"id": 1}'])
def test_a_damaged_task_is_told(task, text):
    folder = TaskFolder.create(task)
    (folder.path / "task.json").unlink()
    if text is not None:
        (folder.path / "task.json").write_text(text)

    with pytest.raises(ExecutorError, match="no task in"):
        _ = folder.task


def test_a_result_that_the_disk_tore_is_none(task):
    folder = TaskFolder.create(task)
    (folder.path / "result.json").write_text('{"job": "7", "how"')

    assert folder.result is None


def test_two_submitters_take_turns(task):
    folder = TaskFolder.create(task)
    order: list[str] = []

    def second() -> None:
        with folder.lock():
            order.append("second")

    with folder.lock():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
    assert sorted(os.listdir(folder.path)) == ["lock", "state", "task.json"]
