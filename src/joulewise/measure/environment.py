"""What around us helps or hinders measuring: virtual machine, container, cgroup, clock, journal folder.

Reads files only; every path stands under `root`, so that tests hand in a tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from joulewise.core.channels import Finding

PLUGIN = "system"
_GOOD_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "xen", "timebase", "tod")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"
_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "libpod", "lxc", "garden")
_ROOM_BYTES = 16 << 20  # a journal of a day at the default tick needs less


def inspect(environ: Mapping[str, str], spool: str, root: str = "") -> list[Finding]:
    """All findings about the surroundings; `spool` is the folder of the journals. Never raises."""
    virtual = list(_virtual(root))
    return [
        *virtual,
        *_container(environ, root, counters_may_exist=not virtual),
        *_cgroup(root),
        *_perf(root),
        *_clock(root),
        _journal_folder(spool),
    ]


def _finding(state: str, what: str, why: str = "", cure: str = "") -> Finding:
    return Finding(plugin=PLUGIN, state=state, what=_plain(what), why=_plain(why), cure=cure)


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _text(path: str, limit: int = 65_536) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(limit).strip()
    except OSError:  # not on this machine
        return ""


def _virtual(root: str) -> Iterator[Finding]:
    flags = next((line for line in _text(f"{root}/proc/cpuinfo").split("\n") if line.startswith("flags")), "")
    kind = _text(f"{root}/sys/hypervisor/type")
    if kind or " hypervisor" in flags:
        maker = _text(f"{root}/sys/class/dmi/id/sys_vendor", 64) or kind or "unknown maker"
        why = "the host's counters don't reach us: the CPU is modelled, and the host's load is unknown"
        yield _finding("ready", f"virtual machine ({maker})", why)


def _container(environ: Mapping[str, str], root: str, *, counters_may_exist: bool) -> Iterator[Finding]:
    signs = [path for path in ("/.dockerenv", "/run/.containerenv") if os.path.exists(root + path)]
    first = _text(f"{root}/proc/1/cgroup", 4096)
    words = [word for word in _CONTAINER_WORDS if word in first]
    if not signs and not words and "KUBERNETES_SERVICE_HOST" not in environ:
        return
    why = "memory and CPUs are those of the host; its counters are often masked"
    cure = "docker run -v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro ..."
    kind = words[0] if words else "by its files"
    yield _finding("ready", f"container ({kind})", why, cure if counters_may_exist else "")
    try:
        if os.readlink(f"{root}/proc/self/ns/pid") != _FIRST_PID_NAMESPACE:
            why = "GPU time can't be told apart by process"
            yield _finding("ready", "own process ids", why, "docker run --pid=host, or hostPID: true")
    except OSError:  # no /proc: nothing to tell
        return


def _cgroup(root: str) -> Iterator[Finding]:
    if not os.path.exists(f"{root}/sys/fs/cgroup/cgroup.controllers"):
        yield _finding("absent", "cgroup v2", "CPU time of processes that left our tree is not seen")
        return
    own = next((line[3:] for line in _text(f"{root}/proc/self/cgroup", 4096).split("\n") if line[:3] == "0::"), "/")
    folder = f"{root}/sys/fs/cgroup{own.rstrip('/')}"
    limit = _text(f"{folder}/cpu.max", 64)
    words = f"limit {limit}" if limit and not limit.startswith("max") else "no CPU limit"
    state = "ready" if os.path.exists(f"{folder}/cpu.stat") else "absent"
    yield _finding(state, f"cgroup v2 {own}", words)


def _perf(root: str) -> Iterator[Finding]:
    level = _text(f"{root}/proc/sys/kernel/perf_event_paranoid", 8)
    if level:
        yield _finding("ready", f"perf_event_paranoid is {level}", "RAPL by perf events needs 0 or CAP_PERFMON")


def _clock(root: str) -> Iterator[Finding]:
    name = _text(f"{root}/sys/devices/system/clocksource/clocksource0/current_clocksource", 64)
    if name and name not in _GOOD_CLOCKS:
        yield _finding("ready", f"clock source {name}", "reading the time is slow: a boundary costs more")
    elif name:
        yield _finding("ready", f"clock source {name}")


def _journal_folder(spool: str) -> Finding:
    """Whether journals can be written where they are wanted; nothing is made or written."""
    cure = "export JOULEWISE_SPOOL=/a/folder/that/can/be/written"
    there = os.path.abspath(spool)
    while not os.path.exists(there) and there != os.path.dirname(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        return _finding("denied", f"journal folder {spool}", f"{there} can't be written", cure)
    space = os.statvfs(there)
    if space.f_bavail * space.f_frsize < _ROOM_BYTES:
        return _finding("broken", f"journal folder {spool}", "less than 16 MiB free", cure)
    return _finding("ready", f"journal folder {spool}")
