"""Derive the grid tables of src/joulewise/carbon/data from the raw reference data.

    python tools/derive_factors.py            write the tables
    python tools/derive_factors.py --check    compare only; exit code 1 on a difference

Reads:   $JOULEWISE_REFERENCE_DATA/grid (default: ../shared/data beside the checkout).
Writes:  countries.csv, us_subregions.csv, cloud_regions.csv and manifest.csv (SHA-256 of every table).
By hand: sources.csv, defaults.csv and equivalences.csv, each row with its source; only hashed here.
Needs:   pyarrow and numpy, to read the hourly generation mixes; the package itself needs neither.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "src" / "joulewise" / "carbon" / "data"
YEARS = tuple(str(year) for year in range(2015, 2026))

_ALPHA = """
    ABW:AW AFG:AF AGO:AO ALB:AL ARE:AE ARG:AR ARM:AM ASM:AS ATG:AG AUS:AU AUT:AT AZE:AZ BDI:BI BEL:BE BEN:BJ BFA:BF
    BGD:BD BGR:BG BHR:BH BHS:BS BIH:BA BLR:BY BLZ:BZ BMU:BM BOL:BO BRA:BR BRB:BB BRN:BN BTN:BT BWA:BW CAF:CF CAN:CA
    CHE:CH CHL:CL CHN:CN CIV:CI CMR:CM COD:CD COG:CG COK:CK COL:CO COM:KM CPV:CV CRI:CR CUB:CU CYM:KY CYP:CY CZE:CZ
    DEU:DE DJI:DJ DMA:DM DNK:DK DOM:DO DZA:DZ ECU:EC EGY:EG ERI:ER ESH:EH ESP:ES EST:EE ETH:ET FIN:FI FJI:FJ FLK:FK
    FRA:FR FRO:FO GAB:GA GBR:GB GEO:GE GHA:GH GIB:GI GIN:GN GLP:GP GMB:GM GNB:GW GNQ:GQ GRC:GR GRD:GD GRL:GL GTM:GT
    GUF:GF GUM:GU GUY:GY HKG:HK HND:HN HRV:HR HTI:HT HUN:HU IDN:ID IND:IN IRL:IE IRN:IR IRQ:IQ ISL:IS ISR:IL ITA:IT
    JAM:JM JOR:JO JPN:JP KAZ:KZ KEN:KE KGZ:KG KHM:KH KIR:KI KNA:KN KOR:KR KWT:KW LAO:LA LBN:LB LBR:LR LBY:LY LCA:LC
    LKA:LK LSO:LS LTU:LT LUX:LU LVA:LV MAC:MO MAR:MA MDA:MD MDG:MG MDV:MV MEX:MX MKD:MK MLI:ML MLT:MT MMR:MM MNE:ME
    MNG:MN MOZ:MZ MRT:MR MSR:MS MTQ:MQ MUS:MU MWI:MW MYS:MY MYT:YT NAM:NA NCL:NC NER:NE NGA:NG NIC:NI NIU:NU NLD:NL
    NOR:NO NPL:NP NRU:NR NZL:NZ OMN:OM OWID_EU27:EU OWID_KOS:XK OWID_WRL:WORLD PAK:PK PAN:PA PER:PE PHL:PH PNG:PG
    POL:PL PRI:PR PRK:KP PRT:PT PRY:PY PSE:PS PYF:PF QAT:QA REU:RE ROU:RO RUS:RU RWA:RW SAU:SA SDN:SD SEN:SN SGP:SG
    SHN:SH SLB:SB SLE:SL SLV:SV SOM:SO SPM:PM SRB:RS SSD:SS STP:ST SUR:SR SVK:SK SVN:SI SWE:SE SWZ:SZ SYC:SC SYR:SY
    TCA:TC TCD:TD TGO:TG THA:TH TJK:TJ TKM:TM TLS:TL TON:TO TTO:TT TUN:TN TUR:TR TUV:TV TWN:TW TZA:TZ UGA:UG UKR:UA
    URY:UY USA:US UZB:UZ VCT:VC VEN:VE VGB:VG VIR:VI VNM:VN VUT:VU WSM:WS YEM:YE ZAF:ZA ZMB:ZM ZWE:ZW
