"""A loop that saves checkpoints, in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import joulewise
from joulewise.schedule.checkpointing import Checkpointing

LOOP = """
import sys, time
import joulewise
path, steps, pause_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
checkpoint = joulewise.checkpointing(path)
done = checkpoint.resume(0)
print("from", done, flush=True)
for step in range(done, steps):
    time.sleep(pause_s)
    checkpoint.step(step + 1)
print("done", flush=True)
"""


def made(path: str, **options: Any) -> Checkpointing:
    """Checkpointing as in a process without a task around it. It takes SIGTERM, which the test puts back."""
    return joulewise.checkpointing(path, environ={}, **options)


def run_loop(
    path: str, steps: int = 1000, pause_s: float = 0.01, *, source: str = LOOP, **environ: str
) -> subprocess.Popen[str]:
    """The loop in a process of its own; it says from which step it goes on, and that it is done."""
    return subprocess.Popen(
        [sys.executable, "-c", source, path, str(steps), str(pause_s)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
