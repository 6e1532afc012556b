"""The process in which one transform is applied: `python -m joulewise.shrink.making_process JOB.json LIFE_FD`.

It writes the new artifact, or what went wrong, to `answer` beside the job. Whatever breaks or eats memory in a
library breaks here and not in the search. The process and all that it started end with the search: LIFE_FD is a pipe
whose other end only the search holds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from joulewise.core import plugins
from joulewise.core.errors import JoulewiseError
from joulewise.core.runtimes import Materials
from joulewise.shrink.tree import Node, artifact_from, to_json


def main(path: str, life_fd: int) -> int:
    """Do the job; 0 if there is an answer, be it a fault. `sure` is False for faults that may pass."""
    _end_with_parent(life_fd)
    job = json.loads(Path(path).read_text())
    sys.path[:] = [*job["sys_path"], *(one for one in sys.path if one not in job["sys_path"])]
    try:
        text = json.dumps({"artifact": _made(job)})
    except JoulewiseError as error:
        text = json.dumps({"error": error.message})
    except Exception as error:  # noqa: BLE001 - foreign code ran: whatever it raised is the answer, and logged
        traceback.print_exc()
        text = json.dumps({"error": f"{type(error).__name__}: {error}"[:2000], "sure": False})
    scratch = Path(f"{job['answer']}.part")
    scratch.write_text(text)
    scratch.replace(job["answer"])
    return 0


def _made(job: dict[str, Any]) -> dict[str, Any]:
    given = job["materials"]
    materials = Materials(
        calibration=Path(given["calibration"]),
        training=Path(given["training"]) if given["training"] else None,
        seed=given["seed"],
        threads=given["threads"],
        time_limit_s=given["time_limit_s"],
    )
    transform = plugins.load("transforms", job["transform"])()
    made = transform.apply(artifact_from(job["artifact"]), job["settings"], materials, Path(job["folder"]))
    return to_json(Node(artifact=made))


def _end_with_parent(life_fd: int) -> None:
    """A process of its own waits for the end of the pipe and ends the whole group: the library may hold Python's lock
    for minutes, and what it started must end, too. The search ends the waiting one with the rest."""
    if os.fork() == 0:
        os.read(life_fd, 1)
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    ended = main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)  # some libraries hang or crash in their own clean-up
