"""Which CPU this is, by CPUID or MIDR; never by a fuzzy match of its name.

Reads:  the first processor of /proc/cpuinfo, as text.
Traps:  clouds blank the brand ("AMD EPYC"), so a text match gives 120 W or 500 W for the same machine; desktop and
        server chips share a die (Threadripper and EPYC), so a brand that starts with "AMD Ryzen" is never a server.
        The clock: `cpu MHz` is the momentary one; twice the BogoMIPS of a CPU with a constant TSC is the nominal one.
"""

from __future__ import annotations

from joulewise.core.frozen import Frozen
from joulewise.measure.cpu_tables import CLIENT, FOLDER, GENERIC, ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ARM = "arm-"
_DESKTOP_BRANDS = ("AMD Ryzen", "AMD Athlon")
_FASTEST_GHZ = 8.0


class CpuIdentity(Frozen):
    """What /proc/cpuinfo says of the first processor; None where it is silent.

    `threads_per_chip` and `cores_per_chip` are as the kernel sees them: in a guest, as the hypervisor invents them.
    """

    vendor: str
    family: int | None = None
    model: int | None = None
    stepping: int | None = None
    brand: str = ""
    threads_per_chip: int | None = None
    cores_per_chip: int | None = None
    nominal_ghz: float | None = None
    hypervisor: bool = False


def identify(cpuinfo: str) -> CpuIdentity | None:
    """The identity of the first processor; None if the text names none."""
    fields: dict[str, str] = {}
    for line in cpuinfo.split("\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if name == "processor" and name in fields:
            break
        if colon:
            fields.setdefault(name, value.strip())
    if "CPU implementer" in fields:
        return _arm(fields)
    return _x86(fields) if fields.get("vendor_id") else None


def _x86(fields: Mapping[str, str]) -> CpuIdentity:
    flags = f" {fields.get('flags', '')} "
    return CpuIdentity(
        vendor=fields["vendor_id"],
        family=_integer(fields.get("cpu family")),
        model=_integer(fields.get("model")),
        stepping=_integer(fields.get("stepping")),
        brand=fields.get("model name", ""),
        threads_per_chip=_integer(fields.get("siblings")),
        cores_per_chip=_integer(fields.get("cpu cores")),
        nominal_ghz=_nominal_ghz(fields.get("bogomips"), " constant_tsc " in flags),
        hypervisor=" hypervisor " in flags,
    )


def _arm(fields: Mapping[str, str]) -> CpuIdentity:
    implementer = _integer(fields["CPU implementer"])
    return CpuIdentity(
        vendor=f"{ARM}{implementer or 0:02x}",
        family=0,
        model=_integer(fields.get("CPU part")),
        stepping=_integer(fields.get("CPU revision")),
        brand=fields.get("model name", ""),
    )


def _integer(text: str | None) -> int | None:
    """A count or id, decimal or 0x; None for anything else, and for a negative one."""
    try:
        value = int(text or "", 0)
    except ValueError:
        return None
    return value if value >= 0 else None


def _nominal_ghz(bogomips: str | None, constant: bool) -> float | None:
    try:
        value = float(bogomips or "") / 2000
    except ValueError:
        return None
    return round(value, 3) if constant and 0.5 <= value <= _FASTEST_GHZ else None


def family_key(identity: CpuIdentity, folder: str = FOLDER) -> tuple[str, str]:
    """The family's key and the CPU's name; `generic` or `client` with an empty name for a CPU that no table knows."""
    if identity.family is not None and identity.model is not None:
        for _, _, *span, key, name in ids(identity.vendor, identity.family, folder):
            first, last, from_step, to_step = (int(edge, 16) for edge in span)
            stepping = from_step if identity.stepping is None else min(identity.stepping, 15)
            if first <= identity.model <= last and from_step <= stepping <= to_step:
                return (CLIENT if _is_desktop(identity) else key), name
    return (CLIENT if _is_desktop(identity) else GENERIC), ""


def _is_desktop(identity: CpuIdentity) -> bool:
    return identity.brand.startswith(_DESKTOP_BRANDS)
