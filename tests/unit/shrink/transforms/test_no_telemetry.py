"""Nothing that we use calls home."""

from __future__ import annotations

import subprocess
import sys

from joulewise.compare.worker_watch import environment
from joulewise.core.runtimes import RunOptions

PROGRAM = """
import sys
from joulewise.shrink.transforms.quiet_nncf import nncf
nncf()
from nncf.telemetry import wrapper
print(type(wrapper.telemetry).__name__, sys.modules.get("openvino_telemetry"))
"""


def test_nncf_finds_no_telemetry_package():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1].endswith(" None")
    assert "NNCFTelemetry " not in done.stdout


def test_workers_are_told_to_stay_silent():
    found = environment(RunOptions(), {})

    assert (found["HF_HUB_OFFLINE"], found["HF_HUB_DISABLE_TELEMETRY"], found["DO_NOT_TRACK"]) == ("1", "1", "1")
