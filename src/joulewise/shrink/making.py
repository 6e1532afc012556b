"""Applies transforms, each in a process of its own with limits of time and memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joulewise.compare.worker_watch import environment, resident_bytes
from joulewise.core.errors import JoulewiseError, ModelError
from joulewise.core.runtimes import Materials, RunOptions
from joulewise.shrink.tree import Move, Node, artifact_from, to_json

_TAIL = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The node that a move led to, or why there is none."""

    parent: Node
    move: Move
    node: Node | None = None
    reason: str = ""
    seconds: float = 0.0


class Maker:
    """Makes nodes below `folder`, `at_once` of them at a time; what is there from an earlier search is taken over."""

    def __init__(
        self, folder: Path, materials: Materials, *, memory_bytes: int | None = None, at_once: int | None = None
    ) -> None:
        self._folder = folder
        self._materials = materials
        self._memory_bytes = memory_bytes
        self.at_once = at_once or max(1, os.cpu_count() or 1)

    def make(self, pairs: Sequence[tuple[Node, Move]], deadline: float) -> list[Made]:
        """A result for each pair, in order. `deadline` is on the monotonic clock; what is late is a failure."""
        with ThreadPoolExecutor(self.at_once) as pool:
            return list(pool.map(lambda pair: self._made(pair[0], pair[1], deadline), pairs))

    def _made(self, parent: Node, move: Move, deadline: float) -> Made:
        moves = (*parent.moves, move)
        place = self._folder / Node(artifact=parent.artifact, moves=moves).key
        answer = place / "answer.json"
        begun = time.monotonic()
        try:
            document = json.loads(answer.read_text()) if answer.exists() else self._apply(parent, move, place, deadline)
            if "error" in document:
                return self._failed(parent, move, document["error"], begun)
            artifact = artifact_from(document["artifact"])
        except (JoulewiseError, OSError, ValueError, KeyError) as error:
            return self._failed(parent, move, getattr(error, "message", str(error)), begun)
        node = Node(artifact=artifact, moves=moves, parent=parent)
        return Made(parent=parent, move=move, node=node, seconds=time.monotonic() - begun)

    def _failed(self, parent: Node, move: Move, reason: str, begun: float) -> Made:
        return Made(parent=parent, move=move, reason=reason, seconds=time.monotonic() - begun)

    def _apply(self, parent: Node, move: Move, place: Path, deadline: float) -> dict[str, Any]:
        shutil.rmtree(place, ignore_errors=True)  # what a killed search left half done
        (place / "model").mkdir(parents=True)
        limit_s = min(self._materials.time_limit_s, deadline - time.monotonic())
        if limit_s <= 0:
            raise ModelError("the time budget was used up")
        told, answer = place / "job.json", place / "answer.part"
        told.write_text(json.dumps(self._job(parent, move, place / "model", answer)))
        self._run(told, limit_s)
        if not answer.exists():
            raise ModelError("the process left no answer")
        answer.rename(place / "answer.json")
        document: dict[str, Any] = json.loads((place / "answer.json").read_text())
        return document

    def _job(self, parent: Node, move: Move, folder: Path, answer: Path) -> dict[str, Any]:
        given = self._materials
        return {
            "transform": move.transform,
            "settings": dict(move.settings),
            "artifact": to_json(parent),
            "materials": {
                "calibration": str(given.calibration),
                "training": str(given.training) if given.training else "",
                "seed": given.seed,
                "threads": given.threads,
                "time_limit_s": given.time_limit_s,
            },
            "folder": str(folder),
            "answer": str(answer),
            "sys_path": [one for one in sys.path if one],
        }

    def _run(self, told: Path, limit_s: float) -> None:
        threads = RunOptions(threads=self._materials.threads)
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "joulewise.shrink.making_process", str(told)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(threads, os.environ),
                process_group=0,
            )
            try:
                code = self._watched(process, limit_s)
            finally:
                _end(process)
            if code != 0:
                raise ModelError(f"the process ended with {_cause(code)}: {_tail(log)}")

    def _watched(self, process: subprocess.Popen[bytes], limit_s: float) -> int:
        ends = time.monotonic() + limit_s
        while True:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if time.monotonic() > ends:
                    raise ModelError(f"not done within {limit_s:.0f} s") from None
            if self._memory_bytes is not None and resident_bytes(process.pid) > self._memory_bytes:
                raise ModelError(f"it took more than {self._memory_bytes / 1e6:.0f} MB to make")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that a library started may go on and disturb what is measured next."""
    with suppress(ProcessLookupError):  # all ended by themselves
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _cause(code: int) -> str:
    names = {one.value: one.name for one in signal.Signals}
    return names.get(-code, str(code)) if code < 0 else f"exit code {code}"


def _tail(log: Any) -> str:
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), _TAIL, max(0, size - _TAIL)).decode("utf-8", "replace").strip()
