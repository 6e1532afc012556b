"""Derive the typical hours of grid zones (src/joulewise/carbon/data/shape*.csv) from hourly generation mixes.

    python tools/derive_shapes.py            write the tables
    python tools/derive_shapes.py --check    compare only; exit code 1 on a difference

Reads:   $JOULEWISE_REFERENCE_DATA/grid (default: ../shared/data beside the checkout).
Writes:  shapes.csv       by area and month: mean, low and high of intensity over its annual mean at 24 UTC hours
         shape_zones.csv  by zone: the area that stands for it, what the annual factor may be off (a year's change,
                          figures published for parts of the zone), persistence, source, licence
         manifest.csv     SHA-256 of every table (as derive_factors.py does)
Needs:   pyarrow and numpy.

The intensity of an hour is generation by fuel times the factor of the fuel, of the basis that the zone's annual factor
has (eGRID: direct, Ember: lifecycle). Only the ratio to the annual mean is kept, so the level never comes from here.
An area stands for a zone if the two annual means agree within FIT; otherwise the zone has no shape.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

import derive_factors

DATA = derive_factors.DATA
VERSION = "1"
FIT = (0.7, 1.4)
"""Annual mean of the area's mix over the zone's annual factor must lie within, or the area says little of the zone."""
COMPLETE = 0.5
"""An hour with less than this share of the median generation misses a fuel, and is left out."""
CENTROID_H = 0.75
"""The middle of solar generation may be this far from the sun's: farther off, hours are labelled by their end."""
SPREAD = 1.5
"""Bounds are stretched by this (in logarithms), so that they hold 95 % of the hours of a year left out, on average."""
MIRROR = {9: 3, 10: 2, 11: 1, 12: 1}
"""Month that stands for one that is missing: that with the sun at the same height."""
MIRROR_SPREAD = 1.25
_ENTSOE = (
    "ENTSO-E Transparency Platform, actual generation per production type (16.1.B&C), as collected by CarbonCast",
    "https://transparency.entsoe.eu",
    "CC BY 4.0 (list of data for free re-use)",
)
_EIA = (
    "US EIA-930 hourly grid monitor, net generation by energy source",
    "https://www.eia.gov/electricity/gridmonitor",
    "US Government work (public domain)",
)
_NESO = (
    "NESO historic generation mix, January to August",
    "https://www.neso.energy/data-portal",
    "NESO Open Data Licence (supported by National Energy SO Open Data)",
)


@dataclass(frozen=True)
class Area:
    """A trace: its basis, its middle longitude in degrees (None: no solar to check by), its source and the zones.

    `whole`: zones that the area is, nearly; `part`: zones that it covers in part or lies in, whose bounds are wider.
    `unknown` is the fuel that the unnamed generation is taken as.
    """

    basis: str
    longitude: float | None
    about: tuple[str, str, str]
    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    unknown: str = "unknown"


AREAS = {
    "DE": Area("lifecycle", 10.0, _ENTSOE, ("DE",)),
    "GB": Area("lifecycle", -1.5, _NESO, ("GB",)),
    "NL": Area("lifecycle", 5.0, _ENTSOE, ("NL",)),
    "PL": Area("lifecycle", 19.5, _ENTSOE, ("PL",)),
    # the unnamed part is heat and power from wood and waste: as biomass the mean is Ember's, as fossil twice that
    "SE": Area("lifecycle", None, _ENTSOE, ("SE",), unknown="biomass"),
    "US-CAL-CISO": Area("direct", -118.5, _EIA, ("US-CAMX",)),
    "US-FLA-FPL": Area("direct", -81.0, _EIA, ("US-FRCC",)),
    "US-MIDA-PJM": Area("direct", -79.0, _EIA, (), ("US-RFCE", "US-RFCW", "US-SRVC")),
    "US-MIDW-MISO": Area("direct", -90.0, _EIA, (), ("US-MROE", "US-MROW", "US-RFCM", "US-SRMV", "US-SRMW")),
    "US-NE-ISNE": Area("direct", -71.5, _EIA, ("US-NEWE",)),
    "US-NW-BPAT": Area("direct", -120.0, _EIA, (), ("US-NWPP",)),
    "US-SE-SOCO": Area("direct", -86.0, _EIA, ("US-SRSO",)),
    "US-SW-AZPS": Area("direct", -112.0, _EIA, (), ("US-AZNM",)),
    "US-TEX-ERCO": Area("direct", -99.0, _EIA, ("US-ERCT",)),
}
"""Balancing areas of EIA-930 by the eGRID subregions that they form or lie in (EPA, eGRID technical guide: subregions
are made of balancing areas; Dominion, a member of PJM, is in SRVC)."""

