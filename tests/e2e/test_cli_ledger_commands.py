"""The command line over a real ledger: what was measured in Python is listed, shown, explained, exported, verified."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.testing.bundles import RUN_ID, example_bundle, example_trace
from joulewise.testing.command_line import typed

PROGRAM = Path(sys.executable).with_name("joulewise")
Command = Callable[..., subprocess.CompletedProcess[str]]
SCRIPT = """
import joulewise
with joulewise.measure("spin", unit="epoch", zone="DE", tick_s=1) as session:
    with session.phase("train"):
        sum(range(3_000_000))
    session.count("epoch", 2)
    session.log(accuracy=0.9)
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The surroundings of a user who has nothing yet."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
    }


@pytest.fixture
def joulewise(home: dict[str, str], tmp_path: Path) -> Command:
    """Run the command line with a pipe for a terminal."""

    def run(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = typed(arguments, folder=tmp_path, environ={**home, **environ})
        assert done.returncode == code, f"{done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def filed(home: dict[str, str]) -> str:
    """A ledger with the example run and its trace; its URL is the default one."""
    url = f"sqlite:///{home['HOME']}/.local/share/joulewise/ledger.db"
    trace = {
        name: [float("nan") if value is None else value for value in values] for name, values in example_trace().items()
    }
    with ledger.open(url) as opened:
        record = ledger.write_trace(RUN_ID, trace, opened.trace_folder)
        opened.append(replace(example_bundle(), traces=(record,)))
    return url


def test_what_python_measured_is_taken_in_and_listed(joulewise, home, tmp_path):
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=home, check=True, capture_output=True)
    [run] = json.loads(joulewise("runs", "--output", "json").stdout)

    assert (run["name"], run["status"], run["unit"], run["unit_count"]) == ("spin", "finished", "epoch", 2.0)
    assert (run["energy_j"] is None) == (run["energy_method"] is None)
    assert json.loads(joulewise("ledger", "info", "--output", "json").stdout)[0]["waiting"] == 0
    assert "phase.train.energy_j" in joulewise("show", "last", "--output", "csv").stdout


