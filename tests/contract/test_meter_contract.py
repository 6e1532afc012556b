"""Every built-in meter keeps the contract, each on its fake machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.testing.cpu_machines import LAPTOP_ZONES, perf_machine, powercap_machine
from joulewise.testing.gpu_machines import FakeGpu, FakeNvml, amdgpu_machine, nvidia_machine
from joulewise.testing.meters import FakeMachine, MeterContract
from joulewise.testing.sensor_machines import JETSON, LAPTOP, hwmon_machine
from joulewise.testing.web_machines import prometheus_machine, redfish_machine, replay_machine

MACHINES = {
    "powercap-server": powercap_machine,
    "powercap-laptop": lambda root: powercap_machine(root, LAPTOP_ZONES),
    "perf": perf_machine,
    "nvidia-counter": nvidia_machine,
    "nvidia-power": lambda root: nvidia_machine(root, FakeNvml(FakeGpu("GPU-old", energy_mj=None, samples=None))),
    "amdgpu": amdgpu_machine,
    "hwmon-server": hwmon_machine,
    "hwmon-jetson": lambda root: hwmon_machine(root, JETSON),
    "hwmon-laptop": lambda root: hwmon_machine(root, LAPTOP),
    "redfish": redfish_machine,
    "prometheus": prometheus_machine,
    "replay": replay_machine,
}


class TestBuiltInMeters(MeterContract):
    @pytest.fixture(params=sorted(MACHINES))
    def machine(self, request: pytest.FixtureRequest, tmp_path: Path) -> FakeMachine:
        return MACHINES[request.param](str(tmp_path / "machine"))
