"""Writes docs/benchmarks.md from benchmarks/results/*.json, so that the docs quote what was measured.

Usage: python tools/make_benchmark_page.py [--check]    (--check only compares)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
MADE = "<!-- Made by `python tools/make_benchmark_page.py` from benchmarks/results. -->"
NOT_RUN = "**Not run yet.** This section is filled from `benchmarks/results/{name}.json` when `{command}` has run."
COST_LABELS = {
    "import_ms": "import, ms over bare Python",
    "import_mib": "import, MiB over bare Python",
    "ready_ms": "from the call to measuring, ms",
    "ready_mib": "the same when measuring, MiB",
    "stop_ms": "stop, ms",
    "children_cpu_s": "CPU time of its own child processes at the start, s",
    "cpu_s_per_h": "CPU time, s per tracked hour",
    "resident_mib": "resident memory of the process, MiB",
    "crowded_cpu_s_per_h": "the same beside 1,000 other processes, s per hour",
    "gil_held_ms_median": "GIL held by a tick, median, ms",
    "gil_held_ms_p95": "GIL held by a tick, 95th percentile, ms",
    "gil_held_ms_max": "GIL held by a tick, the longest, ms",
    "longest_silence_ms": "longest pause of a busy thread, ms (the kernel's, too)",
    "other_threads_cpu_ms_per_s": "CPU time of its threads at one tick a second, ms per s",
}


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [heads, ("---", *["---:"] * (len(heads) - 1)), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def percent(value: float) -> str:
    return f"{value:.1f} %"


def fidelity(found: dict[str, Any]) -> str:
    ours = [
        (
            what,
            figures["servers"],
            percent(figures["median_percent"]),
            percent(figures["p90_percent"]),
            percent(100 * figures["coverage_95"]),
        )
        for what, figures in found["joulewise"].items()
    ]
    theirs = [
        (name, figures["servers"], percent(figures["median_percent"]), percent(figures["p90_percent"]))
        for name, figures in sorted(found["published"].items(), key=lambda item: item[1]["median_percent"])
    ]
    return f"""Each server of SPECpower is left out in turn, its power at eleven loads is predicted from the
rest, and the prediction is compared with what SPEC's meter read at the wall. The last column says how many of those
points lie within our 95 % bounds.

{table(("what is left out", "servers", "median error", "90th percentile", "within bounds"), ours)}