@pytest.mark.usefixtures("filed")
class TestOverTheExample:
    def test_runs_as_a_table_with_a_count_on_stderr(self, joulewise):
        done = joulewise("runs")

        assert "1.43 Wh (1.24 – 1.70)" in done.stdout
        assert done.stderr == "1 of 1 runs\n"
        assert joulewise("-q", "runs").stderr == ""

    def test_a_filter_that_fits_nothing_lists_nothing(self, joulewise):
        assert json.loads(joulewise("runs", "--tag", "team=audio", "--output", "json").stdout) == []
        assert len(json.loads(joulewise("runs", "--tag", "team=vision", "--output", "json").stdout)) == 1
        assert json.loads(joulewise("runs", "--since", "2030-01-01", "--output", "json").stdout) == []

    def test_json_units_are_in_the_names_and_numbers_are_exact(self, joulewise):
        [run] = json.loads(joulewise("runs", "--output", "json").stdout)

        assert (run["energy_j"], run["energy_low_j"], run["energy_high_j"]) == (5161.8, 4476.2, 6095.3)
        assert run["emissions_g"] == 1.18

    def test_show_reads_well_without_colour_or_unicode(self, joulewise, home, tmp_path):
        narrow = {**home, "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
        command = [PROGRAM, "show", "last"]
        plain = subprocess.run(command, cwd=tmp_path, env=narrow, capture_output=True, text=True, check=True).stdout

        assert plain.isascii()
        assert "1.43 Wh (1.24 - 1.70)" in plain
        assert "\x1b[" not in joulewise("show", "last").stdout
        assert "\x1b[" in joulewise("--color", "always", "show", "last").stdout

    def test_a_run_is_found_by_the_end_of_its_id(self, joulewise):
        assert joulewise("show", RUN_ID[-6:]).stdout == joulewise("show", "digits").stdout

    def test_equivalents_only_on_request(self, joulewise):
        assert "Equivalents" not in joulewise("show", "last").stdout
        assert "Equivalents" in joulewise("show", "last", "--equivalents").stdout

    @pytest.mark.parametrize(
        ("suffix", "start"), [("html", "<!doctype html>"), ("md", "# digits"), ("json", "{"), ("csv", "run_id")]
    )
    def test_a_report_is_written_in_the_format_of_its_suffix(self, joulewise, tmp_path, suffix, start):
        done = joulewise("report", "last", "-o", f"report.{suffix}")

        assert (tmp_path / f"report.{suffix}").read_text().startswith(start)
        assert (done.stdout, done.stderr) == ("", f"Wrote report.{suffix}\n")

    def test_the_report_draws_the_filed_trace(self, joulewise):
        page = joulewise("report", "last", "--format", "html").stdout

        assert '<svg class="chart"' in page
        assert 'class="gap"' in page

    def test_a_lost_trace_is_a_warning_not_an_error(self, joulewise, home):
        for path in Path(home["HOME"], ".local/share/joulewise/traces").iterdir():
            path.unlink()
        done = joulewise("report", "last", "--format", "html")

        assert '<svg class="chart"' not in done.stdout
        assert "the power is not drawn" in done.stderr

    def test_explain_goes_down_to_the_counters(self, joulewise):
        text = joulewise("explain", "last:emissions").stdout

        for found in (
            "C = O + M",
            "grid intensity" if "grid intensity" in text else "intensity of DE",
            "channel model:cpu",
        ):
            assert found in text
        assert "first count: 88,120,455" in text

    def test_an_unknown_figure_names_those_that_are_near(self, joulewise):
        assert "emissions_g" in joulewise("explain", "last:emision_g", code=2).stderr

    def test_export_and_import_give_the_same_ledger(self, joulewise, tmp_path):
        joulewise("export", "all.json")
        other = f"sqlite:///{tmp_path}/other.db"
        done = joulewise("import", "json", "all.json", "--ledger", other)

        assert done.stdout == "1\n"
        assert (
            joulewise("runs", "--output", "json", "--ledger", other).stdout
            == joulewise("runs", "--output", "json").stdout
        )

    def test_export_to_stdout_as_csv(self, joulewise):
        [row] = csv.DictReader(io.StringIO(joulewise("export", "--format", "csv").stdout))

        assert row["id"] == RUN_ID
        assert float(row["energy_j"]) == 5161.8

    def test_merge_files_what_is_new(self, joulewise, tmp_path, filed):
        other = f"sqlite:///{tmp_path}/other.db"

        assert joulewise("ledger", "merge", filed, "--ledger", other).stdout == "1\n"
        assert joulewise("ledger", "merge", filed, "--ledger", other).stdout == "0\n"

    def test_verify_finds_a_changed_byte(self, joulewise, home):
        assert joulewise("ledger", "verify").stdout.strip()
        database = sqlite3.connect(Path(home["HOME"], ".local/share/joulewise/ledger.db"))
        database.executescript("DROP TRIGGER IF EXISTS run_no_update;")
        triggers = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE measurement SET value = value + 1 WHERE position = 0")
        database.commit()
        database.close()

        assert "joulewise: " in joulewise("ledger", "verify", code=3).stderr

    @pytest.mark.parametrize("arguments", [["explain", "--formulas"], ["runs"], ["config"]])
    def test_a_closed_pipe_is_silent(self, home, tmp_path, arguments):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [PROGRAM, "-q", *arguments], env=home, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False
        )
        os.close(writer)

        assert (done.returncode, done.stderr) == (141, b"")


def test_codecarbon_is_imported(joulewise, tmp_path):
    columns = "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy,ram_energy"
    (tmp_path / "emissions.csv").write_text(
        f"{columns}\n2026-01-02T03:04:05,demo,8b0c9c7e-2d0e-4a0e-9a54-6f8f5f0d1c11,60.5,0.0012,0.003,0.001,0.0015,0.0005\n"
    )

    assert joulewise("import", "codecarbon", "emissions.csv").stdout == "1\n"
    [run] = json.loads(joulewise("runs", "--output", "json").stdout)
    assert run["energy_j"] == pytest.approx(0.003 * 3.6e6)
    assert run["energy_method"] == "reported"


