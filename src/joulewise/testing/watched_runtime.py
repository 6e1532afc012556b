"""A process in which one model after the other predicts and then idles: it tells which of its threads worked.

Started by `testing.runtimes`, with the threads to keep to in its environment, as in a worker of `compare`.
"""

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

_WORK_S = 0.3
_IDLE_S = 0.3


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


def watch(told: dict[str, Any], threads: int) -> dict[str, float]:
    """busy_threads: those that took more than 5 % of the CPU time of the calls. idle_cpu_share: cores burnt at rest."""
    artifact = Artifact(path=Path(told["path"]), format=told["format"], facts=told["facts"])
    feeds = {name: np.array(each["values"], dtype=each["dtype"]) for name, each in told["feeds"].items()}
    options = RunOptions(threads=threads, spinning=False, more=told["more"])
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
    idle = (time.process_time() - resting) / _IDLE_S
    predictor.close()
    return {"busy_threads": len(busy), "idle_cpu_share": idle}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps([watch(told, asked["threads"]) for told in asked["cases"]]))  # noqa: T201 - what the parent reads
