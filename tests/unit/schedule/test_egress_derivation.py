"""The committed table of prices is what the derivation gives from the raw data."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

from joulewise.carbon.tables import by_key


def test_the_table_is_up_to_date(root: Path, reference_data: Path) -> None:
    tool = [sys.executable, str(root / "tools" / "derive_egress.py"), "--check"]
    environ = {**os.environ, "JOULEWISE_REFERENCE_DATA": str(reference_data)}
    done = subprocess.run(tool, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout.strip()) == (0, "table is up to date"), done.stderr


def test_every_row_names_known_regions_a_price_and_its_source(root: Path) -> None:
    with (root / "src/joulewise/schedule/data/egress.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = by_key("cloud_regions", "region").keys() | {"*"}
    assert {row[end] for row in rows for end in ("from_region", "to_region")} <= known
    assert all(0 < float(row["usd_per_gb"]) < 0.2 and row["source"] and row["licence"] for row in rows)
    assert len({(row["from_region"], row["to_region"]) for row in rows}) == len(rows)
