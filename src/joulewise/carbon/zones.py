"""Names of places: countries, US subregions, cloud regions, and what people write for them.

Canonical: ISO 3166-1 alpha-2 ("DE"), "EU", "WORLD", eGRID subregions ("US-CAMX"), cloud regions ("aws:eu-north-1").
Also understood: alpha-3, English names, a subregion or a cloud region without its prefix, any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from joulewise.carbon.tables import by_key, table
from joulewise.core.errors import FactorError

WORLD = "WORLD"

_ALIASES = {
    "america": "US",
    "britain": "GB",
    "burma": "MM",
    "czech republic": "CZ",
    "england": "GB",
    "europe": "EU",
    "european union": "EU",
    "great britain": "GB",
    "holland": "NL",
    "ivory coast": "CI",
    "korea": "KR",
    "macau": "MO",
    "republic of korea": "KR",
    "russian federation": "RU",
    "swaziland": "SZ",
    "the netherlands": "NL",
    "türkiye": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "usa": "US",
    "viet nam": "VN",
    "world": WORLD,
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A grid zone, and the cloud region that it was found by ("" if none)."""

    zone: str
    region: str = ""


def lookup(text: str) -> Zone | None:
    """The zone that `text` names, None if it names none."""
    return _names().get(_plain(text))


def resolve(text: str) -> Zone:
    """The zone that `text` names. Raises FactorError with close names as the cure."""
    found = lookup(text)
    if found is None:
        close = get_close_matches(_plain(text), _names(), n=4, cutoff=0.5)
        shown = ", ".join(dict.fromkeys(_names()[name].region or _names()[name].zone for name in close))
        raise FactorError(
            f"unknown zone {text!r}",
            hint=f"{shown or 'DE, US-CAMX, aws:eu-north-1'}; joulewise factors list shows all zones",
        )
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", "-").split())


@cache
def _names() -> dict[str, Zone]:
    """Every understood name in plain form. Canonical names win, then those of countries, then those of regions."""
    names: dict[str, Zone] = {}
    for row in table("countries").rows:
        for name in (row["zone"], row["iso3"], row["name"]):
            names.setdefault(_plain(name), Zone(row["zone"]))
    for row in table("us_subregions").rows:
        for name in (row["zone"], row["zone"].removeprefix("US-")):
            names.setdefault(_plain(name), Zone(row["zone"]))
    for alias, zone in _ALIASES.items():
        names.setdefault(alias, Zone(zone))
    regions = by_key("cloud_regions", "region")
    for region, row in regions.items():
        names.setdefault(region, Zone(row["zone"], region))
    for bare, region in _unambiguous(list(regions)).items():
        names.setdefault(bare, Zone(regions[region]["zone"], region))
    return names


def _unambiguous(regions: list[str]) -> dict[str, str]:
    """Region names without their provider, where only one provider has the name."""
    found: dict[str, list[str]] = {}
    for region in regions:
        found.setdefault(region.partition(":")[2], []).append(region)
    return {bare: owners[0] for bare, owners in found.items() if len(owners) == 1}
