"""Applies transforms, each in a process of its own with limits of time and memory."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joulewise.compare.digests import digest_of
from joulewise.compare.guarded import Guarded, cause_of
from joulewise.compare.worker_watch import environment
from joulewise.core.errors import JoulewiseError, ModelError
from joulewise.core.runtimes import Artifact, Materials, RunOptions
from joulewise.shrink import kept
from joulewise.shrink.tree import Move, Node, artifact_from, to_json

_log = logging.getLogger(__name__)
_TAIL = 600
OUT_OF_TIME = "the time budget was used up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The node that a move led to, or why there is none. `again` is False for one that an earlier search made."""

    parent: Node
    move: Move
    node: Node | None = None
    reason: str = ""
    duration_s: float = 0.0
    again: bool = True


class Maker:
    """Makes nodes below `folder`, `at_once` of them at a time; what is there from an earlier search is taken over."""

    def __init__(self, folder: Path, materials: Materials, *, at_once: int | None = None) -> None:
        self._folder = folder
        self._materials = materials
        self._memory_bytes: int | None = None
        self._digests: dict[str, str] = {}
        self._stopping = threading.Event()
        self.at_once = at_once or max(1, os.cpu_count() or 1)

    def limit_memory(self, memory_bytes: int | None) -> None:
        """Each process may hold so much; None: no limit."""
        self._memory_bytes = memory_bytes

    def make(self, pairs: Sequence[tuple[Node, Move]], deadline: float) -> list[Made]:
        """A result for each pair, in order. `deadline` is on the monotonic clock; what is late is a failure.

        Whatever ends the wait (Ctrl-C) ends the processes, too.
        """
        self._stopping.clear()
        pool = ThreadPoolExecutor(self.at_once)
        try:
            waiting = [pool.submit(self._made, parent, move, deadline) for parent, move in pairs]
            return [one.result() for one in waiting]
        finally:
            self.stop()
            pool.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """End what is being made."""
        self._stopping.set()

    def _made(self, parent: Node, move: Move, deadline: float) -> Made:
        moves = (*parent.moves, move)
        begun = time.monotonic()
        try:
            place = self._folder / Node(artifact=parent.artifact, moves=moves).key
            answer, again = self._answer(parent, move, place, deadline)
            artifact = _artifact(answer, place / "model")
        except Exception as error:  # noqa: BLE001 - what a foreign transform left is read here: one candidate less
            _log.debug("%s could not be made", move.words, exc_info=True)
            told = error.message if isinstance(error, JoulewiseError) else f"{type(error).__name__}: {error}"
            return Made(parent=parent, move=move, reason=told, duration_s=time.monotonic() - begun)
        node = Node(artifact=artifact, moves=moves, parent=parent)
        return Made(parent=parent, move=move, node=node, duration_s=time.monotonic() - begun, again=again)

    def _answer(self, parent: Node, move: Move, place: Path, deadline: float) -> tuple[dict[str, Any], bool]:
        """What the process said, or an earlier one; True if it ran now."""
        limit_s = min(self._materials.time_limit_s, deadline - time.monotonic())
        stamp, origin = kept.stamp_of(move.transform), self._digest(parent)
        old = kept.take_over(place, stamp, origin, self._materials.time_limit_s)
        if old is not None:
            return old, False
        if limit_s <= 0:
            raise ModelError(OUT_OF_TIME)
        begun = time.monotonic()
        answer = self._apply(parent, move, place, limit_s)
        answer |= {"stamp": stamp, "parent": origin, "made": kept.digest(place / "model")}
        answer |= {"duration_s": time.monotonic() - begun, "limit_s": limit_s}
        if answer.pop("sure", True):
            kept.keep(place, answer)
        return answer, True

    def _digest(self, node: Node) -> str:
        """The content of what a move starts from."""
        if node.key not in self._digests:
            self._digests[node.key] = digest_of(node.artifact)[0]
        return self._digests[node.key]

    def _apply(self, parent: Node, move: Move, place: Path, limit_s: float) -> dict[str, Any]:
        shutil.rmtree(place, ignore_errors=True)  # what a killed search left half done, or what is stale
        (place / "model").mkdir(parents=True)
        told, answer = place / "job.json", place / "said.json"
        told.write_text(json.dumps(self._job(parent, move, place / "model", answer, limit_s)))
        self._run(told, limit_s)
        if not answer.exists():
            raise ModelError("the process left no answer")
        document: dict[str, Any] = json.loads(answer.read_text())
        return document

    def _job(self, parent: Node, move: Move, folder: Path, answer: Path, limit_s: float) -> dict[str, Any]:
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
                "time_limit_s": limit_s,
            },
            "folder": str(folder),
            "answer": str(answer),
            "sys_path": [one for one in sys.path if one],
        }

    def _run(self, told: Path, limit_s: float) -> None:
        threads = RunOptions(threads=self._materials.threads)
        with tempfile.TemporaryFile() as log:
            process = Guarded("joulewise.shrink.making_process", [str(told)], environment(threads, os.environ), log=log)
            try:
                code = self._watched(process, limit_s)
            finally:
                process.end()  # nothing that a library started may go on and disturb what is measured next
            if code != 0:
                raise ModelError(f"the process ended with {cause_of(code)}{_last_words(log)}")

    def _watched(self, process: Guarded, limit_s: float) -> int:
        ends = time.monotonic() + limit_s
        while (code := process.wait(0.1)) is None:
            if time.monotonic() > ends:
                raise ModelError(f"it was not done within {limit_s:.0f} s")
            if self._stopping.is_set():
                raise ModelError("the search was stopped")
            if self._memory_bytes is not None and process.held_bytes() > self._memory_bytes:
                raise ModelError(f"it took more than {self._memory_bytes / 1e6:.0f} MB to make")
        return code


def _artifact(answer: dict[str, Any], folder: Path) -> Artifact:
    """The artifact of an answer, if it lies where it was to be written."""
    if "error" in answer:
        raise ModelError(str(answer["error"]))
    artifact = artifact_from(answer["artifact"])
    if not artifact.path.exists() or not artifact.path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"the transform wrote nothing at {artifact.path.name}")
    return artifact


def _last_words(log: Any) -> str:
    """The last line that it printed: of a traceback the one that says what was wrong."""
    size = os.fstat(log.fileno()).st_size
    lines = os.pread(log.fileno(), _TAIL, max(0, size - _TAIL)).decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1].strip()}" if lines else ""