"""
ALPHA_2 = dict(pair.split(":") for pair in _ALPHA.split())
"""ISO 3166-1 alpha-3 to alpha-2; XK is the usual code of Kosovo, EU and WORLD are ours."""

REGION_ZONE = {
    "aws": """
        af-south-1:ZA ap-east-1:HK ap-northeast-1:JP ap-northeast-2:KR ap-northeast-3:JP ap-south-1:IN ap-south-2:IN
        ap-southeast-1:SG ap-southeast-2:AU ap-southeast-3:ID ap-southeast-4:AU ap-southeast-5:MY ap-southeast-6:NZ
        ap-southeast-7:TH ca-central-1:CA ca-west-1:CA cn-north-1:CN cn-northwest-1:CN eu-central-1:DE eu-central-2:CH
        eu-north-1:SE eu-south-1:IT eu-south-2:ES eu-west-1:IE eu-west-2:GB eu-west-3:FR il-central-1:IL
        me-central-1:AE me-south-1:BH mx-central-1:MX sa-east-1:BR us-east-1:US-SRVC us-east-2:US-RFCW
        us-gov-east-1:US us-gov-west-1:US us-west-1:US-CAMX us-west-2:US-NWPP
    """,
    "azure": """
        asiapacific:ID australiacentral:AU australiacentral2:AU australiaeast:AU australiasoutheast:AU austriaeast:AT
        brazilsouth:BR brazilsoutheast:BR canadacentral:CA canadaeast:CA centralindia:IN centralus:US-MROW
        chinaeast:CN chinaeast2:CN chinanorth:CN chinanorth2:CN chinanorth3:CN denmarkeast:DK eastasia:HK
        eastus:US-SRVC eastus2:US-SRVC eastus3:US-SRSO francecentral:FR francesouth:FR germanynorth:DE
        germanywestcentral:DE greececentral:GR indiasouthcentral:IN indonesiacentral:ID israelcentral:IL italynorth:IT
        japaneast:JP japanwest:JP koreacentral:KR koreasouth:KR mexicocentral:MX newzealandnorth:NZ
        northcentralus:US-RFCW northeurope:IE norwayeast:NO norwaywest:NO polandcentral:PL qatarcentral:QA
        southafricanorth:ZA southafricawest:ZA southcentralus:US-ERCT southeastasia:SG southindia:IN spaincentral:ES
        swedencentral:SE switzerlandnorth:CH switzerlandwest:CH taiwannorth:TW uaecentral:AE uaenorth:AE uksouth:GB
        ukwest:GB westcentralus:US-RMPA westeurope:NL westus:US-CAMX westus2:US-NWPP westus3:US-AZNM
    """,
    "gcp": """
        africa-south1:ZA asia-east1:TW asia-east2:HK asia-northeast1:JP asia-northeast2:JP asia-northeast3:KR
        asia-south1:IN asia-south2:IN asia-southeast1:SG asia-southeast2:ID asia-southeast3:TH australia-southeast1:AU
        australia-southeast2:AU europe-central2:PL europe-north1:FI europe-north2:SE europe-southwest1:ES
        europe-west1:BE europe-west10:DE europe-west12:IT europe-west2:GB europe-west3:DE europe-west4:NL
        europe-west6:CH europe-west8:IT europe-west9:FR me-central1:QA me-central2:SA me-west1:IL
        northamerica-northeast1:CA northamerica-northeast2:CA northamerica-south1:MX southamerica-east1:BR
        southamerica-west1:CL us-central1:US-MROW us-central2:US us-east1:US-SRVC us-east2:US-SRSO us-east4:US-SRVC
        us-east5:US-RFCW us-south1:US-ERCT us-west1:US-NWPP us-west2:US-CAMX us-west3:US-NWPP us-west4:US-AZNM
    """,
}
"""Region to grid zone, from the city or coordinates of the provider's table; without either, the country."""

