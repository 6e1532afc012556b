"""All places that we know by name: grid zones with a factor, their typical hours, and the cloud regions in them."""

from __future__ import annotations

from dataclasses import dataclass

from joulewise.carbon.tables import by_key, table
from joulewise.carbon.time_zones import time_zone_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A grid zone. `shape_years` are the years that its typical hours are from ("2020-22"), "" if it has none;
    `shape_area` is whose hours they are, where that is a neighbour's."""

    zone: str
    name: str
    time_zone: str
    shape_years: str
    shape_area: str
    regions: tuple[str, ...]


def places() -> list[Place]:
    """Every zone that has an annual factor, sorted by zone."""
    names = {row["zone"]: row["name"] for name in ("countries", "us_subregions") for row in table(name).rows}
    shapes = by_key("shape_zones", "zone")
    regions: dict[str, list[str]] = {}
    for row in table("cloud_regions").rows:
        regions.setdefault(row["zone"], []).append(row["region"])
    return [
        Place(
            zone=zone,
            name=names[zone],
            time_zone=str(time_zone_of(zone)),
            shape_years=shapes[zone]["years"] if zone in shapes else "",
            shape_area=shapes[zone]["area"] if zone in shapes else "",
            regions=tuple(regions.get(zone, ())),
        )
        for zone in sorted(names)
    ]