def test_a_hostile_name_cannot_reach_the_terminal_or_a_spreadsheet(joulewise, home):
    hostile = '=HYPERLINK("http://e")\x1b]0;owned\x07\n\u202e'
    with ledger.open(f"sqlite:///{home['HOME']}/.local/share/joulewise/ledger.db") as opened:
        opened.append(example_bundle(name=hostile, project=hostile, command=(hostile,)))

    for arguments in (("runs",), ("show", "last"), ("runs", "--output", "markdown"), ("runs", "--output", "json")):
        assert not {"\x1b", "\x07", "\u202e"} & set(joulewise(*arguments).stdout)
    [row] = csv.DictReader(io.StringIO(joulewise("runs", "--output", "csv").stdout))
    assert row["name"].startswith("'=")


def test_settings_say_where_they_come_from(joulewise, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.joulewise]\nzone = "FR"\n')
    found = {row["key"]: row for row in json.loads(joulewise("config", "--output", "json", JOULEWISE_PUE="1.3").stdout)}

    assert (found["zone"]["value"], found["zone"]["origin"]) == ("FR", str(tmp_path / "pyproject.toml"))
    assert (found["pue"]["value"], found["pue"]["origin"]) == (1.3, "environment JOULEWISE_PUE")


def test_factors_are_listed_and_shown(joulewise):
    [factor] = json.loads(joulewise("factors", "show", "intensity", "DE", "--year", "2024", "--output", "json").stdout)

    assert factor["valid_from"] == "2024-01-01"
    assert factor["low"] <= factor["value"] <= factor["high"]
    assert len(json.loads(joulewise("factors", "list", "--zone", "DE", "--output", "json").stdout)) > 5


def test_a_factor_file_shows_what_it_changes(joulewise, tmp_path):
    (tmp_path / "own.csv").write_text(
        "id,kind,zone,value,low,high,unit,source\nmine,intensity,DE,100,90,110,g/kWh,contract\n"
    )
    [change] = json.loads(joulewise("factors", "diff", "own.csv", "--output", "json").stdout)

    assert change["id"].startswith("mine")
    assert (change["change"], change["after"]["value"]) == ("new", 100.0)


def test_plugins_are_listed(joulewise):
    found = {
        (row["kind"], row["name"]): row["state"] for row in json.loads(joulewise("plugins", "--output", "json").stdout)
    }

    assert found["exporters", "html"] == "ready"
    assert found["meters", "powercap"] == "ready"


def test_the_doctor_looks_and_exits_well(joulewise):
    found = json.loads(joulewise("doctor", "--output", "json").stdout)

    assert found
    assert {"plugin", "state", "what", "cure"} <= found[0].keys()


def test_calibrate_fits_a_meter_to_the_trace(joulewise, home, tmp_path):
    started = example_bundle().run.started_at.timestamp()
    steps = [10.0 + 60.0 * (second // 15 % 4) / 3 for second in range(240)]
    with ledger.open(f"sqlite:///{home['HOME']}/.local/share/joulewise/ledger.db") as opened:
        columns = {
            "t_s": [float(second + 1) for second in range(240)],
            "model:cpu_w": [power / 2 for power in steps],
            "nvml:GPU-5f1e_w": [power / 2 for power in steps],
        }
        trace = ledger.write_trace(RUN_ID, columns, opened.trace_folder)
        opened.append(replace(example_bundle(), traces=(trace,)))
    lines = [f"{started + second + 0.5},{1.2 * power + 15}" for second, power in enumerate(steps)]
    (tmp_path / "plug.csv").write_text("time,power_w\n" + "\n".join(lines) + "\n")
    [found] = json.loads(joulewise("calibrate", "plug.csv", "--output", "json").stdout)

    assert found["slope"] == pytest.approx(1.2, rel=0.05)
    assert found["offset_w"] == pytest.approx(15, abs=2)
    assert "wall calibration" in joulewise("doctor").stdout


def test_completion_is_offered(home):
    done = subprocess.run(
        [PROGRAM], env={**home, "_JOULEWISE_COMPLETE": "bash_source"}, capture_output=True, text=True, check=True
    )

    assert "_JOULEWISE_COMPLETE" in done.stdout


def test_version_and_help_load_no_heavy_package(home, tmp_path):
    code = (
        "import sys; sys.argv = ['joulewise', sys.argv[1]]\n"
        "from joulewise.app.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'sqlalchemy', 'rich', 'jinja2', 'click', 'numpy'} & sys.modules.keys()))"
    )
    for argument, loaded in (("--version", "[]"), ("--help", "['click']")):
        done = subprocess.run(
            [sys.executable, "-c", code, argument], env=home, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == loaded
