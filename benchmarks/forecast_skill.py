"""How good the key-free forecast is: its errors, its band, and how much of the possible saving a plan on it keeps.

    python benchmarks/forecast_skill.py            prints, and writes results/forecast_skill.json (some minutes)
    python benchmarks/forecast_skill.py --quick    fewer origins, writes nothing

On the hourly generation mixes of all areas of the reference data (shippable traces, 2020 to 2026) and, for real
forecast errors, on CarbonCast's 96-hour forecasts for California. A forecast sees nothing but the fourteen days before
its origin. The blind shape is derived from every year but the one it is tried on. Saving kept: what planning on the
forecast saves against running at once, over what perfect foresight saves; ratio of sums over all origins.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import derive_factors  # noqa: E402
import derive_shapes  # noqa: E402
from joulewise.carbon.forecast import RECORD_DAYS  # noqa: E402
from joulewise.carbon.outlook import Outlook  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "forecast_skill.json"
LEADS = (1, 3, 6, 12, 24, 48, 72, 96)
RECORD_H = 24 * RECORD_DAYS
JOBS = {"1 h job, 24 h slack": (1, 25), "6 h job, 24 h slack": (6, 30), "24 h job in 72 h, no pause": (24, 72)}
PAUSED_H = (24, 72)
Forecast = Callable[[Any, int, int], Any]
"""(series, origin, hours ahead) -> intensity forecast of each hour from the origin on."""


def contiguous(trace: derive_shapes.Trace) -> tuple[Any, int]:
    """Intensity of each hour without holes (straight lines over the few), and the first hour since 1970."""
    hours = trace.stamp.astype(int)
    whole = np.arange(hours[0], hours[-1] + 1)
    return np.interp(whole, hours, trace.intensity_g_per_kwh), int(hours[0])


def outlook_of(series: Any, origin: int) -> Outlook:
    return Outlook({hour: float(series[hour]) for hour in range(origin - RECORD_H, origin)}, {})


def ours(series: Any, origin: int, ahead_h: int) -> Any:
    outlook = outlook_of(series, origin)
    return np.array([outlook.at(origin + lead)[0] for lead in range(ahead_h)])


def climatology(series: Any, origin: int, ahead_h: int) -> Any:
    return series[origin - RECORD_H : origin].reshape(RECORD_DAYS, 24).mean(axis=0)[np.arange(ahead_h) % 24]


def persistence(series: Any, origin: int, ahead_h: int) -> Any:
    return np.full(ahead_h, series[origin - 1])


def yesterday(series: Any, origin: int, ahead_h: int) -> Any:
    return series[origin - 24 : origin][np.arange(ahead_h) % 24]


RIVALS: dict[str, Forecast] = {"climatology": climatology, "persistence": persistence, "yesterday": yesterday}


def skill(series: Any, step: int) -> dict[str, Any]:
    """Errors by lead hour: ours in percent of the mean, and over those of each rival (below 1: ours is better)."""
    origins = range(RECORD_H, len(series) - max(LEADS), step)
    at = np.array(LEADS) - 1
    truth = np.array([series[origin : origin + max(LEADS)] for origin in origins])
    errors = {
        name: np.array([forecast(series, origin, max(LEADS)) for origin in origins])[:, at] - truth[:, at]
        for name, forecast in {"ours": ours, **RIVALS}.items()
    }
    mae = {name: np.abs(error).mean(axis=0) for name, error in errors.items()}
    rmse = {name: np.sqrt((error**2).mean(axis=0)) for name, error in errors.items()}
    return {
        "mae_percent": by_lead(100 * mae["ours"] / series.mean()),
        "mae_ratio": {name: by_lead(mae["ours"] / mae[name]) for name in RIVALS},
        "rmse_ratio": {name: by_lead(rmse["ours"] / rmse[name]) for name in RIVALS},
    }


def by_lead(values: Any) -> dict[str, float]:
    return {str(lead): round(float(value), 3) for lead, value in zip(LEADS, values, strict=True)}


def coverage(series: Any, step: int) -> dict[str, float]:
    """Share of the hours that lie within our 95 % band, by lead hour."""
    inside = []
    for origin in range(RECORD_H, len(series) - max(LEADS), step):
        outlook = outlook_of(series, origin)
        bands = [outlook.at(origin + lead - 1) for lead in LEADS]
        truth = [series[origin + lead - 1] for lead in LEADS]
        inside.append([low <= value <= high for (_, low, high), value in zip(bands, truth, strict=True)])
    return by_lead(np.mean(inside, axis=0))


def totals(values: Any, length_h: int) -> Any:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[length_h:] - sums[:-length_h]


def kept_by_start(series: Any, forecast: Forecast, length_h: int, window_h: int, step: int) -> float:
    """Share of the possible saving that the best start on the forecast keeps."""
    saved = possible = 0.0
    for origin in range(RECORD_H, len(series) - window_h, step):
        truth = totals(series[origin : origin + window_h], length_h)
        chosen = int(np.argmin(totals(forecast(series, origin, window_h), length_h)))
        saved += truth[0] - truth[chosen]
        possible += truth[0] - truth.min()
    return round(float(saved / possible), 3)


def kept_by_pausing(series: Any, forecast: Forecast, step: int, *, replan: bool) -> float:
    """The same for a job that may pause at will, planned once or again each hour."""
    length_h, window_h = PAUSED_H
    drive = _replanned if replan else _planned_once
    saved = possible = 0.0
    for origin in range(RECORD_H, len(series) - window_h, step):
        truth = series[origin : origin + window_h]
        at_once = truth[:length_h].sum()
        saved += at_once - truth[drive(series, forecast, origin)].sum()
        possible += at_once - np.sort(truth)[:length_h].sum()
    return round(float(saved / possible), 3)


def _planned_once(series: Any, forecast: Forecast, origin: int) -> list[int]:
    length_h, window_h = PAUSED_H
    return list(np.argsort(forecast(series, origin, window_h), kind="stable")[:length_h])


def _replanned(series: Any, forecast: Forecast, origin: int) -> list[int]:
    """Each hour: run if it is among the cheapest that are needed of those that are left."""
    length_h, window_h = PAUSED_H
    chosen: list[int] = []
    for hour in range(window_h):
        need, left = length_h - len(chosen), window_h - hour
        if need == 0:
            break
        if need < left:
            ahead = forecast(series, origin + hour, left)
            if ahead[0] > np.partition(ahead, need - 1)[need - 1]:
                continue
        chosen.append(hour)
    return chosen


def blind_shape(trace: derive_shapes.Trace) -> tuple[Forecast, Any] | None:
    """A forecast by the shape of all years but the last, and the last year to try it on; None of a single year."""
    years = sorted(trace.means_g_per_kwh)
    if len(years) < 2:
        return None
    shape = derive_shapes.Shape(_picked(trace, trace.year != years[-1]))
    last = _picked(trace, trace.year == years[-1])
    series, first = contiguous(last)
    months = np.array(
        [
            stamp.astype(int) % 12
            for stamp in (first + np.arange(len(series))).astype("datetime64[h]").astype("datetime64[M]")
        ]
    )
    cells = shape.mean[months, (first + np.arange(len(series))) % 24]
    return (lambda _, origin, ahead_h: cells[origin : origin + ahead_h]), (series, shape, last)


def _picked(trace: derive_shapes.Trace, pick: Any) -> derive_shapes.Trace:
    fields = ("month", "hour", "year", "ratio", "stamp", "intensity_g_per_kwh")
    years = set(np.unique(trace.year[pick]).tolist())
    means = {year: mean for year, mean in trace.means_g_per_kwh.items() if year in years}
    return replace(trace, **{name: getattr(trace, name)[pick] for name in fields}, means_g_per_kwh=means)


def blind(trace: derive_shapes.Trace, step: int) -> dict[str, Any] | None:
    """How the shape of other years does in a year that it never saw, without any record."""
    found = blind_shape(trace)
    if found is None:
        return None
    forecast, (series, shape, last) = found
    low, high = (bound[last.month - 1, last.hour] for bound in (shape.low, shape.high))
    error = np.abs(shape.mean[last.month - 1, last.hour] - last.ratio).mean()
    flat = np.abs(1 - last.ratio).mean()
    return {
        "mae_ratio_to_annual": round(float(error / flat), 3),
        "within_95": round(float(((low <= last.ratio) & (last.ratio <= high)).mean()), 3),
        "kept": {name: kept_by_start(series, forecast, *job, step) for name, job in JOBS.items()},
        "kept_paused": kept_by_pausing(series, forecast, step, replan=False),
    }


def of_area(trace: derive_shapes.Trace, steps: Mapping[str, int]) -> dict[str, Any]:
    series, _ = contiguous(trace)
    return {
        "hours": len(series),
        "mean_g_per_kwh": round(float(series.mean())),
        "skill": skill(series, steps["skill"]),
        "within_95": coverage(series, steps["skill"]),
        "kept": {name: kept_by_start(series, ours, *job, steps["start"]) for name, job in JOBS.items()},
        "kept_paused": kept_by_pausing(series, ours, steps["pause"], replan=False),
        "kept_paused_replanned": kept_by_pausing(series, ours, steps["replan"], replan=True),
        "blind_shape": blind(trace, steps["start"]),
    }


def carboncast(grid: Path) -> dict[str, Any]:
    """Ours beside CarbonCast's real forecasts for California, from the same actual values, same issues."""
    table = pyarrow.parquet.read_table(grid / "forecast_96h_ciso_2021h2.parquet")
    issue, lead = table["issue_idx"].to_numpy(), table["lead_h"].to_numpy()
    hour = table["target"].to_numpy().astype("datetime64[h]").astype(int)
    actual, forecast = (table[name].to_numpy().astype(float) for name in ("actual", "forecast"))
    first = hour.min()
    series = np.full(hour.max() - first + 1, np.nan)
    series[hour - first] = actual
    cast = {int(hour[(issue == one) & (lead == 0)][0] - first): forecast[issue == one] for one in np.unique(issue)}
    origins = [origin for origin in cast if origin >= RECORD_H and not np.isnan(series[: origin + 96]).any()]

    def theirs(_: Any, origin: int, ahead_h: int) -> Any:
        return cast[origin][:ahead_h]

    forecasts: dict[str, Forecast] = {"CarbonCast": theirs, "ours": ours, **RIVALS}
    found: dict[str, Any] = {"issues": len(origins)}
    for name, one in forecasts.items():
        error = np.array([one(series, origin, 96) - series[origin : origin + 96] for origin in origins])
        truth = np.array([series[origin : origin + 96] for origin in origins])
        percent = 100 * np.abs(error / truth).reshape(len(origins), 4, 24).mean(axis=(0, 2))
        found[name] = {
            "mape_percent_by_day": [round(float(value), 1) for value in percent],
            "kept": {job: _kept(series, one, *hours, origins) for job, hours in JOBS.items()},
        }
    return found


