"""`joulewise run` and `watch` with real commands: nothing of theirs changes, and what they cost is filed."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from joulewise.core.errors import NotFound
from joulewise.core.settings import Settings
from joulewise.measure.commands import name_of, run_command, status_of, watch
from joulewise.measure.job import Job
from joulewise.measure.launch import CommandNotStarted, Exit
from joulewise.testing.command_line import typed, until_watching

JOULEWISE = [sys.executable, "-m", "joulewise"]
SPIN = "import time\nend = time.process_time() + {s}\nwhile time.process_time() < end: pass\n"


@pytest.fixture
def home(tmp_path):
    """An environment in which nothing of this user's is touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOULEWISE_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path), "JOULEWISE_ZONE": "DE"}


def joulewise(home, *words, **options):
    return subprocess.run([*JOULEWISE, *words], env=home, capture_output=True, check=False, timeout=60, **options)


def shown(home, run="latest"):
    words = ("report", run, "--format", "json")
    return json.loads(typed(words, folder=Path(home["HOME"]), environ=home).stdout)


def measured(document, quantity="energy_j", attribution="with_idle_share"):
    return next(
        one["figure"]["value"]
        for one in document["measurements"]
        if (one["quantity"], one["phase_id"]) == (quantity, None)
        and (quantity != "energy_j" or (one["attribution"], one["component"]) == (attribution, "total"))
    )


def test_streams_and_code_pass_and_the_run_is_filed(home):
    code = (
        "import sys\ngiven = sys.stdin.buffer.read()\nsys.stdout.buffer.write(given[::-1])\n"
        "sys.stderr.write('own')\nsys.exit(3)"
    )
    payload = bytes(range(256)) * 4096
    done = joulewise(home, "run", "--name", "job", "--", sys.executable, "-c", code, input=payload)
    assert done.returncode == 3
    assert done.stdout == payload[::-1]
    assert done.stderr.startswith(b"own")
    document = shown(home)
    assert (document["run"]["name"], document["run"]["status"], document["run"]["exit_code"]) == ("job", "failed", 3)
    assert measured(document) > 0


def test_a_signal_ends_us_as_it_ended_the_command(home):
    done = joulewise(home, "run", "--", "sh", "-c", "kill -TERM $$")
    assert done.returncode == -signal.SIGTERM
    assert shown(home)["run"]["status"] == "killed"


def test_a_signal_to_us_reaches_the_command_and_its_answer_counts(home):
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\ntime.sleep(30)"
    )
    process = subprocess.Popen(
        [*JOULEWISE, "run", "--", sys.executable, "-c", code], env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 42


def test_what_is_not_there_ends_as_in_a_shell_and_files_nothing(home, tmp_path):
    assert joulewise(home, "run", "--", "no-such-command").returncode == 127
    (tmp_path / "plain").write_text("no program")
    assert joulewise(home, "run", "--", str(tmp_path / "plain")).returncode == 126
    listed = joulewise(home, "runs", "--output", "json")
    assert "no-such-command" not in listed.stdout.decode()


def test_children_of_children_are_counted_once(home):
    grandchild = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN.format(s=0.6)!r}])"
    joulewise(home, "run", "--", sys.executable, "-c", f"{grandchild}\n{SPIN.format(s=0.4)}")
    # two interpreters start as well, which is theirs to pay
    assert measured(shown(home), "cpu_time_s") == pytest.approx(1.1, abs=0.35)


def test_a_session_inside_is_a_child_run(home):
    code = "import joulewise\nwith joulewise.measure('inner') as s:\n    with s.phase('part'): pass"
    joulewise(home, "run", "--name", "outer", "--", sys.executable, "-c", code)
    inner, outer = shown(home, "inner"), shown(home, "outer")
    assert inner["run"]["parent_id"] == outer["run"]["id"]
    assert [phase["name"] for phase in inner["phases"]] == ["part"]


