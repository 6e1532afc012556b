"""Watts of a machine without power counters, from what software can know of it. Pure functions.

    W(u) = W_idle + (W_max - W_idle) f(u),   u = busy CPU time / (elapsed time x CPUs)

Idle and full-load watts come per physical core from the CPU family's table row, corrected for cores per chip, sockets
and clock; memory beyond the family's baseline is a separate part. A virtual machine gets its share of the host.
The figure is the whole server at the wall: power supply, fans and baseline memory are in it and never added again.

Explained in docs/explanation/equations/cpu-model.md, bounds in docs/explanation/uncertainty.md.
"""

from __future__ import annotations

from math import exp, hypot, log

from joulewise.core.errors import OutOfRange
from joulewise.core.frozen import Frozen
from joulewise.measure.cpu_tables import LEVELS, Family, Shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Curve = list[float]
    Explained = list[tuple[str, float | str, str, str]]

HOST_LOADS = range(2, 9)
"""Load levels (20 to 80 %) that an unknown host is averaged over."""


class Machine(Frozen):
    """What software can know. `cpus` are logical CPUs, as many as the busy time is summed over.

    `cores` are the physical cores of these CPUs; a container may see fewer of them than one chip has.
    `ghz` is the nominal clock, None if unknown; so is `memory_gb`. `virtual`: the CPUs are a share of a host.
    """

    cpus: int
    cores: float
    cores_per_chip: float
    sockets: int
    ghz: float | None
    memory_gb: float | None
    virtual: bool

    def __post_init__(self) -> None:
        if not (self.cpus >= 1 and self.cores > 0 and self.cores_per_chip > 0 and self.sockets >= 1):
            raise OutOfRange(f"want at least one CPU, core and socket, got {self}")


def params_for(family: Family, shared: Shared, machine: Machine, *, fleet: bool = True) -> dict[str, Any]:
    """All that `energy_j` and `explain` need, as plain values that a journal can hold.

    `fleet` widens the upper bound from tuned benchmark servers to those in the field.
    """
    size = _size(family, shared, machine)
    dram_low, dram_high = _dram_w_per_gb(family, shared)
    curve_w, host_ratio = _curve(family, size, machine.virtual)
    low_w, high_w = _bounds(family, shared, curve_w, machine, size, fleet)
    return {
        "family": family.key,
        "family_name": family.name,
        "method": family.method,
        "basis": family.basis,
        "source": family.source,
        "table": shared.version,
        "cpus": machine.cpus,
        "cores": size["cores"],
        "sockets": machine.sockets,
        "virtual": machine.virtual,
        "host_ratio": host_ratio,
        **size,
        "dram_w_per_gb": family.dram_w_per_gb,
        "dram_low_w_per_gb": dram_low,
        "dram_high_w_per_gb": dram_high,
        "curve_w": _short(curve_w),
        "low_w": _short(low_w),
        "high_w": _short(high_w),
    }


def _size(family: Family, shared: Shared, machine: Machine) -> dict[str, float]:
    """Watts per core of this machine, its share in cores, and its memory beyond the baseline."""
    cores, bigger, alone = machine.cores, 0.0, 0.0
    if machine.virtual:  # the guest sees neither the host's chips nor, reliably, its SMT
        cores = machine.cpus / family.threads_per_core
    else:
        bigger = _log_ratio(machine.cores_per_chip, family.cores_per_chip, 8.0)
        if cores > 0.99 * machine.cores_per_chip:  # all of a chip: not a container that can't count sockets
            alone = float(machine.sockets == 1) - float(family.sockets < 1.5)
    faster = _log_ratio(machine.ghz, family.ghz, 2.0)
    idle = family.idle_w_per_core * exp(
        shared.idle_cores_slope * bigger + shared.idle_single_slope * alone + shared.idle_ghz_slope * faster
    )
    full = family.max_w_per_core * exp(shared.max_cores_slope * bigger + shared.max_ghz_slope * faster)
    extra_gb = max(0.0, (machine.memory_gb or 0.0) - family.gb_per_core * cores)
    return {
        "cores": cores,
        "idle_w_per_core": idle,
        "max_w_per_core": max(full, idle * 1.05),
        "dram_extra_gb": extra_gb,
        "dram_extra_w": extra_gb * family.dram_w_per_gb,
    }


def _short(curve_w: Curve) -> Curve:
    """Six digits, which keep the order of the bounds and the journal's header small."""
    return [float(f"{watts:.6g}") for watts in curve_w]


def _log_ratio(value: float | None, reference: float, limit: float) -> float:
    """ln(value / reference), kept within the range that the slopes were seen in; 0 for an unknown value."""
    if not value or value <= 0:
        return 0.0
    return log(min(limit, max(1 / limit, value / reference)))


def _curve(family: Family, size: Mapping[str, float], virtual: bool) -> tuple[Curve, float]:
    """Watts at each load level, and the host's dynamic watts over proportional ones (1 for a whole machine)."""
    idle_w = size["cores"] * size["idle_w_per_core"]
    dynamic_w = size["cores"] * size["max_w_per_core"] - idle_w
    shape: list[float] | tuple[float, ...] = family.shape
    ratio = 1.0
    if virtual:
        ratio = sum(family.shape[level] / (level / 10) for level in HOST_LOADS) / len(HOST_LOADS)
        shape = [ratio * level / 10 for level in range(LEVELS)]
    return [idle_w + dynamic_w * part + size["dram_extra_w"] for part in shape], ratio


