"""A job that is paused through dirty hours and goes on in clean ones: an hour takes four seconds here.

The intensities are invented; job, meters, checkpoints and processes are real. Run it: python examples/clean_hours.py
"""

import csv
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joulewise
from joulewise import api
from joulewise.api.submitting import Tasks
from joulewise.schedule.clock import Clock

G_PER_KWH = (480, 470, 90, 510, 500, 80, 490, 470)  # hour by hour
HOUR_S = 4.0

JOB = """
import sys, time, joulewise
checkpoint = joulewise.checkpointing(sys.argv[1])
done = checkpoint.resume(0)
for step in range(done, 55):
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        sum(range(1000))
    checkpoint.step(step + 1)
"""

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    with (folder / "grid.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["zone", "start", "intensity_g_per_kwh"])
        rows.writerows(["DE", (start + timedelta(hours=n)).isoformat(), g] for n, g in enumerate(G_PER_KWH))

    settings = joulewise.load_settings(zone="DE", intensity="file", intensity_file=str(folder / "grid.csv"))
    tasks = Tasks(settings, folder=str(folder / "tasks"), clock=Clock(3600 / HOUR_S, start=start))
    request = api.plan_request(
        duration_s=1.7 * 3600, power_w=50.0, within_s=8 * 3600, max_runs=2, save_s=300.0, restore_s=300.0
    )
    record, plan = tasks.submit([sys.executable, "-c", JOB, str(folder / "job.ckpt")], request, name="clean-hours")
    print(f"Planned as {plan.chosen}: {plan.reason}")
    tasks.drive([record.id], tell=lambda _, text: print(f"  {tasks.clock.now():%H:%M}  {text}"))

    record = tasks.one(record.id)
    for span in record.spans:
        print(f"Ran {span.start:%H:%M} to {span.seen:%H:%M}, then {span.how}")
    with api.open_ledger(settings) as ledger:
        for decision in ledger.decisions(record.id):
            saved, ratio = decision.saved, decision.ratio
            print(f"Saved {saved.value * 1e3:.2g} mg CO2e ({saved.low * 1e3:.2g} to {saved.high * 1e3:.2g}),", end=" ")
            print(f"{ratio.value:.0%} of what running at once would have emitted; joulewise show {record.id}")
