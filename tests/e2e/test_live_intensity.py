"""A measured command whose carbon comes from a live source: asked after the work, told by source, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from joulewise.testing.command_line import typed
from joulewise.testing.grid_answers import ENVIRON, KEYS, Grid
from joulewise.testing.grid_server import DROP, GridServer, grid_server

HOUR = timedelta(hours=1)
SPIN = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"


@pytest.fixture
def server() -> Iterator[GridServer]:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + HOUR
    with grid_server(Grid(now=now, intensity_g_per_kwh=lambda moment: 123.0)) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, server: GridServer) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOULEWISE_", "XDG_"))}
    urls = ",".join(f"{name}={server.address(name)}" for name in ("uk", "electricitymaps"))
    return {**kept, "HOME": str(tmp_path), "JOULEWISE_ZONE": "GB", "JOULEWISE_INTENSITY_URLS": urls}


def joulewise(home: Mapping[str, str], *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "joulewise", *words]
    return subprocess.run(command, env={**home, **environ}, capture_output=True, check=False, timeout=60, text=True)


def run(home: Mapping[str, str], **environ: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = joulewise(home, "run", "--", sys.executable, "-c", SPIN, **environ)
    words = ("report", "latest", "--format", "json")
    document: dict[str, Any] = json.loads(typed(words, folder=Path(home["HOME"]), environ=home).stdout)
    return done, document


def intensity(document: Mapping[str, Any]) -> dict[str, Any]:
    [factor] = [one for one in document["factors"] if one["kind"] == "intensity"]
    return dict(factor)


def test_the_intensity_of_the_hour_is_filed_with_its_source(home: Mapping[str, str], server: GridServer) -> None:
    done, document = run(home, JOULEWISE_INTENSITY="uk")
    assert done.returncode == 0
    factor = intensity(document)
    assert (factor["value"], factor["source"], factor["note"]) == (123, "NESO Carbon Intensity API", "grade live")
    assert (factor["signal"], factor["basis"], factor["scope"]) == ("average", "direct", "consumption")
    assert len(server.asked) == 1
    run(home, JOULEWISE_INTENSITY="uk")
    assert len(server.asked) == 1, "the second run of the hour makes no request"


def test_a_provider_that_is_down_costs_a_notice_and_nothing_else(home: Mapping[str, str], server: GridServer) -> None:
    server.always = DROP
    done, document = run(home, JOULEWISE_INTENSITY="uk")
    assert done.returncode == 0
    assert intensity(document)["note"] == "grade shape"
    assert any("no intensities from uk" in warning for warning in document["run"]["warnings"])


def test_no_key_is_filed_or_shown(home: Mapping[str, str], server: GridServer, tmp_path: Path) -> None:
    done, document = run(home, JOULEWISE_INTENSITY="electricitymaps", **ENVIRON)
    assert intensity(document)["source"] == "Electricity Maps GB"
    wrong, again = run(
        home,
        JOULEWISE_INTENSITY="electricitymaps",
        JOULEWISE_ELECTRICITYMAPS_TOKEN="stale-sesame",
        XDG_CACHE_HOME=str(tmp_path / "elsewhere"),
    )
    assert any("401" in warning for warning in again["run"]["warnings"])
    shown = done.stderr + wrong.stderr + json.dumps([document, again])
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for key in (*KEYS.values(), "stale-sesame"):
        assert key not in shown
        assert key.encode() not in stored


def test_without_a_source_no_request_is_made(home: Mapping[str, str], server: GridServer) -> None:
    _, document = run(home)
    assert intensity(document)["note"] == "grade shape"
    assert server.asked == []


def test_a_misspelt_source_is_told_before_the_work(home: Mapping[str, str], tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    done = joulewise(home, "run", "--", "touch", str(mark), JOULEWISE_INTENSITY="electricity-maps")
    assert done.returncode == 2
    assert "electricitymaps" in done.stderr
    assert not mark.exists()
