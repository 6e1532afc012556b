"""The process that stands over a part, here inside the test's own: what it writes, waits for and passes on.

Run by test_local_part.py in a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from joulewise.measure.facts import boot_id, start_ticks
from joulewise.schedule.executors import local_part


@pytest.fixture
def folder(tmp_path):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, local_part.HELD)
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield str(tmp_path), lock
    os.close(lock)
    while signal.sigtimedwait(local_part.HELD - before, 0):
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def started(folder, *command):
    path, lock = folder
    pid = local_part.start([*command], f"{path}/part-1", path, lock, f"{path}/out.log")
    while not os.path.exists(f"{path}/part-1.run"):
        time.sleep(0.005)
    return pid


def later(seconds, *calls):
    def act():
        time.sleep(seconds)
        for call, *arguments in calls:
            call(*arguments)

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def read(folder, name):
    with open(f"{folder[0]}/{name}", encoding="utf-8") as file:
        return file.read()


def test_an_exit_code(folder):
    pid = started(folder, "sh", "-c", "echo out; exit 7")

    assert local_part.told(local_part.watch(pid, folder[0], 1.0)) == "7 -"
    assert read(folder, "out.log") == "out\n"


def test_who_runs_is_written_before_it_is_the_command(folder):
    pid = started(folder, "sleep", "5")
    words = read(folder, "part-1.run").split()

    assert words[:3] == [str(pid), str(start_ticks(pid)), boot_id()]
    assert words[3] == str(os.getpid())
    local_part.send(pid, signal.SIGKILL)
    assert local_part.told(local_part.watch(pid, folder[0], 1.0)) == "- 9"


def test_a_shutdown_is_passed_on(folder):
    pid = started(folder, "sleep", "30")
    thread = later(0.1, (os.kill, os.getpid(), signal.SIGTERM))

    assert local_part.told(local_part.watch(pid, folder[0], 1.0)) == "- 15"
    thread.join()


def test_cancelled_it_is_killed_when_its_time_is_over(folder):
    pid = started(folder, "sh", "-c", "trap '' TERM; sleep 30")
    with open(f"{folder[0]}/cancel", "w", encoding="ascii"):
        pass

    assert local_part.told(local_part.watch(pid, folder[0], 0.05)) == "- 9"


def test_what_a_killed_leader_leaves_is_asked_to_end_and_waited_for(folder):
    deaf = f"""
import signal, sys, time
def save(*_):
    time.sleep(0.3)
    open({folder[0] + "/saved"!r}, "w").close()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
open({folder[0] + "/ready"!r}, "w").close()
time.sleep(30)
"""
    pid = started(folder, "sh", "-c", '"$0" -c "$1" & wait', sys.executable, deaf)
    while not os.path.exists(f"{folder[0]}/ready"):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)

    assert local_part.told(local_part.watch(pid, folder[0], 1.0)) == "- 9"
    assert os.path.exists(f"{folder[0]}/saved")


def test_a_command_that_is_not_there(folder):
    pid = local_part.start(["no-such-command"], f"{folder[0]}/part-1", folder[0], folder[1], f"{folder[0]}/out.log")

    assert local_part.told(local_part.watch(pid, folder[0], 1.0)) == "127 -"
    assert "no-such-command" in read(folder, "out.log")


def test_nobody_is_left_to_signal(folder):
    pid = started(folder, "true")
    local_part.watch(pid, folder[0], 1.0)

    assert not local_part.send(pid, signal.SIGTERM)
    local_part.with_group(pid)


def test_a_file_is_whole_or_not_there(tmp_path):
    local_part.put(str(tmp_path / "a"), "whole")

    assert (tmp_path / "a").read_text() == "whole"
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(OSError, match="No such file"):
        local_part.put(str(tmp_path / "no" / "a"), "whole")


@pytest.mark.parametrize(
    ("end", "before", "after", "found"),
    [
        ("- 9", [3, 7], [3, 8], True),
        ("137 -", [3], [4], True),
        ("- 9", [3], [3], False),
        ("- 15", [3], [4], False),
        ("- 9", [], [], False),
        ("- 9", [3], [3, 8], False),  # a counter that came in between says nothing
    ],
)
def test_a_kill_while_memory_ran_out_was_most_likely_for_that(end, before, after, found):
    assert local_part.out_of_memory(end, before, after) is found


def test_kills_for_memory_are_counted_where_the_kernel_does(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    assert local_part.oom_kills(str(tmp_path)) == []

    (tmp_path / "proc/self/cgroup").write_text("4:memory:/a\n0::/b\n")
    (tmp_path / "proc/vmstat").write_text("pgfault 9\noom_kill 5\n")
    for name, text in (("b/memory.events", "oom 1\noom_kill 2\n"), ("memory/a/memory.oom_control", "oom_kill 3\n")):
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert local_part.oom_kills(str(tmp_path)) == [2, 3, 5]
