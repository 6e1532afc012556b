"""Joules from the RAPL counters as perf events: 64 bits wide, so they never wrap.

Reads:  /sys/bus/event_source/devices/power/{type,cpumask,events/energy-*}; perf_event_open for each CPU of cpumask.
Traps:  a perf file descriptor is read, not pread; the same joules as powercap, so `choose` keeps one of the two.
Needs:  kernel.perf_event_paranoid <= 0 or CAP_PERFMON; see docs/how-to/permissions.md.
Source: Linux, arch/x86/events/rapl.c (events, units); perf_event_open(2); Documentation/admin-guide/perf-security.rst.
"""

from __future__ import annotations

from joulewise.core.channels import Channel, Finding, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.core.frozen import replaced
from joulewise.measure.meters.rapl import channel, component_of, is_amd
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, DENIED, READY, entries, finding, label, number_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from joulewise.core.protocols import Meter

    class Events(Protocol):
        """Shape of PerfEvents, for fakes."""

        def open(self, kind: int, config: int, cpu: int) -> int: ...
        def read(self, fd: int) -> int: ...
        def close(self, fd: int) -> None: ...


PLUGIN = "perf"
FOLDER = "/sys/bus/event_source/devices/power"
CURE = 'sudo setcap cap_perfmon+ep "$(readlink -f "$(command -v python3)")"'
_CAPABLE = 1 << 38 | 1 << 21  # CAP_PERFMON, CAP_SYS_ADMIN
_CONTAINED = ("core", "uncore")


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter for each RAPL event of each package. Never raises."""
    folder = context.root + FOLDER
    kind = number_of(f"{folder}/type")
    if kind is None:
        return [], [finding(PLUGIN, ABSENT, "no RAPL events", f"{FOLDER} is not there")]
    if not _allowed(context.root):
        return [], [finding(PLUGIN, DENIED, "RAPL events", "perf_event_paranoid is above 0", CURE)]
    planned = _planned(context.root)
    if not planned:
        return [], [finding(PLUGIN, BROKEN, "RAPL events", "no energy event or no cpumask")]
    return _opened(_binding(context), kind, planned)


def _binding(context: MeterContext) -> Events:
    given: Events | None = context.options.get("binding")
    if given is not None:
        return given
    from joulewise.measure.meters.perf_binding import PerfEvents

    return PerfEvents()


def _allowed(root: str) -> bool:
    """Spares the import of ctypes where the kernel would refuse anyway."""
    level = text_of(f"{root}/proc/sys/kernel/perf_event_paranoid")
    if level in ("0", "-1"):
        return True
    for line in text_of(f"{root}/proc/self/status", 4096).split("\n"):
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _CAPABLE)
    return False


def _opened(events: Events, kind: int, planned: list[tuple[Channel, int, int]]) -> tuple[list[Meter], list[Finding]]:
    meters: list[Meter] = []
    failed: dict[tuple[str, str], list[str]] = {}
    for made, config, cpu in planned:
        try:
            meters.append(PerfMeter(made, events, (kind, config, cpu)))
        except OSError as error:
            state = DENIED if isinstance(error, PermissionError) else BROKEN
            failed.setdefault((state, error.strerror or "failed"), []).append(made.key)
    told = [
        finding(PLUGIN, state, f"RAPL events {', '.join(keys)}", why, CURE if state == DENIED else "")
        for (state, why), keys in sorted(failed.items())
    ]
    if meters:
        told.append(finding(PLUGIN, READY, f"RAPL events {', '.join(meter.channels[0].key for meter in meters)}"))
    return meters, told


class PerfMeter:
    """One event on one CPU. An event that can't be read is opened anew at the next reading."""

    def __init__(self, made: Channel, events: Events, event: tuple[int, int, int]) -> None:
        """Raises OSError if the kernel refuses the event."""
        self.channels: tuple[Channel, ...] = (made,)
        self._events = events
        self._event = event
        self._fd = events.open(*event)

    def read(self) -> tuple[int | None, ...]:
        try:
            if self._fd < 0:
                self._fd = self._events.open(*self._event)
            count = self._events.read(self._fd)
        except OSError as error:
            self.close()
            raise MeterUnavailable(f"{self.channels[0].key}: {error.strerror}") from error
        if count < 0:
            raise MeterUnavailable(f"{self.channels[0].key}: a negative count")
        return (count,)

    def close(self) -> None:
        if self._fd >= 0:
            self._events.close(self._fd)
            self._fd = -1


def _planned(root: str) -> list[tuple[Channel, int, int]]:
    """Channel, event number and CPU of each event of each package."""
    folder = root + FOLDER
    names = [name for name in entries(f"{folder}/events") if name.startswith("energy-") and "." not in name]
    amd = is_amd(root)
    found: list[tuple[Channel, int, int]] = []
    for device, cpu in _packages(root):
        for name in names:
            config = _event_number(text_of(f"{folder}/events/{name}"))
            scale = _scale(text_of(f"{folder}/events/{name}.scale"))
            made = _channel(name, device, amd)
            if config is None or scale is None or text_of(f"{folder}/events/{name}.unit") != "Joules":
                continue
            if made.component == "psys" and any(other.key == made.key for other, _, _ in found):
                continue  # one for the whole platform, whichever package tells it
            found.append(
                (replaced(made, scale=scale, source=f"perf event power/{label(name)}/ on CPU {cpu}"), config, cpu)
            )
    return found


def _channel(name: str, device: str, amd: bool) -> Channel:
    domain = {"pkg": "package", "cores": "core", "ram": "dram"}.get(short := label(name[len("energy-") :]), short)
    component = component_of(domain)
    if component == "psys":
        return channel("perf:platform:psys", component, "platform", amd=amd)
    package = device.removeprefix("cpu:")
    within = f"perf:{package}:package" if component in _CONTAINED else None
    return channel(f"perf:{package}:{domain}", component, device, amd=amd, within=within)


def _packages(root: str) -> list[tuple[str, int]]:
    """Each package, or die where a package has several, with the CPU that counts for it."""
    places: list[tuple[int, int, int]] = []
    for cpu in cpu_list(text_of(f"{root}{FOLDER}/cpumask")):
        topology = f"{root}/sys/devices/system/cpu/cpu{cpu}/topology"
        package, die = number_of(f"{topology}/physical_package_id"), number_of(f"{topology}/die_id")
        places.append((len(places) if package is None else package, die or 0, cpu))
    crowded = {package for package, _, _ in places if sum(other[0] == package for other in places) > 1}
    return [(f"cpu:{pkg}-die-{die}" if pkg in crowded else f"cpu:{pkg}", cpu) for pkg, die, cpu in places]


def cpu_list(text: str) -> list[int]:
    """The CPUs of a kernel list: "0,18-19" -> [0, 18, 19]; nothing for a text that is none."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return []
        found += range(int(first), min(int(last or first), int(first) + 4096) + 1)
    return found


def _event_number(text: str) -> int | None:
    """ "event=0x02" -> 2."""
    try:
        return int(text.removeprefix("event="), 0) if text.startswith("event=") else None
    except ValueError:
        return None


def _scale(text: str) -> float | None:
    try:
        scale = float(text)
    except ValueError:
        return None
    return scale if 0 < scale < 1 else None
