"""How honest a plan is: does its saving interval hold, is its regret what came, does the rule "do nothing" cost much?

    python benchmarks/plan_honesty.py            prints, and writes results/plan_honesty.json (some minutes)
    python benchmarks/plan_honesty.py --quick    every ninth forecast, writes nothing

Every third of the 181 real 96-hour forecasts for California by CarbonCast (2021, second half), with what came. The band
of a forecast is 1.96 times the root mean square error of its hour ahead. All sums are over the forecasts tried.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet

from joulewise.core.figures import REPORTED, exact
from joulewise.core.plans import Job
from joulewise.core.signals import Signal
from joulewise.schedule import Place, plan_in_full
from joulewise.schedule.problem import Problem, best_ways, pose
from joulewise.schedule.usage import usage_of

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "plan_honesty.json"
HOUR = timedelta(hours=1)
AHEAD_H = 96
JOBS = ((1, 24, False), (6, 24, False), (6, 48, False), (24, 72, False), (24, 96, True))
"""Hours of work, hours of the window, may it be paused."""
PLACES = {"CISO": Place(region="CISO", zone="CISO", pue=exact(1.0, "1", REPORTED, "none"))}


@dataclass
class Record:
    """Forecasts and what came, both (issues, hours ahead), and when each was issued."""

    forecast: np.ndarray
    actual: np.ndarray
    issued_at: list[datetime]

    @property
    def error(self) -> np.ndarray:
        """Root mean square error by hour ahead."""
        return np.sqrt(np.mean((self.actual - self.forecast) ** 2, axis=0))


def read(folder: Path) -> Record:
    table = pyarrow.parquet.read_table(folder / "grid" / "forecast_96h_ciso_2021h2.parquet").to_pydict()
    count = max(table["issue_idx"]) + 1
    forecast, actual = np.full((2, count, AHEAD_H), np.nan)
    issued: dict[int, datetime] = {}
    columns = ("issue_idx", "lead_h", "target", "actual", "forecast")
    for issue, lead, target, came, said in zip(*(table[name] for name in columns), strict=True):
        actual[issue, lead], forecast[issue, lead] = came, said
        issued[issue] = target - lead * HOUR
    whole = np.flatnonzero(~np.isnan(actual + forecast).any(axis=1))
    return Record(forecast[whole], actual[whole], [issued[issue] for issue in whole])


def signals_of(record: Record, issue: int, hours: int) -> list[Signal]:
    start, error = record.issued_at[issue], 1.96 * record.error
    return [
        Signal(
            zone="CISO",
            start=start + lead * HOUR,
            end=start + (lead + 1) * HOUR,
            intensity_g_per_kwh=value,
            low_g_per_kwh=max(0.0, value - error[lead]),
            high_g_per_kwh=value + error[lead],
            kind="average",
            basis="lifecycle",
            scope="production",
            status="forecast",
            source="CarbonCast",
            licence="Apache-2.0",
            issued_at=start,
        )
        for lead, value in enumerate(record.forecast[issue, :hours].tolist())
    ]


def tried(record: Record, issue: int, work_h: int, window_h: int, paused: bool) -> Mapping[str, float]:
    """One forecast: grams that came of running now, of the plan, of always moving, of hindsight; what was expected."""
    now = record.issued_at[issue]
    job = Job(
        name="work",
        duration_s=work_h * 3_600.0,
        power_profile=((work_h * 3_600.0, 1_000.0),),
        release=now,
        deadline=now + window_h * HOUR,
        home="CISO",
        max_runs=None if paused else 1,
    )
    signals = {"CISO": signals_of(record, issue, window_h)}
    planned = plan_in_full(job, signals, PLACES, now)
    problem = pose(job, signals, PLACES, now)
    actual = np.repeat(record.actual[issue, :window_h], round(3_600 / problem.slots.slot_s))[None, :]
    came = {option.name: grams(problem, option.segments, actual) for option in planned.plan.options}
    best = planned.plan.options[-1]
    saved = planned.saved[best.name]
    oracle = min(grams(problem, segments, actual) for _, segments in best_ways(problem, actual))
    return {
        "now": came["now"],
        "plan": came[planned.plan.chosen],
        "always": came[best.name],
        "oracle": oracle,
        "moved": planned.plan.chosen != "now",
        "covered": saved.low <= came["now"] - came[best.name] <= saved.high,
        "regret_expected": best.regret_g or 0.0,
        "regret_came": came[best.name] - oracle,
    }


def grams(problem: Problem, segments: tuple, intensity: np.ndarray) -> float:
    return float((usage_of(problem.job, segments, problem.slots).it_kwh * intensity).sum())


def summary(rows: list[Mapping[str, float]]) -> dict[str, float]:
    total = {name: float(sum(row[name] for row in rows)) for name in rows[0]}
    possible = total["now"] - total["oracle"]
    count = len(rows)
    return {
        "forecasts": count,
        "oracle_saving_share": round(possible / total["now"], 3),
        "kept_by_plan_share": round((total["now"] - total["plan"]) / possible, 3),
        "kept_by_always_moving_share": round((total["now"] - total["always"]) / possible, 3),
        "moved_share": round(total["moved"] / count, 3),
        "saving_interval_coverage": round(total["covered"] / count, 3),
        "regret_expected_g": round(total["regret_expected"] / count, 1),
        "regret_came_g": round(total["regret_came"] / count, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every ninth forecast, writes nothing")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("JOULEWISE_REFERENCE_DATA", ROOT.parent / "shared" / "data"))
    record = read(folder)
    found = {}
    for work_h, window_h, paused in JOBS:
        issues = range(0, len(record.issued_at), 9 if quick else 3)
        name = f"{work_h} h in {window_h} h{', paused' if paused else ''}"
        found[name] = summary([tried(record, issue, work_h, window_h, paused) for issue in issues])
        print(name, found[name])
    if not quick:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
