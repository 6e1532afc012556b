"""AMD GPUs: hwmon files, the accumulator of amdsmi, visibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from joulewise.core.channels import MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import amdgpu
from joulewise.measure.meters.amdsmi_meter import library
from joulewise.testing.gpu_machines import amd_card, amdgpu_machine
from joulewise.testing.meters import Tree

FIRST, SECOND = "GPU-a1b2c3d4e5f60718", "GPU-0011223344556677"


class FakeSmi:
    """The amdsmi package with one GPU at 0000:00:00.0."""

    class AmdSmiException(Exception):
        """What amdsmi raises."""

    def __init__(self, answer: Any, address: str = "0000:00:00.0") -> None:
        self.answer = answer
        self.address = address

    def amdsmi_init(self) -> None:
        self._check()

    def amdsmi_get_processor_handles(self) -> list[str]:
        return ["handle"]

    def amdsmi_get_gpu_device_bdf(self, handle: str) -> str:
        return self.address

    def amdsmi_get_energy_count(self, handle: str) -> Any:
        self._check()
        return self.answer

    def _check(self) -> None:
        if self.answer is None:
            raise self.AmdSmiException("gone")


def test_two_cards_by_their_unique_ids(tmp_path: Path) -> None:
    machine = amdgpu_machine(str(tmp_path))
    meters, findings = machine.discover(machine.context)
    assert [meter.channels[0].device for meter in meters] == [FIRST, SECOND]
    assert [meter.channels[0].max_power_w for meter in meters] == [600.0, 3000.0]
    assert {told.state for told in findings} == {"ready"}


@pytest.mark.parametrize(
    ("environ", "want"),
    [
        ({"ROCR_VISIBLE_DEVICES": "1"}, [SECOND]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [SECOND]),
        ({"ROCR_VISIBLE_DEVICES": FIRST}, [FIRST]),
        ({"HIP_VISIBLE_DEVICES": "1,0"}, [SECOND, FIRST]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [SECOND]),
        ({"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [FIRST]),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_visible_cards(tmp_path: Path, environ: dict[str, str], want: list[str]) -> None:
    machine = amdgpu_machine(str(tmp_path), **environ)
    assert [meter.channels[0].device for meter in machine.discover(machine.context)[0]] == want


def test_other_vendors_and_strange_names_are_passed_over(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    amd_card(tree, 0, "", {"energy1_input": 5, "power1_input": 1})
    tree.write("sys/class/drm/card7/device/vendor", "0x8086\n")
    tree.write("sys/class/drm/card0-DP-1/status", "connected\n")
    tree.write("sys/class/drm/cardx/device/vendor", "0x1002\n")
    [meter], _ = amdgpu.discover(MeterContext(root=tree.root))
    assert meter.channels[0].device == "GPU-0000-00-00.0"
    assert meter.channels[0].quantity == "energy"


def test_a_card_without_sensors_is_named(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    amd_card(tree, 0, "ab", {})
    amd_card(tree, 1, "cd", {"power1_average": "nonsense"})
    meters, findings = amdgpu.discover(MeterContext(root=tree.root))
    assert meters == []
    assert [told.state for told in findings] == ["absent", "broken"]


def with_smi(tmp_path: Path, smi: FakeSmi) -> list[str]:
    machine = amdgpu_machine(str(tmp_path), ROCR_VISIBLE_DEVICES="0")
    context = MeterContext(root=machine.context.root, environ=machine.context.environ, options={"amdsmi": smi})
    return [meter.channels[0].key for meter in amdgpu.discover(context)[0]]


def test_the_accumulator_goes_first(tmp_path: Path) -> None:
    smi = FakeSmi({"energy_accumulator": 1000, "counter_resolution": 15.3, "timestamp": 1})
    assert with_smi(tmp_path, smi) == [f"amdsmi:{FIRST}:energy"]


@pytest.mark.parametrize(
    "smi",
    [
        FakeSmi(None),
        FakeSmi({"energy_accumulator": 0, "counter_resolution": 15.3}),
        FakeSmi({"energy_accumulator": 5, "counter_resolution": "N/A"}),
        FakeSmi({"energy_accumulator": 5, "counter_resolution": 15.3}, address="0000:99:00.0"),
    ],
)
def test_without_an_accumulator_hwmon_serves(tmp_path: Path, smi: FakeSmi) -> None:
    assert with_smi(tmp_path, smi) == [f"amdgpu:{FIRST}:power"]


def test_the_accumulator_counts_and_may_fail(tmp_path: Path) -> None:
    smi = FakeSmi({"power": 1000, "counter_resolution": 15.3})
    machine = amdgpu_machine(str(tmp_path), ROCR_VISIBLE_DEVICES="0")
    [meter], _ = amdgpu.discover(
        MeterContext(root=str(tmp_path), environ=machine.context.environ, options={"amdsmi": smi})
    )
    assert meter.channels[0].scale == pytest.approx(15.3e-6)
    assert meter.read() == (1000,)
    smi.answer = {}
    with pytest.raises(MeterUnavailable):
        meter.read()
    smi.answer = None
    with pytest.raises(MeterUnavailable):
        meter.read()
    meter.close()


def test_amdsmi_is_optional() -> None:
    found = library()
    assert found is None or hasattr(found, "amdsmi_init")
