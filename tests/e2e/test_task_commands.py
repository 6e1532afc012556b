"""Tasks from the command line, as people use them: wait, submit, look, cancel; and the example."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.core.ulid import is_ulid, new_ulid
from joulewise.schedule.executors.local_processes import processes_of
from joulewise.testing.command_line import typed

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


class Home:
    """A home without runs and tasks, and a grid that is dirty now and clean a while later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "JOULEWISE_TICK_S": "2",
        }

    def grid(self, *g_per_kwh: float, first: timedelta) -> None:
        """Hourly intensities; the first hour begins `first` from now."""
        start = datetime.now(UTC) + first
        rows = [f"DE,{(start + timedelta(hours=n)).isoformat()},{g}" for n, g in enumerate(g_per_kwh)]
        path = self.folder / "grid.csv"
        path.write_text("\n".join(["zone,start,intensity_g_per_kwh", *rows]) + "\n")
        self.environ |= {"JOULEWISE_ZONE": "DE", "JOULEWISE_INTENSITY": "file", "JOULEWISE_INTENSITY_FILE": str(path)}

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["joulewise", *words], env=self.environ, cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        process = self.popen(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, err
        return out, err

    def typed(self, *words: str, code: int = 0) -> tuple[str, str]:
        """The same in this process, where no process of its own is what is tested."""
        done = typed(words, folder=self.folder, environ=self.environ)
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr

    def status(self, task: str = "last") -> dict:
        return json.loads(self.typed("tasks", "status", task, "--output", "json")[0])[0]

    def until(self, task: str, *states: str) -> dict:
        limit = time.monotonic() + PATIENCE_S
        while (found := self.status(task))["state"] not in states or (found["ended_at"] and not found["run"]):
            assert time.monotonic() < limit, found
            time.sleep(0.1)
        return found

    def decisions(self) -> list[list]:
        code = "import json\nfrom joulewise import api\nwith api.open_ledger() as ledger:\n"
        code += "    print(json.dumps([[d.run_id, d.chosen, len(d.segments)] for d in ledger.decisions()]))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=self.environ, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    made.grid(*([300.0] * 30), first=timedelta(hours=-1))
    yield made
    tasks = tmp_path / ".local/state/joulewise/tasks"
    for name in os.listdir(tasks) if tasks.exists() else []:
        for pid in processes_of(name) if is_ulid(name) else []:
            os.kill(pid, signal.SIGKILL)
    if (tasks / "controller.log").exists():
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and str(tasks).encode() in _command(process):
                os.kill(int(process.name), signal.SIGTERM)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_run_when_waits_for_nothing_on_a_flat_grid_and_passes_all_through(home):
    out, err = home.run(
        "run", "--when", "cleanest", "--within", "5h", "--duration", "1h", "--", "sh", "-c", "echo out; exit 7", code=7
    )

    assert out == "out\n"
    assert "runs now" in err
    assert home.decisions() == []  # it failed: its work is still to be done, and nothing is saved


def test_run_when_files_what_a_command_that_ends_well_saved(home):
    home.run("run", "--when", "cleanest", "--within", "5h", "--duration", "1h", "--", "true")

    assert [found[1:] for found in home.decisions()] == [["now", 1]]


@pytest.mark.parametrize("start", [["run", "--when", "cleanest"], ["submit"]])
def test_a_command_that_is_not_there_is_refused_at_once(home, start):
    err = home.run(*start, "--within", "5h", "--duration", "1h", "--", "no-such-command", code=127)[1]

    assert "no-such-command: command not found" in err
    assert home.typed("tasks", "--output", "json")[0].strip() == "[]"


def test_a_command_that_cannot_be_started_ends_the_wait(home):
    (home.folder / "script.sh").write_text("echo ran\n")
    out, err = home.run(
        "run", "--when", "cleanest", "--within", "5h", "--duration", "1h", "--", "./script.sh", code=126
    )

    assert out == ""
    assert "permission denied" in err


IN_FRONT = """
import sys
from joulewise import api
from joulewise.api import in_front, task_lines
from joulewise.schedule.clock import Clock
request = api.plan_request(within_s=3 * 3600.0, duration_s=1200.0, power_w=100.0)
tell = lambda text: print(text, file=sys.stderr)
measured = in_front.run_when(
    ["echo", "clean"], request, api.load_settings(), tell, {}, clock=Clock(600.0), lines=task_lines.submitted
)
print(measured.exit.shell_code)
"""


def test_run_when_waits_for_the_clean_hour_and_says_so(home):
    """In accelerated time: ten minutes a second."""
    home.grid(500, 500, 50, 500, 500, 500, first=timedelta(minutes=-30))
    done = subprocess.run(
        [sys.executable, "-c", IN_FRONT], env=home.environ, cwd=home.folder, capture_output=True, text=True, check=True
    )

    assert done.stdout == "clean\n0\n"
    assert re.search(r"is planned for \w+ \d\d:\d\d to", done.stderr)
    assert "waits until" in done.stderr
    assert [found[1:] for found in home.decisions()] == [["best-start", 1]]


def test_ctrl_c_while_it_waits_cancels_it(home):
    home.grid(500, 500, 50, 500, first=timedelta(minutes=-30))
    process = home.popen("run", "--when", "cleanest", "--within", "3h", "--duration", "30m", "--", "touch", "ran")
    while "waits until" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=PATIENCE_S)[1]

    assert process.returncode == 130
    assert "nothing has run" in err
    assert not (home.folder / "ran").exists()