EASTERN = ("US-FLA-FPL", "US-MIDA-PJM", "US-MIDW-MISO", "US-NE-ISNE", "US-SE-SOCO")
"""Neighbours, whose difference says how far a shape can be carried."""


@dataclass(frozen=True)
class Trace:
    """Hourly record of an area: UTC month 1..12 and hour 0..23, year, intensity over that year's mean, those means."""

    month: Any
    hour: Any
    year: Any
    ratio: Any
    means_g_per_kwh: Mapping[int, float]
    stamp: Any
    intensity_g_per_kwh: Any


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    made = derive(derive_factors.reference_folder() / "grid")
    made["manifest.csv"] = derive_factors.manifest(made)
    stale = [name for name, text in made.items() if not (DATA / name).exists() or (DATA / name).read_text() != text]
    for name in [] if check else stale:
        (DATA / name).write_text(made[name])
    print(("differs: " if check else "wrote: ") + ", ".join(stale) if stale else "shapes are up to date")
    return 1 if check and stale else 0


def derive(grid: Path) -> dict[str, str]:
    """Name to text of the two tables."""
    traces = read(grid)
    shapes = {name: Shape(trace) for name, trace in traces.items()}
    transfer = transfer_spread(shapes)
    zones = list(_zones(grid, traces, shapes, transfer))
    used = {row["area"] for row in zones}
    hours = tuple(f"h{hour:02d}" for hour in range(24))
    rows = (row for name in sorted(used) for row in shapes[name].rows(name, AREAS[name].basis))
    return {
        "shapes.csv": derive_factors.text_of(("area", "basis", "month", "quantity", *hours), rows),
        "shape_zones.csv": derive_factors.text_of(tuple(zones[0]), sorted(zones, key=lambda row: row["zone"])),
    }


def read(grid: Path) -> dict[str, Trace]:
    """Area to its trace; raises SystemExit where the sun stands wrong, since the labels then mean something else."""
    table = pyarrow.parquet.read_table(grid / "generation_mix_hourly_mw.parquet")
    names = np.array(table["zone"].to_pylist())
    stamp = table["ts"].to_numpy().astype("datetime64[h]")
    columns = (*derive_factors.FUELS, "other_unknown")
    power_mw = np.stack([np.nan_to_num(table[fuel].to_numpy().astype(float)).clip(0) for fuel in columns])
    traces = {}
    for name, area in AREAS.items():
        factors = fuel_factors(grid, area.basis)
        weights = [factors[_fuel(column, area)] for column in columns]
        pick = np.flatnonzero(names == name)
        _, first = np.unique(stamp[pick], return_index=True)  # sorted, each hour once
        pick = pick[first]
        _require_sun(name, area, stamp[pick], power_mw[columns.index("solar")][pick])
        traces[name] = _trace(stamp[pick], power_mw[:, pick], np.array(weights))
    return traces


def _fuel(column: str, area: Area) -> str:
    fuel = derive_factors.FUEL_OF_COLUMN.get(column, column)
    return area.unknown if fuel == "unknown" else fuel


def fuel_factors(grid: Path, basis: str) -> dict[str, float]:
    """gCO2e/kWh by fuel: IPCC 2014 medians, as for the bands of the annual factors."""
    with (grid / "fuel_factors.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["fuel"]: float(row["gco2e_per_kwh"])
            for row in csv.DictReader(file)
            if row["basis"] == basis and row["set"].startswith("Electricity Maps")
        }


