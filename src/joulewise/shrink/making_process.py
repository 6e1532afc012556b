"""The process in which one transform is applied: `python -m joulewise.shrink.making_process JOB.json`.

It writes the new artifact, or what went wrong, to `answer` beside the job. Whatever breaks or eats memory in a
library breaks here and not in the search.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from joulewise.core import plugins
from joulewise.core.errors import JoulewiseError
from joulewise.core.runtimes import Materials
from joulewise.shrink.tree import Node, artifact_from, to_json


def main(path: str) -> int:
    """Do the job; 0 if there is an answer, be it a fault that was expected."""
    job = json.loads(Path(path).read_text())
    sys.path[:] = [*job["sys_path"], *(one for one in sys.path if one not in job["sys_path"])]
    try:
        answer: dict[str, Any] = {"artifact": _made(job)}
    except JoulewiseError as error:
        answer = {"error": error.message}
    Path(job["answer"]).write_text(json.dumps(answer))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
