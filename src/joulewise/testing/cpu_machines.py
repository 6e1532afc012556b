"""Fake machines with RAPL counters: a powercap tree, and perf events that live in memory."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from joulewise.core.channels import MeterContext
from joulewise.measure.meters import perf, powercap
from joulewise.testing.meters import FakeMachine, Tree

RANGE_UJ = 262_143_328_850
"""max_energy_range_uj of most server CPUs: 262 kJ, eleven minutes at 400 W."""
POWERCAP = "sys/devices/virtual/powercap"


def rapl_zone(
    tree: Tree, zone: str, name: str, energy_uj: int | str = 1_000_000, *, range_uj: int | str | None = RANGE_UJ
) -> str:
    """Write a zone ("intel-rapl:0", "intel-rapl:0:1") in the kernel's nested layout; returns its energy_uj path."""
    kind, *numbers = zone.split(":")
    parent = f"{kind}:{numbers[0]}"
    path = f"{POWERCAP}/{kind}/{parent}" + (f"/{zone}" if len(numbers) > 1 else "")
    tree.write(f"{path}/name", f"{name}\n")
    tree.write(f"{path}/energy_uj", energy_uj)
    if range_uj is not None:
        tree.write(f"{path}/max_energy_range_uj", range_uj)
    tree.link(f"sys/class/powercap/{zone}", path)
    return f"{path}/energy_uj"


SERVER_ZONES = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "dram",
    "intel-rapl:1": "package-1",
    "intel-rapl:1:0": "dram",
}
LAPTOP_ZONES = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "core",
    "intel-rapl:0:1": "uncore",
    "intel-rapl:1": "psys",
    "intel-rapl-mmio:0": "package-0",
}


def powercap_machine(root: str, zones: Mapping[str, str] | None = None, **options: Any) -> FakeMachine:
    """A machine with a powercap tree; a two-socket server unless `zones` (zone to name) say otherwise."""
    tree = Tree(root)
    energies_uj = dict.fromkeys(zones or SERVER_ZONES, 250_000_000)
    paths = {zone: rapl_zone(tree, zone, name, energies_uj[zone]) for zone, name in (zones or SERVER_ZONES).items()}

    def write() -> None:
        for zone, energy_uj in energies_uj.items():
            tree.write(paths[zone], energy_uj)

    def advance() -> None:
        for number, zone in enumerate(energies_uj):
            energies_uj[zone] += 100_000_000 // (number + 1)
        write()

    def fail() -> None:
        for path in paths.values():
            tree.write(path, "")

    return FakeMachine(
        name="powercap",
        discover=powercap.discover,
        context=MeterContext(root=root, options=options),
        advance=advance,
        fail=fail,
        heal=write,
        keys=("rapl:0:package",),
    )


class FakePerfEvents:
    """perf_event_open without a kernel: counts by (event, CPU). `failing` makes every call an OSError."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, int], int] = {}
        self.failing = 0
        self.denied = False
        self.open_fds: dict[int, tuple[int, int]] = {}
        self._next_fd = 1000

    def open(self, kind: int, config: int, cpu: int) -> int:
        if self.denied:
            raise PermissionError(errno.EACCES, "Permission denied")
        if self.failing:
            raise OSError(self.failing, "no event now")
        self._next_fd += 1
        self.open_fds[self._next_fd] = (config, cpu)
        self.counts.setdefault((config, cpu), 0)
        return self._next_fd

    def read(self, fd: int) -> int:
        if self.failing:
            raise OSError(self.failing, "no event now")
        return self.counts[self.open_fds[fd]]

    def close(self, fd: int) -> None:
        del self.open_fds[fd]


PERF_EVENTS = {"energy-pkg": "event=0x02", "energy-ram": "event=0x03", "energy-cores": "event=0x01"}


def perf_tree(tree: Tree, *, cpumask: str = "0,4", paranoid: int = 0, events: Mapping[str, str] = PERF_EVENTS) -> None:
    """Write the kernel's description of RAPL events, packages by the CPUs of `cpumask`."""
    folder = perf.FOLDER
    tree.write_all({"type": "22\n", "cpumask": f"{cpumask}\n"}, folder)
    for name, event in events.items():
        tree.write(f"{folder}/events/{name}", f"{event}\n")
        tree.write(f"{folder}/events/{name}.scale", "2.3283064365386962890625e-10\n")
        tree.write(f"{folder}/events/{name}.unit", "Joules\n")
    for number, cpu in enumerate(perf.cpu_list(cpumask)):
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id", number)
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/topology/die_id", 0)
    tree.write("proc/sys/kernel/perf_event_paranoid", paranoid)


def perf_machine(root: str) -> FakeMachine:
    """A two-socket server whose RAPL counters are open to us as perf events."""
    perf_tree(Tree(root))
    events = FakePerfEvents()

    def advance() -> None:
        for event in events.counts:
            events.counts[event] += 100 << 32

    def fail() -> None:
        events.failing = errno.ENODEV

    def heal() -> None:
        events.failing = 0

    return FakeMachine(
        name="perf",
        discover=perf.discover,
        context=MeterContext(root=root, options={"binding": events}),
        advance=advance,
        fail=fail,
        heal=heal,
        keys=("perf:0:package", "perf:1:dram"),
    )
