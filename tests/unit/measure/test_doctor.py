"""What the doctor says of machines and their surroundings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.channels import BUSY, POWER, Channel, Finding
from joulewise.core.frozen import replaced
from joulewise.core.settings import Settings
from joulewise.measure.doctor import Diagnosis, conclude, diagnose
from joulewise.measure.environment import inspect
from joulewise.testing.cpu_machines import powercap_machine
from joulewise.testing.meters import Tree


def channel(key: str, component: str, device: str, quantity: str = "energy", method: str = "measured") -> Channel:
    return Channel(
        key=key,
        component=component,
        device=device,
        quantity=quantity,
        scale=1e-6,
        method=method,
        source=f"source of {key}",
        low_ratio=0.94,
        high_ratio=1.06,
    )


def test_sources_come_with_their_quality() -> None:
    found = conclude([channel("rapl:0:package", "cpu", "cpu:0"), channel("redfish:n", "node", "node", POWER)], [], [])
    assert [one.quality for one in found.capabilities] == ["measured, -6% to +6%"] * 2
    assert [one.added for one in found.capabilities] == [True, False]
    assert found.findings[0].plugin == "powercap"
    assert found.findings[0].quality == "measured, -6% to +6%"
    assert found.findings[1].what.endswith("shown only")
    assert found.measures


CURVES = {"low_w": [2.0] * 11, "curve_w": [4.0] * 11, "high_w": [10.0] * 11}


def test_a_model_is_not_a_measurement_and_says_its_own_quality() -> None:
    model = replaced(channel("model:cpu", "cpu", "cpu", BUSY, "modelled"), params=CURVES)
    own = Finding(plugin="model", state="ready", what="Milan, 2 CPUs", quality="modelled: 4 W at half load")
    found = conclude([model, channel("m:u", "gpu", "x", "use_all")], [own], [])
    assert not found.measures
    assert [one.quality for one in found.capabilities] == ["modelled, -50% to +150%"]
    assert found.findings == (own,)
    assert conclude([model], [], []).findings[0].quality == "modelled, -50% to +150%"
    assert not conclude([], [], []).measures


def test_cures_come_once_and_the_denied_first() -> None:
    findings = [
        Finding(plugin="a", state="absent", what="a", cure="three"),
        Finding(plugin="b", state="denied", what="b", cure="one"),
        Finding(plugin="c", state="denied", what="c", cure="one"),
        Finding(plugin="d", state="broken", what="d", cure="two"),
        Finding(plugin="e", state="ready", what="e"),
    ]
    assert conclude([], findings, []).cures == ("one", "two", "three")


def test_what_the_sources_already_say_is_not_said_twice() -> None:
    findings = [
        Finding(plugin="powercap", state="ready", what="RAPL rapl:0:package"),
        Finding(plugin="powercap", state="denied", what="RAPL rapl:1:package"),
        Finding(plugin="nvidia", state="ready", what="GPU order is a guess", cure="export X"),
        Finding(plugin="rapl", state="ready", what="rapl:0:package set aside"),
    ]
    found = conclude([channel("rapl:0:package", "cpu", "cpu:0")], findings, [])
    assert [one.what for one in found.findings[1:]] == [
        "RAPL rapl:1:package",
        "GPU order is a guess",
        "rapl:0:package set aside",
    ]


def test_a_machine_under_a_folder(tmp_path: Path) -> None:
    powercap_machine(str(tmp_path / "root"))
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    found = diagnose(Settings(meters=("powercap",)), environ, str(tmp_path / "root"))
    assert isinstance(found, Diagnosis)
    assert {one.device for one in found.capabilities} == {"cpu:0", "cpu:1"}
    assert any(one.plugin == "calibrate" for one in found.findings)
    assert any(one.what.startswith("journal folder") for one in found.findings)


def told(root: Path, **environ: str) -> dict[str, Finding]:
    return {one.what.split(" (")[0]: one for one in inspect(environ, str(root / "spool"), str(root))}


def test_bare_metal_with_nothing_to_say(tmp_path: Path) -> None:
    assert set(told(tmp_path)) == {"cgroup v2", f"journal folder {tmp_path}/spool"}
    assert not (tmp_path / "spool").exists()


def test_a_virtual_machine(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.write("proc/cpuinfo", "processor : 0\nflags : fpu sse hypervisor lahf\n")
    tree.write("sys/class/dmi/id/sys_vendor", "Amazon\nEC2\x1b")
    [finding] = [one for one in inspect({}, "/", str(tmp_path)) if one.what.startswith("virtual")]
    assert "Amazon?EC2" in finding.what
    assert finding.what.isprintable()


def test_a_hypervisor_by_name(tmp_path: Path) -> None:
    Tree(str(tmp_path)).write("sys/hypervisor/type", "xen\n")
    assert "virtual machine" in told(tmp_path)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".dockerenv", ""),
        ("run/.containerenv", "engine=podman"),
        ("proc/1/cgroup", "12:cpu:/kubepods/besteffort/pod1\n"),
    ],
)
def test_a_container(tmp_path: Path, path: str, content: str) -> None:
    Tree(str(tmp_path)).write(path, content)
    assert told(tmp_path)["container"].cure
    Tree(str(tmp_path)).write("sys/hypervisor/type", "kvm\n")
    assert not told(tmp_path)["container"].cure


def test_a_pod_with_process_ids_of_its_own(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "proc/self/ns")
    os.symlink("pid:[4026532000]", tmp_path / "proc/self/ns/pid")
    found = told(tmp_path, KUBERNETES_SERVICE_HOST="10.0.0.1")
    assert "hostPID" in found["own process ids"].cure


def test_a_limited_cgroup(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.write_all(
        {"cgroup.controllers": "cpu\n", "job/cpu.max": "50000 100000\n", "job/cpu.stat": "usage_usec 5\n"},
        "sys/fs/cgroup",
    )
    tree.write("proc/self/cgroup", "1:name=x:/\n0::/job\n")
    finding = told(tmp_path)["cgroup v2 /job"]
    assert (finding.state, finding.why) == ("ready", "limit 50000 100000")
    tree.write("proc/self/cgroup", "0::/other\n")
    assert told(tmp_path)["cgroup v2 /other"].state == "absent"


@pytest.mark.parametrize(("name", "slow"), [("tsc", False), ("kvm-clock", False), ("hpet", True), ("acpi_pm", True)])
def test_clock_sources(tmp_path: Path, name: str, slow: bool) -> None:
    Tree(str(tmp_path)).write("sys/devices/system/clocksource/clocksource0/current_clocksource", f"{name}\n")
    assert bool(told(tmp_path)[f"clock source {name}"].why) == slow


def test_perf_events_are_told(tmp_path: Path) -> None:
    Tree(str(tmp_path)).write("proc/sys/kernel/perf_event_paranoid", 2)
    assert "perf_event_paranoid is 2" in told(tmp_path)


def test_a_journal_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [finding] = [one for one in inspect({}, str(tmp_path / "file/spool"), str(tmp_path)) if "journal" in one.what]
    assert finding.state == "denied"
    assert "JOULEWISE_SPOOL" in finding.cure


def test_a_full_disk() -> None:
    [finding] = [one for one in inspect({}, "/proc", "/nowhere") if "journal" in one.what]
    assert finding.state in ("broken", "denied")
