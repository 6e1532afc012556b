"""The terminal is closed (SIGHUP from the kernel): what is in front ends in order, what was submitted goes on."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.core.ulid import is_ulid
from joulewise.schedule.executors.local_processes import processes_of

PATIENCE_S = 60.0
JOB = """
import sys, time, joulewise
checkpoint = joulewise.checkpointing("job.ckpt")
done = checkpoint.resume(0)
for step in range(done, 600):
    time.sleep(0.05)
    open("steps", "a").write(f"{step}\\n")
    checkpoint.step(step + 1)
"""


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        start = datetime.now(UTC) - timedelta(minutes=30)
        rows = [f"DE,{(start + timedelta(hours=n)).isoformat()},{g}" for n, g in enumerate((500, 500, 50, 500, 500))]
        (folder / "grid.csv").write_text("\n".join(["zone,start,intensity_g_per_kwh", *rows]) + "\n")
        (folder / "job.py").write_text(JOB)
        (folder / "tmp").mkdir()
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
            "JOULEWISE_ZONE": "DE",
            "JOULEWISE_INTENSITY": "file",
            "JOULEWISE_INTENSITY_FILE": str(folder / "grid.csv"),
        }

    def in_a_terminal(self, *words: str) -> tuple[int, int]:
        """The pid of a command that leads the session of a terminal of its own, and the other end of that terminal."""
        pid, terminal = pty.fork()
        if pid == 0:  # pragma: no cover - becomes the command
            os.chdir(self.folder)
            os.execvpe("joulewise", ["joulewise", *words], self.environ)
        return pid, terminal

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["joulewise", *words], env=self.environ, cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    def status(self) -> dict:
        return json.loads(self.run("tasks", "status", "last", "--output", "json"))[0]


def told(terminal: int, text: str) -> None:
    """Read the terminal until it shows a text."""
    shown, limit = b"", time.monotonic() + PATIENCE_S
    while text.encode() not in shown:
        assert time.monotonic() < limit, shown
        shown += os.read(terminal, 4096)


def until(what) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    yield made
    tasks = tmp_path / ".local/state/joulewise/tasks"
    for name in os.listdir(tasks) if tasks.exists() else []:
        for pid in processes_of(name) if is_ulid(name) else []:
            os.kill(pid, 9)


def test_one_that_waits_leaves_nothing_behind(home):
    pid, terminal = home.in_a_terminal(
        "run", "--when", "cleanest", "--within", "3h", "--duration", "30m", "--power", "9W", "--", "touch", "ran"
    )
    told(terminal, "waits until")
    os.close(terminal)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129
    assert os.listdir(home.folder / "tmp") == []
    assert not (home.folder / "ran").exists()


def test_one_that_runs_is_filed_as_killed(home):
    pid, terminal = home.in_a_terminal("run", "--name", "front", "--", sys.executable, "job.py")
    until((home.folder / "steps").exists)
    os.close(terminal)
    os.waitpid(pid, 0)
    [found] = json.loads(home.run("runs", "--output", "json"))

    assert (found["name"], found["status"]) == ("front", "killed")


def test_one_that_runs_in_parts_saves_and_its_journal_says_why(home):
    pid, terminal = home.in_a_terminal("run", "--when", "now", "--pause", "checkpoint", "--", sys.executable, "job.py")
    until((home.folder / "steps").exists)
    os.close(terminal)
    os.waitpid(pid, 0)
    found = home.status()

    assert found["state"] == "cancelled"
    assert any("its terminal was closed" in note for note in found["notes"])
    assert (home.folder / "job.ckpt").exists()
    assert found["run"] == found["id"]


def test_one_that_was_submitted_goes_on(home):
    (home.folder / "job.py").write_text(JOB.replace("600", "60"))
    pid, terminal = home.in_a_terminal("submit", "--when", "now", "--", sys.executable, "job.py")
    told(terminal, "in the background")
    os.close(terminal)
    os.waitpid(pid, 0)
    until(lambda: home.status()["run"])

    assert home.status()["state"] == "finished"
    assert (home.folder / "steps").read_text().split() == [str(step) for step in range(60)]
