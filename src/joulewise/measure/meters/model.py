"""The model meter: watts from CPU time, for machines without power counters (most cloud machines).

Reads:  <root>/proc/stat (kept open), once /proc/cpuinfo, /proc/meminfo, a few sysfs and DMI files.
Traps:  the CPU count and CPU time must come from one place: in a container /proc/stat may show the container's CPUs
        and sysfs the host's, and the affinity mask is neither. Guest time is part of user time already. Steal time is
        the neighbour's. A sandbox may show a /proc/stat of zeros: that is no measurement.
Needs:  nothing. The figure is the whole server at the wall, so no other component is added to it.
Source: docs/explanation/equations/cpu-model.md
"""

from __future__ import annotations

import os

from joulewise.core.channels import BUSY, Channel, Finding
from joulewise.core.errors import MeterUnavailable, NotFound
from joulewise.measure import cpu_identity, cpu_model, cpu_tables
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, READY, entries, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from joulewise.core.channels import MeterContext
    from joulewise.measure.cpu_identity import CpuIdentity
    from joulewise.measure.cpu_tables import Family

    class BusyTime(Protocol):
        """Busy microseconds of all CPUs at its last reading, None if that failed."""

        busy_us: int | None


PLUGIN = "model"
BOUNDARY = "whole-server share at the wall, with power supply, fans and baseline memory"
BUSY_FIELDS = (1, 2, 3, 6, 7)
"""user, nice, system, irq, softirq of the `cpu` line; idle, iowait, steal and the guest times (within user) are not."""
CLOUD_VENDORS = ("Amazon EC2", "QEMU", "Google", "Microsoft Corporation", "Xen", "VMware", "innotek GmbH", "Alibaba")
NVML = tuple(f"{folder}/libnvidia-ml.so.1" for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"))


class CpuTimeMeter:
    """Cumulative busy microseconds of all CPUs, from a /proc/stat that is kept open."""

    def __init__(self, path: str, channel: Channel, ticks_per_s: int) -> None:
        self.channels = (channel,)
        self._us_per_tick = 1_000_000 // ticks_per_s
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._place = os.fstat(self._file)[1:3]  # inode and device
        self._clock: BusyTime | None = None

    def follow(self, clock: BusyTime) -> None:
        """Take the busy time from a clock that reads the same file just before us, in each snapshot."""
        self._clock = clock

    def read(self) -> tuple[int | None, ...]:
        """The count now. Raises MeterUnavailable if /proc/stat can't be read, or isn't as the kernel writes it."""
        if self._clock is not None and self._clock.busy_us is not None:
            return (self._clock.busy_us,)
        try:
            ticks = busy_ticks(os.pread(self._file, 512, 0))
        except OSError as error:
            raise MeterUnavailable(f"can't read CPU times: {error}", hint="check that /proc is mounted") from error
        if ticks is None:
            raise MeterUnavailable("the first line of /proc/stat holds no CPU times")
        return (ticks * self._us_per_tick,)

    def close(self) -> None:
        file, self._file = self._file, -1
        try:  # a program that closes all descriptors may have a file of its own under this number by now
            if file >= 0 and os.fstat(file)[1:3] == self._place:
                os.close(file)
        except OSError:
            return


def busy_ticks(stat: bytes) -> int | None:
    """Busy clock ticks of the first line of /proc/stat; None if there are none: a torn line, or only zeros.

    Source: Linux Documentation/filesystems/proc.rst, 1.7 "Miscellaneous kernel statistics in /proc/stat".
    """
    fields = stat.partition(b"\n")[0].split()
    if not fields or fields[0] != b"cpu" or len(fields) <= BUSY_FIELDS[-1] or not b"".join(fields[1:]).isdigit():
        return None
    return sum(int(fields[place]) for place in BUSY_FIELDS) or None


def discover(context: MeterContext) -> tuple[list[CpuTimeMeter], list[Finding]]:
    """The model meter of this machine. Never raises; an unknown CPU gets the generic row and wide bounds."""
    findings = _gpus_without_counters(context.root)
    stat = text_of(f"{context.root}/proc/stat", 1 << 16)
    cpus = sum(line.startswith("cpu") and line[3:4].isdigit() for line in stat.split("\n"))
    if not cpus or busy_ticks(stat[:512].encode()) is None:
        return [], [_finding(ABSENT, "CPU time", "/proc/stat is missing, or shows only zeros"), *findings]
    identity = cpu_identity.identify(text_of(f"{context.root}/proc/cpuinfo", 4096))
    key, name = _key(identity, str(context.options.get("cpu") or ""))
    try:
        family = cpu_tables.family(key)
    except NotFound as error:
        return [], [_finding(BROKEN, "setting cpu", error.message, error.hint), *findings]
    machine = machine_of(context.root, cpus, identity, family)
    meter = _meter(f"{context.root}/proc/stat", family, machine)
    return [meter], [_ready(meter.channels[0], family, name, machine), *findings]


def _key(identity: CpuIdentity | None, chosen: str) -> tuple[str, str]:
    if chosen:
        return chosen, "chosen by the setting cpu"
    return cpu_identity.family_key(identity) if identity else (cpu_tables.GENERIC, "")


def machine_of(root: str, cpus: int, identity: CpuIdentity | None, family: Family) -> cpu_model.Machine:
    """Cores, sockets, memory and clock from what the kernel shows; CPUs are those that /proc/stat counts."""
    threads, cores = _chip(root, identity, family)
    return cpu_model.Machine(
        cpus=cpus,
        cores=cpus * cores / threads,
        cores_per_chip=cores,
        sockets=max(1, round(cpus / threads)),
        ghz=identity.nominal_ghz if identity else None,
        memory_gb=_memory_gb(root),
        virtual=is_virtual(root, identity),
    )


def _chip(root: str, identity: CpuIdentity | None, family: Family) -> tuple[int, int]:
    """Threads and cores of one chip; sysfs where cpuinfo is silent (Arm), one chip of everything if both are."""
    if identity and identity.threads_per_chip and identity.cores_per_chip:
        threads = identity.threads_per_chip
        return threads, min(identity.cores_per_chip, threads)
    topology = f"{root}/sys/devices/system/cpu/cpu0/topology"
    chip = _list_size(text_of(f"{topology}/package_cpus_list") or text_of(f"{topology}/core_siblings_list"))
    core = _list_size(text_of(f"{topology}/core_cpus_list") or text_of(f"{topology}/thread_siblings_list"))
    if chip:
        return chip, max(1, chip // max(1, core))
    return max(1, round(family.cores_per_chip * family.threads_per_core)), max(1, round(family.cores_per_chip))


def _list_size(text: str) -> int:
    """How many CPUs a kernel list names: "0-3,8" is five; 0 if it can't be read."""
    total = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return 0
        total += int(last or first) - int(first) + 1
    return max(0, total)


def _memory_gb(root: str) -> float | None:
    """Memory that the kernel manages, in GB of 10^9 bytes rounded from its kibibytes."""
    for line in text_of(f"{root}/proc/meminfo", 256).split("\n"):
        if line.startswith("MemTotal:"):
            kib = line.split()[1:2]
            return int(kib[0]) / (1 << 20) if kib and kib[0].isdigit() else None
    return None


def is_virtual(root: str, identity: CpuIdentity | None) -> bool:
    """True if the CPUs are a share of a host: CPUID's hypervisor flag; on Arm, and under Xen, what sysfs says.

    A cloud's bare-metal type bears the cloud's name too, but ends in ".metal". Xen's own domain 0 is not a guest.
    """
    if "control_d" in text_of(f"{root}/proc/xen/capabilities"):
        return False
    if identity and identity.hypervisor:
        return True
    if text_of(f"{root}/sys/hypervisor/type"):
        return True
    if identity and not identity.vendor.startswith(cpu_identity.ARM):
        return False  # x86 hypervisors set the flag
    vendor = text_of(f"{root}/sys/class/dmi/id/sys_vendor")
    product = text_of(f"{root}/sys/class/dmi/id/product_name")
    return vendor.startswith(CLOUD_VENDORS) and ".metal" not in product


def _meter(path: str, family: Family, machine: cpu_model.Machine) -> CpuTimeMeter:
    params = cpu_model.params_for(family, cpu_tables.shared(), machine)
    channel = Channel(
        key="model:cpu",
        component="cpu",
        device="cpu",
        quantity=BUSY,
        scale=1e-6,
        method=family.method,
        source=f"{family.name}: {BOUNDARY}; {family.source}",
        idle_w=cpu_model.idle_power_w(params),
        idle_source="model: table row of the CPU family at no load",
        params=params,
    )
    return CpuTimeMeter(path, channel, os.sysconf("SC_CLK_TCK"))


def _ready(channel: Channel, family: Family, name: str, machine: cpu_model.Machine) -> Finding:
    value, low, high = cpu_model.power_w(channel.params, 0.5)
    share = "a share of an unknown host" if machine.virtual else f"{machine.sockets} socket(s)"
    unknown = family.method == "default"
    return Finding(
        plugin=PLUGIN,
        state=READY,
        what=f"{name or family.name}, {machine.cpus} CPUs, {share}",
        why="no measured watts of this CPU family: a generic row with wide bounds" if unknown else "",
        cure="set cpu to the closest family, see joulewise config --explain" if unknown else "",
        quality=f"{channel.method}: {value:.3g} W ({low:.3g} to {high:.3g}) at half load",
    )


def _gpus_without_counters(root: str) -> list[Finding]:
    """A GPU whose driver is loaded but whose NVML library is not there has no figure, and none is invented."""
    gpus = entries(f"{root}/proc/driver/nvidia/gpus")
    if not gpus or any(os.path.exists(root + path) for path in NVML):
        return []
    why = "there is no library to read power from, and utilisation alone gives no honest watt"
    return [_finding(ABSENT, f"power of {len(gpus)} NVIDIA GPU(s)", why, "install the driver's libnvidia-ml.so.1")]


def _finding(state: str, what: str, why: str, cure: str = "") -> Finding:
    return Finding(plugin=PLUGIN, state=state, what=what, why=why, cure=cure)
