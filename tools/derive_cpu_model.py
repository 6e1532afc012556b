"""Derive the CPU power tables of joulewise from published SPECpower_ssj2008 results.

    python tools/derive_cpu_model.py            writes src/joulewise/measure/data/cpu_families.tsv and cpu_model.tsv
    python tools/derive_cpu_model.py --check    exits with 1 if what is committed differs

Reads $JOULEWISE_REFERENCE_DATA/hardware (default: ../shared/data beside the checkout). The same input gives the same
bytes: no clock, no random numbers, no third-party arithmetic. The raw results are not part of the package.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import cache
from math import exp, log
from pathlib import Path
from statistics import median

import cpu_families as catalogue
import cpu_regression as regression
from cpu_regression import Fit, HeldOut, Server
from joulewise.core.frozen import replaced
from joulewise.measure.cpu_model import params_for
from joulewise.measure.cpu_tables import CLIENT, FOLDER, GENERIC, LEVELS, Family, Shared

VERSION = "2026.11"
ENDS_WIDENING = 1.25  # by judgement: clock and memory of the servers behind a per-CPU median are not known
LOADS_SOURCE = (
    "SPECpower_ssj2008 results 2012-2022 via green-coding-solutions/cloud-energy 6a25a2b (MIT); "
    "derived coefficients under SPEC fair use"
)
ENDS_SOURCE = (
    "SPECpower_ssj2008 results to 2026-03-09 via cloud-carbon-footprint/ccf-coefficients b0032d9 (Apache-2.0); "
    "derived coefficients under SPEC fair use; load shape of {shape}"
)
LATER_ARM = ("neoverse-later", "Arm Neoverse V1, N2, V2 and later (Graviton3/4, Grace, Cobalt, Axion)")
CORTEX = ("arm-cortex", "Arm Cortex-A (single-board computers)")
COLUMNS = tuple(Family.__annotations__)


def reference_folder() -> Path:
    """Where the raw tables lie."""
    fallback = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("JOULEWISE_REFERENCE_DATA", fallback)) / "hardware"


def read_results(path: Path) -> list[Server]:
    """Published results with all load levels."""
    return regression.read_servers(path, catalogue.key_of)


@cache
def derive(folder: Path) -> tuple[tuple[Family, ...], Shared]:
    """All family rows and the shared row, unrounded."""
    servers = read_results(folder / "specpower_results_by_load.csv")
    skus = catalogue.read_skus(folder / "cpu_specpower_by_sku.csv")
    found = regression.fit(servers)
    cases = regression.held_out(servers, lambda i: i)
    low, high = regression.error_quantiles(cases)
    shared = replaced(regression.shared_of(found, low, high), version=VERSION)
    spread = regression.spreads(cases)
    families = [
        replaced(regression.family_of(found, servers, key, spread[key]), name=catalogue.NAMES[key], source=LOADS_SOURCE)
        for key in sorted({server.key for server in servers})
    ]
    borrowed = ENDS_WIDENING * borrowed_spread(servers, cases, shared)
    families += [anchored(found, families, skus, entry, borrowed) for entry in catalogue.ANCHORED]
    families += defaults(found, servers, families, skus, shared)
    return tuple(families), shared


def borrowed_spread(servers: Sequence[Server], cases: Sequence[HeldOut], shared: Shared) -> float:
    """The spread that covers 95 % of points if a family must borrow the load shape of all the others."""
    shapes = {key: regression.fit([s for s in servers if s.key != key]).shape for key in {s.key for s in servers}}
    needed = []
    for case in cases:
        family = replaced(case.family, shape=shapes[case.server.key])
        curve_w = params_for(family, case.shared, case.server.machine)["curve_w"]
        for level, (truth, estimate) in enumerate(zip(case.server.power_w, curve_w, strict=True)):
            error = log(truth / estimate)
            needed.append(error / (shared.high_log[level] if error > 0 else shared.low_log[level]))
    return regression.quantile(sorted(needed), 0.95)


def anchored(
    found: Fit, families: Sequence[Family], skus: Sequence[catalogue.Sku], entry: catalogue.Anchored, spread: float
) -> Family:
    """A family whose idle and full load come from the table per model of CPU."""
    own = catalogue.matching(skus, entry.pattern)
    common = max(own, key=lambda sku: (sku.results, sku.cpu))
    shapes = {family.key: family.shape for family in families}
    idle, full = (
        _at_reference(found, which, own, common.cores_per_chip, entry.sockets == 1, entry.ghz) for which in (0, 1)
    )
    return Family(
        key=entry.key,
        name=entry.name,
        method="modelled",
        basis="ends",
        results=sum(sku.results for sku in own),
        idle_w_per_core=idle,
        max_w_per_core=full,
        cores_per_chip=common.cores_per_chip,
        sockets=float(entry.sockets),
        ghz=entry.ghz,
        gb_per_core=median(sku.gb_per_core for sku in own if sku.gb_per_core is not None),
        dram_w_per_gb=catalogue.dram_w_per_gb(entry.key),
        threads_per_core=entry.threads_per_core,
        low_spread=spread,
        high_spread=spread,
        shape=shapes.get(entry.shape_from, found.shape),
        source=ENDS_SOURCE.format(shape=entry.shape_from or "all families"),
    )


def _at_reference(
    found: Fit, which: int, skus: Sequence[catalogue.Sku], cores: float, single: bool, ghz: float
) -> float:
    """Watts per core at the family's usual size: each model of CPU is moved there by the slopes, then averaged."""
    slopes = found.slopes[which]
    home = regression.covariates(cores, single, ghz)
    total = weight = 0.0
    for sku in skus:
        here = regression.covariates(sku.cores_per_chip, sku.single, ghz)
        moved = sum(b * (x - y) for b, x, y in zip(slopes[1:], home, here, strict=True))
        count = min(sku.results, 10)  # one much-published model is not the whole family
        total += count * (log(sku.max_w_per_core if which else sku.idle_w_per_core) + moved)
        weight += count
    return exp(total / weight)


