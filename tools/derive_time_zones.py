"""Make carbon/data/time_zones.tsv: the clock that people in each grid zone live by.

Reads:  zone.tab of the IANA tz database (public domain), by default that of this system: 2025b.
Writes: zone, IANA time zone, and why that one where a zone has several.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "src" / "joulewise" / "carbon" / "data"
MOST_PEOPLE = "most of its people live by it"
CHOSEN = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei", "GL": "America/Nuuk", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty", "MH": "Pacific/Majuro", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent", "XK": "Europe/Belgrade", "EU": "Europe/Brussels", "WORLD": "UTC",
}  # fmt: skip
SUBREGIONS = {
    "America/Anchorage": "AKGD AKMS",
    "America/Chicago": "ERCT MROE MROW SPNO SPSO SRMV SRMW SRSO SRTV",
    "America/Denver": "RMPA",
    "America/Detroit": "RFCM",
    "America/Los_Angeles": "CAMX NWPP",
    "America/New_York": "FRCC NEWE NYCW NYLI NYUP RFCE RFCW SRVC",
    "America/Phoenix": "AZNM",
    "America/Puerto_Rico": "PRMS",
    "Pacific/Honolulu": "HIMS HIOA",
}
"""eGRID subregions, by the clock of most of their load."""


def rows(zone_tab: Path) -> dict[str, tuple[str, str]]:
    """Zone to time zone and reason."""
    by_country: dict[str, list[str]] = {}
    for line in zone_tab.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            by_country.setdefault(country, []).append(name)
    found = {country: (names[0], "its only one") for country, names in by_country.items() if len(names) == 1}
    found |= {zone: (name, MOST_PEOPLE) for zone, name in CHOSEN.items()}
    for name, regions in SUBREGIONS.items():
        found |= {f"US-{region}": (name, "most of its load lies there") for region in regions.split()}
    return found


def main() -> None:
    """Write the table for all zones that have a factor."""
    with (DATA / "countries.csv").open(encoding="utf-8") as countries, (DATA / "us_subregions.csv").open() as regions:
        zones = [row["zone"] for file in (countries, regions) for row in csv.DictReader(file)]
    found = rows(Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/zoneinfo/zone.tab"))
    lines = ["zone\ttime_zone\twhy", *("\t".join((zone, *found[zone])) for zone in zones if zone in found)]
    (DATA / "time_zones.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    print(
        f"{len(lines) - 1} zones; without a clock: {', '.join(zone for zone in zones if zone not in found) or 'none'}"
    )


if __name__ == "__main__":
    main()
