"""hwmon sensors and batteries."""

from __future__ import annotations

import errno
from itertools import count
from pathlib import Path

import pytest

from joulewise.core.channels import Channel, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.core.protocols import Meter
from joulewise.measure.meters import hwmon
from joulewise.measure.meters.polling import Polled
from joulewise.measure.meters.select import added
from joulewise.testing.meters import Tree
from joulewise.testing.sensor_machines import JETSON, LAPTOP, SERVER


def found(root: Path, files: dict[str, str | int], **options: object) -> dict[str, tuple[Channel, Meter]]:
    Tree(str(root)).write_all(files)
    meters, _ = hwmon.discover(MeterContext(root=str(root), options=options, monotonic_ns=lambda: 0))
    return {channel.key: (channel, meter) for meter in meters for channel in meter.channels}


def test_a_server(tmp_path: Path) -> None:
    sensors = found(tmp_path, SERVER)
    assert {key: channel.component for key, (channel, _) in sensors.items()} == {
        "hwmon:hwmon0:power1-1": "node",
        "hwmon:hwmon1:card-1": "gpu",
        "hwmon:hwmon2:pout1-3": "other",
    }
    assert added([channel for channel, _ in sensors.values()]) == ("hwmon:hwmon1:card-1",)


def test_a_jetson_multiplies_volts_and_amperes(tmp_path: Path) -> None:
    sensors = found(tmp_path, JETSON)
    assert {channel.component for channel, _ in sensors.values()} == {"board", "other", "gpu"}
    assert sensors["hwmon:hwmon3:vdd_in-1"][1].read() == (19_000 * 800,)
    assert "hwmon:hwmon3:vdd_in-1" not in added([channel for channel, _ in sensors.values()])


def test_a_laptop_is_metered_while_it_discharges(tmp_path: Path) -> None:
    sensors = found(tmp_path, LAPTOP)
    assert set(sensors) == {"supply:bat0:power", "supply:bat1:power"}
    channel, meter = sensors["supply:bat1:power"]
    assert meter.read()[0] is not None
    assert (meter.read()[0] or 0) * channel.scale == pytest.approx(9.44)
    Tree(str(tmp_path)).write("sys/class/power_supply/BAT1/status", "Charging\n")
    with pytest.raises(MeterUnavailable):
        meter.read()
    assert "supply:bat1:power" in found(tmp_path, {})
    meter.close()


def test_energy_goes_before_power_and_average_before_a_moment(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "sys/class/hwmon/hwmon0/name": "amd_energy\n",
        "sys/class/hwmon/hwmon0/energy1_input": 10,
        "sys/class/hwmon/hwmon0/energy1_label": "Esocket1\n",
        "sys/class/hwmon/hwmon0/power1_input": 20,
        "sys/class/hwmon/hwmon0/energy2_input": 3,
        "sys/class/hwmon/hwmon0/energy2_label": "Ecore000\n",
        "sys/class/hwmon/hwmon0/power3_input": 7,
        "sys/class/hwmon/hwmon0/power3_average": 8,
        "sys/class/hwmon/hwmon0/powerx_input": 9,
    }
    sensors = found(tmp_path, files)
    assert {key: meter.read()[0] for key, (_, meter) in sensors.items()} == {
        "hwmon:hwmon0:esocket1-1": 10,
        "hwmon:hwmon0:ecore000-2": 3,
        "hwmon:hwmon0:power3-3": 8,
    }
    assert sensors["hwmon:hwmon0:esocket1-1"][0].device == "cpu:1"
    assert sensors["hwmon:hwmon0:ecore000-2"][0].within == "node"


@pytest.mark.parametrize(
    ("title", "component"),
    [("VDD_CPU", "cpu"), ("VDDR_DDR", "dram"), ("VDD_SOC", "other"), ("GPU POWER", "gpu"), ("\n\x1b", "other")],
)
def test_rails_of_a_jetson(tmp_path: Path, title: str, component: str) -> None:
    files: dict[str, str | int] = {
        "sys/class/hwmon/hwmon0/name": "ina3221\n",
        "sys/class/hwmon/hwmon0/in1_label": title,
        "sys/class/hwmon/hwmon0/in1_input": 5000,
        "sys/class/hwmon/hwmon0/curr1_input": 100,
        "sys/class/hwmon/hwmon0/curr2_input": 100,
    }
    [(channel, _)] = found(tmp_path, files).values()
    assert channel.component == component


def test_the_package_of_a_card_is_within_it(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        **SERVER,
        "sys/class/hwmon/hwmon1/energy2_input": 9,
        "sys/class/hwmon/hwmon1/energy2_label": "pkg",
    }
    assert found(tmp_path, files)["hwmon:hwmon1:pkg-2"][0].within == "node"


def test_broken_and_denied_sensors_are_named(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.write_all({**SERVER, "sys/class/hwmon/hwmon0/power1_average": "-3\n"})
    states = {told.state for told in hwmon.discover(MeterContext(root=tree.root))[1]}
    assert states == {"ready", "broken"}

    def denying(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, path)

    meters, [told] = hwmon.discover(MeterContext(root=tree.root, options={"open": denying}))
    assert (meters, told.state) == ([], "denied")
    assert told.cure


def test_a_sensor_that_takes_its_time_is_read_on_a_thread(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.write_all(SERVER)
    ticks = count(0, 5_000_000)
    meters, _ = hwmon.discover(MeterContext(root=tree.root, monotonic_ns=lambda: next(ticks)))
    assert len(meters) == 3
    assert all(isinstance(meter, Polled) for meter in meters)
    assert {meter.probe()[0] for meter in meters if isinstance(meter, Polled)} == {180_000_000, 77_000_000, 21_000_000}
    for meter in meters:
        meter.close()


def test_temperatures_and_other_plug_ins_chips_are_left_alone(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "sys/class/hwmon/hwmon0/name": "coretemp\n",
        "sys/class/hwmon/hwmon0/temp1_input": 45_000,
        "sys/class/hwmon/hwmon1/name": "amdgpu\n",
        "sys/class/hwmon/hwmon1/power1_average": 45_000,
        "sys/class/hwmon/hwmon2/name": "BAT0\n",
        "sys/class/hwmon/hwmon2/power1_input": 45_000,
    }
    assert found(tmp_path, files) == {}
