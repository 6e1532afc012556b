"""What runs inside a batch job: it hands on the stop, keeps the exit code, and goes back into the queue."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.executors.onboard import Onboard, main
from joulewise.schedule.executors.task_folder import ENDED, STOPPED, TERMINATED, Result, TaskFolder

SAVES = "import os, signal, sys, time; signal.signal(15, lambda *_: sys.exit(75)); open('up', 'w'); time.sleep(60)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); open('up', 'w'); time.sleep(60)"
NAIVE = "import time; open('up', 'w'); time.sleep(60)"


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., TaskFolder]:
    def folder_of(source: str, save_s: float = 30.0, **fields: object) -> TaskFolder:
        command = (sys.executable, "-c", source)
        known: dict[str, object] = {"id": new_ulid(), "name": "t", "command": command, "folder": str(tmp_path)}
        return TaskFolder.create(Task(**{**known, "save_s": save_s, **fields}))  # type: ignore[arg-type]

    return folder_of


@pytest.fixture
def requeued() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def run(requeued: list[tuple[str, bool]], tmp_path: Path) -> Callable[..., int]:
    """Run it; once the command is up, `then` happens and SIGTERM comes."""

    def run(folder: TaskFolder, then: Callable[[], None] | None = None) -> int:
        onboard = Onboard(folder, "7", dict(os.environ), lambda job, hold: requeued.append((job, hold)))

        def interfere() -> None:
            while not (tmp_path / "up").exists():
                time.sleep(0.005)
            then()  # type: ignore[misc]
            onboard.told_to_stop(signal.SIGTERM, None)
            onboard.told_to_stop(signal.SIGTERM, None)

        thread = threading.Thread(target=interfere)
        if then:
            thread.start()
        code = onboard.run()
        if then:
            thread.join()
        return code

    return run


def test_a_command_that_ends_by_itself_leaves_its_code(folder_of, run, requeued):
    folder = folder_of("import os; raise SystemExit(3 if os.environ['X'] == 'y' else 0)", environment={"X": "y"})

    assert run(folder) == 3
    assert folder.result == Result(job="7", how=ENDED, exit_code=3)
    assert folder.job == "7"
    assert requeued == []


def test_a_stop_that_was_asked_for_puts_the_job_back_held(folder_of, run, requeued):
    folder = folder_of(SAVES)

    run(folder, lambda: folder.mark("stop"))

    assert folder.result == Result(job="7", how=STOPPED, exit_code=75)
    assert requeued == [("7", True)]


def test_a_resume_that_came_meanwhile_puts_it_back_free(folder_of, run, requeued):
    folder = folder_of(SAVES)

    run(folder, lambda: (folder.mark("stop"), folder.mark("resume")))

    assert requeued == [("7", False)]
    assert not run(folder_of("pass"))


def test_a_resume_that_was_seen_too_late_is_done_with_at_the_next_start(folder_of, run, requeued):
    folder = folder_of("pass")
    folder.mark("stop")
    folder.mark("resume")

    assert run(folder) == 0
    assert (folder.marked("stop"), folder.marked("resume")) == (False, False)
    assert folder.result == Result(job="7", how=ENDED, exit_code=0)


def test_a_cancelled_job_does_not_come_back(folder_of, run, requeued):
    folder = folder_of(SAVES)

    run(folder, lambda: (folder.mark("stop"), folder.mark("cancel")))

    assert requeued == []


def test_a_signal_that_nobody_asked_for_is_slurms_business(folder_of, run, requeued):
    saves, naive = folder_of(SAVES), folder_of(NAIVE)

    run(saves, lambda: None)
    (Path(saves.task.folder) / "up").unlink()
    assert run(naive, lambda: None) == 143

    assert saves.result == Result(job="7", how=STOPPED, exit_code=75)
    assert naive.result == Result(job="7", how=TERMINATED, exit_code=143)
    assert requeued == []


def test_a_job_that_saves_and_leaves_by_itself_is_held(folder_of, run, requeued):
    folder = folder_of("raise SystemExit(75)")

    run(folder)

    assert requeued == [("7", True)]
    assert folder.marked("stop")


def test_a_command_that_does_not_stop_is_not_waited_for_longer_than_it_may_save(folder_of, run, requeued):
    folder = folder_of(DEAF, save_s=0.3)

    run(folder, lambda: folder.mark("stop"))

    result = folder.result
    assert (result.how, result.exit_code) == (STOPPED, 137)
    assert "did not stop within 0.3 s" in result.detail
    assert requeued == [("7", True)]


def test_a_stop_before_the_start_needs_no_start(folder_of, run, requeued, tmp_path):
    folder = folder_of(SAVES)
    folder.mark("stop")

    run(folder)

    assert folder.result.how == STOPPED
    assert requeued == [("7", True)]
    assert not (tmp_path / "up").exists()


def test_a_task_that_has_ended_never_runs_twice(folder_of, run, tmp_path):
    folder = folder_of("open('up', 'w')")
    folder.write_result(Result(job="6", how=ENDED, exit_code=4))

    assert run(folder) == 4
    assert not (tmp_path / "up").exists()


def test_a_command_that_is_not_there_is_told(folder_of, run):
    folder = folder_of("", command=("/no/such/program",))

    assert run(folder) == 127
    assert "can't start" in folder.result.detail


def test_the_signal_may_come_between_the_look_and_the_start(folder_of, requeued):
    folder = folder_of(NAIVE)
    onboard = Onboard(folder, "7", dict(os.environ), lambda job, hold: requeued.append((job, hold)))
    onboard.told_to_stop(signal.SIGTERM, None)

    assert onboard.run() == 143


def test_main_leaves_as_the_command_did(folder_of, tmp_path, capfd):
    folder = folder_of("print('hello'); raise SystemExit(5)")
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main([str(folder.path)]) == 5
        assert main([str(tmp_path)]) == ExecutorError.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)

    said = capfd.readouterr()
    assert "hello" in said.out
    assert "no task in" in said.err
