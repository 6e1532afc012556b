"""What a measured process may load, and what the base install may bring along."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

MOST_DISTRIBUTIONS = 12
NEVER_MEASURING = {
    "alembic", "click", "jinja2", "numpy", "onnxruntime", "pandas", "pyarrow", "pydantic", "requests", "rich",
    "sklearn", "sqlalchemy", "torch",
}  # fmt: skip
"""A measured process never loads these for our sake, from import to the end of its session."""
NEVER_AT_IMPORT = NEVER_MEASURING | {
    "ctypes", "dataclasses", "enum", "importlib.metadata", "inspect", "json", "logging", "pathlib", "re", "subprocess",
    "tempfile", "tomllib", "typing",
}  # fmt: skip
"""Of the standard library these cost more than the import budget has to give."""

IMPORT = "import joulewise"
SESSION = """
import joulewise
with joulewise.measure("budget", unit="inference") as session:
    with session.phase("work"):
        sum(range(100_000))
    session.count("inference", 3)
    session.log(accuracy=0.9)
"""


def loaded_by(code: str) -> set[str]:
    """Modules that `code` adds to those of the bare interpreter, in a process without site hooks or coverage."""
    program = (
        f"import sys\nbefore = set(sys.modules)\n{code}\nafter = set(sys.modules) - before\n"
        "import json\nprint(json.dumps(sorted(after)))"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    process = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return set(json.loads(process.stdout.splitlines()[-1]))


def closure(name: str) -> set[str]:
    """The distribution and all that it requires, directly or not, without extras."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop().lower().replace("_", "-")
        if current in found:
            continue
        found.add(current)
        required = [Requirement(text) for text in importlib.metadata.requires(current) or ()]
        waiting += [one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def test_import_loads_nothing_that_costs():
    assert sorted(loaded_by(IMPORT) & NEVER_AT_IMPORT) == []


def test_a_whole_session_loads_nothing_heavy():
    assert sorted(loaded_by(SESSION) & NEVER_MEASURING) == []


@pytest.mark.parametrize("stranger", ["click", "json"])
def test_what_is_loaded_is_noticed(stranger):
    assert stranger in loaded_by(f"import {stranger}") & NEVER_AT_IMPORT


def test_the_base_install_is_small():
    installed = closure("joulewise")

    assert {"joulewise", "click", "sqlalchemy"} <= installed
    assert len(installed) <= MOST_DISTRIBUTIONS, sorted(installed)
