"""RAPL by perf events, and the choice between sources."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from joulewise.core.channels import Channel, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import perf, powercap
from joulewise.measure.meters.perf_binding import PerfEvents
from joulewise.measure.meters.select import Selected, added, choose
from joulewise.testing.cpu_machines import FakePerfEvents, perf_tree, powercap_machine
from joulewise.testing.meters import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path))


def context(tree: Tree, events: FakePerfEvents | None = None) -> MeterContext:
    return MeterContext(root=tree.root, options={"binding": events or FakePerfEvents()})


def keys(tree: Tree) -> list[str]:
    return [meter.channels[0].key for meter in perf.discover(context(tree))[0]]


def test_packages_and_contained_cores(tree: Tree) -> None:
    perf_tree(tree)
    channels = [meter.channels[0] for meter in perf.discover(context(tree))[0]]
    assert added(channels) == ("perf:0:package", "perf:0:dram", "perf:1:package", "perf:1:dram")
    assert {c.within for c in channels if c.component == "core"} == {"perf:0:package", "perf:1:package"}
    assert all(channel.wrap is None and channel.scale == 2.0**-32 for channel in channels)


def test_psys_is_told_once(tree: Tree) -> None:
    perf_tree(tree, events={"energy-pkg": "event=0x02", "energy-psys": "event=0x05"})
    assert sorted(keys(tree)) == ["perf:0:package", "perf:1:package", "perf:platform:psys"]


def test_dies_of_one_package(tree: Tree) -> None:
    perf_tree(tree, events={"energy-pkg": "event=0x02"})
    tree.write("sys/devices/system/cpu/cpu4/topology/physical_package_id", 0)
    tree.write("sys/devices/system/cpu/cpu4/topology/die_id", 1)
    assert keys(tree) == ["perf:0-die-0:package", "perf:0-die-1:package"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("events/energy-pkg", "nonsense"),
        ("events/energy-pkg", "event=zz"),
        ("events/energy-pkg.scale", "-1"),
        ("events/energy-pkg.scale", "many"),
        ("events/energy-pkg.unit", "Watts"),
        ("cpumask", "all"),
        ("cpumask", ""),
    ],
)
def test_what_the_kernel_does_not_explain_is_left_out(tree: Tree, path: str, content: str) -> None:
    perf_tree(tree, events={"energy-pkg": "event=0x02"})
    tree.write(f"{perf.FOLDER}/{path}", content)
    meters, [told] = perf.discover(context(tree))
    assert meters == []
    assert told.state == "broken"


def test_no_permission(tree: Tree) -> None:
    perf_tree(tree, paranoid=2)
    meters, [told] = perf.discover(context(tree))
    assert (meters, told.state) == ([], "denied")
    assert "cap_perfmon" in told.cure
    tree.write("proc/self/status", "Name:\tx\nCapEff:\t0000004000000000\n")
    assert len(perf.discover(context(tree))[0]) == 6
    tree.write("proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n")
    assert perf.discover(context(tree))[1][0].state == "denied"


def test_the_kernel_refuses_after_all(tree: Tree) -> None:
    perf_tree(tree)
    events = FakePerfEvents()
    events.denied = True
    assert [told.state for told in perf.discover(context(tree, events))[1]] == ["denied"]
    events.denied, events.failing = False, errno.EINVAL
    assert [told.state for told in perf.discover(context(tree, events))[1]] == ["broken"]


def test_a_lost_event_is_opened_anew(tree: Tree) -> None:
    perf_tree(tree, events={"energy-pkg": "event=0x02"}, cpumask="0")
    events = FakePerfEvents()
    [meter] = perf.discover(context(tree, events))[0]
    events.failing = errno.ENODEV
    with pytest.raises(MeterUnavailable):
        meter.read()
    assert events.open_fds == {}
    events.failing = 0
    assert meter.read() == (0,)
    events.counts[2, 0] = -1
    with pytest.raises(MeterUnavailable):
        meter.read()
    meter.close()
    assert events.open_fds == {}


def test_the_real_system_call_counts_or_says_why() -> None:
    events = PerfEvents()
    try:
        fd = events.open(1, 0, 0)  # the software event "cpu clock" of CPU 0
    except OSError as error:
        pytest.skip(f"this kernel does not let us count: {error}")
    first = events.read(fd)
    assert events.read(fd) > first
    events.close(fd)


def test_an_unknown_event_is_an_os_error() -> None:
    with pytest.raises(OSError):
        PerfEvents().open(0xFFFF, 0, 0)


def test_perf_goes_before_powercap(tmp_path: Path) -> None:
    machine = powercap_machine(str(tmp_path))
    perf_tree(Tree(str(tmp_path)), events={"energy-pkg": "event=0x02"})
    first, _ = powercap.discover(machine.context)
    second, _ = perf.discover(MeterContext(root=str(tmp_path), options={"binding": FakePerfEvents()}))
    chosen, told = choose([*first, *second])
    assert added([channel for meter in chosen for channel in meter.channels]) == (
        "rapl:0:dram",
        "rapl:1:dram",
        "perf:0:package",
        "perf:1:package",
    )
    assert [finding.what for finding in told] == ["rapl:0:package set aside", "rapl:1:package set aside"]


class FixedMeter:
    """A meter of given channels, which reads their numbers; None where a channel's scale is 2."""

    def __init__(self, *channels: Channel) -> None:
        self.channels = channels

    def read(self) -> tuple[int | None, ...]:
        return tuple(None if channel.scale == 2 else index for index, channel in enumerate(self.channels))

    def close(self) -> None:
        """Nothing is open."""


