"""Published studies of carbon-aware scheduling, run again with our optimisers on open generation data of 2020.

    python benchmarks/scheduling_studies.py      prints, and writes results/scheduling_studies.json
    python benchmarks/scheduling_studies.py --from /data/grid/generation_mix_hourly_mw.parquet

1. Wiesner et al. 2021, "Let's Wait Awhile" (Middleware '21, doi:10.1145/3464298.3493399), Germany 2020, scenario II:
   3,387 machine-learning jobs of 4 to 90 hours, started in working hours; each may be delayed until it ends at 9:00 on
   the next working day. Scenario I: a nightly job of half an hour, eight hours earlier or later.
2. The pattern of Dodge et al. 2022 (FAccT '22, doi:10.1145/3531146.3533234): flexible start against pause and resume,
   by length of the job, on grids of Europe and the United States.

3. What a pause may cost: a job of 24 hours within 72, by the number of runs and by the length of a restart, planned by
   the dynamic programme, and planned blind (the cheapest hours) but paying for the restarts all the same.

Intensity is the mix times the medians of IPCC SRREN 2011 (as in the first study), by hour.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.schedule.solve import Overhead, Work, best_runs, best_start, best_start_each, cheapest_slots

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "scheduling_studies.json"
FACTORS_G_PER_KWH = {
    "biomass": 18, "solar": 46, "geothermal": 45, "hydro": 4, "wind": 12, "nuclear": 16, "nat_gas": 469, "oil": 840,
    "coal": 1001, "other_unknown": 770, "other": 770,
}  # fmt: skip
"""Medians of IPCC SRREN 2011, Annex II; what is unknown counts as the mean of the fossil ones, as in the study."""
YEAR = 2020
SLOTS_PER_DAY = 48
NOISE = 0.05
"""Standard deviation of the forecast's error, of the year's mean intensity (the study's own error model)."""
PUBLISHED_PERCENT = {"whole": 5.91, "paused": 7.93}
"""Scenario II, Germany, next working day, 5 % noise: Wiesner et al. 2021."""
DODGE_ZONES = ("DE", "PL", "SE", "US-CAL-CISO", "US-MIDA-PJM", "US-TEX-ERCO")
DODGE_HOURS = (1, 6, 12, 24, 48, 96, 192)

Floats = NDArray[np.float64]


def mix_file() -> Path:
    """Where the raw mix lies: $JOULEWISE_REFERENCE_DATA, or beside the checkout."""
    folder = Path(os.environ.get("JOULEWISE_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    return folder / "grid" / "generation_mix_hourly_mw.parquet"


def hourly_g_per_kwh(mix: Path, zone: str, first: datetime, last: datetime) -> Floats:
    """Lifecycle intensity of production by hour in [first, last); NaN if the hour, or one of its fuels, is missing."""
    import pyarrow.compute as pc  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    table = pq.read_table(mix, filters=[("zone", "=", zone)])
    table = table.filter(pc.and_(pc.greater_equal(table["ts"], first), pc.less(table["ts"], last)))
    hours = (table["ts"].to_numpy() - np.datetime64(first.replace(tzinfo=None))) // np.timedelta64(1, "h")
    fuels = [fuel for fuel in FACTORS_G_PER_KWH if table[fuel].null_count < len(table)]
    power_mw = np.stack([table[fuel].to_numpy().astype(np.float64) for fuel in fuels]).clip(0)
    factors = np.array([FACTORS_G_PER_KWH[fuel] for fuel in fuels], dtype=np.float64)
    intensity = np.full(int((last - first).total_seconds() // 3600), np.nan)
    intensity[hours] = factors @ power_mw / power_mw.sum(axis=0)
    return intensity


# 1. Let's Wait Awhile


@dataclass(frozen=True, slots=True)
class Delayed:
    """A job of scenario II, in half hours from the year's beginning: when it comes, how long it runs, and its slack."""

    arrival: int
    units: int
    slack: int


def study_jobs(count: int = 3387) -> list[Delayed]:
    """The study's random jobs, drawn in its own order from its own seed, so that they are the very same."""
    rng = np.random.default_rng(0)
    days = [date(YEAR, 1, 1) + timedelta(days=n) for n in range(366)]
    working = [day for day in days if day.weekday() < 5]
    per_day = dict(zip(working, rng.multinomial(count, [1 / len(working)] * len(working)), strict=True))
    minutes = range(9 * 60, 17 * 60, 30)
    arrivals: list[int] = []
    for number, day in enumerate(days):
        drawn = np.sort(rng.choice(minutes, size=per_day.get(day, 0)))
        arrivals.extend(int(number * SLOTS_PER_DAY + minute // 30) for minute in drawn)
    units = rng.choice(range(4 * 60, 90 * 60, 30), size=count) // 30
    lengths = (int(unit) for unit in units)
    return [Delayed(start, length, slack_of(start + length)) for start, length in zip(arrivals, lengths, strict=True)]


def slack_of(finish: int) -> int:
    """Half hours from a finish (half hours from New Year) to 9:00 on the next working day; 0 if it is in one."""
    day, slot = divmod(finish, SLOTS_PER_DAY)
    weekday = (date(YEAR, 1, 1) + timedelta(days=day)).weekday()
    wait_days = {5: 2, 6: 1}.get(weekday, 1 if slot > 2 * 17 else 0)
    return wait_days * SLOTS_PER_DAY + 2 * 9 - slot if wait_days or slot < 2 * 9 else 0


def next_workday_percent(
    intensity: Floats, jobs: Sequence[Delayed], seeds: Iterable[int], *, paused: bool, extra_slot: int
) -> float:
    """Saving of all jobs against running at once, percent: planned on noisy forecasts, accounted on the truth.

    `extra_slot` 1 repeats the study's fault: its window is a slot too long, so that jobs may end half an hour late.
    """
    baseline_g = sum(float(intensity[job.arrival : job.arrival + job.units].sum()) for job in jobs)
    totals_g = []
    for seed in seeds:
        noise = np.random.default_rng(seed).normal(0, NOISE * intensity.mean(), size=len(intensity))
        forecast = intensity + noise
        totals_g.append(sum(_planned_g(intensity, forecast, job, paused, extra_slot) for job in jobs))
    return float(100 * (1 - np.mean(totals_g) / baseline_g))


def _planned_g(intensity: Floats, forecast: Floats, job: Delayed, paused: bool, extra_slot: int) -> float:
    window = slice(job.arrival, job.arrival + job.units + job.slack + extra_slot)
    solve = cheapest_slots if paused else best_start
    return solve(forecast[window], Work.steady(job.units)).emissions_on(intensity[window])


def nightly_percent(intensity: Floats, *, hours: int, seed: int, faulty: bool) -> float:
    """Scenario I: a job of half an hour at 1:00, up to `hours` earlier or later.

    The study drops the first night, whose window begins in the year before, but divides by 365 nights (`faulty`).
    """
    noise = np.random.default_rng(seed).normal(0, NOISE * intensity.mean(), size=len(intensity))
    forecast, reach = intensity + noise, 2 * hours
    nights = [night * SLOTS_PER_DAY + 2 for night in range(365)]
    used = [night for night in nights if night >= reach]
    chosen = [night - reach + int(np.argmin(forecast[night - reach : night + reach + 1])) for night in used]
    baseline_g = intensity[nights if faulty else used].mean()
    return float(100 * (1 - intensity[chosen].sum() / (len(nights) if faulty else len(used)) / baseline_g))


def wait_awhile(mix: Path, seeds: int = 10) -> dict[str, Any]:
    """Scenario II as published and with the exact deadline, and what the faults add."""
    first, last = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 9, tzinfo=UTC)
    intensity = np.repeat(hourly_g_per_kwh(mix, "DE", first, last), 2)
    jobs = study_jobs()
    found: dict[str, Any] = {"jobs": len(jobs), "mean_g_per_kwh": round(float(intensity[: 366 * 48].mean()), 1)}
    for name, paused in (("whole", False), ("paused", True)):
        as_published, exact = (
            next_workday_percent(intensity, jobs, range(seeds), paused=paused, extra_slot=extra) for extra in (1, 0)
        )
        found[name] = {
            "published_percent": PUBLISHED_PERCENT[name],
            "with_the_fault_percent": round(as_published, 2),
            "exact_percent": round(exact, 2),
        }
    nightly = {
        faulty: float(np.mean([nightly_percent(intensity, hours=8, seed=seed, faulty=faulty) for seed in range(seeds)]))
        for faulty in (True, False)
    }
    found["nightly"] = {"with_the_fault_percent": round(nightly[True], 2), "exact_percent": round(nightly[False], 2)}
    return found


# 2. Dodge et al.


def dodge_percent(intensity: Floats, hours: int, slack: int) -> dict[str, float]:
    """Savings over a year of daily submissions, percent (ratio of sums): flexible start, and pause and resume."""
    work = Work.steady(hours)
    origins = range(0, len(intensity) - hours - slack, 24)
    starts = best_start_each(intensity, work, slack)
    now_g = sum(float(intensity[origin : origin + hours].sum()) for origin in origins)
    start_g = float(starts.emissions_g[list(origins)].sum())
    paused_g = sum(cheapest_slots(intensity[o : o + hours + slack], work).emissions_g for o in origins)
    return {"start": round(100 * (1 - start_g / now_g), 2), "paused": round(100 * (1 - paused_g / now_g), 2)}


def dodge(mix: Path, zones: Sequence[str] = DODGE_ZONES) -> dict[str, Any]:
    """By zone and length: 24 hours of slack, and as much slack as the job is long."""
    first, last = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    found: dict[str, Any] = {}
    for zone in zones:
        intensity = filled(hourly_g_per_kwh(mix, zone, first, last))
        found[zone] = {
            str(hours): {"24 h": dodge_percent(intensity, hours, 24), "twice": dodge_percent(intensity, hours, hours)}
            for hours in DODGE_HOURS
        }
    return found


# 3. What a pause may cost


def pauses_percent(intensity: Floats) -> dict[str, float]:
    """Savings of a 24 h job within 72 h against running at once, percent, submitted daily for a year; ratio of sums."""
    work = Work.steady(24)
    quarter, hour = (Overhead(restore_kwh=length, restore_slots=length) for length in (0.25, 1.0))
    totals_g = dict.fromkeys(
        ("one run", "2 runs", "3 runs", "free", "15 min restart", "1 h restart", "1 h, blind"), 0.0
    )
    now_g, runs = 0.0, 0
    for origin in range(0, len(intensity) - 72, 24):
        window = intensity[origin : origin + 72]
        now_g += float(window[:24].sum())
        for most in (1, 2, 3):
            totals_g["one run" if most == 1 else f"{most} runs"] += best_runs(window, work, max_runs=most).emissions_g
        free, slow = cheapest_slots(window, work), best_runs(window, work, hour)
        restarts_g = sum(float(window[int(run.start_slots) - 1]) for run in free.runs[1:])
        totals_g["free"] += free.emissions_g
        totals_g["15 min restart"] += best_runs(window, work, quarter).emissions_g
        totals_g["1 h restart"] += slow.emissions_g
        totals_g["1 h, blind"] += free.emissions_g + restarts_g
        runs += len(slow.runs)
    saved = {name: round(100 * (1 - grams / now_g), 1) for name, grams in totals_g.items()}
    return saved | {"runs with 1 h restart": round(runs / len(range(0, len(intensity) - 72, 24)), 1)}


def pauses(mix: Path, zones: Sequence[str] = DODGE_ZONES) -> dict[str, Any]:
    """`pauses_percent` by zone."""
    first, last = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    return {zone: pauses_percent(filled(hourly_g_per_kwh(mix, zone, first, last))) for zone in zones}


def filled(intensity: Floats) -> Floats:
    """Short gaps (up to three hours) on a straight line between their neighbours; longer ones are refused."""
    known = np.flatnonzero(np.isfinite(intensity))
    if np.diff(known, prepend=-1, append=len(intensity)).max() > 4:
        raise SystemExit("more than three hours are missing in a row")
    return np.interp(np.arange(len(intensity)), known, intensity[known])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="mix", type=Path, default=mix_file())
    parser.add_argument("--to", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    mix = options.mix
    found = {"wait_awhile": wait_awhile(mix), "dodge_percent": dodge(mix), "pauses_percent": pauses(mix)}
    print(json.dumps(found, indent=1))
    options.to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
