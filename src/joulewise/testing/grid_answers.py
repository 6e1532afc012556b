"""Answers in the documented shapes of the providers of grid data; every value is invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import cos, pi
from typing import Any

HOUR = timedelta(hours=1)
LB_PER_G = 1 / 453.59237
EIA_FUELS = {"coal": "COL", "gas": "NG", "nuclear": "NUC", "solar": "SUN", "wind": "WND", "storage": "BAT"}
PSR_TYPES = {"coal": "B05", "gas": "B04", "nuclear": "B14", "solar": "B16", "wind": "B19", "storage": "B10"}
KEYS = {
    "electricitymaps_token": "em-open-sesame",
    "watttime_user": "ali-baba",
    "watttime_password": "wt-open-sesame",
    "eia_key": "eia-open-sesame",
    "entsoe_token": "entsoe-open-sesame",
}
"""The keys that the stand-in accepts; none may turn up in a message."""
ENVIRON = {f"JOULEWISE_{name.upper()}": key for name, key in KEYS.items()}


def daily_g_per_kwh(moment: datetime) -> float:
    """250 g/kWh, less by 150 at noon (UTC)."""
    return 250 + 150 * cos(2 * pi * moment.hour / 24)


def daily_mix_mw(moment: datetime) -> dict[str, float]:
    """A sunny grid with some coal; its battery is charged at noon."""
    sun_mw = max(0.0, -4_000 * cos(2 * pi * moment.hour / 24))
    mix_mw = {"coal": 1_000.0, "gas": 4_000.0 - sun_mw / 2, "nuclear": 2_000.0, "solar": sun_mw, "wind": 1_500.0}
    return mix_mw | {"storage": -500.0 if sun_mw else 300.0}


@dataclass(slots=True)
class Grid:
    """What the stand-in's grid does. Times are full hours in UTC.

    `nulls` are hours without a value, `missing` hours that are not in the answer at all, `revised` later values,
    `estimated` hours that no source backs; `lacking` are (fuel, hour) pairs that a grid has not published yet.
    """

    now: datetime = datetime(2026, 3, 20, 12, tzinfo=UTC)
    intensity_g_per_kwh: Callable[[datetime], float] = daily_g_per_kwh
    mix_mw: Callable[[datetime], Mapping[str, float]] = daily_mix_mw
    nulls: set[datetime] = field(default_factory=set)
    missing: set[datetime] = field(default_factory=set)
    estimated: set[datetime] = field(default_factory=set)
    revised: dict[datetime, float] = field(default_factory=dict)
    lacking: set[tuple[str, datetime]] = field(default_factory=set)
    curve: str = "A01"
    step_minutes: int = 60
    page_rows: int = 5_000
    units: str = "lbs_co2_per_mwh"

    def hours(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Full hours that begin in [start, end) and are in the answer."""
        hour = start.replace(minute=0, second=0, microsecond=0)
        while hour < end:
            if hour >= start and hour not in self.missing:
                yield hour
            hour += HOUR

    def value(self, moment: datetime) -> float | None:
        """The intensity of the hour that holds this moment, as known now."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        return None if hour in self.nulls else self.revised.get(hour, self.intensity_g_per_kwh(hour))


Query = Mapping[str, str]


def electricitymaps(grid: Grid, path: str, query: Query) -> tuple[int, Any]:
    """/v3/carbon-intensity/..."""
    zone = query.get("zone", "")
    if zone == "XX":
        return 404, {"error": "Zone 'XX' does not exist."}
    if path.endswith("/forecast"):
        end = grid.now + int(query["horizonHours"]) * HOUR
        points = [
            {"carbonIntensity": round(grid.intensity_g_per_kwh(hour)), "datetime": _ms(hour)}
            for hour in grid.hours(grid.now, end + HOUR)
        ]
        return 200, {"zone": zone, "forecast": points, "updatedAt": _ms(grid.now - timedelta(minutes=20))}
    if path.endswith("/history"):
        return 200, {"zone": zone, "history": _em_rows(grid, query, grid.now - 24 * HOUR, grid.now + HOUR)}
    if path.endswith("/past-range"):
        start, end = datetime.fromisoformat(query["start"]), datetime.fromisoformat(query["end"])
        if end - start > timedelta(days=10):
            return 400, {"error": "Invalid date range: at most 10 days"}
        return 200, {"zone": zone, "data": _em_rows(grid, query, start, end)}
    return 404, {"error": "Not found"}


def _em_rows(grid: Grid, query: Query, start: datetime, end: datetime) -> list[dict[str, Any]]:
    return [
        {
            "zone": query["zone"],
            "carbonIntensity": None if grid.value(hour) is None else round(grid.value(hour) or 0),
            "datetime": _ms(hour),
            "updatedAt": _ms(grid.now),
            "createdAt": _ms(hour),
            "emissionFactorType": query.get("emissionFactorType", "lifecycle"),
            "isEstimated": hour in grid.estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if hour in grid.estimated else None,
        }
        for hour in grid.hours(start, end)
    ]


def watttime(grid: Grid, path: str, query: Query) -> tuple[int, Any]:
    """/v3/historical and /v3/forecast."""
    meta = {
        "data_point_period_seconds": 300,
        "region": query["region"],
        "warnings": [],
        "signal_type": query["signal_type"],
        "model": {"type": "binned_regression", "date": "2026-01-01"},
        "units": grid.units,
    }
    if path.endswith("/forecast"):
        start, end = grid.now, grid.now + int(query["horizon_hours"]) * HOUR
        meta |= {"generated_at": _ms(grid.now), "generated_at_period_seconds": 300}
    else:
        start, end = datetime.fromisoformat(query["start"]), datetime.fromisoformat(query["end"])
        if end - start > timedelta(days=32):
            return 400, {"error": "Bad Request", "message": "at most 32 days", "docs": "https://docs.watttime.org"}
    rows = [
        {"point_time": _ms(hour + five * timedelta(minutes=5)), "value": (grid.value(hour) or 0) * 1000 * LB_PER_G}
        for hour in grid.hours(start, end)
        if hour not in grid.nulls
        for five in range(12)
    ]
    return 200, {"data": rows, "meta": meta}


def uk(grid: Grid, path: str) -> tuple[int, Any]:
    """/intensity/{from}/{to} and /intensity/{from}/fw48h, by half-hours; the answer begins one before `from`."""
    parts = path.strip("/").split("/")
    start = datetime.fromisoformat(parts[-2])
    forecast = parts[-1] == "fw48h"
    end = start + 48 * HOUR if forecast else datetime.fromisoformat(parts[-1])
    if end - start > timedelta(days=14):
        return 400, {"error": {"code": "400 Bad Request", "message": "Please enter a date range of at most 14 days"}}
    half = timedelta(minutes=30)
    rows = []
    moment = start - half
    while moment < end:
        if moment.replace(minute=0) not in grid.missing:
            known = moment + half <= grid.now and not forecast
            rows.append(
                {
                    "from": f"{moment:%Y-%m-%dT%H:%MZ}",
                    "to": f"{moment + half:%Y-%m-%dT%H:%MZ}",
                    "intensity": {
                        "forecast": round(grid.intensity_g_per_kwh(moment)) + 5,
                        "actual": _round(grid.value(moment)) if known else None,
                        "index": "moderate",
                    },
                }
            )
        moment += half
    return 200, {"data": rows}


def eia(grid: Grid, query: Query, hour_ending: bool) -> tuple[int, Any]:
    """/v2/electricity/rto/fuel-type-data/data/: texts and numbers mixed, as EIA does."""
    shift = HOUR if hour_ending else timedelta()
    try:
        start, end = (
            datetime.strptime(query[name], "%Y-%m-%dT%H").replace(tzinfo=UTC) - shift for name in ("start", "end")
        )
    except ValueError:
        return 400, {"error": "Invalid start or end date"}
    rows = [
        {
            "period": f"{hour + shift:%Y-%m-%dT%H}",
            "respondent": query["facets[respondent][]"],
            "fueltype": EIA_FUELS[fuel],
            "type-name": fuel,
            "value": _eia_value(grid, fuel, hour, power_mw),
            "value-units": "megawatthours",
        }
        for hour in grid.hours(start, end + HOUR)
        for fuel, power_mw in grid.mix_mw(hour).items()
    ]
    offset, length = int(query["offset"]), min(int(query["length"]), grid.page_rows)
    page = rows[offset : offset + length]
    response = {"total": str(len(rows)), "dateFormat": 'YYYY-MM-DD"T"HH24', "frequency": "hourly", "data": page}
    return 200, {"response": response, "apiVersion": "2.1.8"}


def _eia_value(grid: Grid, fuel: str, hour: datetime, power_mw: float) -> Any:
    if hour in grid.nulls or (fuel, hour) in grid.lacking:
        return None
    if fuel == "solar" and power_mw == 0:
        return -7  # a plant's own use at night
    return str(round(power_mw)) if fuel == "coal" else round(power_mw)


def entsoe(grid: Grid, query: Query) -> tuple[int, bytes]:
    """Actual generation per type, or an acknowledgement; quarters where the grid has steps of 15 minutes."""
    start, end = (
        datetime.strptime(query[name], "%Y%m%d%H%M").replace(tzinfo=UTC) for name in ("periodStart", "periodEnd")
    )
    if end - start > timedelta(days=366):
        return 400, _acknowledgement("The amount of requested data exceeds allowed limit.")
    hours = [hour for hour in grid.hours(start, min(end, grid.now)) if hour not in grid.nulls]
    if not hours:
        return 200, _acknowledgement("No matching data found for Data item Actual Generation per Type.")
    series = "".join(_series(grid, fuel, hours) for fuel in sorted(grid.mix_mw(hours[0])))
    name = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
    return 200, f'<?xml version="1.0"?><GL_MarketDocument xmlns="{name}">{series}</GL_MarketDocument>'.encode()


def _series(grid: Grid, fuel: str, hours: list[datetime]) -> str:
    """One series a direction: a battery that is charged has one with outBiddingZone."""
    text = ""
    for sign, domain in ((1, "inBiddingZone_Domain"), (-1, "outBiddingZone_Domain")):
        told = [hour for hour in hours if (fuel, hour) not in grid.lacking and sign * grid.mix_mw(hour)[fuel] >= 0]
        if not told or (sign < 0 and fuel != "storage"):
            continue
        periods = "".join(_period(grid, fuel, run) for run in _runs(told))
        text += (
            f"<TimeSeries><{domain}.mRID>10Y-INVENTED</{domain}.mRID><MktPSRType><psrType>{PSR_TYPES[fuel]}</psrType>"
            f"</MktPSRType><curveType>{grid.curve}</curveType>{periods}</TimeSeries>"
        )
    return text


def _runs(hours: list[datetime]) -> Iterator[list[datetime]]:
    """Stretches without a hole."""
    run: list[datetime] = []
    for hour in hours:
        if run and hour != run[-1] + HOUR:
            yield run
            run = []
        run.append(hour)
    yield run


def _period(grid: Grid, fuel: str, hours: list[datetime]) -> str:
    steps = 60 // grid.step_minutes
    points = ""
    last: float | None = None
    for index, hour in enumerate(hours):
        power_mw = abs(grid.mix_mw(hour)[fuel])
        for step in range(steps):
            if grid.curve != "A03" or power_mw != last:
                position = index * steps + step + 1
                points += f"<Point><position>{position}</position><quantity>{power_mw:.0f}</quantity></Point>"
            last = power_mw
    edges = f"<start>{hours[0]:%Y-%m-%dT%H:%MZ}</start><end>{hours[-1] + HOUR:%Y-%m-%dT%H:%MZ}</end>"
    resolution = f"<resolution>PT{grid.step_minutes}M</resolution>"
    return f"<Period><timeInterval>{edges}</timeInterval>{resolution}{points}</Period>"


def _acknowledgement(text: str) -> bytes:
    name = "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:8:1"
    return (
        f'<?xml version="1.0"?><Acknowledgement_MarketDocument xmlns="{name}"><Reason><code>999</code>'
        f"<text>{text}</text></Reason></Acknowledgement_MarketDocument>"
    ).encode()


def _ms(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _round(value: float | None) -> int | None:
    return None if value is None else round(value)


def as_json(value: Any) -> bytes:
    """The bytes of an answer."""
    return json.dumps(value).encode()