DOUBTFUL = {
    "azure:westcentralus": "coordinates are the middle of Wyoming; the site is in its south-east (RMPA), NWPP is near",
    "gcp:us-west4": "southern tip of Nevada, on the border of AZNM and NWPP",
    "gcp:us-central2": "no city published; the country's average",
    "aws:us-gov-east-1": "no city published; the country's average",
    "aws:us-gov-west-1": "no city published; the country's average",
}

HOURLY_OF = {
    "DE": "DE",
    "GB": "GB",
    "NL": "NL",
    "PL": "PL",
    "SE": "SE",
    "US-CAMX": "US-CAL-CISO",
    "US-ERCT": "US-TEX-ERCO",
    "US-NEWE": "US-NE-ISNE",
    "US-FRCC": "US-FLA-FPL",
    "US-SRSO": "US-SE-SOCO",
    "US-RFCE": "US-MIDA-PJM",
    "US-RFCW": "US-MIDA-PJM",
}
"""Zone to the hourly generation mix that stands for it."""

FUEL_OF_COLUMN = {"nat_gas": "gas", "other": "unknown", "other_unknown": "unknown"}
FUELS = ("coal", "nat_gas", "nuclear", "oil", "hydro", "solar", "wind", "biomass", "geothermal", "other")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    made = derive(reference_folder() / "grid")
    stale = [name for name, text in made.items() if not (DATA / name).exists() or (DATA / name).read_text() != text]
    if not check:
        for name, text in made.items():
            (DATA / name).write_text(text)
    pinned = manifest(made)
    if not (DATA / "manifest.csv").exists() or (DATA / "manifest.csv").read_text() != pinned:
        stale.append("manifest.csv")
        if not check:
            (DATA / "manifest.csv").write_text(pinned)
    print(("differs: " if check else "wrote: ") + ", ".join(stale) if stale else "tables are up to date")
    return 1 if check and stale else 0


def reference_folder() -> Path:
    return Path(os.environ.get("JOULEWISE_REFERENCE_DATA", ROOT.parent / "shared" / "data"))


def derive(grid: Path) -> dict[str, str]:
    """Name to text of the derived tables."""
    bands = hourly_bands(grid)
    regions = _rows(grid / "cloud_regions.csv")
    subregions = _rows(grid / "egrid2023_subregion.csv")
    return {
        "countries.csv": countries(_rows(grid / "country_annual.csv"), bands, regions, subregions),
        "us_subregions.csv": us_subregions(subregions, bands),
        "cloud_regions.csv": cloud_regions(regions),
    }


def hourly_bands(grid: Path) -> dict[str, tuple[float, float]]:
    """Zone to the 2.5 and 97.5 percentile of hourly over mean intensity, widest year; "" is the envelope of all.

    Lifecycle factors by fuel (IPCC 2014 medians); generation only, imports and storage left out.
    """
    import numpy
    import pyarrow.parquet

    factors = {
        row["fuel"]: float(row["gco2e_per_kwh"])
        for row in _rows(grid / "fuel_factors.csv")
        if row["basis"] == "lifecycle" and row["set"].startswith("Electricity Maps")
    }
    table = pyarrow.parquet.read_table(grid / "generation_mix_hourly_mw.parquet")
    zone = numpy.array(table["zone"].to_pylist())
    year = table["ts"].to_numpy().astype("datetime64[Y]").astype(int) + 1970
    power_mw = {fuel: _clean(numpy, table[fuel]) for fuel in (*FUELS, "other_unknown")}
    whole_mw = sum(power_mw.values())
    emitted = sum(column * factors[FUEL_OF_COLUMN.get(fuel, fuel)] for fuel, column in power_mw.items())
    bands: dict[str, tuple[float, float]] = {}
    for name in sorted(set(zone)):
        pairs = []
        for one in sorted(set(year[zone == name])):
            pick = (zone == name) & (year == one) & (whole_mw > 0)
            if pick.sum() < 4_000:  # the stray hour of a neighbouring year says nothing
                continue
            mean = emitted[pick].sum() / whole_mw[pick].sum()
            pairs.append(numpy.percentile(emitted[pick] / whole_mw[pick] / mean, [2.5, 97.5]))
        bands[str(name)] = (float(min(low for low, _ in pairs)), float(max(high for _, high in pairs)))
    bands[""] = (min(low for low, _ in bands.values()), max(high for _, high in bands.values()))
    return bands