def defaults(
    found: Fit, servers: Sequence[Server], families: Sequence[Family], skus: Sequence[catalogue.Sku], shared: Shared
) -> list[Family]:
    """Rows for a CPU that no table knows, with bounds that say so."""
    low, high = unknown_spreads(servers, shared)
    generic = replaced(
        regression.family_of(found, servers, GENERIC),
        name="unknown server CPU",
        low_spread=low,
        high_spread=high,
        source=f"{LOADS_SOURCE}; all families, bounds from leaving whole families out",
    )
    rows = {family.key: family for family in families}
    home = [rows[key] for key in catalogue.CLIENTS]
    client = _default(generic, rows["rocket-lake"], home, CLIENT, "unknown desktop or laptop CPU", (4.0, 1.7))
    altra = rows["neoverse-n1"]
    grace = replaced(altra, **_watts(catalogue.matching(skus, "Grace")))
    later = _default(generic, altra, [altra, grace], *LATER_ARM, (low, high))
    a53 = replaced(altra, **_watts(catalogue.matching(skus, "Cortex A53")), cores_per_chip=4.0)
    cortex = _default(generic, a53, [a53], *CORTEX, (2.5, 3.0))
    return [client, later, replaced(cortex, cores_per_chip=4.0, ghz=1.5, gb_per_core=1.0), generic]


def _watts(skus: Sequence[catalogue.Sku]) -> dict[str, float]:
    return {"idle_w_per_core": skus[0].idle_w_per_core, "max_w_per_core": skus[0].max_w_per_core}


def _default(
    generic: Family, size: Family, parts: Sequence[Family], key: str, name: str, spread: tuple[float, float]
) -> Family:
    """The geometric mean of some families under a new name, method default."""
    mean = {
        field: exp(sum(log(getattr(part, field)) for part in parts) / len(parts))
        for field in ("idle_w_per_core", "max_w_per_core")
    }
    return replaced(
        size,
        key=key,
        name=name,
        method="default",
        basis="generic",
        results=0,
        low_spread=spread[0],
        high_spread=spread[1],
        source=f"joulewise: mean of {', '.join(sorted({part.key for part in parts}))}, bounds by judgement; "
        + generic.source.partition(";")[0],
        **mean,
    )


def unknown_spreads(servers: Sequence[Server], shared: Shared) -> tuple[float, float]:
    """Spreads that hold 95 % of the results of families that the model never saw."""
    cases = regression.held_out(servers, lambda i: servers[i].key)
    scaled = sorted(
        case.errors[level] / (shared.high_log[level] if case.errors[level] > 0 else -shared.low_log[level])
        for case in cases
        for level in range(LEVELS)
    )
    return max(1.0, -regression.quantile(scaled, 0.025)), max(1.0, regression.quantile(scaled, 0.975))


def families_text(families: Sequence[Family]) -> str:
    lines = [
        "# CPU families: watts of the whole server at the wall per physical core; see cpu_tables.Family.",
        "# Derived by tools/derive_cpu_model.py; do not edit. SPECpower_ssj2008 is a trademark of SPEC, www.spec.org.",
        "\t".join(COLUMNS),
    ]
    lines += ["\t".join(_cell(getattr(family, column)) for column in COLUMNS) for family in families]
    return "\n".join(lines) + "\n"


def shared_text(shared: Shared) -> str:
    columns = tuple(Shared.__annotations__)
    return "\n".join(
        [
            "# What all CPU families share: slopes and bounds; see cpu_tables.Shared.",
            "# Derived by tools/derive_cpu_model.py; do not edit. Memory, VM, fleet: docs/explanation/uncertainty.md.",
            "\t".join(columns),
            "\t".join(_cell(getattr(shared, column)) for column in columns),
            "",
        ]
    )


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_cell(part) for part in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    parser.add_argument("--to", type=Path, default=Path(FOLDER), help="folder of the tables")
    options = parser.parse_args(arguments)
    families, shared = derive(reference_folder())
    different = []
    for name, text in (("cpu_families.tsv", families_text(families)), ("cpu_model.tsv", shared_text(shared))):
        path = options.to / name
        if options.check:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                different.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    for name in different:
        print(f"{name} differs from its derivation; run python tools/derive_cpu_model.py", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
