"""Joules and watts from hwmon sensors and batteries: servers' power meters, Jetson's INA3221, Intel GPUs, laptops.

Reads:  /sys/class/hwmon/hwmon*/{energy*_input (uJ), power*_average, power*_input (uW), in*_input x curr*_input};
        /sys/class/power_supply/BAT*/{power_now, current_now x voltage_now, energy_now}.
Traps:  a sensor says what it is by its driver's name and a free label; one that we don't know may lie within another:
        shown, never added. A battery tells the whole machine's power, and only while it discharges.
Source: Linux kernel documentation, "Naming and data format standards for sysfs files", "Linux power supply class";
        NVIDIA Jetson Linux Developer Guide, "Power Monitor".
"""

from __future__ import annotations

import os
import time

from joulewise.core.channels import ENERGY, POWER, Channel, Finding, MeterContext
from joulewise.measure.meters.supply import batteries
from joulewise.measure.meters.sysfs import (
    ABSENT,
    DENIED,
    READY,
    CountFile,
    FileMeter,
    ProductFile,
    entries,
    finding,
    label,
    state_of,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.core.protocols import Meter
    from joulewise.measure.meters.sysfs import Opener

    Sensor = tuple[str, str, CountFile | ProductFile]

PLUGIN = "hwmon"
_ELSEWHERE = ("amdgpu", "nvidia", "coretemp", "k10temp")

# Driver name -> component of its sensors. A driver that is not here: "other", within the node, not added.
_WHOLE = {"power_meter": "node", "ibmpowernv": "node", "corsairpsu": "node", "macsmc_hwmon": "node"}
_GPUS = ("i915", "xe")
_CPU_ENERGY = "amd_energy"
_JETSON = "ina3221"
_BOARD_LABELS = ("vdd_in", "5v_in", "pom_5v_in", "vin_sys_5v0")
_LABEL_COMPONENTS = (("gpu", "gpu"), ("cpu", "cpu"), ("ddr", "dram"), ("dram", "dram"))

# Truth / reading at 95 %. The field's band for hwmon is +-5 to +-10 % at about 90 %: +-12 % at 95 % for a counter;
# polled power misses what happens between two looks: -20 / +25 %.
_RATIOS = {ENERGY: (0.89, 1.13), POWER: (0.8, 1.25)}
_MAX_POWER_W = {"node": 20_000.0, "board": 20_000.0, "cpu": 1000.0, "gpu": 3000.0}


_SLOW_NS = 2_000_000
_SLOW_PERIOD_S = 1.0


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter for each sensor of energy or power, and for each battery. Never raises."""
    search = _Search(context)
    folder = f"{context.root}/sys/class/hwmon"
    for chip in entries(folder):
        driver = label(text_of(f"{folder}/{chip}/name", 64), chip)
        if driver in _ELSEWHERE or driver.startswith(("bat", "ac")):
            continue
        for sensor in _sensors(f"{folder}/{chip}", search.opener):
            search.add(_channel(f"{folder}/{chip}", chip, driver, sensor), sensor[2])
    for made, file in batteries(f"{context.root}/sys/class/power_supply", search.opener):
        search.add(made, file)
    findings = [_told(state, keys) for state, keys in sorted(search.states.items())]
    return search.meters, findings or [finding(PLUGIN, ABSENT, "no sensor of energy or power")]


class _Search:
    """Tries sensors, and keeps the meters and what there is to tell."""

    def __init__(self, context: MeterContext) -> None:
        self.opener: Opener = context.options.get("open", os.open)
        self.meters: list[Meter] = []
        self.states: dict[str, list[str]] = {}
        self._now_ns = context.monotonic_ns or time.monotonic_ns

    def add(self, made: Channel, file: CountFile | ProductFile) -> None:
        start_ns = self._now_ns()
        state = state_of(file)
        slow = self._now_ns() - start_ns > _SLOW_NS
        if file.patient:  # a battery on the mains reads nothing now, and may later
            state = READY
        self.states.setdefault(state, []).append(made.key)
        if state == READY:
            meter = FileMeter([(made, file)])
            self.meters.append(_on_a_thread(meter) if slow else meter)


def _on_a_thread(meter: FileMeter) -> Meter:
    """For controllers that take their time to answer (ACPI, IPMI): no reading of ours may wait for them."""
    from joulewise.measure.meters.polling import Polled

    return Polled(meter.channels, meter.read, _SLOW_PERIOD_S, release=meter.close)


def _told(state: str, keys: list[str]) -> Finding:
    if state == DENIED:
        return finding(
            PLUGIN, state, ", ".join(keys), "may be read by root only", "sudo chmod a+r /sys/class/hwmon/*/*_input"
        )
    return finding(PLUGIN, state, ", ".join(keys), "" if state == READY else "gives no count")


def _sensors(folder: str, opener: Opener) -> list[Sensor]:
    """Each sensor once, as (number, quantity, file): its energy, else its power, else voltage times current."""
    names = set(entries(folder))
    found: dict[str, Sensor] = {}
    for pattern, quantity in (("energy*_input", ENERGY), ("power*_average", POWER), ("power*_input", POWER)):
        start, _, end = pattern.partition("*")
        for name in sorted(names):
            number = name[len(start) : -len(end)]
            if name.startswith(start) and name.endswith(end) and number.isdigit():
                found.setdefault(number, (number, quantity, CountFile(f"{folder}/{name}", opener)))
    for name in sorted(names):
        number = name.removeprefix("curr").removesuffix("_input")
        if name == f"curr{number}_input" and f"in{number}_input" in names and number.isdigit():
            pair = (f"{folder}/{name}", f"{folder}/in{number}_input")  # mA x mV = uW
            found.setdefault(number, (number, POWER, ProductFile(pair, opener)))
    return [found[number] for number in sorted(found, key=int)]


def _channel(folder: str, chip: str, driver: str, sensor: Sensor) -> Channel:
    number, quantity, file = sensor
    title = label(_title(folder, number), f"{quantity}{number}")
    component, device, within = _place(folder, driver, title)
    low_ratio, high_ratio = _RATIOS[quantity]
    return Channel(
        key=f"hwmon:{chip}:{title}-{number}",
        component=component,
        device=device or f"{driver}:{chip}:{number}",
        quantity=quantity,
        scale=1e-6,
        method="measured",
        source=f"hwmon {driver} {title} ({os.path.basename(file.path)})",
        max_power_w=_MAX_POWER_W.get(component),
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        within=within,
    )


def _title(folder: str, number: str) -> str:
    return next(filter(None, (text_of(f"{folder}/{kind}{number}_label", 64) for kind in ("energy", "power", "in"))), "")


def _place(folder: str, driver: str, title: str) -> tuple[str, str, str | None]:
    """Component, device ("" for one of its own) and what contains it."""
    if driver in _WHOLE:
        return _WHOLE[driver], "node", None
    if driver in _GPUS:
        address = os.path.basename(os.path.realpath(f"{folder}/device"))
        return ("gpu", f"{driver}:{label(address)}", None) if title in ("card", "energy1", "power1") else _UNKNOWN
    if driver == _CPU_ENERGY and title.startswith("esocket"):
        return "cpu", f"cpu:{int(title[7:] or 0) if title[7:].isdigit() else 0}", None
    if driver == _JETSON:
        return _jetson(title)
    return _UNKNOWN


_UNKNOWN = ("other", "", "node")


def _jetson(title: str) -> tuple[str, str, str | None]:
    """VDD_IN is the whole board; VDD_GPU, VDD_CPU_GPU_CV, VDDQ_VDD2_1V8AO and so on are parts of it."""
    name = title.replace("-", "_")
    if name in _BOARD_LABELS:
        return "board", "jetson", None
    if "cpu" in name and "gpu" in name:  # one rail for both
        return "other", f"jetson:{title}", None
    component = next((component for sign, component in _LABEL_COMPONENTS if sign in name), "other")
    return component, f"jetson:{title}", None
