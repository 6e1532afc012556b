"""Fake machines with hwmon sensors and batteries."""

from __future__ import annotations

from collections.abc import Mapping

from joulewise.core.channels import MeterContext
from joulewise.measure.meters import hwmon
from joulewise.testing.meters import FakeMachine, Tree

SERVER: dict[str, str | int] = {
    "sys/class/hwmon/hwmon0/name": "power_meter\n",
    "sys/class/hwmon/hwmon0/power1_average": 180_000_000,
    "sys/class/hwmon/hwmon1/name": "xe\n",
    "sys/class/hwmon/hwmon1/energy1_input": 77_000_000,
    "sys/class/hwmon/hwmon1/energy1_label": "card\n",
    "sys/class/hwmon/hwmon2/name": "pmbus_x\n",
    "sys/class/hwmon/hwmon2/power3_input": 21_000_000,
    "sys/class/hwmon/hwmon2/power3_label": "pout1\n",
}
JETSON: dict[str, str | int] = {
    "sys/class/hwmon/hwmon3/name": "ina3221\n",
    "sys/class/hwmon/hwmon3/in1_label": "VDD_IN\n",
    "sys/class/hwmon/hwmon3/in1_input": 19_000,
    "sys/class/hwmon/hwmon3/curr1_input": 800,
    "sys/class/hwmon/hwmon3/in2_label": "VDD_CPU_GPU_CV\n",
    "sys/class/hwmon/hwmon3/in2_input": 19_000,
    "sys/class/hwmon/hwmon3/curr2_input": 300,
    "sys/class/hwmon/hwmon3/in3_label": "VDD_GPU_SOC\n",
    "sys/class/hwmon/hwmon3/in3_input": 19_000,
    "sys/class/hwmon/hwmon3/curr3_input": 200,
}
LAPTOP: dict[str, str | int] = {
    "sys/class/power_supply/BAT0/type": "Battery\n",
    "sys/class/power_supply/BAT0/status": "Discharging\n",
    "sys/class/power_supply/BAT0/power_now": 9_500_000,
    "sys/class/power_supply/BAT1/type": "Battery\n",
    "sys/class/power_supply/BAT1/status": "Discharging\n",
    "sys/class/power_supply/BAT1/current_now": 800_000,
    "sys/class/power_supply/BAT1/voltage_now": 11_800_000,
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/hidpp_0/type": "Battery\n",
    "sys/class/power_supply/hidpp_0/scope": "Device\n",
    "sys/class/power_supply/hidpp_0/power_now": 5,
}


def hwmon_machine(root: str, files: Mapping[str, str | int] | None = None) -> FakeMachine:
    """A machine with the sensors in `files` (path to content); numbers are readings and grow."""
    tree = Tree(root)
    contents: dict[str, str | int] = dict(files or SERVER)
    tree.write_all(contents)
    counts = {path: content for path, content in contents.items() if isinstance(content, int)}

    def advance() -> None:
        for path in counts:
            counts[path] += 1000
        heal()

    def fail() -> None:
        for path in counts:
            tree.write(path, "")

    def heal() -> None:
        tree.write_all(counts)

    return FakeMachine(
        name="hwmon",
        discover=hwmon.discover,
        context=MeterContext(root=root, monotonic_ns=lambda: 0),
        advance=advance,
        fail=fail,
        heal=heal,
    )
