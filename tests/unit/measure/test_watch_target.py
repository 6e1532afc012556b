"""Waiting for processes that are not our children's children only: by pidfd, and by start time."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator

import pytest

from joulewise.core.errors import NotFound
from joulewise.measure.cputime import TreeClock
from joulewise.measure.watch_target import Target, watch


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "30"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("use_pidfd", [True, False])
def test_the_end_is_seen_even_if_nobody_waits_for_the_process(
    sleeper: subprocess.Popen[bytes], use_pidfd: bool
) -> None:
    target = Target(sleeper.pid, use_pidfd=use_pidfd)
    assert not target.wait(0.01)
    sleeper.kill()
    assert target.wait(20)
    target.close()
    target.close()


def test_an_ended_process_cannot_be_watched(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(NotFound, match="has ended"):
        Target(sleeper.pid)


@pytest.mark.parametrize("pid", [0, -5, 1 << 22, 1 << 40])
def test_nobody_is_found_by_a_wrong_number(pid: int) -> None:
    with pytest.raises(NotFound, match="pgrep"):
        Target(pid)


def test_a_thread_points_to_its_process() -> None:
    stop, ids = threading.Event(), []
    thread = threading.Thread(target=lambda: (ids.append(threading.get_native_id()), stop.wait(20)))
    thread.start()
    try:
        while not ids:
            pass
        with pytest.raises(NotFound, match=f"joulewise watch {os.getpid()}"):
            Target(ids[0])
    finally:
        stop.set()
        thread.join()


def test_watch_waits_for_the_root_and_then_for_the_rest(sleeper: subprocess.Popen[bytes]) -> None:
    rest = [frozenset({7}), frozenset({sleeper.pid, 7})]
    with Target(sleeper.pid) as target:
        assert not watch(target, timeout_s=0.01)
        sleeper.kill()
        assert watch(target, lambda: rest.pop() if rest else frozenset(), every_s=0.001)
    assert rest == []


def test_watch_gives_up_in_time_if_others_go_on(sleeper: subprocess.Popen[bytes]) -> None:
    with Target(sleeper.pid) as target:
        sleeper.kill()
        assert not watch(target, lambda: frozenset({1}), timeout_s=0.1, every_s=0.01)


def test_a_process_that_ended_once_it_was_held_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    with Target(sleeper.pid) as target:
        sleeper.kill()
        sleeper.wait()
        assert watch(target, timeout_s=20)


def test_a_foreign_tree_is_counted() -> None:
    script = (
        "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; read go; i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
    )
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE) as process, Target(process.pid) as target:
        clock = TreeClock(process.pid)
        assert process.pid in clock.pids()
        assert process.stdin is not None
        process.stdin.close()
        assert watch(target, clock.pids, timeout_s=20)
        assert clock.read_us() > 5_000
        clock.close()