def test_a_killed_measurer_leaves_the_command_alone_and_its_run_is_recovered(home, tmp_path):
    mark = tmp_path / "done"
    code = f"import time; print('ready', flush=True); time.sleep(2); open({str(mark)!r}, 'w').close()"
    process = subprocess.Popen(
        [*JOULEWISE, "run", "--name", "victim", "--", sys.executable, "-c", code], env=home, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    time.sleep(1.2)
    process.kill()
    process.wait()
    process.stdout.close()
    done = joulewise(home, "ledger", "recover")
    assert done.returncode == 0, done.stderr
    assert shown(home, "victim")["run"]["status"] == "recovered"
    for _ in range(100):
        if mark.exists():
            break
        time.sleep(0.1)
    assert mark.exists()


def test_watch_attaches_to_a_running_tree(home):
    spin = "import sys\nsys.stdin.readline()\n" + SPIN.format(s=1.5)
    victim = subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE)
    watcher = subprocess.Popen([*JOULEWISE, "watch", str(victim.pid)], env=home, stderr=subprocess.PIPE)
    until_watching(watcher.pid)
    victim.communicate(b"go\n")
    _, said = watcher.communicate(timeout=60)
    assert watcher.returncode == 0, said
    document = shown(home)
    assert document["run"]["environment"]["mode"] == "watch"
    assert 0 < measured(document, "cpu_time_s") <= 1.6


def test_watching_nobody_is_an_error_with_its_cure(home):
    done = joulewise(home, "watch", "4194303")
    assert done.returncode == 2
    assert b"Try:" in done.stderr


def test_a_result_in_process(tmp_path):
    settings = Settings(spool=str(tmp_path / "spool"))
    measured = run_command(["true"], Job(unit="call", unit_count=1.0), settings, {**os.environ, "HOME": str(tmp_path)})
    run = measured.result.bundle.run
    assert (measured.exit.code, run.name, run.unit, run.unit_count, run.command) == (0, "true", "call", 1.0, ("true",))
    with pytest.raises(CommandNotStarted) as raised:
        run_command([], Job(), settings, os.environ)
    assert raised.value.exit_code == 2


def test_watching_in_process(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as victim, ThreadPoolExecutor() as other:
        ended = other.submit(lambda: (until_watching(os.getpid()), victim.kill()))
        result = watch(victim.pid, Job(), Settings(spool=str(tmp_path / "spool")), {"HOME": str(tmp_path)}).result
        ended.result()
    assert result.bundle.run.name == "sleep"
    assert result.bundle.run.command == ("sleep", "60")


class Fatal(dict):
    """An environment in which the victim dies at the first look, that is, once the session is being made."""

    def __init__(self, victim, **values):
        super().__init__(values)
        self.victim = victim

    def get(self, name, default=None):
        self.victim.kill()
        self.victim.wait()
        return super().get(name, default)


def test_a_process_that_ends_before_the_session_begins_is_a_run_without_an_error(tmp_path):
    open_files = set(os.listdir("/proc/self/fd"))
    with subprocess.Popen(["sleep", "60"]) as victim:
        environ = Fatal(victim, HOME=str(tmp_path))
        result = watch(victim.pid, Job(), Settings(spool=str(tmp_path / "spool")), environ).result
    assert victim.returncode == -signal.SIGKILL
    assert result.bundle.run.status == "finished"
    assert set(os.listdir("/proc/self/fd")) == open_files


def test_a_process_that_has_ended_opens_no_session(tmp_path):
    with subprocess.Popen(["true"]) as victim:
        os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)
        open_files = set(os.listdir("/proc/self/fd"))
        with pytest.raises(NotFound, match="has ended"):
            watch(victim.pid, Job(), Settings(spool=str(tmp_path / "spool")), {"HOME": str(tmp_path)})
        assert set(os.listdir("/proc/self/fd")) == open_files
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "-u", "train.py", "--lr", "1"], "train.py"),
        (["/usr/bin/python3.11", "train.py"], "train.py"),
        (["env", "A=1", "nice", "./train.sh"], "train.sh"),
        (["python3"], "python3"),
        (["-"], "command"),
    ],
)
def test_a_command_is_named_after_its_script(argv, name):
    assert name_of(argv) == name


def test_how_it_ended():
    assert status_of(Exit(pid=1, code=0, signal=None)) == "finished"
    assert status_of(Exit(pid=1, code=1, signal=None)) == "failed"
    assert status_of(Exit(pid=1, code=None, signal=9)) == "killed"