def _require_sun(name: str, area: Area, stamp: Any, solar_mw: Any) -> None:
    if area.longitude is None:
        return
    angle = 2 * np.pi * ((stamp - stamp.astype("datetime64[D]")).astype(int) + 0.5) / 24
    centroid_h = float(np.angle((solar_mw * np.exp(1j * angle)).sum())) * 24 / (2 * np.pi)
    off_h = (centroid_h - (12 - area.longitude / 15) + 12) % 24 - 12
    if abs(off_h) > CENTROID_H:
        raise SystemExit(
            f"{name}: solar generation is {off_h:+.2f} h from the sun; are its hours labelled by their end?"
        )


def _trace(stamp: Any, power_mw: Any, weights: Any) -> Trace:
    whole_mw = power_mw.sum(axis=0)
    complete = whole_mw > COMPLETE * np.median(whole_mw)
    stamp, power_mw, whole_mw = stamp[complete], power_mw[:, complete], whole_mw[complete]
    intensity = weights @ power_mw / whole_mw
    year = stamp.astype("datetime64[Y]").astype(int) + 1970
    # the stray hours of a neighbouring year belong to no mean
    years = [int(one) for one in np.unique(year) if (year == one).sum() > 4_000]
    means = {one: float(np.average(intensity[year == one], weights=whole_mw[year == one])) for one in years}
    keep = np.isin(year, years)
    stamp, year, intensity = stamp[keep], year[keep], intensity[keep]
    return Trace(
        month=stamp.astype("datetime64[M]").astype(int) % 12 + 1,
        hour=(stamp - stamp.astype("datetime64[D]")).astype(int),
        year=year,
        ratio=intensity / np.array([means[int(one)] for one in year]),
        means_g_per_kwh=means,
        stamp=stamp,
        intensity_g_per_kwh=intensity,
    )


class Shape:
    """Mean, low and high of the ratio, each [12, 24], and the persistence of what is left."""

    def __init__(self, trace: Trace) -> None:
        self.mean, self.low, self.high = (np.full((12, 24), np.nan) for _ in range(3))
        for month in np.unique(trace.month):
            for hour in range(24):
                self._fill(trace, int(month), hour)
        self.mirrored = [month for month in range(1, 13) if np.isnan(self.mean[month - 1, 0])]
        for month in self.mirrored:
            self._mirror(month, MIRROR[month])
        if self.mirrored:  # the year's mean was that of the months at hand
            whole = self.mean.mean()
            self.mean, self.low, self.high = self.mean / whole, self.low / whole, self.high / whole
        self.persistence = _persistence(trace, self.mean)

    def _fill(self, trace: Trace, month: int, hour: int) -> None:
        here = trace.month == month
        self.mean[month - 1, hour] = trace.ratio[here & (trace.hour == hour)].mean()
        near = here & np.isin(trace.hour, [(hour + step) % 24 for step in (-1, 0, 1)])
        centred = trace.ratio[near] / self._centre(trace, here, trace.hour[near])
        low, high = np.percentile(centred, [2.5, 97.5])
        self.low[month - 1, hour] = self.mean[month - 1, hour] * min(1.0, low) ** SPREAD
        self.high[month - 1, hour] = self.mean[month - 1, hour] * max(1.0, high) ** SPREAD

    @staticmethod
    def _centre(trace: Trace, here: Any, hours: Any) -> Any:
        means = {hour: trace.ratio[here & (trace.hour == hour)].mean() for hour in np.unique(hours)}
        return np.array([means[hour] for hour in hours])

    def _mirror(self, month: int, like: int) -> None:
        mean = self.mean[like - 1]
        self.mean[month - 1] = mean
        self.low[month - 1] = mean * (self.low[like - 1] / mean) ** MIRROR_SPREAD
        self.high[month - 1] = mean * (self.high[like - 1] / mean) ** MIRROR_SPREAD

    def rows(self, area: str, basis: str) -> Iterator[dict[str, str]]:
        """Three rows a month."""
        for month in range(12):
            for quantity in ("mean", "low", "high"):
                values = {f"h{hour:02d}": f"{getattr(self, quantity)[month, hour]:.3f}" for hour in range(24)}
                yield {"area": area, "basis": basis, "month": str(month + 1), "quantity": quantity, **values}


