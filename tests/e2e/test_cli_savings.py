"""`joulewise carbon backfill` and `joulewise savings` as a user calls them, on a run that was really measured."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise import ledger, schedule
from joulewise.core.plans import Segment
from joulewise.testing.command_line import typed
from joulewise.testing.ledgers import FIRST, small_bundle
from joulewise.testing.plans import HOUR, hourly, small_plan

Command = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = Path(sys.executable).with_name("joulewise")
KWH = 3.6e6


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The surroundings of a user who has nothing yet."""
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "COLUMNS": "100"}
    return {**home, "JOULEWISE_LEDGER": str(tmp_path / "ledger.db")}


@pytest.fixture
def joulewise(environ: dict[str, str], tmp_path: Path) -> Command:
    """Run joulewise with a pipe for a terminal."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = typed(arguments, folder=tmp_path, environ=environ)
        assert done.returncode == code, f"{done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def own_file(folder: Path, value: float) -> str:
    """Intensities of the hours around now, as somebody might have written them down."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    lines = [f"DE,{start + hour * HOUR:%Y-%m-%dT%H:%MZ},{value},{value},{value}" for hour in range(5)]
    path = folder / "grid.csv"
    path.write_text("\n".join(["zone,start,intensity_g_per_kwh,low_g_per_kwh,high_g_per_kwh", *lines]) + "\n")
    return str(path)


def test_a_measured_run_is_revised_once_better_values_are_known(joulewise, environ, tmp_path):
    work = "for n in range(3_000_000): n * n"
    command = [
        PROGRAM,
        "run",
        "--zone",
        "DE",
        "--name",
        "short",
        "--set",
        "cpu=generic",
        "--",
        sys.executable,
        "-c",
        work,
    ]
    subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=True)
    before = json.loads(joulewise("show", "short", "-o", "json").stdout)
    source = ("--set", "intensity=file", "--set", f"intensity_file={own_file(tmp_path, 1_234.5)}")
    first = json.loads(joulewise("carbon", "backfill", "short", *source, "-o", "json").stdout)
    again = json.loads(joulewise("carbon", "backfill", "short", *source, "-o", "json").stdout)
    steps = joulewise("explain", "short:operational").stdout

    assert first[0]["changed"] is True
    assert (first[0]["status_before"], first[0]["status_after"]) == ("climatology", "measured")
    assert again[0]["changed"] is False
    assert again[0]["remark"] == "measured already"
    assert "1,234.5 g CO2e/kWh" in steps
    after = json.loads(joulewise("show", "short", "-o", "json").stdout)
    assert before["run"] == after["run"]
    assert joulewise("ledger", "verify").returncode == 0


def test_nothing_saved_and_nothing_to_revise_is_said(joulewise):
    empty = joulewise("savings")
    vague = joulewise("carbon", "backfill", code=2)

    assert "No job has followed a plan yet" in empty.stderr
    assert "joulewise run --when cleanest" in empty.stderr
    assert "joulewise carbon backfill last" in vague.stderr
    assert json.loads(joulewise("savings", "-o", "json").stdout) == []
    assert json.loads(joulewise("carbon", "backfill", "--all", "-o", "json").stdout) == []


def test_savings_by_month_and_by_job(joulewise, tmp_path):
    bundle = small_bundle(energy_j=2 * KWH)
    with ledger.open(str(tmp_path / "ledger.db")) as store:
        store.append(bundle)
        store.append_plan(small_plan())
        segment = Segment(region="DE", start=FIRST + 3 * HOUR, end=FIRST + 5 * HOUR)
        signals = {"DE": hourly("DE", 500.0, 450.0, 400.0, 200.0, 100.0, 150.0, 300.0, 350.0, grade="live")}
        pieces = [(segment.start, segment.end, 2 * KWH)]
        decision = schedule.decide(small_plan(), bundle.run.id, pieces, [segment], signals, decided_at=FIRST + 9 * HOUR)
        store.append_decision(decision)
    table = joulewise("savings")
    [month, whole] = json.loads(joulewise("savings", "-o", "json").stdout)
    [job] = list(csv.DictReader(io.StringIO(joulewise("savings", "--jobs", "-o", "csv").stdout)))

    assert "650 g" in table.stdout
    assert "never added" in table.stderr
    assert (month["month"], whole["month"], whole["saved_g"]) == ("2026-01", None, 650)
    assert (job["name"], float(job["counterfactual_g"])) == ("run-1", 950)
    assert json.loads(joulewise("savings", "--since", "2026-02-01", "-o", "json").stdout) == []
    shown = joulewise("show", "run-1").stdout
    assert "Saved by the plan" in shown
    assert "Best in hindsight" in shown
    assert "pausing" not in joulewise("explain", "run-1:saved_ratio").stdout


