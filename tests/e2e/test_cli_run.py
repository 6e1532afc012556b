"""`joulewise run` and `watch`: the command can't tell the difference, and what it cost is filed whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from joulewise.testing.command_line import typed, until_watching

PROGRAM = Path(sys.executable).with_name("joulewise")
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The surroundings of a user who has nothing yet."""
    return {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}


@pytest.fixture
def run(home: dict[str, str], tmp_path: Path) -> Run:
    """joulewise with these arguments; bytes in, bytes out."""

    def call(*arguments: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAM, *arguments], cwd=tmp_path, env={**home, **environ}, input=stdin, capture_output=True, check=False
        )

    return call


@pytest.fixture
def listed(home: dict[str, str], tmp_path: Path) -> Callable[[], list[dict[str, object]]]:
    """What `joulewise runs` knows."""

    def ask() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            typed(("runs", "--output", "json"), folder=tmp_path, environ=home).stdout
        )
        return found

    return ask


def test_streams_pass_through_and_one_line_says_the_cost(run):
    done = run("run", "--zone", "DE", "--", "sh", "-c", "cat; echo err >&2", stdin=b"in\x00\xff")

    assert done.stdout == b"in\x00\xff"
    assert done.stderr.startswith(b"err\n")
    assert done.stderr.count(b"\n") == 2
    assert b"joulewise show 01" in done.stderr


def test_quiet_says_nothing_at_all(run):
    done = run("-q", "run", "--zone", "DE", "--", "true")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("code", [0, 1, 3, 77, 255])
def test_the_exit_code_is_the_commands(run, listed, code):
    assert run("run", "--", "sh", "-c", f"exit {code}").returncode == code
    assert listed()[0]["status"] == ("finished" if code == 0 else "failed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_the_signal_is_the_commands(run, listed, number):
    assert run("run", "--", "sh", "-c", f"kill -{int(number)} $$").returncode == -number
    assert listed()[0]["status"] == "killed"


def test_options_after_the_command_are_the_commands(run):
    assert run("run", "echo", "--output", "json", "-n").stdout == b"--output json -n\n"


def test_a_missing_command_is_127_and_files_nothing(run, listed):
    done = run("run", "--", "no-such-command-here")

    assert done.returncode == 127
    assert b"Try: " in done.stderr
    assert listed() == []


def test_output_and_reports_on_request(run, tmp_path):
    options = ("--zone", "DE", "--price", "0.31", "--unit", "epoch", "--unit-count", "3", "--tag", "a=b")
    done = run("-q", "run", *options, "--output", "json", "--report", "r.html", "--report", "r.md", "--", "true")
    document = json.loads(done.stdout)

    assert document["schema"] == "joulewise.run-report/1"
    assert (document["run"]["unit"], document["run"]["unit_count"], document["run"]["tags"]) == ("epoch", 3, {"a": "b"})
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "r.md").read_text().startswith("# true")


def test_a_wrong_report_name_is_refused_before_the_work(run, tmp_path):
    assert run("run", "--report", "r.docx", "--", "touch", "worked").returncode == 2
    assert not (tmp_path / "worked").exists()


def test_a_report_that_cannot_be_written_does_not_change_the_exit_code(run):
    done = run("run", "--report", "absent/r.html", "--", "sh", "-c", "exit 5")

    assert done.returncode == 5
    assert b"can't write absent/r.html" in done.stderr


def test_a_ledger_out_of_reach_leaves_the_run_in_the_spool(run, listed):
    done = run("run", "--zone", "DE", "--ledger", "sqlite:////dev/null/ledger.db", "--", "sh", "-c", "exit 4")

    assert done.returncode == 4
    assert b"not in the ledger yet" in done.stderr
    assert [one["status"] for one in listed()] == ["failed"]


def test_a_killed_tracker_leaves_a_run_that_is_recovered_with_its_own_settings(run, listed, home, tmp_path):
    started = subprocess.Popen(
        [PROGRAM, "run", "--zone", "FR", "--name", "lost", "--", "sh", "-c", "echo ready; sleep 600"],
        cwd=tmp_path, env=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert started.stdout is not None
    started.stdout.readline()
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    started.stdout.close()
    recovered = run("ledger", "recover").stdout.decode().split()
    [one] = listed()

    assert (one["id"], one["status"], one["name"]) == (recovered[0], "recovered", "lost")
    document = json.loads(typed(("show", "lost", "--output", "json"), folder=tmp_path, environ=home).stdout)
    assert {factor["zone"] for factor in document["factors"] if factor["kind"] == "intensity"} <= {"FR"}


def test_a_session_inside_is_a_child_run(run, listed, home, tmp_path):
    script = "import joulewise\nwith joulewise.measure('inner'): pass"
    run("run", "--name", "outer", "--", sys.executable, "-c", script)
    by_name = {one["name"]: one for one in listed()}

    assert by_name["inner"]["parent_id"] == by_name["outer"]["id"]
    assert "Runs below" in typed(("show", "outer"), folder=tmp_path, environ=home).stdout


def test_watch_files_a_process_that_ends(run, listed, home, tmp_path):
    script = "import sys; sys.stdin.readline(); sum(range(3_000_000))"
    target = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, cwd=tmp_path)
    watcher = subprocess.Popen(
        [PROGRAM, "watch", str(target.pid), "--name", "watched"], env=home, cwd=tmp_path, stderr=subprocess.PIPE
    )
    until_watching(watcher.pid)
    target.communicate(b"go\n")
    _, said = watcher.communicate(timeout=60)

    assert watcher.returncode == 0, said
    assert [one["name"] for one in listed()] == ["watched"]


def test_watching_nobody_is_an_error(run):
    done = run("watch", "4194303")

    assert done.returncode == 2
    assert b"Try: " in done.stderr or b"no process" in done.stderr
