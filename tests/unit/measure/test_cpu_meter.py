"""The model meter on fake machines: clouds, servers, containers, Arm, and hostile ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.channels import BUSY, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.cpu_identity import identify
from joulewise.measure.meters import model
from joulewise.testing.meters import FakeMachine, MeterContract, Tree

TICKS = os.sysconf("SC_CLK_TCK")
CPUINFO = (
    "processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: {brand}\n"
    "stepping\t: {stepping}\nsiblings\t: {siblings}\ncpu cores\t: {cores}\nflags\t\t: fpu constant_tsc {flags}\n"
    "bogomips\t: {bogomips}\n\n"
)
MILAN_VM = {
    "vendor": "AuthenticAMD",
    "family": 25,
    "model": 1,
    "brand": "AMD EPYC",
    "stepping": 1,
    "siblings": 2,
    "cores": 2,
    "flags": "hypervisor",
    "bogomips": 4890.85,
}
XEON = {
    "vendor": "GenuineIntel",
    "family": 6,
    "model": 85,
    "brand": "Intel(R) Xeon(R) Platinum 8180",
    "stepping": 4,
    "siblings": 56,
    "cores": 28,
    "flags": "",
    "bogomips": 5000.0,
}
HYBRID = XEON | {"model": 0x9A, "brand": "12th Gen Intel(R) Core(TM) i7-12700H", "siblings": 20, "cores": 14}
ALTRA = "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\nCPU revision\t: 1\n"


def stat(cpus: int, user: int = 1000, system: int = 500, steal: int = 70, guest: int = 300) -> str:
    """user nice system idle iowait irq softirq steal guest guest_nice"""
    line = f"{user} 20 {system} 9000 800 3 7 {steal} {guest} 5"
    return f"cpu  {line}\n" + "".join(f"cpu{n} {line}\n" for n in range(cpus)) + "intr 12345 0 0\nctxt 9\n"


def machine(root: Path, cpuinfo: str | dict[str, object], cpus: int, memory_gb: float = 8) -> Tree:
    tree = Tree(str(root))
    tree.write("proc/stat", stat(cpus))
    tree.write("proc/cpuinfo", cpuinfo if isinstance(cpuinfo, str) else CPUINFO.format(**cpuinfo) * min(cpus, 8))
    tree.write("proc/meminfo", f"MemTotal:       {round(memory_gb * 1024**2)} kB\nMemFree: 1 kB\n")
    return tree


def discovered(root: Path, **options: str):
    meters, findings = model.discover(MeterContext(root=str(root), options=options))
    for meter in meters:
        meter.close()
    return [channel for meter in meters for channel in meter.channels], findings


class TestModelMeter(MeterContract):
    @pytest.fixture
    def machine(self, tmp_path: Path) -> FakeMachine:
        tree = machine(tmp_path / "machine", MILAN_VM, 2)
        busy = [1000]

        def advance() -> None:
            busy[0] += 50
            tree.write("proc/stat", stat(2, user=busy[0]))

        return FakeMachine(
            name="model",
            discover=model.discover,
            context=MeterContext(root=tree.root),
            advance=advance,
            fail=lambda: tree.write("proc/stat", ""),
            heal=lambda: tree.write("proc/stat", stat(2, user=busy[0])),
            keys=("model:cpu",),
        )


def test_a_cloud_machine_gets_its_share_of_a_milan_host(tmp_path: Path):
    machine(tmp_path, MILAN_VM, 2, memory_gb=2)
    [channel], [finding] = discovered(tmp_path)
    assert (channel.component, channel.quantity, channel.method) == ("cpu", BUSY, "modelled")
    assert channel.params["family"] == "milan"
    assert channel.params["virtual"] is True
    assert channel.params["cores"] == 1
    assert 0.4 < channel.idle_w < 1.2
    assert "whole-server" in channel.source
    assert "power supply" in channel.source
    assert (channel.low_ratio, channel.high_ratio) == (1.0, 1.0)  # they vary with the load: in params
    assert (finding.state, finding.cure) == ("ready", "")


def test_a_two_socket_server_is_counted_whole(tmp_path: Path):
    machine(tmp_path, XEON, 112, memory_gb=192)
    [channel], [finding] = discovered(tmp_path)
    params = channel.params
    assert params["virtual"] is False
    assert (params["cpus"], params["cores"], params["sockets"]) == (112, 56, 2)
    assert params["dram_extra_gb"] == 0
    assert 40 < channel.idle_w < 80
    assert params["curve_w"][-1] == pytest.approx(56 * 7.9, rel=0.1)
    assert "2 socket(s)" in finding.what


def test_a_container_that_sees_some_cpus_gets_these_ones_share(tmp_path: Path):
    machine(tmp_path / "container", XEON, 4, memory_gb=4)
    machine(tmp_path / "host", XEON, 56, memory_gb=4)
    [part], _ = discovered(tmp_path / "container")
    [whole], _ = discovered(tmp_path / "host")
    assert part.params["cores"] == 2
    assert part.params["curve_w"][10] == pytest.approx(whole.params["curve_w"][10] / 14, rel=1e-4)


def test_an_arm_server_is_counted_by_sysfs(tmp_path: Path):
    tree = machine(tmp_path, ALTRA, 160, memory_gb=64)
    tree.write("sys/devices/system/cpu/cpu0/topology/package_cpus_list", "0-79\n")
    tree.write("sys/devices/system/cpu/cpu0/topology/core_cpus_list", "0\n")
    tree.write("sys/class/dmi/id/sys_vendor", "GIGABYTE\n")
    [channel], _ = discovered(tmp_path)
    params = channel.params
    assert params["family"] == "neoverse-n1"
    assert (params["cores"], params["sockets"], params["virtual"]) == (160, 2, False)


def test_older_kernels_name_the_same_lists_otherwise(tmp_path: Path):
    tree = machine(tmp_path, ALTRA, 8)
    tree.write("sys/devices/system/cpu/cpu0/topology/core_siblings_list", "0-3,4-7\n")
    tree.write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4\n")
    [channel], _ = discovered(tmp_path)
    assert (channel.params["cores"], channel.params["sockets"]) == (4, 1)


def test_a_graviton_is_a_guest_and_its_metal_type_is_not(tmp_path: Path):
    for product, virtual in (("m6g.large", True), ("m6g.metal", False)):
        tree = machine(tmp_path / product, ALTRA, 2)
        tree.write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
        tree.write("sys/class/dmi/id/product_name", f"{product}\n")
        [channel], _ = discovered(tmp_path / product)
        assert channel.params["virtual"] is virtual


def test_a_xen_guest_without_the_flag_is_a_guest_and_domain_0_is_not(tmp_path: Path):
    tree = machine(tmp_path, XEON, 2)
    tree.write("sys/hypervisor/type", "xen\n")
    identity = identify(CPUINFO.format(**XEON))
    assert model.is_virtual(str(tmp_path), identity)
    tree.write("proc/xen/capabilities", "control_d\n")
    assert not model.is_virtual(str(tmp_path), identity)


def test_a_hybrid_laptop_is_a_default_with_wide_bounds(tmp_path: Path):
    machine(tmp_path, HYBRID, 20, memory_gb=32)
    [channel], [finding] = discovered(tmp_path)
    assert channel.method == "default"
    assert channel.params["family"] == "client"
    assert channel.params["cores"] == pytest.approx(14)
    assert channel.params["high_w"][5] / channel.params["low_w"][5] > 3
    assert "wide bounds" in finding.why
    assert "set cpu" in finding.cure


@pytest.mark.parametrize("cpuinfo", ["", "\x00\xff\n:::\n", "processor : 0\n" * 100, "vendor_id : Evil\x07Corp\n"])
def test_a_hostile_cpuinfo_gives_a_default(tmp_path: Path, cpuinfo: str):
    machine(tmp_path, cpuinfo, 4)
    [channel], findings = discovered(tmp_path)
    assert (channel.method, channel.params["family"]) == ("default", "generic")
    assert all(finding.what.isprintable() for finding in findings)


def test_hostile_topology_and_memory_are_absent_not_wrong(tmp_path: Path):
    tree = machine(tmp_path, ALTRA, 4)
    tree.write("sys/devices/system/cpu/cpu0/topology/package_cpus_list", "0-x,\n")
    tree.write("proc/meminfo", "MemTotal: lots kB\n")
    [channel], _ = discovered(tmp_path)
    assert channel.params["cores"] == 4
    assert channel.params["dram_extra_gb"] == 0
    tree.write("proc/meminfo", "Buffers: 1 kB\n")
    assert discovered(tmp_path)[0][0].params["dram_extra_gb"] == 0


def test_a_cpu_of_more_cores_than_threads_is_not_believed(tmp_path: Path):
    machine(tmp_path, XEON | {"siblings": 2, "cores": 64}, 2)
    [channel], _ = discovered(tmp_path)
    assert channel.params["cores"] == 2


def test_the_user_names_the_family(tmp_path: Path):
    machine(tmp_path, "", 4)
    [channel], [finding] = discovered(tmp_path, cpu="genoa")
    assert (channel.params["family"], channel.method) == ("genoa", "modelled")
    assert "chosen" in finding.what


def test_a_family_that_does_not_exist_is_told_with_the_list(tmp_path: Path):
    machine(tmp_path, MILAN_VM, 4)
    channels, [finding] = discovered(tmp_path, cpu="zen5")
    assert channels == []
    assert finding.state == "broken"
    assert "zen5" in finding.why
    assert "turin" in finding.cure


@pytest.mark.parametrize("content", ["", "intr 1 2\n", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n"])
def test_a_sandbox_that_hides_cpu_time_has_no_meter(tmp_path: Path, content: str):
    tree = machine(tmp_path, MILAN_VM, 2)
    tree.write("proc/stat", content)
    channels, [finding] = discovered(tmp_path)
    assert channels == []
    assert finding.state == "absent"


def test_gpus_whose_library_is_missing_have_no_figure(tmp_path: Path):
    tree = machine(tmp_path, MILAN_VM, 2)
    tree.write("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: A100\n")
    channels, findings = discovered(tmp_path)
    assert len(channels) == 1
    assert [finding.state for finding in findings] == ["ready", "absent"]
    tree.write("usr/lib64/libnvidia-ml.so.1", "")
    assert [finding.state for finding in discovered(tmp_path)[1]] == ["ready"]


def test_busy_time_leaves_out_idle_iowait_steal_and_guest(tmp_path: Path):
    tree = machine(tmp_path, MILAN_VM, 2)
    [meter], _ = model.discover(MeterContext(root=str(tmp_path)))
    assert meter.read() == ((1000 + 20 + 500 + 3 + 7) * 1_000_000 // TICKS,)
    tree.write("proc/stat", stat(2, steal=9999, guest=1000))
    assert meter.read() == ((1000 + 20 + 500 + 3 + 7) * 1_000_000 // TICKS,)
    meter.close()


def test_a_closed_meter_says_so(tmp_path: Path):
    machine(tmp_path, MILAN_VM, 2)
    [meter], _ = model.discover(MeterContext(root=str(tmp_path)))
    meter.close()
    with pytest.raises(MeterUnavailable):
        meter.read()


@pytest.mark.parametrize(
    "line", [b"", b"cpu", b"cpu 1 2 3", b"cpu  1 2 x 4 5 6 7 8 9", b"cpu -1 2 3 4 5 6 7 8", b"intr 1 2"]
)
def test_a_torn_line_is_no_count(line: bytes):
    assert model.busy_ticks(line) is None


def test_this_machine_has_a_model():
    channels, findings = discovered(Path("/"))
    assert len(channels) == 1
    assert channels[0].idle_w > 0
    assert findings[0].state == "ready"
