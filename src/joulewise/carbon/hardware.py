"""What kind of machine it was, for the defaults of embodied emissions, lifespan, PUE and WUE."""

from __future__ import annotations

from dataclasses import dataclass

from joulewise.core.records import Host

DEVICE_CLASSES = ("server", "gpu-server", "desktop", "laptop", "edge", "unknown")

_CHASSIS = {
    "laptop": "laptop",
    "notebook": "laptop",
    "portable": "laptop",
    "convertible": "laptop",
    "desktop": "desktop",
    "tower": "desktop",
    "mini-tower": "desktop",
    "all-in-one": "desktop",
    "server": "server",
    "rack": "server",
    "blade": "server",
    "embedded": "edge",
    "iot": "edge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`core_count` is set for a virtual machine whose host is unknown: it is then charged by core."""

    device_class: str
    core_count: float | None = None
    notice: str = ""


def machine_of(device_class: str, host: Host | None) -> Machine:
    """The class that the user set, else a guess from the host: a virtual machine stands on a server.

    `host.details` may hold "chassis" (DMI name) and "gpu_count"; without a hint the class is "unknown".
    """
    if device_class:
        return Machine(device_class=device_class)
    if host is not None and host.virtual:
        return Machine(device_class="server", core_count=float(host.cpu_count))
    guess = _guess(host)
    cure = "set device_class, or embodied_kg from its data sheet"
    what = "an unknown machine" if guess == "unknown" else f"a {guess}"
    return Machine(device_class=guess, notice=f"embodied emissions are the default band of {what}: {cure}")


def _guess(host: Host | None) -> str:
    if host is None:
        return "unknown"
    if int(host.details.get("gpu_count") or 0) >= 4:
        return "gpu-server"
    return _CHASSIS.get(str(host.details.get("chassis") or "").casefold(), "unknown")
