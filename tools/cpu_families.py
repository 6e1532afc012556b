"""Which published results belong to which CPU family, and how a family without load levels is anchored.

The keys are those of src/joulewise/measure/data/cpu_ids.tsv. Clocks are nominal ones, from the makers' data sheets.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_VERSIONS = {
    "": ("sandy-bridge-client", "sandy-bridge-ep"),
    "2": ("ivy-bridge-client", "ivy-bridge-ep"),
    "3": ("haswell-client", "haswell-ep"),
    "4": ("haswell-client", "broadwell-ep"),
    "5": ("skylake-client", "skylake-sp"),
    "6": ("kaby-lake", "skylake-sp"),
}
_ARCHITECTURES = {
    "skylake": "skylake-sp",
    "cascadelake": "cascade-lake",
    "cooperlake": "cooper-lake",
    "icelake": "ice-lake-sp",
    "coffeelake": "coffee-lake",
    "rocketlake": "rocket-lake",
    "kabylabe": "kaby-lake",
    "kabylake": "kaby-lake",
    "broadwell": "broadwell-ep",
    "haswell": "haswell-ep",
    "ivybridge": "ivy-bridge-ep",
    "sandybridge": "sandy-bridge-ep",
    "epyc-gen1": "naples",
    "epyc-gen2": "rome",
    "epyc-gen3": "milan",
    "epyc": "milan",
    "opteron": "opteron-bulldozer",
}
NAMES = {
    "sandy-bridge-ep": "Intel Sandy Bridge-EP (Xeon E5)",
    "ivy-bridge-ep": "Intel Ivy Bridge-EP (Xeon E5 v2)",
    "haswell-ep": "Intel Haswell-EP (Xeon E5 v3)",
    "broadwell-ep": "Intel Broadwell-EP (Xeon E5 v4)",
    "ivy-bridge-client": "Intel Ivy Bridge (Xeon E3 v2, Core)",
    "haswell-client": "Intel Haswell (Xeon E3 v3, Core)",
    "skylake-client": "Intel Skylake (Xeon E3 v5, Core)",
    "kaby-lake": "Intel Kaby Lake (Xeon E3 v6, Core)",
    "coffee-lake": "Intel Coffee Lake (Xeon E-2100/2200, Core)",
    "rocket-lake": "Intel Rocket Lake (Xeon E-2300, Core)",
    "skylake-sp": "Intel Skylake-SP (Xeon Scalable)",
    "cascade-lake": "Intel Cascade Lake (Xeon Scalable, 2nd)",
    "cooper-lake": "Intel Cooper Lake (Xeon Scalable, 3rd)",
    "ice-lake-sp": "Intel Ice Lake-SP (Xeon Scalable, 3rd)",
    "naples": "AMD EPYC 7001 Naples (Zen)",
    "rome": "AMD EPYC 7002 Rome (Zen 2)",
    "milan": "AMD EPYC 7003 Milan (Zen 3)",
    "opteron-bulldozer": "AMD Opteron 4200-6300 (Bulldozer, Piledriver)",
}
CLIENTS = ("ivy-bridge-client", "skylake-client", "kaby-lake", "coffee-lake", "rocket-lake")
"""Families whose effects make the row of an unknown desktop or laptop CPU."""


OLD_MEMORY = frozenset(
    [
        "core-xeon",
        "nehalem-westmere",
        "sandy-bridge-client",
        "sandy-bridge-ep",
        "ivy-bridge-client",
        "ivy-bridge-ep",
        "haswell-client",
        "opteron-bulldozer",
    ]
)
"""Families with DDR2 or DDR3: small chips, many of them."""


def dram_w_per_gb(key: str) -> float:
    """Watts of a gigabyte beyond the baseline, before its wide band.

    3 W for 8 GB is the maker's rule for DDR3 (Crucial, as CodeCarbon < 3.0, eco2AI and Green Algorithms use it).
    For DDR4 and DDR5 0.1 is the geometric middle of what was found: 0.02 (wall, idle) to 0.4 (busy).
    """
    return 0.375 if key in OLD_MEMORY else 0.1


def key_of(row: Mapping[str, str]) -> str:
    """The CPUID family of a published result. A Xeon E3/E5 says its generation by its version, whatever the label."""
    cpu = row["cpu"]
    if re.search(r"Core|Pentium|Celeron", cpu):
        return {"haswell": "haswell-client", "ivybridge": "ivy-bridge-client"}.get(row["architecture"], "client")
    xeon = re.search(r"(E3-12|E5-[124])\d+L? ?(?:[vV](\d))?", cpu)
    if xeon:
        return _VERSIONS[xeon.group(2) or ""][0 if xeon.group(1) == "E3-12" else 1]
    return _ARCHITECTURES.get(row["architecture"], "generic")


@dataclass(frozen=True, slots=True)
class Anchored:
    """A family of which only idle and full load are known, per model of CPU; the load shape is borrowed."""

    key: str
    name: str
    pattern: str
    ghz: float
    sockets: int
    shape_from: str
    threads_per_core: int = 2


ANCHORED = (
    Anchored("core-xeon", "Intel Core 2 era (Xeon 5400, 3300)", r"Xeon ([EL]54\d\d|X33\d\d|L33\d\d)", 2.5, 2, "", 1),
    Anchored("nehalem-westmere", "Intel Nehalem, Westmere (Xeon 5500, 5600)", r"Xeon [ELX]5[56]\d\d", 2.9, 2, ""),
    Anchored("sandy-bridge-client", "Intel Sandy Bridge (Xeon E3, Core)", r"E3-12\d\dL?$", 3.1, 1, "ivy-bridge-client"),
    Anchored(
        "sapphire-rapids",
        "Intel Sapphire Rapids (Xeon Scalable, 4th)",
        r"(Gold 64|Platinum 84)\d\d",
        2.0,
        2,
        "ice-lake-sp",
    ),
    Anchored(
        "emerald-rapids",
        "Intel Emerald Rapids (Xeon Scalable, 5th)",
        r"(Gold [56]5|Platinum 85)\d\d",
        1.9,
        2,
        "ice-lake-sp",
    ),
    Anchored("granite-rapids", "Intel Granite Rapids (Xeon 6 P-core)", r"Xeon 6[79]\d\dP", 2.0, 2, "ice-lake-sp"),
    Anchored("sierra-forest", "Intel Sierra Forest (Xeon 6 E-core)", r"6[67]\d\dE", 2.2, 2, "", 1),
    Anchored("genoa", "AMD EPYC 9004 Genoa (Zen 4)", r"EPYC 9[1-6]\d4P?$", 2.4, 2, "milan"),
    Anchored(
        "bergamo-siena", "AMD EPYC 97x4 Bergamo, 8004 Siena (Zen 4c)", r"EPYC (97\d4|8\d\d4PN?)$", 2.25, 2, "milan"
    ),
    Anchored("turin", "AMD EPYC 9005 Turin (Zen 5)", r"EPYC 9[67]55$", 2.6, 2, "milan"),
    Anchored("turin-dense", "AMD EPYC 9005 Turin Dense (Zen 5c)", r"EPYC 9[89][46]5$", 2.1, 2, "milan"),
    Anchored("neoverse-n1", "Arm Neoverse N1 (Ampere Altra, Graviton2)", r"Ampere", 3.0, 1, "", 1),
)
SINGLE = re.compile(r"EPYC.*P|E3-|Ampere|X33\d\d|L33\d\d|\dU$")
"""Models of CPU that only go into machines with one socket, or were only published so."""


@dataclass(frozen=True, slots=True)
class Sku:
    """Medians over the results of one model of CPU."""

    cpu: str
    results: int
    cores_per_chip: float
    gb_per_core: float | None
    idle_w_per_core: float
    max_w_per_core: float

    @property
    def single(self) -> bool:
        return SINGLE.search(self.cpu) is not None


def read_skus(path: Path) -> list[Sku]:
    """The table of idle and full-load watts per model of CPU."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Sku(
                cpu=row["cpu"],
                results=int(row["n_results"]),
                cores_per_chip=float(row["cores_per_chip"]),
                gb_per_core=float(row["mem_gb_per_chip"]) / float(row["cores_per_chip"])
                if row["mem_gb_per_chip"]
                else None,
                idle_w_per_core=float(row["idle_w_per_core"]),
                max_w_per_core=float(row["max_w_per_core"]),
            )
            for row in csv.DictReader(file)
        ]


def matching(skus: Sequence[Sku], pattern: str) -> list[Sku]:
    """The models of CPU whose name the pattern finds; none is an error of the catalogue."""
    found = [sku for sku in skus if re.search(pattern, sku.cpu)]
    if not found:
        raise ValueError(f"no CPU matches {pattern!r}")
    return found
