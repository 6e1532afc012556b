"""The bundled tables, read on demand with the standard library.

Each file is read once, hashed (SHA-256) and split; rows become Factors only when somebody asks for them.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from functools import cache

SET_VERSION = "2026.11"
"""Rises whenever a bundled table changes; `manifest.csv` pins the bytes of each."""

NAMES = ("cloud_regions", "countries", "defaults", "equivalences", "sources", "us_subregions")
SHAPES = ("shape_zones", "shapes")
"""Typical hours: pinned by the manifest, but no factors, so the set's name does not depend on them."""
LIVE = ("fuel_factors", "grid_codes")
"""What the live providers need: their codes of our zones, and the factors of fuels; pinned by the manifest."""
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


@dataclass(frozen=True, slots=True)
class Table:
    """A bundled table: its rows by column name, and the SHA-256 of its bytes."""

    name: str
    sha256: str
    rows: tuple[dict[str, str], ...]


@cache
def table(name: str) -> Table:
    """Read one of NAMES."""
    with open(os.path.join(_FOLDER, f"{name}.csv"), "rb") as file:
        raw = file.read()
    rows = tuple(csv.DictReader(raw.decode("utf-8").splitlines()))
    return Table(name, hashlib.sha256(raw).hexdigest(), rows)


@cache
def by_key(name: str, column: str) -> dict[str, dict[str, str]]:
    """The rows of a table by a column that is unique in it."""
    return {row[column]: row for row in table(name).rows}


def manifest() -> dict[str, str]:
    """Table file to the SHA-256 that it was released with."""
    with open(os.path.join(_FOLDER, "manifest.csv"), encoding="utf-8", newline="") as file:
        return {row["table"]: row["sha256"] for row in csv.DictReader(file)}


def set_sha256() -> str:
    """SHA-256 over the names and hashes of all tables."""
    lines = "".join(f"{name} {table(name).sha256}\n" for name in NAMES)
    return hashlib.sha256(lines.encode("ascii")).hexdigest()
