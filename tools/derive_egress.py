"""Derive src/joulewise/schedule/data/egress.csv from the providers' list prices in the raw reference data.

    python tools/derive_egress.py            write the table
    python tools/derive_egress.py --check    compare only; exit code 1 on a difference

Reads:  $JOULEWISE_REFERENCE_DATA/grid/network_cost_usd_per_gb_*.csv (default: ../shared/data beside the checkout).
Writes: a row for each region that data leave, with its usual price; a row more for each target with another price.
        Regions that the bundled table of cloud regions does not have are left out.
Mends:  Google's collected table has the price of the target only (Asia to the US at the price within the US, though
        US to Asia costs four times that); the larger of both directions is taken.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "joulewise" / "schedule" / "data" / "egress.csv"
REGIONS = ROOT / "src" / "joulewise" / "carbon" / "data" / "cloud_regions.csv"
PROVIDERS = ("aws", "azure", "gcp")
BOTH_DIRECTIONS = ("gcp",)
ANY = "*"
SOURCE = "{} list price between regions, as collected by SustainCluster"
LICENCE = "Facts with citation (collection: MIT)"
VERSION = "undated, seen 2025"
HEADER = ("from_region", "to_region", "usd_per_gb", "source", "licence", "version")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    text = derive(reference_folder() / "grid")
    stale = not TARGET.exists() or TARGET.read_text() != text
    if stale and not check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text)
    print(("differs: " if check else "wrote: ") + TARGET.name if stale else "table is up to date")
    return 1 if check and stale else 0


def reference_folder() -> Path:
    return Path(os.environ.get("JOULEWISE_REFERENCE_DATA", ROOT.parent / "shared" / "data"))


def derive(grid: Path) -> str:
    """The text of the table."""
    known = {row["region"] for row in _rows(REGIONS)}
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    for provider in PROVIDERS:
        for origin, prices in _prices(grid, provider, known).items():
            writer.writerows(_compact(provider, origin, prices))
    return out.getvalue()


def _prices(grid: Path, provider: str, known: set[str]) -> dict[str, dict[str, float]]:
    """USD per GB by origin and target."""
    rows = _rows(grid / f"network_cost_usd_per_gb_{provider}.csv")
    found = {
        (_region(provider, row[""]), _region(provider, name)): float(text)
        for row in rows
        for name, text in row.items()
        if name
    }
    pairs = [(origin, target) for origin, target in found if origin != target and {origin, target} <= known]
    both = provider in BOTH_DIRECTIONS
    prices: dict[str, dict[str, float]] = {}
    for origin, target in pairs:
        way_back = found[target, origin] if both else 0.0
        prices.setdefault(origin, {})[target] = max(found[origin, target], way_back)
    return prices


def _compact(provider: str, origin: str, prices: dict[str, float]) -> list[dict[str, str]]:
    usual = Counter(prices.values()).most_common(1)[0][0]
    source = SOURCE.format(provider) + ("; the larger of both directions" if provider in BOTH_DIRECTIONS else "")
    about = {"source": source, "licence": LICENCE, "version": VERSION}
    made = [{"from_region": origin, "to_region": ANY, "usd_per_gb": f"{usual:g}", **about}]
    for target, price in sorted(prices.items()):
        if price != usual:
            made.append({"from_region": origin, "to_region": target, "usd_per_gb": f"{price:g}", **about})
    return made


def _region(provider: str, name: str) -> str:
    """Our name of a region: Azure's table has "West Europe" for westeurope."""
    return f"{provider}:{name.casefold().replace(' ', '')}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
