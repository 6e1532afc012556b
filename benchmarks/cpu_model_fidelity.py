"""How well a machine's power is told without a counter: our model beside the published formulas of the field.

    python benchmarks/cpu_model_fidelity.py                  prints, and writes results/cpu_model_fidelity.json
    python benchmarks/cpu_model_fidelity.py --results FILE   scores the shipped tables on another file of results

The truth is the wall power of published SPECpower_ssj2008 servers at 0, 10 ... 100 % load. Our model predicts each
server from what software can know of it, after the whole derivation was done without it (or without its server
model, its vendor, its CPU family). The published formulas are given the true TDP of the CPU, which software rarely
can read. Coverage is that of the 95 % bounds before they are widened for servers in the field.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from math import ceil, exp, log
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import cpu_families as catalogue  # noqa: E402
import cpu_regression as regression  # noqa: E402
from cpu_regression import HeldOut, Server  # noqa: E402
from derive_cpu_model import read_results, reference_folder  # noqa: E402
from joulewise.core.errors import NotFound  # noqa: E402
from joulewise.core.frozen import replaced  # noqa: E402
from joulewise.measure import cpu_tables  # noqa: E402
from joulewise.measure.cpu_model import params_for, power_w  # noqa: E402

LEVELS = range(0, 101, 10)
RESULTS = ROOT / "benchmarks" / "results" / "cpu_model_fidelity.json"


def codecarbon_dimms(memory_gb: float) -> int:
    """How many DIMMs CodeCarbon 3.3.2 guesses (codecarbon/external/ram.py)."""
    for limit_gb, dimms in ((16, 2), (64, 4), (128, 8)):
        if memory_gb <= limit_gb:
            return dimms
    size_gb = max(size for size in (4, 8, 16, 32, 64, 128) if size <= memory_gb / 8)
    return min(32, ceil(memory_gb / size_gb))


def codecarbon_dimm_w(memory_gb: float) -> float:
    """5 W a DIMM, less for each further one, at least 10 W (codecarbon/external/ram.py)."""
    weights = [1.0] * 4 + [0.9] * 4 + [0.8] * 8 + [0.7] * 16
    return max(10.0, 5 * sum(weights[: codecarbon_dimms(memory_gb)]))


def boavizta_ratio(load: float) -> float:
    """Teads' share of TDP at 0, 10, 50 and 100 % load, straight lines between."""
    points = ((0.0, 0.12), (0.1, 0.32), (0.5, 0.75), (1.0, 1.02))
    for (x0, y0), (x1, y1) in pairwise(points):
        if load <= x1:
            return y0 + (y1 - y0) * (load - x0) / (x1 - x0)
    return points[-1][1]


FORMULAS: dict[str, Callable[[float, float, float], float]] = {
    "CodeCarbon 3.3.2: TDP (0.1 + 0.9 u^3) + DIMM": lambda u, tdp, gb: tdp * (0.1 + 0.9 * u**3) + codecarbon_dimm_w(gb),
    "linear: TDP max(0.1, u) + DIMM": lambda u, tdp, gb: tdp * max(0.1, u) + codecarbon_dimm_w(gb),
    "carbontracker 2.4.7: TDP / 2": lambda _u, tdp, _gb: tdp / 2,
    "Green Algorithms: TDP u + 0.3725 W/GB": lambda u, tdp, gb: tdp * u + 0.3725 * gb,
    "eco2AI 0.3.12: TDP u + 0.375 W/GB": lambda u, tdp, gb: tdp * u + 0.375 * gb,
    "Teads ratios of TDP + 0.284 W/GB (Boavizta)": lambda u, tdp, gb: tdp * boavizta_ratio(u) + 0.284 * gb,
}


def _percent(errors_log: Sequence[float]) -> list[float]:
    return [abs(1 / exp(error) - 1) * 100 for error in errors_log]


