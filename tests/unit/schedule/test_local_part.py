"""The process that stands over a part holds its signals back, which wants a process of one thread, as it is in use.

A thread that another test left behind (a progress bar's, a numerical library's) would get the signals instead.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("local_part_alone.py")


@pytest.mark.usefixtures("counted_children")
def test_all_of_it_in_a_process_of_one_thread(root: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run([*command, str(CASES)], cwd=root, capture_output=True, text=True, check=False, timeout=300)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
