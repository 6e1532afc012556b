"""`joulewise plan` as a user calls it: a recommendation on stdout, notes on stderr, clear errors."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from joulewise.testing.command_line import typed

Command = Callable[..., subprocess.CompletedProcess[str]]
SIX_HOURS = ("--duration", "6h", "--power", "250W", "--zone", "US-CAMX")


@pytest.fixture
def joulewise(tmp_path: Path) -> Command:
    """Run `joulewise plan` with a pipe for a terminal."""

    def run(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "COLUMNS": "100", **environ}
        done = typed(("plan", *arguments), folder=tmp_path, environ=own)
        assert done.returncode == code, f"{done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def test_a_recommendation_in_words(joulewise: Command) -> None:
    done = joulewise(*SIX_HOURS, TZ="America/Los_Angeles")
    assert done.stdout.startswith("Plan for a job: 6 h, 1.5 kWh, at home in US-CAMX")
    for what in ("Recommended", "Carbon", "Energy", "Finish", "Regret", "Why"):
        assert f"\n{what} " in done.stdout
    assert "local)" in done.stdout
    assert done.stderr == ""


def test_every_alternative_and_the_choices_between(joulewise: Command) -> None:
    done = joulewise(
        *SIX_HOURS, "--region", "US-NWPP,US-ERCT", "--pause", "--save", "2m", "--restore", "5m", "--data", "5GB",
        "--price", "US-ERCT=-1", "--egress", "0.02", "--speedup", "1,1.9", "--explain",
    )  # fmt: skip
    for text in ("Every way to run it", "Choices that nothing beats", "Workers by time", "paused, moved"):
        assert text in done.stdout
    assert "cost: no price for US-CAMX" in done.stderr


def test_a_narrow_terminal_has_each_heading_once(joulewise: Command) -> None:
    done = joulewise(*SIX_HOURS, "--region", "DE", "--price", "US-CAMX=2", "--explain", COLUMNS="70")
    assert done.stdout.count("Every way to run it") == 1
    assert done.stdout.count("Choices that nothing beats") == 1


def test_records_for_machines(joulewise: Command) -> None:
    (record,) = json.loads(joulewise(*SIX_HOURS, "--output", "json").stdout)
    assert [option["name"] for option in record["options"]] == ["now", "best-start"]
    rows = list(csv.DictReader(io.StringIO(joulewise(*SIX_HOURS, "--output", "csv").stdout)))
    assert [row["name"] for row in rows] == ["now", "best-start"]
    assert "| Recommended |" in joulewise(*SIX_HOURS, "--output", "markdown").stdout


def test_regions_of_another_basis_are_stood_in_for_aloud(joulewise: Command) -> None:
    done = joulewise("--duration", "6h", "--power", "250W", "--zone", "DE", "--region", "aws:us-west-2")
    assert "the average of US stands in" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--zone", "DEE"), "unknown zone 'DEE'"),
        (("--zone", "DE", "--deadline", "2020-01-01"), "has passed"),
        (("--zone", "DE", "--within", "5h"), "the job takes 6 h"),
        (("--zone", "DE", "--within", "5"), "write it like"),
        (("--zone", "DE", "--price", "DE=nan"), "no price"),
        (("--zone", "DE", "--region", ","), "has no name"),
        (("--zone", "DE", "--speedup", "fast"), "--speedup 1,1.9,2.7"),
        (("--zone", "DE", "--speedup", "2,3"), "as fast as one worker"),
        ((), "--zone DE"),
    ],
)
def test_what_can_not_be_is_told_with_its_cure(joulewise: Command, arguments: tuple[str, ...], words: str) -> None:
    done = joulewise("--duration", "6h", "--power", "250W", *arguments, code=2 if "DEE" not in arguments else 8)
    assert words in done.stderr
    assert done.stdout == ""


def test_without_a_job_it_asks_for_one(joulewise: Command) -> None:
    assert "how long does the job take" in joulewise("--zone", "DE", code=2).stderr
    assert "how much power" in joulewise("--zone", "DE", "--duration", "1h", code=2).stderr
    assert "Example:" in joulewise("--help").stdout
