"""Facts about the process and the machine for a journal's header, read from files: no subprocess, no network."""

from __future__ import annotations

import os
import sys

from joulewise.measure.meters.sysfs import label, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SCHEDULER = (
    "SLURM_JOB_ID",
    "SLURM_STEP_ID",
    "SLURM_PROCID",
    "SLURM_JOB_NAME",
    "SLURM_NODEID",
    "LOCAL_RANK",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "CUDA_VISIBLE_DEVICES",
    "KUBERNETES_SERVICE_HOST",
    "POD_NAME",
    "CI",
)

_CHASSIS = {
    **dict.fromkeys(("3", "4", "5", "15", "24", "35"), "desktop"),
    **dict.fromkeys(("6", "7"), "tower"),
    **dict.fromkeys(("8", "9", "10", "14", "31", "32"), "laptop"),
    **dict.fromkeys(("17", "23"), "server"),
    **dict.fromkeys(("28", "29"), "blade"),
    **dict.fromkeys(("33", "34"), "embedded"),
    "13": "all-in-one",
}
"""SMBIOS chassis types (DSP0134 3.7, table 17) by what they are for."""


def boot_id(root: str = "") -> str:
    """The kernel's id of this boot; times of the monotonic clock compare within one boot only."""
    return text_of(f"{root}/proc/sys/kernel/random/boot_id")


def machine_id(root: str = "") -> str:
    """The system's id of this installation; "" where there is none."""
    return text_of(f"{root}/etc/machine-id") or text_of(f"{root}/var/lib/dbus/machine-id")


def start_ticks(pid: int, root: str = "") -> int | None:
    """When a process started, clock ticks since boot: with the pid it names a process. None: there is none."""
    stat = text_of(f"{root}/proc/{pid}/stat")
    fields = stat.rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[0] != "Z" else None


def calibration_path(folder: str, machine: str) -> str:
    """Where the wall calibration of a machine (its machine id) lies in the state folder."""
    return os.path.join(folder, f"calibration-{label(machine, 'this-machine')}.json")


def host_facts(root: str = "") -> dict[str, Any]:
    """What identifies the machine; the raw machine id stays in the journal, the ledger gets a hash."""
    memory = text_of(f"{root}/proc/meminfo", 128).split()
    return {
        "machine_id": machine_id(root),
        "name": os.uname().nodename,
        "machine": os.uname().machine,
        "kernel": os.uname().release,
        "cpu_count": os.cpu_count() or 1,
        "chassis": _CHASSIS.get(text_of(f"{root}/sys/class/dmi/id/chassis_type", 16), ""),
        "memory_kb": int(memory[1]) if len(memory) > 1 and memory[1].isdigit() else None,
    }


def process_facts(environ: Mapping[str, str], root: str = "") -> dict[str, Any]:
    """What runs here: interpreter, command, scheduler ids, git commit."""
    return {
        "pid": os.getpid(),
        "start_ticks": start_ticks(os.getpid(), root),
        "command": [os.fspath(part) for part in getattr(sys, "orig_argv", sys.argv)][:64],
        "python": ".".join(map(str, sys.version_info[:3])),
        "environment": {name: environ[name] for name in _SCHEDULER if name in environ},
        "git": git_facts(_here()),
    }


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:  # the folder was removed under us
        return "/"


def git_facts(folder: str) -> dict[str, str]:
    """The commit checked out in or above `folder`, from its files; {} outside a checkout."""
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return {}
        folder = os.path.dirname(folder)
    place = os.path.join(folder, ".git")
    if os.path.isfile(place):  # a worktree points elsewhere
        place = os.path.join(folder, text_of(place).removeprefix("gitdir:").strip())
    head = text_of(os.path.join(place, "HEAD"))
    if not head.startswith("ref: "):
        return {"commit": head} if head else {}
    name = head.removeprefix("ref: ")
    shared = os.path.join(place, text_of(os.path.join(place, "commondir")) or ".")
    commit = text_of(os.path.join(shared, name)) or _packed(os.path.join(shared, "packed-refs"), name)
    return {"branch": name.removeprefix("refs/heads/"), **({"commit": commit} if commit else {})}


def _packed(path: str, name: str) -> str:
    for line in text_of(path, 1 << 20).split("\n"):
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return ""
