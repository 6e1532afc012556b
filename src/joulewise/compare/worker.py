"""A process of its own for each deployment: what it takes, breaks or hangs is its own, and is told."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.compare.blocks import Block, load_text
from joulewise.compare.guarded import Guarded, cause_of
from joulewise.compare.worker_frames import Broken, Late, packed, read_within, ready, write
from joulewise.compare.worker_watch import environment
from joulewise.core.errors import DataError, ModelError, OutOfRange, PluginMissing, UntrustedModel
from joulewise.core.runtimes import Deployment, Tensor

LOG_LIMIT_BYTES = 64 << 20
TAIL = 1500
_KINDS = {kind.code: kind for kind in (DataError, PluginMissing, UntrustedModel)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker may take. `memory_bytes` is resident memory, watched from outside, since a limit on addresses kills
    runtimes that reserve more than they use. `time_limit_s` is for one answer, besides the block's own seconds.
    """

    memory_bytes: int | None = None
    time_limit_s: float = 300.0
    start_limit_s: float = 300.0

    def __post_init__(self) -> None:
        if not (
            self.time_limit_s > 0 and self.start_limit_s > 0 and (self.memory_bytes is None or self.memory_bytes > 0)
        ):
            raise OutOfRange(f"want limits above zero, got {self}")


