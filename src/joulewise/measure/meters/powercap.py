"""Joules from the Linux powercap (RAPL) counters of Intel and AMD CPUs.

Reads:  /sys/class/powercap/intel-rapl:*/energy_uj and its sub-zones, one meter a zone.
Traps:  wraps at max_energy_range_uj; psys contains package; the mmio zones count the same joules as the msr ones;
        energy_uj is root's alone after every boot.
Needs:  read permission on energy_uj; see docs/how-to/permissions.md.
Source: Linux kernel documentation, "Power Capping Framework".
"""

from __future__ import annotations

import os

from joulewise.core.channels import Channel, Finding, MeterContext
from joulewise.core.frozen import replaced
from joulewise.measure.meters.rapl import channel, component_of, is_amd
from joulewise.measure.meters.sysfs import (
    ABSENT,
    DENIED,
    READY,
    CountFile,
    FileMeter,
    entries,
    finding,
    label,
    number_of,
    state_of,
    text_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from joulewise.core.protocols import Meter

PLUGIN = "powercap"
FOLDER = "/sys/class/powercap"
_MSR, _MMIO = "intel-rapl:", "intel-rapl-mmio:"

CURE = (
    "sudo sh -c 'printf \"z /sys/devices/virtual/powercap/intel-rapl*/*/energy_uj 0444 - - -\\n"
    'z /sys/devices/virtual/powercap/intel-rapl*/*/*/energy_uj 0444 - - -\\n" > /etc/tmpfiles.d/joulewise-rapl.conf'
    " && systemd-tmpfiles --create /etc/tmpfiles.d/joulewise-rapl.conf'"
)
"""Opens the counters now and at every boot."""

UDEV_CURE = (
    'sudo sh -c \'echo "SUBSYSTEM==\\"powercap\\", ACTION==\\"add\\", RUN+=\\"/bin/chmod 0444 /sys%p/energy_uj\\""'
    " > /etc/udev/rules.d/70-joulewise-rapl.rules && udevadm control --reload"
    " && udevadm trigger --subsystem-match=powercap --action=add'"
)
"""The same for machines without systemd-tmpfiles."""


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter for each RAPL zone that can be read. Never raises."""
    folder = context.root + FOLDER
    zones = _zones(folder)
    if not zones:
        return [], [
            finding(PLUGIN, ABSENT, "no RAPL counters", f"{FOLDER} has no zones: a virtual machine, or no driver")
        ]
    opener = context.options.get("open", os.open)
    meters: list[Meter] = []
    states: dict[str, list[str]] = {}
    for zone, made in _channels(folder, zones, is_amd(context.root)):
        file = CountFile(f"{folder}/{_path(zone)}/energy_uj", opener)
        state = state_of(file)
        states.setdefault(state, []).append(made.key)
        if state == READY:
            meters.append(FileMeter([(made, file)]))
    return meters, [_told(state, keys) for state, keys in sorted(states.items())]


def _told(state: str, keys: list[str]) -> Finding:
    what = f"RAPL {', '.join(keys)}"
    if state == READY:
        return finding(PLUGIN, state, what)
    if state == DENIED:
        return finding(PLUGIN, state, what, "energy_uj may be read by root only", CURE)
    return finding(PLUGIN, state, what, "energy_uj is there but gives no count")


def _zones(folder: str) -> list[str]:
    """The zones to count, by name; of the msr and mmio twins only one."""
    tops = [name for name in entries(folder) if name.startswith((_MSR, _MMIO)) and name.count(":") == 1]
    wanted = [name for name in tops if name.startswith(_MSR)] or tops
    zones: list[str] = []
    for top in sorted(wanted, key=_order):
        zones.append(top)
        names = {name for name in entries(f"{folder}/{top}") if name.startswith(f"{top}:")}
        zones += sorted(names, key=_order)
    return zones


def _order(zone: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part) if part.isascii() and part.isdigit() else -1, part) for part in zone.split(":")[1:])


def _path(zone: str) -> str:
    """A sub-zone lies in its parent's folder: intel-rapl:0/intel-rapl:0:1."""
    return zone if zone.count(":") == 1 else f"{zone.rpartition(':')[0]}/{zone}"


def _channels(folder: str, zones: list[str], amd: bool) -> list[tuple[str, Channel]]:
    """Each zone with its channel; sub-zones know the package that they belong to."""
    found: list[tuple[str, Channel]] = []
    tops: dict[str, Channel] = {}
    seen: set[str] = set()
    for zone in zones:
        path = f"{folder}/{_path(zone)}"
        parent = tops.get(zone.rpartition(":")[0]) if zone.count(":") > 1 else None
        made = _channel(zone, path, label(text_of(f"{path}/name")), parent, amd)
        if made.key in seen:  # one name twice: perhaps two dies, perhaps one counter shown twice; `mirrors` tells
            twin = label(zone)
            made = replaced(made, key=f"{made.key}@{twin}", device=f"{made.device}@{twin}")
        seen.add(made.key)
        if parent is None:
            tops[zone] = made
        found.append((zone, made))
    return found


def _channel(zone: str, path: str, name: str, parent: Channel | None, amd: bool) -> Channel:
    component = component_of(name)
    device = parent.device if parent else _device(zone, name, component)
    domain = "package" if component == "cpu" else name
    contained = parent is not None and component != "dram"
    made = channel(
        f"rapl:{device.removeprefix('cpu:')}:{domain}",
        component,
        device,
        amd=amd,
        max_power_w=_max_power_w(path) if component == "cpu" else None,
        within=parent.key if parent and contained else None,
    )
    largest = number_of(f"{path}/max_energy_range_uj")  # the largest count; the one after it is 0
    return replaced(made, wrap=largest + 1 if largest else None, source=f"Linux powercap {label(zone)} ({name})")


def _device(zone: str, name: str, component: str) -> str:
    """ "package-0" is cpu:0, "package-0-die-1" is cpu:0-die-1, psys is the platform."""
    if component == "cpu":
        return f"cpu:{name.removeprefix('package').strip('-') or zone.rpartition(':')[2]}"
    return "platform" if component == "psys" else label(zone)


def _max_power_w(path: str) -> float | None:
    """Twice the highest limit that the zone states, within 250 to 1,000 W.

    Twice, since limits hold for a mean over milliseconds to seconds; at least 250 W, since laptops state 15 W and
    burst to several times that. None if no limit is stated.
    """
    names = ("constraint_0_max_power_uw", "constraint_0_power_limit_uw", "constraint_1_power_limit_uw")
    limits_uw = [limit for name in names if (limit := number_of(f"{path}/{name}"))]
    return min(1000.0, max(250.0, 2e-6 * max(limits_uw))) if limits_uw else None
