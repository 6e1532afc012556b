"""In CI a test that skips for want of a server, a browser or data fails: proved on a suite of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_passes():
    pass

@pytest.mark.skipif(True, reason="no PostgreSQL: set JOULEWISE_TEST_POSTGRES")
def test_server():
    pass

def test_browser():
    pytest.skip("no Chromium")

def test_data(reference_data):
    pass

def test_device():
    pytest.skip("hardware: no RAPL here")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False
"""
WHOLE_FILE = "import pytest\npytest.skip('no Chromium', allow_module_level=True)\n"


def outcome(root: Path, folder: Path, **environ: str) -> dict[str, int]:
    (folder / "tests").mkdir()
    shutil.copy(root / "tests" / "conftest.py", folder / "tests")
    (folder / "tests" / "test_suite.py").write_text(SUITE)
    (folder / "tests" / "test_whole_file.py").write_text(WHOLE_FILE)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JOULEWISE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"],
        cwd=folder,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return {what: int(count) for count, what in re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    ("environ", "want"),
    [
        ({}, {"passed": 1, "skipped": 5, "xfailed": 1}),
        ({"JOULEWISE_CI": "1"}, {"passed": 1, "failed": 1, "skipped": 2, "xfailed": 1, "errors": 2}),
        (
            {"JOULEWISE_CI": "1", "JOULEWISE_REFERENCE_DATA": "/nowhere"},
            {"passed": 1, "failed": 1, "skipped": 1, "xfailed": 1, "errors": 3},
        ),
    ],
    ids=["at home", "in CI", "in CI with data announced"],
)
def test_what_is_skipped_at_home_fails_in_ci(root, tmp_path, environ, want):
    found = outcome(root, tmp_path, **environ)

    assert {what: count for what, count in found.items() if what in want or what in {"failed", "errors"}} == want
