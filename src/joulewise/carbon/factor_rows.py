"""Rows of the bundled tables as Factors, each with source, licence, version, validity and band."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from joulewise.carbon.tables import SET_VERSION, by_key, set_sha256, table
from joulewise.core.figures import DEFAULT, REPORTED
from joulewise.core.records import Factor
from joulewise.core.units import g_from_kg, s_from_years

KINDS = ("intensity", "pue", "wue", "ewif", "embodied", "lifespan", "equivalence")
_YEAR = "annual"
_CANONICAL = {"kg": (g_from_kg, "g"), "years": (s_from_years, "s")}


@cache
def set_id() -> str:
    """Name of the bundled set: its version and the start of its hash."""
    return f"joulewise-{SET_VERSION}-{set_sha256()[:8]}"


def factors(kind: str, zone: str) -> list[Factor]:
    """All bundled factors of a kind for a canonical zone, region, class or name, oldest first; [] if none."""
    if kind == "intensity":
        return _intensities(zone)
    if kind == "equivalence":
        return [_equivalence(row) for row in table("equivalences").rows if row["name"] == zone]
    region = by_key("cloud_regions", "region").get(zone)
    if region and kind in ("pue", "wue"):
        return _of_region(kind, region)
    return [_default(row) for row in table("defaults").rows if row["kind"] == kind and row["zone"] == zone]


def zones(kind: str) -> Iterator[str]:
    """The zones, regions, classes or names that have a bundled factor of this kind."""
    if kind == "intensity":
        yield from by_key("countries", "zone")
        yield from by_key("us_subregions", "zone")
        return
    if kind == "equivalence":
        yield from dict.fromkeys(row["name"] for row in table("equivalences").rows)
        return
    yield from (row["zone"] for row in table("defaults").rows if row["kind"] == kind)
    if kind in ("pue", "wue"):
        column = "pue" if kind == "pue" else "wue_l_per_kwh"
        yield from (row["region"] for row in table("cloud_regions").rows if row[column])


def _intensities(zone: str) -> list[Factor]:
    country = by_key("countries", "zone").get(zone)
    if country:
        return [_of_country(country, year) for year in country if year.isdigit() and country[year]]
    subregion = by_key("us_subregions", "zone").get(zone)
    return [_of_subregion(subregion)] if subregion else []


def _of_country(row: dict[str, str], year: str) -> Factor:
    value = float(row[year])
    return _factor(
        "countries",
        "ember-2026",
        id=f"intensity:{row['zone']}:{year}:ember-2026",
        kind="intensity",
        zone=row["zone"],
        value=value,
        low=value * min(1.0, float(row["low_ratio"])),
        high=value * max(1.0, float(row["high_ratio"])),
        unit="g/kWh",
        method=DEFAULT if row["zone"] == "WORLD" else REPORTED,
        signal="average",
        basis="lifecycle",
        scope="production",
        note=f"annual average; band for an hour or a part of the zone: {row['band']}",
        **_validity(year),
    )


def _of_subregion(row: dict[str, str]) -> Factor:
    value = float(row["average_g_per_kwh"])
    return _factor(
        "us_subregions",
        "egrid2023",
        id=f"intensity:{row['zone']}:{row['year']}:egrid2023",
        kind="intensity",
        zone=row["zone"],
        value=value,
        low=value * float(row["low_ratio"]),
        high=value * float(row["high_ratio"]),
        unit="g/kWh",
        method=REPORTED,
        signal="average",
        basis="direct",
        scope="production",
        gwp="AR5",
        note=f"{row['name']}; total output, no line losses; band for an hour: {row['band']}",
        **_validity(row["year"]),
    )


def _of_region(kind: str, row: dict[str, str]) -> list[Factor]:
    column = "pue" if kind == "pue" else "wue_l_per_kwh"
    if not row[column]:
        return []
    collected = "GSF" in row["pue_source"]
    year = row["pue_source"][-4:] if collected else "2024"
    note = f"{row['pue_source']}; {row['location'] or 'no city published'}; zone {row['zone']} by {row['zone_source']}"
    made = _factor(
        "cloud_regions",
        "cloud-gsf" if collected else "cloud-average",
        id=f"{kind}:{row['region']}:{year}:cloud-2025",
        kind=kind,
        zone=row["region"],
        value=float(row[column]),
        low=float(row[f"{kind}_low"]),
        high=float(row[f"{kind}_high"]),
        unit="1" if kind == "pue" else "L/kWh",
        method=REPORTED if collected else DEFAULT,
        note=note,
        **_validity(year),
    )
    return [made]


def _default(row: dict[str, str]) -> Factor:
    convert, unit = _CANONICAL.get(row["unit"], (float, row["unit"]))
    return _factor(
        "defaults",
        row["source_key"],
        id=f"{row['kind']}:{row['zone']}:{row['valid_from'][:4]}:{row['source_key']}",
        kind=row["kind"],
        zone=row["zone"],
        value=convert(float(row["value"])),
        low=convert(float(row["low"])),
        high=convert(float(row["high"])),
        unit=unit,
        method=row["method"],
        valid_from=row["valid_from"],
        valid_to="",
        resolution="",
        note=row["note"],
    )


def _equivalence(row: dict[str, str]) -> Factor:
    vintage = row["vintage"].casefold().replace(",", "").replace(" ", "-")
    return _factor(
        "equivalences",
        row["source_key"],
        id=f"equivalence:{row['name']}:{vintage}",
        kind="equivalence",
        zone=row["name"],
        value=float(row["value"]),
        low=float(row["low"]),
        high=float(row["high"]),
        unit=row["unit"],
        method=REPORTED,
        valid_from="",
        valid_to="",
        resolution="",
        note="; ".join(part for part in (row["label"], row["note"]) if part),
        version=row["vintage"],
    )


def _validity(year: str) -> dict[str, str]:
    return {"valid_from": f"{year}-01-01", "valid_to": f"{year}-12-31", "resolution": _YEAR}


def _factor(table_name: str, source_key: str, **fields: Any) -> Factor:
    source = by_key("sources", "key")[source_key]
    about = {name: source[name] for name in ("source", "url", "licence", "version")}
    values = {**about, **fields}
    # the ledger keeps a factor by its id for ever: another release with another content needs another id
    made = Factor(set_id=set_id(), sha256=table(table_name).sha256, **values)
    return replace(made, id=f"{made.id}@{hashlib.sha256(repr(made).encode()).hexdigest()[:8]}")