def _clean(numpy: Any, column: Any) -> Any:
    """Megawatts with gaps and small negative self-use as nothing."""
    return numpy.nan_to_num(column.to_numpy().astype(float)).clip(0)


def countries(
    rows: list[dict[str, str]],
    bands: Mapping[str, tuple[float, float]],
    regions: list[dict[str, str]],
    subregions: list[dict[str, str]],
) -> str:
    by_zone: dict[str, dict[str, str]] = {}
    for row in rows:
        zone = ALPHA_2.get(row["iso3"])
        if zone and row["year"] in YEARS:
            entry = by_zone.setdefault(zone, {"zone": zone, "iso3": row["iso3"].removeprefix("OWID_")})
            entry["name"] = row["entity"]
            entry[row["year"]] = row["gco2e_per_kwh"]
    inside = _published_inside(regions, subregions, by_zone)
    world = _spread([entry for zone, entry in by_zone.items() if zone not in ("WORLD", "EU")])
    for zone, entry in by_zone.items():
        low, high, band = _band(zone, bands)
        for published in inside.get(zone, []):
            low, high = min(low, published), max(high, published)
        if inside.get(zone) and (min(inside[zone]) <= low or max(inside[zone]) >= high):
            band += "; widened to published figures within the zone"
        if zone == "WORLD":
            newest = float(entry[YEARS[-1]])
            low, high, band = world[0] / newest, world[1] / newest, "2.5 to 97.5 percentile of the countries"
        entry |= {"low_ratio": f"{low:.3f}", "high_ratio": f"{high:.3f}", "band": band}
    header = ("zone", "iso3", "name", "low_ratio", "high_ratio", "band", *YEARS)
    return text_of(header, (by_zone[zone] for zone in sorted(by_zone)))


def published_inside_of(grid: Path) -> dict[str, list[float]]:
    """Country to the ratios of figures published for its parts to its own."""
    by_zone: dict[str, dict[str, str]] = {}
    for row in _rows(grid / "country_annual.csv"):
        by_zone.setdefault(ALPHA_2.get(row["iso3"], ""), {})[row["year"]] = row["gco2e_per_kwh"]
    regions, subregions = _rows(grid / "cloud_regions.csv"), _rows(grid / "egrid2023_subregion.csv")
    return _published_inside(regions, subregions, by_zone)


def _published_inside(
    regions: list[dict[str, str]], subregions: list[dict[str, str]], by_zone: Mapping[str, Mapping[str, str]]
) -> dict[str, list[float]]:
    """Ratio to the country's figure of each figure that somebody published for a part of it."""
    zones = _region_zones()
    found: dict[str, list[float]] = {}
    for row in regions:
        zone = zones[f"{row['provider']}:{row['region']}"]
        if row["gcp_grid_ci_2024"] and zone in by_zone:
            ratio = float(row["gcp_grid_ci_2024"]) / float(by_zone[zone]["2024"])
            found.setdefault(zone, []).append(ratio)
    for row in subregions:
        found.setdefault("US", []).append(float(row["total_output_gco2e_per_kwh"]) / float(by_zone["US"]["2023"]))
    return found


def _spread(entries: list[dict[str, str]]) -> tuple[float, float]:
    import numpy

    newest = [float(next(entry[year] for year in reversed(YEARS) if year in entry)) for entry in entries]
    low, high = numpy.percentile(newest, [2.5, 97.5])
    return float(low), float(high)