def _kept(series: Any, forecast: Forecast, length_h: int, window_h: int, origins: list[int]) -> float:
    saved = possible = 0.0
    for origin in origins:
        truth = totals(series[origin : origin + window_h], length_h)
        chosen = int(np.argmin(totals(forecast(series, origin, window_h), length_h)))
        saved += truth[0] - truth[chosen]
        possible += truth[0] - truth.min()
    return round(float(saved / possible), 3)


def summary(areas: Mapping[str, Any]) -> dict[str, Any]:
    """Medians over the areas."""
    every = list(areas.values())
    shapes = [one["blind_shape"] for one in every if one["blind_shape"]]
    return {
        "kept": {job: round(median(one["kept"][job] for one in every), 3) for job in JOBS},
        "kept_paused": round(median(one["kept_paused"] for one in every), 3),
        "kept_paused_replanned": round(median(one["kept_paused_replanned"] for one in every), 3),
        "mae_percent": _medians([one["skill"]["mae_percent"] for one in every]),
        "mae_ratio": {name: _medians([one["skill"]["mae_ratio"][name] for one in every]) for name in RIVALS},
        "rmse_ratio": {name: _medians([one["skill"]["rmse_ratio"][name] for one in every]) for name in RIVALS},
        "within_95": _medians([one["within_95"] for one in every]),
        "within_95_least": {lead: min(one["within_95"][lead] for one in every) for lead in map(str, LEADS)},
        "blind_shape": {
            "areas": len(shapes),
            "kept": {job: round(median(one["kept"][job] for one in shapes), 3) for job in JOBS},
            "kept_paused": round(median(one["kept_paused"] for one in shapes), 3),
            "mae_ratio_to_annual": round(median(one["mae_ratio_to_annual"] for one in shapes), 3),
            "within_95": round(median(one["within_95"] for one in shapes), 3),
            "within_95_least": min(one["within_95"] for one in shapes),
        },
    }


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {lead: round(median(row[lead] for row in rows), 3) for lead in map(str, LEADS)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer origins, write nothing")
    quick = parser.parse_args().quick
    steps = {"skill": 25, "start": 11, "pause": 53, "replan": 149}
    if quick:
        steps = {name: 20 * step + 1 for name, step in steps.items()}
    grid = derive_factors.reference_folder() / "grid"
    areas = {}
    for name, trace in derive_shapes.read(grid).items():
        areas[name] = of_area(trace, steps)
        print(name, json.dumps({key: areas[name][key] for key in ("kept", "kept_paused", "kept_paused_replanned")}))
    found = {"areas": areas, "median": summary(areas), "carboncast": carboncast(grid)}
    print(json.dumps({"median": found["median"], "carboncast": found["carboncast"]}, indent=1))
    if not quick:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
