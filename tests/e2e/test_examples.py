"""Every example runs as it stands, on a recorded trace, with a ledger of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from joulewise.testing.command_line import typed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LONGEST_EXAMPLE = 60


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home without runs, the venv's commands first on the path, and two seconds a tick."""
    binaries = str(Path(sys.executable).parent)
    return {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "JOULEWISE_TICK_S": "2",
        "JOULEWISE_ZONE": "DE",
    }


def output_of(command: list[str], environ: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def filed(environ: dict[str, str], folder: Path) -> list[str]:
    """Names of the runs that the ledger holds."""
    document = json.loads(typed(("runs", "--output", "json"), folder=folder, environ=environ).stdout)
    rows = document["runs"] if isinstance(document, dict) else document
    return [row["name"] for row in rows]


def test_examples_are_short():
    sizes = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.iterdir() if path.is_file()}

    assert {name: lines for name, lines in sizes.items() if lines > LONGEST_EXAMPLE} == {}


def test_a_with_block(environ, tmp_path):
    printed = output_of([sys.executable, str(EXAMPLES / "01_with_block.py")], environ, tmp_path)

    assert "148,933 primes" in printed or "Nothing could be measured" in printed
    assert filed(environ, tmp_path) == ["primes"]


def test_a_decorator_files_each_call(environ, tmp_path):
    output_of([sys.executable, str(EXAMPLES / "02_decorator.py")], environ, tmp_path)

    assert filed(environ, tmp_path) == ["epoch"] * 3


def test_the_command_line(environ, tmp_path):
    printed = output_of(["sh", str(EXAMPLES / "03_command_line.sh")], environ, tmp_path)

    assert printed.splitlines()[0] == "300000"
    assert filed(environ, tmp_path) == ["sort"]


NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"])).raise_error()
"""


def test_a_notebook(environ, tmp_path):
    output_of([sys.executable, "-c", NOTEBOOK, str(EXAMPLES / "04_notebook.ipynb")], environ, tmp_path)

    assert filed(environ, tmp_path) == ["squares"]


def test_ranks_share_one_run(environ, tmp_path):
    printed = output_of([sys.executable, str(EXAMPLES / "05_ranks.py")], environ, tmp_path).splitlines()

    assert sorted(line.split(":")[0] for line in printed) == [f"rank {number}" for number in range(4)]
    assert len({line.split()[-1] for line in printed}) == 1
    assert filed(environ, tmp_path) == ["ranks"]


@pytest.mark.slow
def test_digits_in_one_seed(environ, tmp_path):
    printed = output_of([sys.executable, str(EXAMPLES / "digits.py"), "1"], environ, tmp_path)

    assert len(printed.splitlines()) == 6
    assert filed(environ, tmp_path) == ["digits"]
