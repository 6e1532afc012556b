"""Each command and block of the page on distilling, pruning and lottery tickets runs, in the order of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for needed in ("sklearn", "scipy", "torch", "torch_pruning"):
    pytest.importorskip(needed)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "distil-prune-lottery.md"
FENCE = re.compile(r"^```(?P<kind>console|python)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SHORTER = {
    "python lottery_ticket.py": "python lottery_ticket.py 1",
    "--budget 2m": "--budget 15s --block-s 0.05",
    "--budget 3m": "--budget 15s --block-s 0.05",
    "--rounds 3 --block-s 0.5": "--rounds 2 --block-s 0.05 --cold-starts 1 --warm-up-s 0.2",
    "--rounds 4 --block-s 0.5": "--rounds 2 --block-s 0.05 --cold-starts 1 --warm-up-s 0.2",
}
"""The same with less time: what is asserted here is that all of it works, not what comes out."""
MAY_FAIL_TO_PROVE = "joulewise shrink"


def steps() -> Iterator[tuple[str, str]]:
    """("console", a command) or ("python", a block), in the order of the page."""
    for found in FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        if found["kind"] == "python":
            yield "python", found["body"]
            continue
        for line in found["body"].splitlines():
            if line.startswith("$ "):
                yield "console", line[2:]


def shortened(command: str) -> str:
    for long, short in SHORTER.items():
        command = command.replace(long, short)
    return command


@pytest.mark.slow
def test_all_of_the_page_runs_in_order(tmp_path):
    for name in ("digit_nets.py", "lottery_ticket.py"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "JOULEWISE_LEDGER": f"sqlite:///{tmp_path}/ledger.db",
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
    }
    ran = []
    for kind, text in steps():
        words = [sys.executable, "-c", text] if kind == "python" else ["sh", "-c", shortened(text)]
        done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        codes = (0, 1) if text.startswith(MAY_FAIL_TO_PROVE) else (0,)  # 1: nothing won in the little time
        assert done.returncode in codes, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "rror" not in done.stdout, text
        ran.append(text.split()[0])
    assert ran.count("joulewise") == 5
    assert ran.count("python") == 2
    assert (tmp_path / "student" / "model.joblib").exists()
    assert (tmp_path / "ticket.pt").exists()


def test_what_is_shortened_stands_on_the_page():
    text = PAGE.read_text(encoding="utf-8")

    assert [long for long in SHORTER if long not in text] == []
