"""The worker's process, spoken to as the bench does: a reply for each request, an error as a reply, a quiet end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pytest

from joulewise.compare.facts import BATCH, answers, entry
from joulewise.compare.guarded import Guarded
from joulewise.compare.linear_files import write_linear
from joulewise.compare.worker_frames import packed, read_within, write
from joulewise.core.errors import ModelError

LIMIT_S = 120.0


class Line:
    """Both ends of a conversation with a worker."""

    def __init__(self) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the line
        self.reply, theirs = os.pipe()
        self.process = Guarded(
            "joulewise.compare.worker_process", [str(theirs)], os.environ, log=self.log, stdin=PIPE, pass_fds=(theirs,)
        )
        os.close(theirs)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        assert self.process.stdin is not None
        write(self.process.stdin.fileno(), packed(request))
        return read_within(self.reply, LIMIT_S, 1 << 30, lambda _spent_s: 1.0)

    def hang_up(self) -> int | None:
        """Ask no more; the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(LIMIT_S)

    def printed(self) -> str:
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()


@pytest.fixture
def line(counted_children: None) -> Iterator[Line]:
    found = Line()
    yield found
    found.process.end()
    os.close(found.reply)
    found.log.close()


@pytest.fixture
def opening(tmp_path: Path) -> dict[str, Any]:
    facts = {"inputs": [entry("x", "float64", (BATCH, 2))], **answers("regression")}
    path = write_linear(tmp_path / "sum", [{"op": "dense", "weight": np.ones((2, 1))}], facts)
    np.savez(tmp_path / "rows.npz", x=np.arange(8.0).reshape(4, 2))
    deployment = {"path": str(path), "format": "linear", "facts": facts, "runtime": "numpy", "threads": 1}
    return {"deployment": {**deployment, "spinning": False, "more": {}}, "feeds": str(tmp_path / "rows.npz")}


def test_a_worker_opens_answers_and_leaves_when_nothing_more_is_asked(line: Line, opening: dict[str, Any]) -> None:
    head, _ = line.ask(opening)
    assert head["inputs"] == [["x", "float64", ["batch", 2]]]
    assert head["idle_wall_s"] >= 0
    head, arrays = line.ask({"do": "predict", "start": 0, "stop": 4, "batch": 3})
    assert arrays["values"].tolist() == [1.0, 5.0, 9.0, 13.0]
    assert "error" not in head
    assert line.hang_up() == 0
    assert not line.process.running
    assert line.process.held_bytes() == 0


def test_an_error_of_ours_comes_back_with_its_code_and_cure_and_the_worker_goes_on(
    line: Line, opening: dict[str, Any]
) -> None:
    torn = {**opening, "deployment": {**opening["deployment"], "path": "/nowhere"}}
    head, arrays = line.ask(torn)
    assert arrays == {}
    assert head["error"]["code"] == ModelError.code
    assert "/nowhere is torn" in head["error"]["message"]
    assert head["error"]["hint"] == "write it again"
    assert "Traceback" in line.printed()  # the whole story stands in the log
    assert line.ask(opening)[0]["outputs"][0][0] == "values"
    assert line.hang_up() == 0


def test_an_error_of_a_library_is_named_by_its_type(line: Line, opening: dict[str, Any]) -> None:
    line.ask(opening)
    head, _ = line.ask({"do": "predict", "batch": 1})
    assert head["error"] == {"code": None, "message": "KeyError: 'start'", "hint": ""}
    assert line.process.running
    assert line.hang_up() == 0


def test_a_guard_ends_its_worker_when_the_harness_lets_go(line: Line, opening: dict[str, Any]) -> None:
    line.ask(opening)
    assert line.process.held_bytes() > 1_000_000
    line.process.end()
    assert line.process.wait(0) == 0  # the guard left by itself: nobody had to kill it
    assert line.process.held_bytes() == 0
    line.process.end()
