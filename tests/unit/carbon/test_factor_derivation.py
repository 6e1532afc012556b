"""The committed tables are what the derivation gives from the raw data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_derivation_is_deterministic_and_up_to_date(root: Path, reference_data: Path) -> None:
    tool = [sys.executable, str(root / "tools" / "derive_factors.py"), "--check"]
    environ = {**os.environ, "JOULEWISE_REFERENCE_DATA": str(reference_data)}
    done = subprocess.run(tool, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout.strip()) == (0, "tables are up to date"), done.stderr
