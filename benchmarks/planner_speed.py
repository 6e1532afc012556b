"""How fast the exact optimisers are on one core, against the figures that we set ourselves.

    python benchmarks/planner_speed.py      prints, and writes results/planner_speed.json

Each problem is solved again and again for about a second. Best and median are CPU time: one core (element-wise NumPy
runs on one), and other work on the machine counts only as far as it empties the caches. `wall_best_ms` is the best by
the clock on the wall. `reference_ms` is a plain NumPy sort of 438,000 numbers in the same run, so that figures of
different machines can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.schedule import solve

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "planner_speed.json"
YEAR_H, WEEK_H, REGIONS = 8760, 168, 50
TO_REACH_MS = {"every hour of a year x 50 regions": 15.0, "pauses that cost, 7 days": 5.0, "moves, 50 regions": 15.0}
SECONDS_EACH = 1.0
OVERHEAD = solve.Overhead(save_kwh=0.2, save_slots=0.1, restore_kwh=0.3, restore_slots=0.25, idle_kwh=0.05)
RELEASED = solve.Overhead(save_kwh=0.2, save_slots=0.1, restore_kwh=0.3, restore_slots=0.25)


def trace(regions: int, hours: int, seed: int = 1) -> NDArray[np.float64]:
    """Made-up intensities with days, weather and noise, g/kWh, [regions, hours]."""
    rng = np.random.default_rng(seed)
    day = np.sin(2 * np.pi * (np.arange(hours) + rng.integers(0, 24, (regions, 1))) / 24)
    weather = rng.normal(0, 8, (regions, hours)).cumsum(axis=1)
    weather -= weather.mean(axis=1, keepdims=True)
    return np.clip(rng.uniform(100, 500, (regions, 1)) * (1 + 0.3 * day) + weather, 10, 1200)


def problems() -> dict[str, Callable[[], object]]:
    """What is timed, by the words used in the docs."""
    year, week = trace(REGIONS, YEAR_H), trace(REGIONS, WEEK_H)
    quarter_hours, five_minutes = trace(1, 4 * WEEK_H)[0], trace(1, 12 * WEEK_H)[0]
    profile = solve.Work(np.linspace(1, 2, 48), 48)
    day, hours6 = solve.Work.steady(48), solve.Work.steady(6)
    pair_g = np.full((REGIONS, REGIONS), 50.0)
    prices = solve.Prices(per_kwh=0.1, per_slot=np.linspace(1, 2, REGIONS)[:, None])
    return {
        "every hour of a year x 50 regions": lambda: solve.best_start_each(year, hours6, 24),
        "the same, 6.5 h": lambda: solve.best_start_each(year, solve.Work.steady(6.5), 24),
        "the same, 48 h power profile": lambda: solve.best_start_each(year, profile, 24),
        "one start, 7 days x 50 regions": lambda: solve.best_start(week, hours6),
        "free pauses, 7 days x 50 regions": lambda: solve.cheapest_slots(week, day),
        "pauses that cost, 7 days": lambda: solve.best_runs(week[0], day, OVERHEAD),
        "the same, at most 4 runs": lambda: solve.best_runs(week[0], day, OVERHEAD, max_runs=4),
        "the same by quarter hours": lambda: solve.best_runs(quarter_hours, solve.Work.steady(192), OVERHEAD),
        "the same by 5 minutes": lambda: solve.best_runs(five_minutes, solve.Work.steady(576), OVERHEAD),
        "moves, 50 regions": lambda: solve.best_runs(week, day, RELEASED, move=solve.Move(50.0, 1)),
        "moves, a cost for each pair": lambda: solve.best_runs(week, day, RELEASED, move=solve.Move(pair_g, 1)),
        "elastic, 8 levels, 7 days": lambda: solve.best_elastic(
            week[0], 100, np.sqrt(np.arange(1, 9)), np.arange(1, 9)
        ),
        "front of starts, 7 days x 50 regions": lambda: solve.start_front(week, hours6, prices, timed=True),
    }


def times_ms(call: Callable[[], object], seconds: float) -> dict[str, float]:
    """Best and median of the CPU time of `call`, and its best wall time, ms."""
    call()
    used: list[float] = []
    passed: list[float] = []
    until = time.perf_counter() + seconds
    while len(used) < 5 or time.perf_counter() < until:
        started, busy = time.perf_counter(), time.process_time()
        call()
        used.append((time.process_time() - busy) * 1_000)
        passed.append((time.perf_counter() - started) * 1_000)
    return {
        "best_ms": round(min(used), 3),
        "median_ms": round(statistics.median(used), 3),
        "wall_best_ms": round(min(passed), 3),
        "count": len(used),
    }


def measure(seconds: float = SECONDS_EACH) -> dict[str, Any]:
    """All problems, with what was to be reached."""
    numbers = np.random.default_rng(2).random(REGIONS * YEAR_H)
    reference = times_ms(lambda: np.sort(numbers, kind="stable"), seconds)
    timed = {name: times_ms(call, seconds) for name, call in problems().items()}
    for name, limit_ms in TO_REACH_MS.items():
        timed[name]["to_reach_ms"] = limit_ms
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}",
        "load_at_start": round(os.getloadavg()[0], 2),
        "reference_ms": reference["best_ms"],
        "problems": timed,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write. Exit code 1 if a figure to reach is missed by the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=RESULTS)
    parser.add_argument("--seconds", type=float, default=SECONDS_EACH, help="time for each problem")
    options = parser.parse_args(arguments)
    found = measure(options.seconds)
    for name, figures in found["problems"].items():
        limit = f"   to reach {figures['to_reach_ms']:g}" if "to_reach_ms" in figures else ""
        print(f"{name:40} best {figures['best_ms']:8.2f} ms   median {figures['median_ms']:8.2f} ms{limit}")
    options.to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(found["problems"][name]["median_ms"] > limit_ms for name, limit_ms in TO_REACH_MS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