def channel(
    key: str, component: str, device: str, method: str = "measured", quantity: str = "energy", scale: float = 1.0
) -> Channel:
    return Channel(
        key=key, component=component, device=device, quantity=quantity, scale=scale, method=method, source="test"
    )


def chosen_keys(*channels: Channel) -> list[str]:
    meters, _ = choose([FixedMeter(one) for one in channels])
    return [one.key for meter in meters for one in meter.channels]


def test_measured_before_reported_before_modelled() -> None:
    model = channel("model:cpu", "cpu", "cpu", "modelled", "busy")
    kepler = channel("prometheus:cpu:cpu:energy", "cpu", "cpu", "reported")
    rapl = [channel(f"rapl:{number}:package", "cpu", f"cpu:{number}") for number in (0, 1)]
    assert chosen_keys(model) == ["model:cpu"]
    assert chosen_keys(model, kepler) == ["prometheus:cpu:cpu:energy"]
    assert chosen_keys(model, kepler, *rapl) == ["rapl:0:package", "rapl:1:package"]


def test_a_modelled_gpu_gives_way_to_its_own_meter_only() -> None:
    models = [channel(f"model:{uuid}", "gpu", uuid, "modelled") for uuid in ("GPU-a", "GPU-b")]
    assert chosen_keys(*models, channel("nvml:GPU-a:energy", "gpu", "GPU-a")) == ["model:GPU-b", "nvml:GPU-a:energy"]


def test_the_whole_machine_is_kept_and_not_added() -> None:
    node = channel("redfish:node:power", "node", "node", "reported", "power")
    psys = channel("rapl:platform:psys", "psys", "platform")
    rapl = channel("rapl:0:package", "cpu", "cpu:0")
    assert chosen_keys(node, psys, rapl) == [node.key, psys.key, rapl.key]
    assert added([node, psys, rapl]) == (rapl.key,)


def test_a_counter_goes_before_power_and_equal_keys_count_once() -> None:
    power = channel("hwmon:a", "gpu", "x", quantity="power")
    energy = channel("hwmon:b", "gpu", "x")
    assert chosen_keys(power, energy, energy) == ["hwmon:b"]


def test_a_recorded_trace_sets_all_others_aside() -> None:
    trace = channel("replay:cpu", "cpu", "replay:cpu", "reported")
    assert chosen_keys(channel("rapl:0:package", "cpu", "cpu:0"), trace) == ["replay:cpu"]


def test_part_of_a_meter_may_be_kept() -> None:
    whole = FixedMeter(
        channel("other:a", "cpu", "cpu:0"), channel("other:b", "dram", "cpu:0"), channel("other:c", "board", "x")
    )
    better = FixedMeter(channel("rapl:0:package", "cpu", "cpu:0"))
    chosen, _ = choose([whole, better])
    assert [one.key for one in chosen[0].channels] == ["other:b", "other:c"]
    assert chosen[0].read() == (1, 2)
    assert whole in chosen
    assert isinstance(chosen[0], Selected)
    assert len({chosen[0], better}) == 2
    chosen[0].close()


def test_a_part_that_reads_nothing_is_unavailable() -> None:
    meter = Selected(FixedMeter(channel("a:a", "cpu", "x"), channel("a:b", "dram", "x", scale=2)), [1])
    with pytest.raises(MeterUnavailable):
        meter.read()


def test_use_of_a_gpu_goes_with_its_joules() -> None:
    use = channel("b:use", "gpu", "GPU-a", quantity="use_mine")
    chosen, _ = choose([FixedMeter(channel("nvml:a", "gpu", "GPU-a")), FixedMeter(channel("x:a", "gpu", "GPU-a"), use)])
    assert [one.key for meter in chosen for one in meter.channels] == ["nvml:a"]