# A supply contract: market-based beside location-based


def figures(store: ledger.Ledger, run_id: str) -> dict[tuple[str, str], list[tuple[float, str, str | None]]]:
    """What holds of a run, by name and basis."""
    found: dict[tuple[str, str], list[tuple[float, str, str | None]]] = {}
    for one in store.bundle(run_id).calculations:
        found.setdefault((one.name, one.basis), []).append((one.figure.value, one.id, one.supersedes))
    return found


def dated_file(folder: Path, status: str, *values: float) -> tuple[str, ...]:
    """Intensities of the hours from two before now, from a file of that status; the options that name it."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    lines = [
        f"DE,{start + number * HOUR:%Y-%m-%dT%H:%MZ},{value},{value},{value},production,{status}"
        for number, value in enumerate(values)
    ]
    path = folder / f"{status}-{values[0]}.csv"
    names = "zone,start,intensity_g_per_kwh,low_g_per_kwh,high_g_per_kwh,scope,status"
    path.write_text("\n".join([names, *lines]) + "\n")
    return "--set", "intensity=file", "--set", f"intensity_file={path}"


def shown_g(document: dict, name: str, basis: str) -> list[float]:
    found = [one for one in document["calculations"] if (one["name"], one["basis"]) == (name, basis)]
    return [one["figure"]["value"] for one in found]


def test_better_hours_change_what_is_location_based_and_leave_the_contract_alone(joulewise, environ, tmp_path):
    """Bundled hours, then estimated ones, then measured ones: three figures for the place, one for the contract."""
    work = "for n in range(3_000_000): n * n"
    words = ["run", "--zone", "DE", "--name", "short", "--set", "market_g_per_kwh=50", "--set", "cpu=generic"]
    command = [PROGRAM, *words, "--set", "pue=1.25", "--", sys.executable, "-c", work]
    subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=True)
    steps = []
    with ledger.open(environ["JOULEWISE_LEDGER"]) as store:
        run_id = store.resolve("short")
        steps.append(figures(store, run_id))
        for status, value in (("estimated", 400.0), ("measured", 800.0)):
            source = dated_file(tmp_path, status, *[value] * 6)
            [told] = json.loads(joulewise("carbon", "backfill", "short", *source, "-o", "json").stdout)
            assert (told["changed"], told["status_after"]) == (True, status)
            steps.append(figures(store, run_id))
        whole = store.bundle(run_id, include_superseded=True).calculations
        row, totals = store.runs().rows[0], store.totals()
        assert store.verify().ok
    kwh = steps[0]["facility_energy_j", ""][0][0] / KWH

    assert all(len(held) == 1 for step in steps for held in step.values()), "one of each holds"
    assert steps[1]["operational_g", "location"][0][0] == pytest.approx(kwh * 400)
    assert steps[2]["operational_g", "location"][0][0] == pytest.approx(kwh * 800)
    assert [step["operational_g", "market"] for step in steps] == [steps[0]["operational_g", "market"]] * 3
    assert steps[0]["operational_g", "market"][0][0] == pytest.approx(kwh * 50)
    links = [step["operational_g", "location"][0] for step in steps]
    assert [link[2] for link in links] == [None, links[0][1], links[1][1]]
    assert len([one for one in whole if (one.name, one.basis) == ("operational_g", "location")]) == 3
    assert len([one for one in whole if (one.name, one.basis) == ("operational_g", "market")]) == 1

    document = json.loads(joulewise("report", "latest", "--format", "json").stdout)
    assert row.emissions.value == totals.emissions.value == steps[2]["emissions_g", "location"][0][0]
    assert shown_g(document, "operational_g", "location") == [steps[2]["operational_g", "location"][0][0]]
    assert shown_g(document, "operational_g", "market") == [steps[0]["operational_g", "market"][0][0]]