def _persistence(trace: Trace, mean: Any) -> float:
    """Correlation of the deviation from the shape with that an hour before."""
    deviation = trace.ratio - mean[trace.month - 1, trace.hour]
    follows = np.diff(trace.stamp).astype(int) == 1
    return float(np.corrcoef(deviation[:-1][follows], deviation[1:][follows])[0, 1])


def transfer_spread(shapes: Mapping[str, Shape]) -> float:
    """Standard deviation of ln(shape of one area / shape of its neighbour) over all cells of all pairs."""
    logs = [np.log(shapes[name].mean) for name in EASTERN]
    squares = [((one - other) ** 2).mean() for i, one in enumerate(logs) for other in logs[i + 1 :]]
    return float(np.sqrt(np.mean(squares)))


def _zones(
    grid: Path, traces: Mapping[str, Trace], shapes: Mapping[str, Shape], transfer: float
) -> Iterator[dict[str, str]]:
    annual = _annual(grid)
    swing = _year_to_year(annual, [zone for area in AREAS.values() for zone in area.whole])
    inside = derive_factors.published_inside_of(grid)
    for name, area in AREAS.items():
        for zone in (*area.whole, *area.part):
            means, own = traces[name].means_g_per_kwh, annual[zone]
            pairs = [(mean, own.get(year) or own[max(own)]) for year, mean in means.items()]
            fit = sum(mean for mean, _ in pairs) / sum(factor for _, factor in pairs)
            if not FIT[0] <= fit <= FIT[1]:
                print(f"{zone}: no shape, the mix of {name} is {fit:.2f} of its annual factor", file=sys.stderr)
                continue
            years = f"{min(means)}-{max(means) % 100}" if len(means) > 1 else f"{min(means)}"
            level = swing.get(zone, swing[""])
            published = inside.get(zone, [])
            source, url, licence = area.about
            yield {
                "zone": zone,
                "area": name,
                "basis": area.basis,
                "fit": f"{fit:.2f}",
                "level_low_ratio": f"{min(np.exp(-level), *published, 1.0):.3f}",
                "level_high_ratio": f"{max(np.exp(level), *published, 1.0):.3f}",
                "transfer_spread": f"{transfer:.3f}" if zone in area.part else "0",
                "persistence_ratio": f"{shapes[name].persistence:.3f}",
                "years": years,
                "hours": str(len(traces[name].ratio)),
                "source": f"{source}; {name} {years}, fuel factors of IPCC 2014",
                "url": url,
                "licence": licence,
                "version": VERSION,
                "note": _note(area, zone, shapes[name]),
            }


def _note(area: Area, zone: str, shape: Shape) -> str:
    parts = ["the area is part of the zone or the zone part of it: bounds are wider"] if zone in area.part else []
    if shape.mirrored:
        months = ", ".join(str(month) for month in shape.mirrored)
        parts.append(f"months {months} by those with the sun at the same height, with wider bounds")
    return "; ".join(parts)


def _annual(grid: Path) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for name in ("country_annual.csv", "egrid2023_subregion.csv"):
        with (grid / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                zone = derive_factors.ALPHA_2.get(row["iso3"]) if "iso3" in row else f"US-{row['subregion']}"
                value = row["gco2e_per_kwh"] if "iso3" in row else row["total_output_gco2e_per_kwh"]
                if zone and row["year"] in derive_factors.YEARS:
                    found.setdefault(zone, {})[int(row["year"])] = float(value)
    return found


def _year_to_year(annual: Mapping[str, Mapping[int, float]], zones: list[str]) -> dict[str, float]:
    """Zone to 1.96 sd of ln(a year / the year before), what an annual factor may be off a year later; "" is of all."""
    steps: dict[str, list[float]] = {}
    for zone in zones:
        own = annual[zone]
        for year in sorted(own):
            if year + 1 in own:
                step = float(np.log(own[year + 1] / own[year]))
                steps.setdefault(zone, []).append(step)
                steps.setdefault("", []).append(step)
    return {zone: 1.96 * float(np.sqrt(np.mean(np.square(found)))) for zone, found in steps.items()}


if __name__ == "__main__":
    sys.exit(main())
