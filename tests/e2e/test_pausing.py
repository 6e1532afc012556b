"""Jobs that are really paused, with the processes, signals, meters and checkpoints of a user, in accelerated time."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from joulewise import api
from joulewise.api import planning
from joulewise.api.submitting import Tasks
from joulewise.schedule.clock import Clock
from joulewise.schedule.executors.local_processes import processes_of

SPEED = 600.0
"""An hour takes six seconds."""

SAVES = """
import sys, time, joulewise
checkpoint = joulewise.checkpointing("job.ckpt")
state = checkpoint.resume({"step": 0, "sum": 0})
while state["step"] < 80:
    time.sleep(0.1)  # not busy: a crowded machine must not make it a longer job
    state["sum"] += state["step"]
    state["step"] += 1
    print(state["step"], flush=True)
    checkpoint.step(state)
open("sum", "w").write(str(state["sum"]))
"""

FROZEN = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import time
for step in range(80):
    open("child", "a").write(f"{time.time()}\\\\n")
    time.sleep(0.1)
'''])
for step in range(80):
    open("parent", "a").write(f"{time.time()}\\n")
    time.sleep(0.1)  # not busy: a crowded machine must not make it a longer job
child.wait()
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    rows = [
        f"DE,{(start + timedelta(hours=n)).isoformat()},{g}" for n, g in enumerate((500, 90, 520, 510, 80, 500, 490))
    ]
    (tmp_path / "grid.csv").write_text("\n".join(["zone,start,intensity_g_per_kwh", *rows]) + "\n")
    settings = api.load_settings(
        zone="DE", intensity="file", intensity_file=str(tmp_path / "grid.csv"), ledger=str(tmp_path / "ledger.db"),
        spool=str(tmp_path / "spool"),
    )  # fmt: skip
    tasks = Tasks(settings, folder=str(tmp_path / "tasks"), clock=Clock(SPEED, start=start))
    yield tasks, settings
    for record in tasks.all():
        for pid in processes_of(record.id):
            os.kill(pid, 9)


def driven(world, script, *, stop, seconds, **wanted):
    """Submit, drive to the end; the record, the task's run, those of its parts, and its decision."""
    tasks, settings = world
    with open("job.py", "w", encoding="utf-8") as file:
        file.write(script)
    request = api.plan_request(duration_s=seconds * SPEED, power_w=10.0, within_s=7 * 3600.0, max_runs=2, **wanted)
    record, plan = tasks.submit([sys.executable, "job.py"], request, name="job", stop=stop, jitter_s=0.0)
    assert plan.chosen == "paused"
    tasks.drive([record.id])
    record = tasks.one(record.id)
    with api.open_ledger(settings) as ledger:
        parts = [ledger.bundle(row.id) for row in ledger.children(record.id)]
        decisions = ledger.decisions(record.id)
        return record, ledger.bundle(record.id), parts, decisions


def energy_j(bundle, attribution="with_idle_share"):
    return next(
        one.figure.value
        for one in bundle.measurements
        if (one.quantity, one.component, one.attribution) == ("energy_j", "total", attribution)
    )


@pytest.mark.slow
def test_a_job_that_saves_goes_on_where_it_was_and_its_parts_sum_up(world):
    record, whole, parts, [decision] = driven(
        world, SAVES, stop="checkpoint", seconds=9.5, save_s=300.0, restore_s=300.0
    )

    assert (record.state, [span.how for span in record.spans]) == ("finished", ["paused", "finished"])
    assert Path("sum").read_text() == str(sum(range(80)))
    log = Path(world[0].log_path(record.id)).read_text().split("\n")
    assert [line for line in log if line.isdigit()] == [str(step) for step in range(1, 81)]  # none lost, none twice
    assert energy_j(whole) == pytest.approx(sum(map(energy_j, parts)))
    assert whole.run.duration_s == pytest.approx(sum(part.run.duration_s for part in parts))
    assert {"save_s", "restore_s"} <= set(whole.run.tags)
    assert decision.saved.low > 0
    assert decision.details["overheads"]
    _the_next_plan_takes_what_pausing_took(*world)


def _the_next_plan_takes_what_pausing_took(tasks, settings):
    request = api.plan_request(
        run="job", within_s=7 * 3600.0, max_runs=None, save_s=60.0, restore_s=10.0, pauses_as_measured=True
    )
    planned = planning.plan(request, settings, now=tasks.clock.now())

    assert 0 < planned.plan.job.restore_s < 10.0
    assert any("to restore (measured) in 1 earlier run of job" in text for text in planned.plan.notices)
    energy = planned.plan.option("now").energy
    assert energy.low < 0.9 * energy.value  # the meter's error is in it


@pytest.mark.slow
def test_a_frozen_job_stands_still_with_its_children_and_is_not_billed_for_it(world):
    record, whole, [part], [decision] = driven(world, FROZEN, stop="freeze", seconds=9.0)

    assert (record.state, [span.how for span in record.spans]) == ("finished", ["paused", "finished"])
    [first, second] = record.spans
    paused_s = (second.start - first.seen).total_seconds() / SPEED
    for name in ("parent", "child"):
        moments = [float(line) for line in Path(name).read_text().splitlines()]
        assert len(moments) == 80
        assert max(after - before for before, after in pairwise(moments)) > 0.8 * paused_s
    assert whole.run.duration_s == pytest.approx(part.run.duration_s - paused_s, abs=0.5)
    assert energy_j(whole) < energy_j(part)
    assert energy_j(whole, "dynamic") == pytest.approx(energy_j(part, "dynamic"))
    assert "frozen for" in whole.run.warnings[0]
    assert (decision.details["pauses"], len(decision.segments)) == (1, 2)
    assert sum(joules for _, _, joules in decision.details["energy_by_interval"]) == pytest.approx(energy_j(whole))


@pytest.mark.parametrize("ending", ["sys.exit(3)", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_a_job_that_fails_is_filed_with_what_it_used_and_claims_nothing(world, ending):
    tasks, settings = world
    script = f"import os, signal, sys, time\nend = time.time() + 1\nwhile time.time() < end: pass\n{ending}"
    request = api.plan_request(duration_s=SPEED, power_w=10.0, within_s=7 * 3600.0)
    record, _ = tasks.submit([sys.executable, "-c", script], request, name="fails", jitter_s=0.0)
    tasks.drive([record.id])
    record = tasks.one(record.id)

    assert (record.state, record.accounted) == ("failed", record.id)
    assert record.exit_code in (3, 139)
    with api.open_ledger(settings) as ledger:
        whole = ledger.bundle(record.id)
        assert ledger.decisions() == ()
    assert (whole.run.status, whole.run.exit_code) == ("failed", record.exit_code)
    assert energy_j(whole) > 0


def test_a_job_that_cannot_be_started_fails_with_the_shells_code(world):
    tasks, _ = world
    with open("job", "w", encoding="utf-8") as file:
        file.write("#!/no/such/interpreter\n")
    os.chmod("job", 0o755)
    record, _ = tasks.submit(["./job"], api.plan_request(), when="now", name="none")
    tasks.drive([record.id])
    record = tasks.one(record.id)

    assert (record.state, record.exit_code) == ("failed", 127)
    assert "joulewise" in Path(tasks.log_path(record.id)).read_text()
