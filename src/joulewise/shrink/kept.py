"""What an earlier search made and this one may take over: what is whole, unchanged, and made by the same libraries.

Beside each candidate lies answer.json with the hash of what was written, of its parent, and a stamp of the machine, the
versions of all libraries and the transform's own source. Whatever does not fit is made anew.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

from joulewise.core import plugins
from joulewise.core.errors import JoulewiseError
from joulewise.core.version import VERSION

ANSWER = "answer.json"
_LONG, _LONGER = 0.5, 1.5


def take_over(place: Path, stamp: str, parent: str, limit_s: float) -> dict[str, Any] | None:
    """The answer of an earlier search, None if there is none that holds.

    What used half of its time or more is made anew where there is half as much time again: training gets better.
    """
    try:
        found = json.loads((place / ANSWER).read_text())
        fits = found["stamp"] == stamp and found["parent"] == parent
        hurried = found["duration_s"] > _LONG * found["limit_s"] and limit_s > _LONGER * found["limit_s"]
        whole = "error" in found or found["made"] == digest(place / "model")
    except (OSError, ValueError, KeyError, TypeError):  # none, torn, or of another make
        return None
    return found if fits and whole and not hurried else None


def keep(place: Path, answer: dict[str, Any]) -> None:
    """Write the answer down, whole or not at all."""
    scratch = place / f"{ANSWER}.part"
    scratch.write_text(json.dumps(answer))
    scratch.replace(place / ANSWER)


def digest(folder: Path) -> str:
    """Hash of all files below a folder, with their names."""
    whole = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def stamp_of(transform: str) -> str:
    """Changes whenever the transform might do something else: machine, Python, libraries, its own source."""
    try:
        source = inspect.getsourcefile(plugins.load("transforms", transform))
        content = Path(source).read_bytes() if source else b""
    except (JoulewiseError, OSError, TypeError):
        content = b""
    words = [VERSION, platform.python_version(), platform.machine(), platform.node(), *installed()]
    return hashlib.sha256("\n".join(words).encode() + content).hexdigest()


@cache
def installed() -> tuple[str, ...]:
    """Names and versions of what is installed, as their folders say: to read every package's metadata takes longer."""
    found: set[str] = set()
    for folder in sys.path:
        try:
            found.update(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
        except OSError:  # an archive, or a folder that is not there
            continue
    return tuple(sorted(found))