def _bounds(
    family: Family, shared: Shared, curve_w: Curve, machine: Machine, size: Mapping[str, float], fleet: bool
) -> tuple[Curve, Curve]:
    """95 % bounds of each watt of the curve: independent doubts combine in quadrature, in log space."""
    low_w, high_w = [], []
    share = log(shared.vm_ratio) if machine.virtual else 0.0
    dram_low, dram_high = (size["dram_extra_gb"] * each for each in _dram_w_per_gb(family, shared))
    for level, watts in enumerate(curve_w):
        core_w = watts - size["dram_extra_w"]
        tuned = _fleet_log(shared, level) if fleet else 0.0
        down = core_w * (1 - exp(-hypot(shared.low_log[level] * family.low_spread, share)))
        up = core_w * (exp(hypot(shared.high_log[level] * family.high_spread, share, tuned)) - 1)
        low_w.append(max(0.0, watts - hypot(down, size["dram_extra_w"] - dram_low)))
        high_w.append(watts + hypot(up, dram_high - size["dram_extra_w"]))
    return low_w, high_w


def _dram_w_per_gb(family: Family, shared: Shared) -> tuple[float, float]:
    """The band of a gigabyte beyond the baseline: idle chips at one end, busy small modules at the other."""
    low = min(shared.dram_low_w_per_gb, family.dram_w_per_gb)
    return low, max(shared.dram_high_w_per_gb, 1.5 * family.dram_w_per_gb)


def _fleet_log(shared: Shared, level: int) -> float:
    load = level / (LEVELS - 1)
    return (1 - load) * log(shared.fleet_idle_ratio) + load * log(shared.fleet_max_ratio)


def power_w(params: Mapping[str, Any], load: float) -> tuple[float, float, float]:
    """Watts, low and high at a load of 0..1; straight lines between the load levels."""
    place = min(1.0, max(0.0, load)) * (LEVELS - 1)
    level = min(int(place), LEVELS - 2)
    part = place - level
    low, value, high = (
        curve[level] + part * (curve[level + 1] - curve[level])
        for curve in (params["low_w"], params["curve_w"], params["high_w"])
    )
    return value, low, high


def energy_j(params: Mapping[str, Any], busy_s: float, duration_s: float) -> tuple[float, float, float]:
    """Joules, low and high of an interval in which all CPUs together were busy for `busy_s` seconds.

    The bounds are one error shared by the whole run: add them linearly over intervals, never in quadrature.
    A load above 1 (ticks of 10 ms against an exact clock) counts as 1. Raises OutOfRange for a negative time or NaN.
    """
    if not (0 <= busy_s < float("inf") and 0 <= duration_s < float("inf")):
        raise OutOfRange(f"want finite times >= 0, got busy {busy_s} s in {duration_s} s")
    if duration_s == 0:
        return 0.0, 0.0, 0.0
    value, low, high = power_w(params, busy_s / (duration_s * params["cpus"]))
    return value * duration_s, low * duration_s, high * duration_s


def idle_power_w(params: Mapping[str, Any]) -> float:
    """Watts of the idle machine, or of this virtual machine's share of an idle host."""
    return float(params["curve_w"][0])


def explain(params: Mapping[str, Any]) -> Explained:
    """The steps from table row to watts: name, value, unit, source; for `how computed`."""
    table = f"joulewise cpu table {params['table']}"
    steps: Explained = [
        ("CPU family", str(params["family_name"]), "", "CPUID, see cpu_ids.tsv"),
        ("basis", str(params["basis"]), "", str(params["source"])),
        ("logical CPUs", float(params["cpus"]), "", "/proc/stat"),
        ("physical cores counted", float(params["cores"]), "", _cores_source(params)),
        ("idle power per core", float(params["idle_w_per_core"]), "W", table),
        ("full-load power per core", float(params["max_w_per_core"]), "W", table),
        ("memory beyond the baseline", float(params["dram_extra_gb"]), "GB", "/proc/meminfo"),
        ("power of that memory", float(params["dram_extra_w"]), "W", _dram_source(params)),
    ]
    if params["virtual"]:
        steps.append(("dynamic power of an average host", float(params["host_ratio"]), "", "mean f(U)/U, 20 to 80 %"))
    for name, level in (("idle", 0), ("50 % load", 5), ("full load", 10)):
        steps.append((f"power at {name}", params["curve_w"][level], "W", "idle + (max - idle) f(u)"))
        steps.append((f"  low at {name}", params["low_w"][level], "W", "95 % bound, shared by the whole run"))
        steps.append((f"  high at {name}", params["high_w"][level], "W", "95 % bound, shared by the whole run"))
    return steps


def _dram_source(params: Mapping[str, Any]) -> str:
    return f"{params['dram_w_per_gb']} W/GB ({params['dram_low_w_per_gb']} to {params['dram_high_w_per_gb']})"


def _cores_source(params: Mapping[str, Any]) -> str:
    return "CPUs / the host's threads per core" if params["virtual"] else "/proc/cpuinfo, sysfs topology"
