"""NVML: counters, power, slices, process time, faults, and the ctypes binding on a compiled library."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.channels import Channel, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import nvidia
from joulewise.measure.meters.nvidia import busy_us
from joulewise.measure.meters.nvml_binding import Nvml
from joulewise.measure.meters.nvml_status import GPU_LOST, NO_PERMISSION, NO_SUCH_FUNCTION, NvmlError
from joulewise.testing.gpu_machines import UUIDS, FakeGpu, FakeNvml, nvidia_machine
from joulewise.testing.meters import Tree
from joulewise.testing.nvml_library import compiled_nvml


def channels(nvml: FakeNvml, root: str = "/nowhere", **environ: str) -> list[Channel]:
    machine = nvidia_machine(root, nvml, **environ)
    return [channel for meter in machine.discover(machine.context)[0] for channel in meter.channels]


def test_each_gpu_has_energy_and_process_time() -> None:
    found = channels(FakeNvml())
    assert [(channel.device, channel.quantity) for channel in found] == [
        (uuid, quantity) for uuid in UUIDS for quantity in ("energy", "use_mine", "use_all")
    ]
    assert found[0].max_power_w == 1400.0
    assert found[0].idle_w == 300.0
    assert found[0].idle_source


def test_only_visible_gpus_are_metered() -> None:
    assert {channel.device for channel in channels(FakeNvml(), CUDA_VISIBLE_DEVICES="1")} == {UUIDS[1]}
    assert channels(FakeNvml(), CUDA_VISIBLE_DEVICES="") == []


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        (FakeGpu("GPU-1", energy_mj=None), "instant power"),
        (FakeGpu("GPU-1", energy_mj=None, power_instant_mw=None), "mean power"),
    ],
)
def test_without_a_counter_power_is_read_and_labelled(gpu: FakeGpu, words: str) -> None:
    made = channels(FakeNvml(gpu))[0]
    assert made.quantity == "power"
    assert words in made.source


def test_power_is_less_sure_than_a_counter() -> None:
    gpus = [FakeGpu("GPU-1"), FakeGpu("GPU-2", energy_mj=None), FakeGpu("GPU-3", energy_mj=None, power_instant_mw=None)]
    widths = [
        one.high_ratio - one.low_ratio for one in channels(FakeNvml(*gpus)) if one.quantity in ("energy", "power")
    ]
    assert widths == sorted(widths)
    assert len(set(widths)) == 3


def test_a_gpu_that_tells_nothing_is_broken() -> None:
    machine = nvidia_machine(
        "/nowhere", FakeNvml(FakeGpu("GPU-1", energy_mj=None, power_instant_mw=None, power_mw=None))
    )
    meters, findings = machine.discover(machine.context)
    assert meters == []
    assert [told.state for told in findings] == ["broken"]


def test_a_gpu_without_a_name_for_itself_is_passed_over() -> None:
    assert channels(FakeNvml(FakeGpu(""))) == []


def test_idle_power_is_unknown_while_someone_computes() -> None:
    assert channels(FakeNvml(FakeGpu("GPU-1", process_count=2)))[0].idle_w is None
    assert channels(FakeNvml(FakeGpu("GPU-1", process_count=None)))[0].idle_w is None
    assert channels(FakeNvml(FakeGpu("GPU-1", power_instant_mw=None, power_mw=None)))[0].idle_w is None


def test_a_slice_has_its_share_of_the_counter() -> None:
    gpu = FakeGpu("GPU-1", slices=[("h", "MIG-1", 1, 0, 3), ("i", "MIG-2", 2, 0, 2)])
    [made] = channels(FakeNvml(gpu), CUDA_VISIBLE_DEVICES="MIG-2")
    assert made.device == "MIG-2"
    assert made.scale == pytest.approx(1e-3 * 2 / 7)
    assert made.method == "modelled"
    assert made.params == {"parent": "GPU-1", "share": 2 / 7}
    assert made.high_ratio * 2 / 7 == pytest.approx(1.07)
    gpu.slices_in_all = None
    assert channels(FakeNvml(gpu), CUDA_VISIBLE_DEVICES="MIG-2")[0].params["share"] == 2 / 7


def test_hostile_names_are_tamed() -> None:
    made = channels(FakeNvml(FakeGpu("GPU-1\n\u202e", name="H100\x1b[2J")))[0]
    assert made.key.isascii()
    assert made.source.isprintable()


def test_no_driver_costs_no_ctypes(tmp_path: Path) -> None:
    meters, [told] = nvidia.discover(MeterContext(root=str(tmp_path)))
    assert (meters, told.state) == ([], "absent")


def test_a_driver_without_its_library(tmp_path: Path) -> None:
    library = str(tmp_path / "none.so")
    assert nvidia.discover(MeterContext(root=str(tmp_path), options={"library": library}))[1][0].state == "broken"


@pytest.mark.parametrize(("status", "state"), [(NO_PERMISSION, "denied"), (9, "broken"), (12345, "broken")])
def test_a_driver_that_refuses(status: int, state: str) -> None:
    nvml = FakeNvml()
    nvml.status = status
    machine = nvidia_machine("/nowhere", nvml)
    assert [told.state for told in machine.discover(machine.context)[1]] == [state]


def test_a_driver_that_fails_in_the_middle() -> None:
    class Late(FakeNvml):
        def devices(self) -> list[FakeGpu]:
            raise NvmlError(999)

    nvml = Late()
    machine = nvidia_machine("/nowhere", nvml)
    assert [told.state for told in machine.discover(machine.context)[1]] == ["broken"]
    assert nvml.started == 0


def test_one_lost_gpu_leaves_the_other() -> None:
    nvml = FakeNvml()
    machine = nvidia_machine("/nowhere", nvml)
    first, second = machine.discover(machine.context)[0]
    nvml.gpus[0].energy_mj = None
    assert first.read() == (None, 0, 0)
    nvml.gpus[0].samples = None
    with pytest.raises(MeterUnavailable, match="lost"):
        first.read()
    assert second.read() == (5_000_000, 0, 0)
    nvml.gpus[1].samples = None
    assert second.read() == (5_000_000, None, None)


def test_closed_meters_let_go_of_nvml() -> None:
    nvml = FakeNvml()
    machine = nvidia_machine("/nowhere", nvml)
    meters, _ = machine.discover(machine.context)
    assert nvml.started == 2
    nvml.status = GPU_LOST
    for meter in meters:
        meter.close()
        meter.close()
    assert nvml.started == 0
    with pytest.raises(MeterUnavailable):
        meters[0].read()


def test_process_ids_of_another_namespace_are_not_ours(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    os.makedirs(tmp_path / "proc/self/ns")
    os.symlink("pid:[4026532999]", f"{tree.root}/proc/self/ns/pid")
    machine = nvidia_machine(tree.root)
    meters, findings = machine.discover(machine.context)
    assert [len(meter.channels) for meter in meters] == [1, 1]
    assert any("hostPID" in told.cure for told in findings)


def test_an_unsure_order_is_told() -> None:
    nvml = FakeNvml(FakeGpu("GPU-1", name="T4"), FakeGpu("GPU-2", speed=None))
    machine = nvidia_machine("/nowhere", nvml, CUDA_VISIBLE_DEVICES="0")
    assert any("PCI_BUS_ID" in told.cure for told in machine.discover(machine.context)[1])


def test_process_time_adds_up_what_is_ours() -> None:
    nvml = FakeNvml(FakeGpu(UUIDS[0], samples=[(7, 1_000_000, 99)]))
    machine = nvidia_machine("/nowhere", nvml)
    [meter] = machine.discover(machine.context)[0]
    assert meter.read()[1:] == (0, 0)
    nvml.gpus[0].samples = [(7, 1_000_000, 99), (7, 3_000_000, 25), (os.getpid(), 3_000_000, 50)]
    assert meter.read()[1:] == (1_000_000, 1_500_000)
    assert meter.read()[1:] == (1_000_000, 1_500_000)


def test_samples_reach_back_to_the_one_before() -> None:
    assert busy_us([(1, 2_000_000, 50), (2, 2_000_001, 50)], 1_000_000) == {1: 500_000, 2: 500_000}
    assert busy_us([(1, 60_000_000, 100)], 0) == {1: 10_000_000}
    dense = [(1, time_us, 100) for time_us in (1_000_000, 2_000_000, 3_000_000, 4_000_000)]
    assert busy_us([*dense, (2, 4_000_000, 100)], 0) == {1: 4_000_000, 2: 2_000_000}
    assert busy_us([(1, 1_000_000, 250)], 0) == {1: 1_000_000}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = compiled_nvml(str(tmp_path_factory.mktemp("nvml")))
    if path is None:
        pytest.skip("no C compiler to make a libnvidia-ml.so.1 with")
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the compiled library looks at: a status and millijoules."""
    path = tmp_path / "state"
    path.write_text("0 123456789012345")
    monkeypatch.setenv("FAKE_NVML_STATE", str(path))
    return path