def _band(zone: str, bands: Mapping[str, tuple[float, float]]) -> tuple[float, float, str]:
    stand_in = HOURLY_OF.get(zone, "")
    low, high = bands[stand_in]
    return low, high, f"hourly mix of {stand_in}" if stand_in else "envelope of all hourly mixes"


def us_subregions(rows: list[dict[str, str]], bands: Mapping[str, tuple[float, float]]) -> str:
    out = []
    for row in rows:
        if row["subregion"] == "US":
            continue
        zone = f"US-{row['subregion']}"
        low, high, band = _band(zone, bands)
        out.append(
            {
                "zone": zone,
                "name": row["name"],
                "low_ratio": f"{low:.3f}",
                "high_ratio": f"{high:.3f}",
                "band": band,
                "year": row["year"],
                "average_g_per_kwh": row["total_output_gco2e_per_kwh"],
                "nonbaseload_g_per_kwh": row["nonbaseload_gco2e_per_kwh"],
            }
        )
    return text_of(tuple(out[0]), sorted(out, key=lambda entry: entry["zone"]))


def _region_zones() -> dict[str, str]:
    return {
        f"{provider}:{region}": zone
        for provider, text in REGION_ZONE.items()
        for region, zone in (pair.split(":") for pair in text.split())
    }


def cloud_regions(rows: list[dict[str, str]]) -> str:
    zones = _region_zones()
    own = [row for row in rows if _is_own(row)]
    pue_range = (min(float(row["pue"]) for row in own), max(float(row["pue"]) for row in own))
    wue_high = max(float(row["wue_l_per_kwh"]) for row in own if row["wue_l_per_kwh"])
    out = []
    for row in rows:
        region = f"{row['provider']}:{row['region']}"
        pue = float(row["pue"])
        low, high = (max(1.0, pue * 0.95), pue * 1.05) if _is_own(row) else pue_range
        out.append(
            {
                "region": region,
                "location": row["location"],
                "zone": zones[region],
                "zone_source": _zone_source(region, row),
                "pue": row["pue"],
                "pue_low": f"{min(low, pue):.3f}",
                "pue_high": f"{max(high, pue):.3f}",
                "pue_source": row["pue_source"],
                **_wue(row, wue_high),
            }
        )
    return text_of(tuple(out[0]), sorted(out, key=lambda entry: entry["region"]))


def _is_own(row: Mapping[str, str]) -> bool:
    """A figure published for this region, not a geography's or fleet's average."""
    return "GSF" in row["pue_source"]


def _wue(row: Mapping[str, str], wue_high: float) -> dict[str, str]:
    if not row["wue_l_per_kwh"]:
        return {"wue_l_per_kwh": "", "wue_low": "", "wue_high": ""}
    wue = float(row["wue_l_per_kwh"])
    average = row["provider"] == "aws" and wue == 0.18  # repeated for regions without a figure of their own
    low, high = (0.0, wue_high) if average else (wue * 0.8, wue * 1.2)
    return {"wue_l_per_kwh": row["wue_l_per_kwh"], "wue_low": f"{low:.3f}", "wue_high": f"{high:.3f}"}


def _zone_source(region: str, row: Mapping[str, str]) -> str:
    if region in DOUBTFUL:
        return DOUBTFUL[region]
    if row["lat"]:
        return f"coordinates {float(row['lat']):.2f}, {float(row['lon']):.2f}"
    return f"location name {row['location']}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text_of(header: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def manifest(made: Mapping[str, str]) -> str:
    texts = {path.name: path.read_text() for path in DATA.glob("*.csv") if path.name != "manifest.csv"} | dict(made)
    rows = [{"table": name, "sha256": hashlib.sha256(texts[name].encode()).hexdigest()} for name in sorted(texts)]
    return text_of(("table", "sha256"), rows)


if __name__ == "__main__":
    sys.exit(main())