The published formulas, with their own inputs (the CPU's TDP, the memory) over the same servers, all loads together:

{table(("formula", "servers", "median error", "90th percentile"), theirs)}

Reproduce: `python benchmarks/cpu_model_fidelity.py` (needs the reference data). Model table {found["table"]}. How the
model works: [equations](explanation/equations/cpu-model.md)."""


def overhead(found: dict[str, Any]) -> str:
    figures, budget = found["figures"], found["budget"]
    others = [name for name in figures if name != "joulewise"]
    rows = []
    for name in figures["joulewise"]:
        cells = [median(figures[tracker].get(name)) for tracker in ("joulewise", *others)]
        rows.append((COST_LABELS.get(name, f"`{name}`"), *cells, f"{budget[name]:g}" if name in budget else ""))
    machine, versions = found["machine"], found["versions"]
    return f"""Fresh processes, the trackers interleaved, so that a busy minute hits all alike; medians, with the
least and the most in brackets.

{machine["cpu"]}, {machine["cpu_count"]} CPUs, Python {machine["python"]}, {found["measured_at"][:10]};
{", ".join(f"{name} {version}" for name, version in versions.items() if version)}.

{table(("", "joulewise", *others, "joulewise's budget"), rows)}

Reproduce: `make bench` (about twenty minutes)."""


def median(one: dict[str, float] | None) -> str:
    if not one:
        return "not measured"
    middle, low, high = (f"{float(f'{one[name]:.3g}'):,g}" for name in ("median", "low", "high"))
    return f"{middle} ({low} – {high})"


def million(found: dict[str, Any]) -> str:
    queries = [
        (name, f"{row['rows_only_ms']:g}", f"{row['with_total_ms']:g}" if "with_total_ms" in row else "")
        for name, row in found["queries"].items()
    ]
    single = [
        (name.removesuffix("_ms").replace("_", " "), f"{value:g}")
        for name, value in found.items()
        if name.endswith("_ms") and isinstance(value, int | float)
    ]
    return f"""A ledger of {found["runs"]:,} runs ({found["file_mb"]:,g} MB), medians in milliseconds;
{found["cpu_count"]} CPUs, SQLite {found["sqlite"]}, Python {found["python"]}.

{table(("list", "a page, ms", "with the count of all, ms"), queries)}

{table(("what", "ms"), single)}

Reproduce: `python benchmarks/ledger_million.py`."""


def forecast(found: dict[str, Any]) -> str:
    middle, cast = found["median"], found["carboncast"]
    jobs = list(middle["kept"])
    leads = list(middle["mae_percent"])
    skill = [
        (
            f"{lead} h",
            percent(middle["mae_percent"][lead]),
            *(f"{middle['mae_ratio'][rival][lead]:.2f}" for rival in ("climatology", "persistence", "yesterday")),
            f"{middle['rmse_ratio']['climatology'][lead]:.2f}",
            whole(middle["within_95"][lead]),
            whole(middle["within_95_least"][lead]),
        )
        for lead in leads
    ]
    kept = [
        (
            name,
            one["mean_g_per_kwh"],
            *(whole(one["kept"][job]) for job in jobs),
            whole(one["kept_paused"]),
            whole(one["kept_paused_replanned"]),
            whole(one["blind_shape"]["kept"][jobs[1]]) if one["blind_shape"] else "one year only",
        )
        for name, one in found["areas"].items()
    ]
    kept.append(
        (
            "**median**",
            "",
            *(whole(middle["kept"][job]) for job in jobs),
            whole(middle["kept_paused"]),
            whole(middle["kept_paused_replanned"]),
            whole(middle["blind_shape"]["kept"][jobs[1]]),
        )
    )
    real = [
        (name, *cast[name]["mape_percent_by_day"], *(whole(cast[name]["kept"][job]) for job in jobs))
        for name in cast
        if name != "issues"
    ]
    blind = middle["blind_shape"]
    return f"""The forecast that needs no key sees the fourteen days before its origin and nothing else. Traces: hourly
generation mixes of {len(found["areas"])} areas, 2020 to 2022 (Britain: 2026), times our fuel factors.

Mean absolute error, and its ratio to that of others (below 1: ours is better), that of the root mean square error to
climatology's; medians over the areas. The last columns say how many hours lie within the 95 % band, in the middle area
and in the worst.

{table(("ahead", "error", "to climatology", "to the last value", "to yesterday", "RMSE", "in band", "worst"), skill)}

Share of the saving of perfect foresight that a plan on the forecast keeps (ratio of sums over all origins). Paused: a
24 h job in 72 h that may stop at will, planned once or again each hour. Shape: typical hours of other years alone.

{table(("area", "mean, g/kWh", *jobs, "paused", "paused, hourly plans", f"shape, {jobs[1]}"), kept)}

The shape of other years, in a year that it never saw: its error is {blind["mae_ratio_to_annual"]:.2f} of that of the
annual mean, and {whole(blind["within_95"])} of the hours lie within its 95 % bounds (worst
{whole(blind["within_95_least"])}); median of {blind["areas"]} areas.

Beside real forecasts: {cast["issues"]} issues of CarbonCast for California (second half of 2021), all from the same
actual values. Mean absolute percentage error by day ahead, and the share of the saving kept.

{table(("forecast", "day 1, %", "day 2, %", "day 3, %", "day 4, %", *jobs), real)}

Reproduce: `python benchmarks/forecast_skill.py` (needs the reference data). How it works:
[forecast](explanation/forecast.md)."""


def planning(found: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{one['median_ms']:.1f}",
            f"{one['best_ms']:.1f}",
            f"{one['to_reach_ms']:.0f}" if "to_reach_ms" in one else "",
        )
        for name, one in found["problems"].items()
    ]
    return f"""Milliseconds of CPU time on one core ({found["machine"]}; load {found["load_at_start"]} at the start).

{table(("problem", "median", "best", "to reach"), rows)}

Reproduce: `python benchmarks/planner_speed.py`. What each solves: [planning](explanation/planning.md)."""


def honesty(found: dict[str, Any]) -> str:
    rows = [
        (
            job,
            whole(one["oracle_saving_share"]),
            whole(one["kept_by_plan_share"]),
            whole(one["kept_by_always_moving_share"]),
            whole(one["saving_interval_coverage"]),
            f"{one['regret_expected_g']:.0f} / {one['regret_came_g']:.0f}",
        )
        for job, one in found.items()
    ]
    count = next(iter(found.values()))["forecasts"]
    heads = ("job", "hindsight saves", "plan keeps", "always moving keeps", "in interval", "regret expected / came, g")
    return f"""Plans of a 1 kW job on {count} real forecasts of CarbonCast for California, against what came. The
interval of a plan's saving should hold what was saved 95 % of the time: beyond two days it does not, as the
forecasts' own bias grows.

{table(heads, rows)}

Reproduce: `python benchmarks/plan_honesty.py` (needs the reference data)."""


def studies(found: dict[str, Any]) -> str:
    wait = found["wait_awhile"]
    rows = [
        (what, *(f"{wait[key][name]:.2f}" for name in ("published_percent", "with_the_fault_percent", "exact_percent")))
        for what, key in (("in one piece", "whole"), ("interrupted", "paused"))
    ]
    heads = ("next workday, 5 % noise", "published, %", "with the study's window, %", "exact deadline, %")
    return f"""Let's Wait Awhile (2021), Germany 2020, {wait["jobs"]:,} jobs, here on the generation mix (mean
{wait["mean_g_per_kwh"]:.0f} g/kWh; the study's trace counts imports).

{table(heads, rows)}

Reproduce: `python benchmarks/scheduling_studies.py` (needs the reference data). Its two faults, and the pattern of
Dodge et al. (2022): [planning](explanation/planning.md)."""


def shrinking(found: dict[str, Any]) -> str:
    machine = found["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine.items() if name not in MACHINE)
    vnni = "with" if machine["vnni"] else "without"
    paced = [one["paced"] for name, one in found["models"].items() if "paced" in one]
    costs = table(
        ("model", "batch", "the lab's, µs", "winner's, µs", "times less", "to reach"), shrunk(found["models"])
    )
    heads = ("model", "winner", "change of quality", "search, s", "search, Wh", "paid back after")
    return f"""CPU time of an inference with what the lab has (`predict` of the library, PyTorch eager; one thread)
against the winner of a search on two cores: both measured in turns in one run, on rows that nothing was selected by.
The floor is half a point of accuracy unless the name says otherwise, or a mean cosine of 0.99 for embeddings, held at
the interval's bad end.
{machine["cpu"]}, {machine["cores"]} cores, {vnni} VNNI; Python {machine["python"]}, {libraries}.

{costs}

{table(heads, ways(found["models"]))}
{idling(paced[-1]) if paced else ""}
Reproduce: `python benchmarks/shrink.py`. How it works: [shrinking](explanation/shrinking.md)."""


MACHINE = ("cpu", "cores", "vnni", "python")


def shrunk(models: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    for name, one in models.items():
        for batch, times in one.get("times_less", {}).items():
            wanted = one["to_reach"].get(batch)
            reach = "" if wanted is None else f"{wanted:g}{'' if times >= wanted else ' (missed)'}"
            yield name, batch, one["lab_cpu_us"][batch], one["winner_cpu_us"][batch], f"{times:.1f}", reach


def ways(models: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    for name, one in models.items():
        if one["winner"] is None:
            yield name, "none", "", f"{one['seconds']:.0f}", "", ""
            continue
        value, low, high = (100 * each for each in one["quality_change"])
        if one["metric"] == "cosine":
            told = f"{value / 100 + 1:.4f} ({low / 100 + 1:.4f} to {high / 100 + 1:.4f}) cosine"
        else:
            told = f"{value:+.2f} pt ({low:+.2f} to {high:+.2f})"
        search_wh = f"{one['search_j'] / 3600:.2f}" if one["search_j"] else ""
        yield name, one["winner"], told, f"{one['seconds']:.0f}", search_wh, f"{one['paid_back_after']:,}"


def idling(paced: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, by_load in paced.items():
        full, slow = (
            next(value for load, value in by_load.items() if (load == "saturated") is at) for at in (True, False)
        )
        rows.append((name, full, slow, f"{slow / full:.2f}"))
    heads = ("the residual network's deployment", "saturated, µs", "at 20 requests/s, µs", "ratio")
    return f"""
CPU time of an inference at few requests a second, where threads that wait by spinning cost most (to reach: 1.5).

{table(heads, rows)}
"""


def whole(share: float) -> str:
    return f"{100 * share:.0f} %"


SECTIONS = (
    ("How right the model meter is", "cpu_model_fidelity", "python benchmarks/cpu_model_fidelity.py", fidelity),
    ("What measuring costs", "tracker_overhead", "make bench", overhead),
    ("How good the forecast is", "forecast_skill", "python benchmarks/forecast_skill.py", forecast),
    ("How fast plans are found", "planner_speed", "python benchmarks/planner_speed.py", planning),
    ("How honest plans are", "plan_honesty", "python benchmarks/plan_honesty.py", honesty),
    ("Published studies", "scheduling_studies", "python benchmarks/scheduling_studies.py", studies),
    ("What shrinking saves", "shrink", "python benchmarks/shrink.py", shrinking),
    ("A million runs", "ledger_million", "python benchmarks/ledger_million.py", million),
)


def made() -> str:
    parts = [
        MADE,
        "# Benchmarks",
        "Side by side, in one run, on the machine named; the tables are made from the JSON of the run.",
    ]
    for title, name, command, draw in SECTIONS:
        path = RESULTS / f"{name}.json"
        text = (
            draw(json.loads(path.read_text("utf-8"))) if path.is_file() else NOT_RUN.format(name=name, command=command)
        )
        parts += [f"## {title}", text]
    return "\n\n".join(parts) + "\n"


def outdated() -> bool:
    """True if the page differs from what the results say now."""
    return not PAGE.is_file() or PAGE.read_text("utf-8") != made()


def main() -> int:
    if not outdated():
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE.relative_to(ROOT)} is outdated: python tools/make_benchmark_page.py")
        return 1
    PAGE.write_text(made(), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
