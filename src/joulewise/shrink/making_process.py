"""The process in which one transform is applied, below a guard (joulewise.compare.guard): its argument is JOB.json.

It writes the new artifact, or what went wrong, to `answer` beside the job. Whatever breaks or eats memory in a
library breaks here and not in the search.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from joulewise.core import plugins
from joulewise.core.errors import JoulewiseError
from joulewise.core.runtimes import Materials
from joulewise.shrink.tree import Node, artifact_from, to_json


def main(arguments: list[str]) -> NoReturn:
    """Do the job, and leave with 0 if there is an answer, be it a fault."""
    _do(json.loads(Path(arguments[0]).read_text()))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # some libraries hang or crash in their own clean-up


def _do(job: dict[str, Any]) -> None:
    """`sure` is False for faults that may pass."""
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
