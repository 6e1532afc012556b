"""What a tracker costs the work that it measures: joulewise beside CodeCarbon 3.3.2 and no tracker, in the same run.

Every figure comes from fresh processes, the trackers interleaved, so that a busy minute of the machine hits all alike.
`make bench` runs it (about twenty minutes) and writes benchmarks/results/tracker_overhead.json, which the docs quote.
`--smoke` takes a minute and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRACKERS = ("none", "joulewise", "codecarbon")
BUDGET = {
    "import_ms": 20.0,
    "import_mib": 3.0,
    "ready_ms": 5.0,
    "stop_ms": 5.0,
    "cpu_s_per_h": 0.25,
    "crowded_cpu_s_per_h": 0.25,
    "gil_held_ms_max": 0.5,
}
"""What joulewise may cost."""

Figures = dict[str, list[float]]


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def probe(tracker: str, kind: str, folder: str, *args: float, tick_s: float | None = None) -> dict[str, float]:
    """Run one probe in a home of its own and return what it told."""
    environ = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8"}
    if tick_s is not None:
        environ["JOULEWISE_TICK_S"] = str(tick_s)
    done = subprocess.run(
        [sys.executable, HERE / "tracker_probe.py", tracker, kind, *map(str, args)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{tracker} {kind} failed:\n{done.stderr}")
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}


def gather(into: dict[str, Figures], tracker: str, told: dict[str, float], prefix: str = "") -> None:
    for name, value in told.items():
        into[tracker].setdefault(prefix + name, []).append(value)


@contextmanager
def crowd(size: int) -> Iterator[None]:
    """That many more processes on the host, all asleep."""
    sleepers = [subprocess.Popen(["sleep", "3600"]) for _ in range(size)]
    try:
        yield
    finally:
        for sleeper in sleepers:
            sleeper.terminate()
        for sleeper in sleepers:
            sleeper.wait()


def only(told: dict[str, float], *names: str) -> dict[str, float]:
    return {name: told[name] for name in names}


def measure(trackers: list[str], options: argparse.Namespace, folder: str) -> dict[str, Figures]:
    found: dict[str, Figures] = {tracker: {} for tracker in trackers}
    for tracker in trackers:  # the first start of each fills caches, and is not counted
        probe(tracker, "start", folder)
    for _ in range(options.repeats):
        for tracker in trackers:
            gather(found, tracker, probe(tracker, "start", folder))
    window = (options.settle_s, options.window_s)
    for _ in range(options.rounds):
        for tracker in trackers:
            gather(found, tracker, only(probe(tracker, "idle", folder, *window), "cpu_s_per_h", "resident_mib"))
        for tracker in trackers:
            told = probe(tracker, "busy", folder, 5.0, options.window_s / 2, tick_s=1.0)
            names = [name for name in told if name.startswith(("longest", "gil", "other"))]
            gather(found, tracker, only(told, *names))
    with crowd(options.crowd):
        for tracker in trackers:
            gather(found, tracker, only(probe(tracker, "idle", folder, *window), "cpu_s_per_h"), "crowded_")
    return found


def summary(found: dict[str, Figures]) -> dict[str, dict[str, dict[str, float]]]:
    """Median, least and most of each figure; a maximum stays a maximum."""
    return {
        tracker: {
            name: {
                "median": statistics.median(values),
                "low": min(values),
                "high": max(values),
                "n": len(values),
            }
            for name, values in figures.items()
        }
        for tracker, figures in found.items()
    }


def machine() -> dict[str, object]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cpu_count": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    }


def print_table(result: dict[str, dict[str, dict[str, float]]]) -> None:
    trackers = list(result)
    print(f"{'median':28}" + "".join(f"{tracker:>13}" for tracker in trackers) + "     budget   ratio")
    for name in result["joulewise"]:
        cells = [result[tracker].get(name, {}).get("median") for tracker in trackers]
        shown = "".join(f"{cell:13.3f}" if cell is not None else f"{'-':>13}" for cell in cells)
        budget = f"{BUDGET[name]:11.2f}" if name in BUDGET else f"{'':11}"
        theirs, ours = result.get("codecarbon", {}).get(name, {}).get("median"), result["joulewise"][name]["median"]
        ratio = f"{theirs / ours:7.0f}x" if theirs and ours > 0 else ""
        print(f"{name:28}{shown}{budget}{ratio}")


def options_of(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a minute, no file")
    parser.add_argument("--repeats", type=int, default=21, help="starts of each tracker")
    parser.add_argument("--rounds", type=int, default=2, help="idle and busy windows of each tracker")
    parser.add_argument("--settle-s", type=float, default=22.0, help="seconds before an idle window begins")
    parser.add_argument("--window-s", type=float, default=60.0, help="seconds of an idle window")
    parser.add_argument("--crowd", type=int, default=1_000, help="sleeping processes for the crowded host")
    options = parser.parse_args(args)
    if options.smoke:
        options.repeats, options.rounds, options.settle_s, options.window_s, options.crowd = 3, 1, 2.0, 6.0, 100
    return options


def main() -> None:
    options = options_of()
    trackers = [name for name in TRACKERS if name == "none" or installed(name)]
    if "codecarbon" not in trackers:
        print("CodeCarbon is not installed here: no ratios. Try: make bench", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="joulewise-bench-") as folder:
        result = summary(measure(trackers, options, folder))
    print_table(result)
    if options.smoke:
        return
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: installed(name) for name in TRACKERS if name != "none"},
        "options": vars(options),
        "budget": BUDGET,
        "figures": result,
    }
    path = HERE / "results" / "tracker_overhead.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"wrote {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
