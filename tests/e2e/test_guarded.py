"""Whatever foreign code starts ends with it, and with whoever measures it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from joulewise.compare.guarded import Guarded, cause_of
from joulewise.testing.processes import alive, until

FORKER = '''
"""Starts children of each kind, tells their pids, and does what it is told."""
import os, signal, subprocess, sys, tempfile, time

def main(arguments):
    path, act = arguments
    pids = [os.getpid()]
    folder = tempfile.mkdtemp()
    open(os.path.join(folder, "left"), "w").close()
    os.symlink("/etc", os.path.join(folder, "link"))
    pids.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    reading, writing = os.pipe()
    if os.fork() == 0:  # a daemon: an orphan with a session of its own, deaf to what asks it to end
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.write(writing, b"%d" % os.getpid())
            time.sleep(600)
        os._exit(0)
    pids.append(int(os.read(reading, 20)))
    open(path + ".part", "w").write(" ".join(map(str, pids)))
    os.rename(path + ".part", path)
    if act == "exit":
        os._exit(3)
    if act == "abort":
        os.abort()
    if act == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    if act == "stop the guard":
        os.kill(os.getppid(), signal.SIGSTOP)
    if act == "kill the guard":
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)
'''
HARNESS = """
import sys, os, tempfile
from joulewise.compare.guarded import Guarded
process = Guarded("forker", [sys.argv[1], "sleep"], os.environ, log=tempfile.TemporaryFile())
if os.fork() == 0:  # a fork that holds the pipe open
    __import__("time").sleep(20)
    os._exit(0)
process.wait(600)
"""


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    (tmp_path / "forker.py").write_text(FORKER)
    (tmp_path / "tmp").mkdir()
    more = {"TMPDIR": str(tmp_path / "tmp")}
    return {**os.environ, **more, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


@pytest.fixture
def started(tmp_path, environ):
    """Start the forker; it and its children's pids."""
    running = []

    def start(act: str) -> tuple[Guarded, list[int]]:
        with tempfile.TemporaryFile() as log:
            process = Guarded("forker", [str(tmp_path / "pids"), act], environ, log=log)
        running.append(process)
        return process, told(tmp_path / "pids")

    yield start
    for process in running:
        process.end()


def told(path: Path) -> list[int]:
    assert until(path.exists)
    return [int(one) for one in path.read_text().split()]


@pytest.mark.parametrize(("act", "code"), [("exit", 3), ("abort", -signal.SIGABRT), ("term", -signal.SIGTERM)])
def test_its_end_is_told_and_leaves_nobody(started, act, code):
    process, pids = started(act)

    assert process.wait(60.0) == code
    assert not any(alive(pid) for pid in pids)
    assert process.held_bytes() == 0


def test_ending_it_ends_daemons_too(started, tmp_path, environ):
    process, pids = started("sleep")
    assert process.running
    assert len(list((tmp_path / "tmp").rglob("left"))) == 1
    assert all(alive(pid) for pid in pids)
    assert process.held_bytes() > 1_000_000

    process.end()

    assert not any(alive(pid) for pid in pids)
    assert not list((tmp_path / "tmp").iterdir()), "temporary files went with them"
    assert Path("/etc/passwd").exists(), "links are not followed"
    process.end()


def test_a_guard_that_was_killed_takes_the_work_with_it(started):
    process, pids = started("kill the guard")

    assert process.wait(60.0) == -signal.SIGKILL
    process.end()
    assert until(lambda: not any(alive(pid) for pid in pids[:2]))
    os.kill(pids[2], signal.SIGKILL)  # nobody is left who could know the daemon


def test_a_guard_that_was_stopped_does_not_hang_the_harness(started):
    process, pids = started("stop the guard")

    process.end()

    assert not process.running
    assert until(lambda: not any(alive(pid) for pid in pids[:2]))
    os.kill(pids[2], signal.SIGKILL)


def test_a_harness_that_is_killed_leaves_nobody_though_a_fork_of_it_lives(tmp_path, environ):
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, str(tmp_path / "pids")], env=environ)
    pids = told(tmp_path / "pids")

    harness.kill()
    harness.wait()

    assert until(lambda: not any(alive(pid) for pid in pids))
    assert until(lambda: not list((tmp_path / "tmp").iterdir()))


def test_without_room_for_temporary_files_it_works_all_the_same(tmp_path, environ):
    environ["TMPDIR"] = str(tmp_path / "absent")
    (tmp_path / "played_end.py").write_text("import os\ndef main(arguments):\n    os._exit(5)\n")
    with tempfile.TemporaryFile() as log:
        process = Guarded("played_end", [], environ, log=log)
        assert process.wait(60.0) == 5
        process.end()


def test_causes_are_words():
    assert cause_of(3) == "exit code 3"
    assert cause_of(-signal.SIGABRT) == "SIGABRT"
    assert cause_of(-signal.SIGKILL) == "SIGKILL (out of memory?)"
    assert cause_of(-200) == "signal 200"
