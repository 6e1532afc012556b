"""Killed at any instant, a run is recovered to its last tick, and never with a wrong figure."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from joulewise.measure.reading import journals_in, read
from joulewise.measure.spool import take_in

VICTIM = """
import itertools, os, sys, time
sys.path.insert(0, sys.argv[3])
from crash_meter import FakeEquipment
from joulewise.core.settings import Settings
from joulewise.measure.session import Job, Session
settings = Settings(spool=sys.argv[1], tick_s=1.0)
session = Session(Job(name="victim"), settings, os.environ, equipment=FakeEquipment(settings, os.environ))
session._test = None
with session:
    session._open.sampler._tick_s = float(sys.argv[2])
    print("ready", flush=True)
    for number in itertools.count():
        with session.phase(f"p{number % 7}"):
            session.count("step")
            time.sleep(0.0005)
"""

METER = """
import time
from joulewise.core.channels import ENERGY, Channel
from joulewise.measure.equipment import Equipment

WATTS = 100
WRAP = 3_000_000  # 3 J: it wraps every 30 ms

class WrappingMeter:
    channels = (Channel(key="fake:cpu", component="cpu", device="cpu:0", quantity=ENERGY, scale=1e-6, wrap=WRAP,
                        method="measured", source="fake", idle_w=10.0, max_power_w=110.0),)
    def read(self):
        return (time.monotonic_ns() * WATTS // 1000 % WRAP,)
    def close(self):
        pass

class FakeEquipment(Equipment):
    def discover(self, pids, *, thorough=False):
        return [WrappingMeter()], []
"""


def kill_after(tmp_path, delay_s, tick_s=0.005):
    (tmp_path / "crash_meter.py").write_text(METER)
    spool = tmp_path / "spool"
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(spool), str(tick_s), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    killed_us = time.monotonic_ns() // 1000
    process.wait()
    process.stdout.close()
    return str(spool), killed_us


@pytest.mark.slow
def test_fifty_kills_at_random_instants(tmp_path):
    chance = random.Random(20261122)
    for number in range(50):
        folder = tmp_path / str(number)
        folder.mkdir()
        spool, killed_us = kill_after(folder, chance.uniform(0, 0.25))
        [taken] = take_in(spool)
        run = taken.result.bundle.run
        assert run.status == "recovered"
        [path] = journals_in(taken.folder)
        journal = read(path)
        # the victim writes every few milliseconds; what is lost is at most what it did since its last line, plus the
        # time that this slow machine left it without a core
        assert killed_us - journal.end_us < 200_000
        assert len(journal.problems) <= 1, journal.problems
        covered_s = taken.result.coverage * run.duration_s if taken.result.coverage else 0.0
        if taken.result.machine_j is not None:
            assert taken.result.machine_j == pytest.approx(100 * covered_s, rel=0.01, abs=0.2)
            assert taken.result.energy_j <= taken.result.machine_j + 1e-9
        steps = run.unit_count or 0
        assert steps <= len(journal.phases)


def test_a_journal_cut_at_every_byte_gives_a_prefix_and_never_a_wrong_figure(tmp_path):
    spool, _ = kill_after(tmp_path, 0.05)
    [run] = os.listdir(spool)
    [path] = journals_in(f"{spool}/{run}")
    with open(path, "rb") as file:
        content = file.read()
    start = content.index(b"\n") + 1
    for size in range(start, min(len(content), start + 600)):
        with open(path, "wb") as file:
            file.write(content[:size])
        [taken] = take_in(spool)
        if taken.result is None:
            assert "before its first snapshot" in taken.problem
            continue
        duration_s = taken.result.duration_s
        if taken.result.machine_j is not None:
            assert taken.result.machine_j <= 100 * duration_s * 1.01 + 0.2


def test_the_wall_clock_has_no_say(tmp_path):
    """Wall time in the journal jumps by an hour either way; duration, energy and phases stay."""
    spool, _ = kill_after(tmp_path, 0.2)
    [before] = take_in(spool)
    [path] = journals_in(before.folder)
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    from joulewise.measure.journal import line_of

    stepped = []
    for number, line in enumerate(lines):
        kind, _, rest = line.decode().partition(" ")
        fields = rest.split()[:-1]
        if kind == "T":
            fields[3] = str(int(fields[3]) + (3_600_000_000 if number % 2 else -3_600_000_000))
            stepped.append(line_of("T", " ".join(fields)))
        elif line:
            stepped.append(line + b"\n")
    with open(path, "wb") as file:
        file.write(b"".join(stepped))
    [after] = take_in(spool)
    assert after.result.bundle == before.result.bundle
    assert json.dumps(after.result.bundle.run.environment["counts"])
