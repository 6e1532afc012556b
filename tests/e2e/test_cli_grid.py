"""`joulewise grid` as a user calls it: pictures on a terminal, records for machines, files, clear errors."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.testing.command_line import typed

Command = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = Path(sys.executable).with_name("joulewise")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The surroundings of a user who has nothing yet."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "COLUMNS": "80"}


@pytest.fixture
def joulewise(home: dict[str, str], tmp_path: Path) -> Command:
    """Run `joulewise grid` with a pipe for a terminal."""

    def run(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = typed(("grid", *arguments), folder=tmp_path, environ={**home, **environ})
        assert done.returncode == code, f"{done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def on_a_terminal(arguments: list[str], environ: dict[str, str]) -> str:
    """What the command writes to a real terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen([str(PROGRAM), *arguments], stdout=follower, stderr=follower, env=environ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            written += part
        process.wait()
    os.close(leader)
    return written.decode()


def test_now_says_how_it_is_known(joulewise):
    done = joulewise("now", "aws:eu-central-1")

    assert "aws:eu-central-1 (grid DE)" in done.stdout
    assert "typical hours of 2020-21" in " ".join(done.stdout.split())
    assert "not a measurement" in " ".join(done.stdout.replace("\n", " ").split())
    assert done.stderr == ""


def test_the_zone_that_is_set_is_the_default(joulewise):
    (record,) = json.loads(joulewise("now", "--output", "json", JOULEWISE_ZONE="SE").stdout)

    assert (record["zone"], record["status"], record["kind"]) == ("SE", "climatology", "average")
    assert record["intensity_low_g_per_kwh"] < record["intensity_g_per_kwh"] < record["intensity_high_g_per_kwh"]


def test_history_and_forecast_are_a_record_an_hour(joulewise):
    before = json.loads(joulewise("history", "DE", "--hours", "24", "--output", "json").stdout)
    ahead = list(csv.DictReader(io.StringIO(joulewise("forecast", "DE", "--hours", "48", "--output", "csv").stdout)))

    assert len(before) == 25
    assert len(ahead) == 48
    now = datetime.now(UTC)
    assert (
        datetime.fromisoformat(ahead[0]["start"])
        <= now
        < datetime.fromisoformat(ahead[1]["start"]) + timedelta(hours=1)
    )
    assert ahead[0]["local_start"].endswith(("+01:00", "+02:00"))


def test_history_since_a_day(joulewise):
    day = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%d")
    records = json.loads(joulewise("history", "GB", "--since", day, "--output", "json", "--timezone", "UTC").stdout)

    assert records[0]["start"] == f"{day}T00:00:00+00:00"


def test_the_forecast_names_the_best_starts(joulewise):
    done = joulewise("forecast", "US-CAMX")
    windows = json.loads(joulewise("forecast", "US-CAMX", "--windows", "--output", "json").stdout)

    assert [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("Best")] == [
        "Best 1 h start", "Best 3 h start", "Best 6 h start",
    ]  # fmt: skip
    assert "America/Los_Angeles" in done.stdout
    assert [record["window_h"] for record in windows] == [1, 3, 6]


def test_the_calendar_fits_eighty_columns_and_has_no_escape_in_a_pipe(joulewise):
    done = joulewise("calendar", "DE")

    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert "Week by hour" in done.stdout
    assert "Month by hour" in done.stdout


def test_the_calendar_writes_a_page_and_a_picture(joulewise, tmp_path):
    done = joulewise("calendar", "DE", "--html", "week.html", "--svg", "week.svg", "--by", "month")

    assert "wrote week.html" in done.stderr
    assert (tmp_path / "week.html").read_text().startswith("<!doctype html>")
    assert "<svg" in (tmp_path / "week.svg").read_text()


def test_the_calendar_of_a_chosen_week_has_its_clock_change(joulewise):
    year = datetime.now(UTC).year
    start = next(
        datetime(year, 3, day, tzinfo=UTC) for day in range(31, 24, -1) if datetime(year, 3, day).weekday() == 6
    )
    text = ["calendar", "DE", "--by", "week", "--start", f"{start:%Y-%m-%d}", "--output", "json"]
    hours = [one["hour"] for one in json.loads(joulewise(*text).stdout) if one["row"] == f"Sun {start.day}"]

    assert len(hours) == 23
    assert 2 not in hours


def test_zones_and_ranks_for_machines(joulewise):
    zones = json.loads(joulewise("zones", "--typical", "--output", "json").stdout)
    first, *_ = csv.DictReader(io.StringIO(joulewise("rank", "--by", "pue", "--output", "csv").stdout))

    assert {"DE", "US-CAMX"} <= {record["zone"] for record in zones}
    assert float(first["average_with_pue_g_per_kwh"]) > float(first["average_g_per_kwh"])
    assert len(joulewise("rank", "--all", "--output", "csv").stdout.splitlines()) > 100


@pytest.mark.parametrize("command", ["now", "history", "forecast", "calendar"])
def test_markdown_is_a_table(joulewise, command):
    assert "|---" in joulewise(command, "DE", "--output", "markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["now", "Atlantis"], 8, "unknown zone 'Atlantis'"),
        (["now"], 2, "JOULEWISE_ZONE=DE"),
        (["forecast", "DE", "--timezone", "Europe/Berln"], 2, "Europe/Berlin"),
        (["forecast", "DE", "--hours", "1000"], 2, "--hours"),
        (["history", "DE", "--since", "2026-01-01", "--hours", "3"], 2, "give one of them"),
        (["history", "DE", "--since", "1999-01-01"], 2, "past year"),
        (["calendar", "DE", "--start", "soon"], 2, "--start"),
        (["calendar", "DE", "--html", "/nowhere/at/all.html"], 2, "can't write"),
        (["rank", "--by", "price"], 2, "--price"),
        (["rank", "--price", "cheap"], 2, "REGION=PRICE"),
        (["zones", "--intensity", "file"], 8, "intensity_file"),
    ],
)
def test_errors_name_their_cure(joulewise, arguments, code, said):
    assert said in joulewise(*arguments, code=code).stderr


def test_colour_on_a_terminal_only_and_never_with_no_color(home):
    environ = {**home, "TERM": "xterm-256color"}
    colored = on_a_terminal(["grid", "calendar", "DE", "--by", "week"], environ)
    bare = on_a_terminal(["grid", "calendar", "DE", "--by", "week"], {**environ, "NO_COLOR": "1"})

    assert "\x1b[" in colored
    assert "\x1b" not in bare
    assert "Week by hour" in bare


def test_an_ascii_terminal_gets_ascii(home, tmp_path):
    environ = {**home, "LANG": "C", "PYTHONIOENCODING": "ascii"}
    command = [PROGRAM, "grid", "forecast", "DE"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)

    assert done.stdout.isascii()
    assert "#" in done.stdout