def test_options_of_when_without_it_are_refused(home):
    assert "--within goes with --when" in home.typed("run", "--within", "3h", "--", "true", code=2)[1]
    assert "--pause goes with --when" in home.typed("run", "--pause", "freeze", "--", "true", code=2)[1]


def test_a_window_that_is_too_short_is_refused_before_anything_runs(home):
    err = home.typed("submit", "--within", "1h", "--duration", "2h", "--", "touch", "ran", code=2)[1]

    assert "takes 2 h" in err
    assert home.typed("tasks", "--output", "json")[0].strip() == "[]"


@pytest.mark.parametrize("words", [["--on", "nowhere"], ["--resource", "cpus"], ["--id", "not-a-ulid"]])
def test_what_cannot_be_is_refused_with_its_cure(home, words):
    code = 2
    assert "Try:" in home.typed("submit", *words, "--when", "now", "--", "true", code=code)[1]


def test_submit_runs_in_the_background_and_is_accounted_for(home):
    out, err = home.run("submit", "--when", "now", "--name", "mine", "--", "sh", "-c", "echo hello")
    task = out.strip()

    assert is_ulid(task)
    assert "runs now" in err
    found = home.until(task, "finished")
    assert found["run"] == task
    assert home.typed("tasks", "logs", task)[0].startswith("hello\n")
    rows = json.loads(home.typed("runs", "--output", "json")[0])
    assert sorted(row["name"] for row in (rows["runs"] if isinstance(rows, dict) else rows)) == ["mine", "mine"]
    shown = json.loads(home.typed("show", task, "--output", "json")[0])
    assert "finished" in json.dumps(shown)
    assert "mine" in home.typed("tasks")[0]


def test_a_failed_task_is_shown_as_a_card_that_says_why(home):
    task = home.run("submit", "--when", "now", "--", "sh", "-c", "echo Boom: no memory; exit 3")[0].strip()
    home.until(task, "failed")
    card = home.run("tasks", "status", task)[0]

    assert re.search(r"State +failed: exit code 3", card)
    assert re.search(r"Last words +Boom: no memory", card)
    assert re.search(rf"Next +joulewise tasks logs {task[-8:]}", card)
    assert "unset" not in card


def test_run_when_now_waits_for_nothing_however_dirty_it_is(home):
    home.grid(500, 500, 50, 500, 500, first=timedelta(minutes=-30))
    out, err = home.run("run", "--when", "now", "--within", "4h", "--duration", "30m", "--", "echo", "out")

    assert out == "out\n"
    assert "waits" not in err


def test_the_same_id_is_submitted_once(home):
    task = new_ulid()
    for _ in range(2):
        home.run("submit", "--when", "now", "--id", task, "--", "sh", "-c", "echo once >> times")
    home.until(task, "finished")

    assert (home.folder / "times").read_text() == "once\n"


def test_a_waiting_task_can_be_listed_and_cancelled(home):
    home.grid(500, 500, 50, 500, first=timedelta(minutes=-30))
    task = home.run("submit", "--within", "3h", "--duration", "30m", "--", "touch", "ran")[0].strip()
    listed = home.typed("tasks")[0]
    err = home.run("tasks", "cancel", task)[1]
    found = home.until(task, "cancelled")

    assert "waiting" in listed
    assert task in err
    assert found["run"] == "nothing of it was measured"
    assert not (home.folder / "ran").exists()


def test_a_failing_task_tells_its_exit_code(home):
    task = home.run("submit", "--when", "now", "--", "sh", "-c", "exit 3")[0].strip()

    assert home.until(task, "failed")["exit_code"] == 3


def test_submit_and_stay_ends_as_the_command_ends(home):
    home.run("submit", "--when", "now", "--stay", "--", "sh", "-c", "exit 5", code=5)


def test_in_parts_in_view(home):
    job = "import joulewise\nc = joulewise.checkpointing('a.ckpt')\nprint('from', c.resume(0))\nc.step(1)"
    out, err = home.run(
        "run", "--when", "now", "--pause", "checkpoint", "--name", "parts", "--", sys.executable, "-c", job
    )

    assert out == "from 0\n"
    assert err.count("joulewise show") == 1, "a part must not sum up what the task sums up"


def test_without_tasks_it_says_what_to_do(home):
    assert "joulewise submit" in home.typed("tasks")[1]
    assert "joulewise tasks lists them" in home.typed("tasks", "status", "nobody", code=2)[1]


@pytest.mark.slow
def test_the_example_saves_by_pausing(home):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/clean_hours.py")], env=home.environ, cwd=home.folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Planned as paused" in done.stdout
    assert re.search(r"Saved [\d.]+ mg CO2e .* of what running at once", done.stdout)
    assert "then finished" in done.stdout