def summary(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Absolute errors in percent of the truth, from rows of ln(truth / estimate) per load level."""
    table = [_percent(row) for row in rows]
    flat = sorted(value for row in table for value in row)
    columns = [sorted(column) for column in zip(*table, strict=True)]
    return {
        "servers": len(table),
        "median_percent": round(median(flat), 2),
        "p90_percent": round(regression.quantile(flat, 0.9), 2),
        "median_percent_by_load": {str(x): round(median(c), 1) for x, c in zip(LEVELS, columns, strict=True)},
        "p90_percent_by_load": {
            str(x): round(regression.quantile(c, 0.9), 1) for x, c in zip(LEVELS, columns, strict=True)
        },
    }


def coverage(cases: Sequence[HeldOut], labels: Sequence[Hashable]) -> dict[str, Any]:
    """How often the 95 % bounds hold if they, too, come from the other groups alone, and how wide they are."""
    bounds: dict[Hashable, tuple[dict[str, float], list[float], list[float]]] = {}
    for label in dict.fromkeys(labels):
        rest = [case for case, other in zip(cases, labels, strict=True) if other != label]
        bounds[label] = (regression.spreads(rest), *regression.error_quantiles(rest))
    params = []
    for case, label in zip(cases, labels, strict=True):
        spread, low, high = bounds[label]
        own = spread.get(case.server.key, spread[""])
        family = replaced(case.family, low_spread=own, high_spread=own)
        shared = replaced(case.shared, low_log=tuple(low), high_log=tuple(high))
        params.append(params_for(family, shared, case.server.machine, fleet=False))
    return covered([case.server for case in cases], params)


def covered(servers: Sequence[Server], params: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Share of points within their bounds, and the median of (high - low) / estimate."""
    hits, widths = [], []
    for server, found in zip(servers, params, strict=True):
        for load, truth in zip(LEVELS, server.power_w, strict=True):
            value, low, high = power_w(found, load / 100)
            hits.append(low <= truth <= high)
            widths.append((high - low) / value)
    return {
        "coverage_95": round(sum(hits) / len(hits), 4),
        "median_relative_width": round(median(widths), 3),
        "p90_relative_width": round(regression.quantile(sorted(widths), 0.9), 3),
    }


GROUPS: dict[str, Callable[[Server], Hashable]] = {
    "one result out": id,
    "one server model out": lambda server: server.model,
    "one vendor out": lambda server: server.vendor,
}


def ours(servers: Sequence[Server]) -> dict[str, Any]:
    """Our model, with each kind of group left out of the whole derivation in turn."""
    scores = {}
    for name, group in GROUPS.items():
        labels = [group(server) for server in servers]
        cases = regression.held_out(servers, labels.__getitem__)
        scores[name] = {**summary([case.errors for case in cases]), **coverage(cases, labels)}
    unseen = regression.held_out(servers, lambda i: servers[i].key)
    generic, shared = cpu_tables.family(cpu_tables.GENERIC), cpu_tables.shared()
    widened = [
        params_for(
            replaced(case.family, low_spread=generic.low_spread, high_spread=generic.high_spread),
            replaced(case.shared, low_log=shared.low_log, high_log=shared.high_log),
            case.server.machine,
            fleet=False,
        )
        for case in unseen
    ]
    scores["one CPU family out (an unknown CPU)"] = {
        **summary([case.errors for case in unseen]),
        **covered(servers, widened),
    }
    return scores


def shipped(servers: Sequence[Server]) -> dict[str, Any]:
    """The tables as they ship, on these results."""
    shared = cpu_tables.shared()
    params = [params_for(_family(server.key), shared, server.machine, fleet=False) for server in servers]
    errors = [
        [log(truth / power_w(found, load / 100)[0]) for load, truth in zip(LEVELS, server.power_w, strict=True)]
        for server, found in zip(servers, params, strict=True)
    ]
    return {**summary(errors), **covered(servers, params)}


def _family(key: str) -> cpu_tables.Family:
    try:
        return cpu_tables.family(key)
    except NotFound:
        return cpu_tables.family(cpu_tables.GENERIC)


def published(path: Path) -> dict[str, Any]:
    """The formulas of the field on the servers whose TDP is known; memory and TDP are the true ones."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tdp_w_per_chip"]]
    scores = {}
    for name, formula in FORMULAS.items():
        errors = [
            [
                log(
                    float(row[f"power_w_load_{load}"])
                    / formula(load / 100, float(row["tdp_w_per_chip"]) * int(row["chips"]), float(row["memory_gb"]))
                )
                for load in LEVELS
            ]
            for row in rows
        ]
        scores[name] = summary(errors)
    scores["Cloud Carbon Footprint: min + u (max - min) per vCPU"] = _cloud_carbon_footprint(path)
    return scores


CCF = {
    "sandy-bridge-ep": "Sandy Bridge",
    "ivy-bridge-ep": "Ivy Bridge",
    "haswell-ep": "Haswell",
    "broadwell-ep": "Broadwell",
    "skylake-sp": "Skylake",
    "cascade-lake": "Cascade Lake",
    "coffee-lake": "Coffee Lake",
    "ice-lake-sp": "Ice Lake",
    "naples": "EPYC 1st Gen",
    "rome": "EPYC 2nd Gen",
    "milan": "EPYC 3rd Gen",
}


def _cloud_carbon_footprint(path: Path) -> dict[str, Any]:
    with path.with_name("cpu_ccf_coefficients.csv").open(encoding="utf-8", newline="") as file:
        table = {row["architecture"]: row for row in csv.DictReader(file) if row["provider"] == "aws"}
    rows = []
    for server in read_results(path):
        if server.key in CCF:
            row = table[CCF[server.key]]
            low, high = float(row["min_w_per_vcpu"]), float(row["max_w_per_vcpu"])
            watts = [server.threads * (low + (high - low) * load / 100) for load in LEVELS]
            rows.append([log(truth / estimate) for truth, estimate in zip(server.power_w, watts, strict=True)])
    return summary(rows)


def line(name: str, score: dict[str, Any]) -> str:
    at = score["median_percent_by_load"]
    bounds = f"{score['coverage_95']:8.1%} {score['median_relative_width']:6.2f}" if "coverage_95" in score else ""
    loads = " ".join(f"{at[load]:5.0f}" for load in ("0", "10", "50", "100"))
    return f"{name:54s} {score['median_percent']:6.1f} {score['p90_percent']:6.1f}  {loads} {bounds}"


_LOADS = " ".join(f"{load:>5s}" for load in ("0 %", "10 %", "50 %", "100 %"))
HEAD = f"{'|error|, % of the wall power':54s} median    p90  {_LOADS}   bounds  width"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, help="score the shipped tables on this file instead")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the scores go")
    options = parser.parse_args(arguments)
    print(HEAD)
    if options.results:
        print(line("shipped tables", shipped(regression.read_servers(options.results, catalogue.key_of))))
        return 0
    path = reference_folder() / "specpower_results_by_load.csv"
    servers = read_results(path)
    scores: dict[str, Any] = {
        "joulewise": ours(servers),
        "published": published(path),
        "table": cpu_tables.shared().version,
    }
    for name, score in scores["joulewise"].items():
        print(line(f"joulewise, {name}", score))
    for name, score in scores["published"].items():
        print(line(name, score))
    options.json.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
