"""Every built-in meter keeps the contract, each on its fake machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.testing.cpu_machines import LAPTOP_ZONES, perf_machine, powercap_machine
from joulewise.testing.meters import FakeMachine, MeterContract

MACHINES = {
    "powercap-server": powercap_machine,
    "powercap-laptop": lambda root: powercap_machine(root, LAPTOP_ZONES),
    "perf": perf_machine,
}


class TestBuiltInMeters(MeterContract):
    @pytest.fixture(params=sorted(MACHINES))
    def machine(self, request: pytest.FixtureRequest, tmp_path: Path) -> FakeMachine:
        return MACHINES[request.param](str(tmp_path / "machine"))
