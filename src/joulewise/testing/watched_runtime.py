"""A process that predicts and then idles, and tells which of its threads worked. Started by `testing.runtimes`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.compare import open_model
from joulewise.core.runtimes import Artifact, RunOptions

_WORK_S = 0.4
_IDLE_S = 0.4


def _thread_cpu_ns() -> dict[str, int]:
    """CPU time by thread, nanoseconds."""
    found = {}
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/schedstat", encoding="ascii") as file:
                found[thread] = int(file.read().split()[0])
        except OSError:  # the thread has ended
            continue
    return found


def watch(told: dict[str, Any]) -> dict[str, float]:
    """busy_threads: those that took more than 5 % of the CPU time of the calls. idle_cpu_share: cores burnt at rest."""
    artifact = Artifact(path=Path(told["path"]), format=told["format"], facts=told["facts"])
    feeds = {name: np.array(each["values"], dtype=each["dtype"]) for name, each in told["feeds"].items()}
    options = RunOptions(threads=told["threads"], spinning=False, more=told["more"])
    predictor = open_model(artifact, told["runtime"], options)
    for _ in range(3):
        predictor.predict(feeds)
    before = _thread_cpu_ns()
    until = time.monotonic() + _WORK_S
    while time.monotonic() < until:
        predictor.predict(feeds)
    spent = {thread: ns - before.get(thread, 0) for thread, ns in _thread_cpu_ns().items()}
    busy = [ns for ns in spent.values() if ns > 0.05 * sum(spent.values())]
    resting = time.process_time()
    time.sleep(_IDLE_S)
    return {"busy_threads": len(busy), "idle_cpu_share": (time.process_time() - resting) / _IDLE_S}


if __name__ == "__main__":
    print(json.dumps(watch(json.load(sys.stdin))))  # noqa: T201 - what the parent reads
