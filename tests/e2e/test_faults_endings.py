"""However a program ends, its run is filed with what it measured, and its own exit code stands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from joulewise import api
from joulewise.core.settings import Settings

BEGIN = "import joulewise, os, signal, sys\n"
WITH = BEGIN + "with joulewise.measure('job') as s:\n    s.count('step', 3)\n    with s.phase('p'):\n        "

ENDINGS = {
    "falls off the end": (BEGIN + "s = joulewise.measure('job').start()\ns.count('step', 3)", 0, "finished"),
    "raises while it runs": (BEGIN + "s = joulewise.measure('job').start()\ns.count('step', 3)\n1 / 0", 1, "failed"),
    "raises in a phase": (WITH + "1 / 0", 1, "failed"),
    "exits with zero": (WITH + "sys.exit()", 0, "finished"),
    "exits with a code": (WITH + "sys.exit(3)", 3, "failed"),
    "Ctrl-C": (WITH + "os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "killed"),
    "handles SIGTERM": (
        BEGIN
        + "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        + WITH.removeprefix(BEGIN)
        + "os.kill(os.getpid(), signal.SIGTERM)",
        143,
        "killed",
    ),
    "os._exit": (WITH + "pass\n    os._exit(9)", 9, "recovered"),
    "SIGTERM": (WITH + "pass\n    os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "recovered"),
    "SIGKILL": (WITH + "pass\n    os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "recovered"),
    "aborts": (WITH + "pass\n    os.abort()", -signal.SIGABRT, "recovered"),
    "a dropped session": (
        BEGIN + "import gc\njoulewise.measure('job').start().count('step', 3)\ngc.collect()",
        0,
        "finished",
    ),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(spool=str(tmp_path / "spool"), ledger=str(tmp_path / "ledger.db"), meters=("model",))


def ran(code: str, settings: Settings) -> int:
    environ = {**os.environ, "JOULEWISE_SPOOL": settings.spool, "JOULEWISE_METERS": "model"}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=False).returncode


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending(ending, settings):
    code, exit_code, status = ENDINGS[ending]
    assert ran(code, settings) == exit_code
    [run_id] = api.recover(settings).filed
    with api.open_ledger(settings) as ledger:
        run = ledger.bundle(run_id).run
        assert (run.name, run.status, run.unit, run.unit_count) == ("job", status, "step", 3)
        assert ledger.verify().ok


FORKS = {
    "uses it": "s.count('step', 100)\n        s.stop()\n        os._exit(0)",
    "leaves through it": "sys.exit(0)",
    "raises through it": "raise SystemExit(0)",
    "measures something itself": "t = joulewise.measure('child').start()\n        t.stop()\n        "
    "assert t.run_id != s.run_id\n        os._exit(0)",
}


@pytest.mark.parametrize("child", FORKS)
def test_a_forked_child_cannot_touch_its_parents_run(child, settings):
    code = (
        BEGIN
        + "with joulewise.measure('job') as s:\n    s.count('step', 3)\n    if os.fork() == 0:\n        "
        + FORKS[child]
        + "\n    status = os.wait()[1]\nsys.exit(status)"
    )
    assert ran(code, settings) == 0
    filed = api.recover(settings).filed
    with api.open_ledger(settings) as ledger:
        runs = {ledger.bundle(id).run.name: ledger.bundle(id).run for id in filed}
    assert len(filed) == len(runs) == (2 if "itself" in child else 1)
    assert (runs["job"].status, runs["job"].unit_count) == ("finished", 3)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_runs_of_their_own(method, settings, tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(
        "import multiprocessing, joulewise\n"
        "def work(number):\n"
        "    with joulewise.measure(f'worker {number}') as s:\n"
        "        s.count('step', number)\n"
        "    return s.run_id\n"
        "if __name__ == '__main__':\n"
        "    with joulewise.measure('job'):\n"
        f"        with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
        "            assert len(set(pool.map(work, range(4)))) == 4\n"
    )
    environ = {**os.environ, "JOULEWISE_SPOOL": settings.spool, "JOULEWISE_METERS": "model"}
    subprocess.run([sys.executable, str(script)], env=environ, check=True)
    with api.open_ledger(settings) as ledger:
        found = {ledger.bundle(id).run.name: ledger.bundle(id).run for id in api.recover(settings).filed}
    assert found.keys() == {"job", *(f"worker {number}" for number in range(4))}
    assert [found[f"worker {number}"].unit_count for number in range(1, 4)] == [1, 2, 3]


HOSTILE = [b"\xff\xfe", b"\x1b[31m", "\u202ertl".encode(), b"a\nb", b"' OR 1=1 --", b"<script>", b"x" * 10_000]


def test_hostile_words_pass_through_and_are_filed_as_they_were(settings):
    program = Path(sys.executable).with_name("joulewise")
    environ = {**os.environ, "JOULEWISE_SPOOL": settings.spool, "JOULEWISE_LEDGER": settings.ledger}
    done = subprocess.run(
        [program, "run", "--", "printf", "%s|", *HOSTILE],
        env={os.fsencode(name): os.fsencode(text) for name, text in environ.items()} | {b"ODD": b"\xff"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == b"".join(word + b"|" for word in HOSTILE)
    assert b"\x1b" not in done.stderr
    with api.open_ledger(settings) as ledger:
        command = ledger.bundle(ledger.resolve("latest")).run.command
    assert [os.fsencode(word) for word in command] == [b"printf", b"%s|", *HOSTILE]