class Worker:
    """A deployment that is loaded and answers, in its own process; use it with `with`.

    `feeds_path` is an .npz of `Rows.save_npz`. It has answered one row when the constructor returns. Raises ModelError
    for a crash, a hang, too much memory or what the runtime says; DataError if the rows don't fit the model. After
    such an error but DataError the process is gone.
    """

    def __init__(
        self, deployment: Deployment, feeds_path: str | Path, limits: Limits | None = None, *, seed: int = 0
    ) -> None:
        self.deployment = deployment
        self.limits = limits or Limits()
        self.memory_bytes_peak = 0
        self.idle_cpu_s = self.idle_wall_s = 0.0
        self.bytes_moved: dict[int, int] = {}
        self.failure = ""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._reply = -1
        feeds_fd = os.open(feeds_path, os.O_RDONLY)  # handed down, as a file without a name has no other way
        try:
            started_ns = time.monotonic_ns()
            self._process = self._start(feeds_fd)
        finally:
            os.close(feeds_fd)
        try:
            told = _opening(deployment, Path(f"/proc/self/fd/{feeds_fd}"), seed)
            head, _ = self._ask(told, self.limits.start_limit_s)
        except BaseException:
            self.close()
            raise
        self.cold_start_s = (head["answered_ns"] - started_ns) / 1e9
        self.load_s = float(head["load_s"])
        self.inputs, self.outputs = (
            tuple(Tensor(name=name, dtype=dtype, shape=tuple(shape)) for name, dtype, shape in head[side])
            for side in ("inputs", "outputs")
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._reply >= 0 and self._process.running

    def prepare(self, batch: int) -> int:
        """Make batches of all rows ready, ahead of the clock; how many there are before rows come again."""
        head, _ = self._ask({"do": "prepare", "batch": _batch(batch)}, self.limits.time_limit_s)
        self.bytes_moved[batch] = int(head["bytes_moved"])
        return int(head["batches"])

    def predict(self, start: int, stop: int, batch: int = 32) -> dict[str, Any]:
        """Answers for rows [start, stop), in order, `batch` at a time."""
        told = {"do": "predict", "start": start, "stop": stop, "batch": _batch(batch)}
        return self._ask(told, self.limits.time_limit_s)[1]

    def block(
        self,
        batch: int = 1,
        *,
        duration_s: float | None = None,
        calls: int | None = None,
        rate_per_s: float | None = None,
        arrivals: str = "poisson",
        seed: int = 0,
    ) -> Block:
        """Work for so many seconds or calls, at once one after another, or at `rate_per_s` requests of `batch` rows."""
        if duration_s is None and (calls is None or rate_per_s is not None):
            raise OutOfRange("a block needs duration_s, or calls without a rate")
        for given in (duration_s, calls, rate_per_s):
            if given is not None and not 0 < given < 1e9:
                raise OutOfRange(f"want a positive, finite duration, count and rate, got {given}")
        told = {"do": "block", "batch": _batch(batch), "duration_s": duration_s, "calls": calls, "seed": seed}
        told |= {"rate_per_s": rate_per_s, "arrivals": arrivals}
        head, arrays = self._ask(told, self.limits.time_limit_s + 3 * (duration_s or 0.0), measuring=True)
        return Block(
            calls=head["calls"],
            rows=head["rows"],
            wall_s=head["wall_s"],
            cpu_s=head["cpu_s"],
            latencies_s=arrays["latencies_ns"] / 1e9,
            batch=batch,
            threads=self.deployment.options.threads,
            load=load_text(rate_per_s),
            name=self.deployment.name,
            unserved=head["unserved"],
        )

    def close(self) -> None:
        """End the process and all that it started; may be called twice."""
        if self._reply < 0:
            return
        self._process.end()
        os.close(self._reply)
        self._reply = -1
        self._log.close()

    # --- inside ---

    def _start(self, feeds_fd: int) -> Guarded:
        reply_read, reply_write = os.pipe()
        try:
            process = Guarded(
                "joulewise.compare.worker_process",
                [str(reply_write)],
                environment(self.deployment.options, os.environ),
                log=self._log,
                stdin=subprocess.PIPE,
                pass_fds=(reply_write, feeds_fd),
            )
        except BaseException:
            os.close(reply_read)
            self._log.close()
            raise
        finally:
            os.close(reply_write)
        self._reply = reply_read
        return process

    def _ask(
        self, told: Mapping[str, Any], limit_s: float, *, measuring: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._reply < 0 or self._process.stdin is None or self._process.stdin.closed:
            raise self._gone(self.failure or "it was closed")
        try:
            write(self._process.stdin.fileno(), packed(told))
            head, arrays = read_within(
                self._reply, limit_s, 8 << 30, lambda spent_s: self._watch(spent_s, measuring=measuring)
            )
        except Late:
            raise self._gone(f"no answer within {limit_s:g} s", "raise the time limit, or leave this one out") from None
        except Broken as error:
            raise self._gone(self._death(str(error))) from None
        self.memory_bytes_peak = max(self.memory_bytes_peak, int(head.get("memory_bytes_peak", 0)))
        self.idle_cpu_s += head.get("idle_cpu_s", 0.0)
        self.idle_wall_s += head.get("idle_wall_s", 0.0)
        if "error" in head:
            raise _told(head["error"], self.deployment)
        return head, arrays

    def _watch(self, spent_s: float, *, measuring: bool) -> float:
        """Look at the worker; how long to wait until the next look. While it measures we look once a second."""
        if not self._process.running and not ready(self._reply, 0):
            raise Broken("the process ended")
        limit = self.limits.memory_bytes
        if limit is not None and self._process.held_bytes() > limit:
            raise self._gone(f"it took more than {limit / 1e6:.0f} MB", "raise the memory limit, or leave this one out")
        if os.fstat(self._log.fileno()).st_size > LOG_LIMIT_BYTES:
            raise self._gone("it printed without end", "turn its logging off")
        return 1.0 if measuring else min(0.5, 0.02 + spent_s / 4)

    def _gone(self, reason: str, hint: str = "") -> ModelError:
        """Kill it; the error that says why."""
        self._process.end()
        self.failure = self.failure or reason
        return ModelError(f"{self.deployment.name}: {reason}", hint=hint)

    def _death(self, what: str) -> str:
        """How it ended, and its last words."""
        code = self._process.wait(1.0)
        if code is None:
            return f"its answer could not be read ({what})"
        cause = f"it {'was ended by' if code < 0 else 'ended with'} {cause_of(code)}"
        words = self._last_words()
        return f"{cause}; its last words: {words}" if words else cause

    def _last_words(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), TAIL, max(0, size - TAIL))
        return text.decode("utf-8", "replace").strip()[-TAIL:]


def _opening(deployment: Deployment, feeds_path: Path, seed: int) -> dict[str, Any]:
    options = deployment.options
    return {
        "deployment": {
            "path": str(deployment.artifact.path),
            "format": deployment.artifact.format,
            "facts": dict(deployment.artifact.facts),
            "runtime": deployment.runtime,
            "threads": options.threads,
            "spinning": options.spinning,
            "more": dict(options.more),
        },
        "feeds": str(feeds_path),
        "seed": seed,
        "sys_path": [folder for folder in sys.path if folder],
    }


def _told(fault: Mapping[str, Any], deployment: Deployment) -> Exception:
    kind = _KINDS.get(str(fault.get("code")), ModelError)
    return kind(f"{deployment.name}: {fault.get('message')}", hint=str(fault.get("hint") or ""))


def _batch(batch: int) -> int:
    if not (isinstance(batch, int | np.integer) and batch >= 1):
        raise OutOfRange(f"want a batch of at least 1 row, got {batch!r}")
    return int(batch)