def test_the_binding_reads_a_real_library(library: str, state: Path) -> None:
    nvml = Nvml(library)
    nvml.start()
    [device] = nvml.devices()
    assert nvml.uuid(device) == "GPU-0badcafe-0000-4000-8000-00000000fade"
    assert nvml.name(device) == "Fake GPU"
    assert nvml.energy_mj(device) == 123_456_789_012_345
    assert nvml.power_instant_mw(device) == 249_000
    assert nvml.power_mw(device) == 251_000
    assert nvml.power_limit_mw(device) == 700_000
    assert nvml.speed(device) == 16_896 * 1980
    assert nvml.process_count(device) == 2
    assert nvml.utilisation(device, 0) == [(11, 2_000_000, 40), (12, 3_000_000, 60)]
    assert nvml.utilisation(device, 3_000_000) == []
    assert nvml.slices(device) == []
    assert nvml.slices_in_all(device) == 7
    nvml.stop()


def test_the_binding_reads_slices(library: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_MIG", "1")
    nvml = Nvml(library)
    [device] = nvml.devices()
    assert [(gi, ci, slices) for _, _, gi, ci, slices in nvml.slices(device)] == [(5, 1, 2), (5, 1, 2)]


def test_a_library_that_loses_its_gpu(library: str, state: Path) -> None:
    meters, [told] = nvidia.discover(MeterContext(root="/nowhere", options={"library": library}))
    assert told.state == "ready"
    [meter] = meters
    assert meter.read() == (123_456_789_012_345, 0, 0)
    state.write_text("15 0")
    assert meter.read() == (None, 0, 0)
    state.write_text("0 123456789099999")
    assert meter.read()[0] == 123_456_789_099_999
    meter.close()
    state.write_text("9 0")
    assert nvidia.discover(MeterContext(root="/nowhere", options={"library": library}))[1][0].why.endswith("not loaded")


def test_a_function_that_the_driver_lacks(library: str) -> None:
    with pytest.raises(NvmlError) as caught:
        Nvml(library)._call("nvmlNoSuchThing")
    assert caught.value.status == NO_SUCH_FUNCTION
