"""Which share of the machine was handed to us: CPU quota, CPUs that we may run on, memory limit.

Idle power is shared out by it. A job without limits has the whole machine at its disposal, and so its whole idle power.
Reads:  cpu.max, memory.max (cgroup version 2), cpu.cfs_quota_us, memory.limit_in_bytes (version 1), of our group and of
        all groups above; Cpus_allowed_list of /proc/PID/status, which has the cpuset in it already.
Traps:  os.cpu_count() in a container counts the host's CPUs; limits of the groups above hold as well; in version 1 an
        unlimited memory limit is a huge number; Cpus_allowed_list names CPUs that are offline.
Source: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from joulewise.core.errors import MeterUnavailable
from joulewise.measure.cgroups import V2, folder_of, mounts, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Limit = tuple[float, str]


def share_of_machine(root: str = "", pid: int | None = None) -> tuple[float, str]:
    """(share of the machine's CPUs, 0..1 and never 0, and why) that `pid` (None: we) may use.

    Raises MeterUnavailable if the number of CPUs can't be told.
    """
    online = _cpu_list(read_text(f"{root}/sys/devices/system/cpu/online"))
    if not online:
        raise MeterUnavailable("can't tell the number of CPUs", hint="mount /sys in this container")
    limits: list[Limit] = [(len(online), f"no limit: all {len(online)} CPUs")]
    allowed = _allowed(root, pid) & online
    if allowed and len(allowed) < len(online):
        limits.append((len(allowed), f"may run on {len(allowed)} of {len(online)} CPUs (affinity or cpuset)"))
    limits += [(cpus, f"{where}, of {len(online)} CPUs") for cpus, where in _climb(root, pid, "cpu", _quota)]
    cpus, why = min(limits, key=lambda limit: limit[0])
    return min(1.0, cpus / len(online)), why


def share_of_memory(root: str = "", pid: int | None = None) -> tuple[float, str]:
    """(share of the machine's memory, 0..1, and why) that `pid` (None: we) may use.

    Raises MeterUnavailable if the size of the memory can't be told.
    """
    lines = [line.split() for line in read_text(f"{root}/proc/meminfo").splitlines() if line.startswith("MemTotal:")]
    if not lines:
        raise MeterUnavailable("can't tell the size of the memory", hint="mount /proc in this container")
    total_bytes = int(lines[0][1]) * 1024
    limits: list[Limit] = [(total_bytes, "no limit: all of the memory"), *_climb(root, pid, "memory", _memory_limit)]
    limit_bytes, why = min(limits, key=lambda limit: limit[0])
    return limit_bytes / total_bytes, why


def _allowed(root: str, pid: int | None) -> frozenset[int]:
    for line in read_text(f"{root}/proc/{_name(pid)}/status").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return _cpu_list(line.partition(":")[2])
    return frozenset()


def _climb(root: str, pid: int | None, controller: str, limit: Callable[[str], Limit | None]) -> list[Limit]:
    """The limits of our group and of each group above it, in all mounted hierarchies of this controller."""
    found = []
    for mount in mounts(root):
        folder = folder_of(mount, _name(pid), root) if mount.controllers & {V2, controller} else None
        while folder and folder.startswith(mount.point):
            found.append(limit(folder))
            folder = folder.rpartition("/")[0]
    return [each for each in found if each is not None]


def _quota(folder: str) -> Limit | None:
    """CPUs by quota / period; None if unlimited."""
    quota, period = [*read_text(f"{folder}/cpu.max").split(), "", ""][:2]
    where = "cpu.max"
    if not quota:
        quota, period = read_text(f"{folder}/cpu.cfs_quota_us"), read_text(f"{folder}/cpu.cfs_period_us")
        where = "cpu.cfs_quota_us"
    cpus = _positive(quota) / (_positive(period) or 100_000)
    return (cpus, f"{where} grants {cpus:g}") if cpus else None


def _memory_limit(folder: str) -> Limit | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        limit_bytes = _positive(read_text(f"{folder}/{name}"))
        if limit_bytes:
            return limit_bytes, f"{name} grants {limit_bytes / 2**30:.3g} GiB"
    return None


def _positive(text: str) -> int:
    """A whole number above zero, or 0 for "max", -1, and what is not there."""
    return int(text) if text.strip().isdigit() else 0


def _cpu_list(text: str) -> frozenset[int]:
    """ "0-3,8" as numbers."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def _name(pid: int | None) -> int | str:
    return "self" if pid is None else pid
