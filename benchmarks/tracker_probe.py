"""One tracker in a process of its own, watched from inside. Prints `name value` lines. See tracker_overhead.py.

Imports as little as possible, so that what the tracker imports is the tracker's. CPU times are those of getrusage,
children included; memory is the resident set.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter, perf_counter_ns, process_time_ns, sleep, thread_time_ns

NOTICED_NS = 200_000  # a longer silence of the busy thread is looked at: was another thread of ours at work?
WORKED_NS = 20_000
STARTS = {
    "none": ("", "", ""),
    "joulewise": ("import joulewise", "tracker = joulewise.measure('bench')\ntracker.start()", "tracker.stop()"),
    "codecarbon": (
        "from codecarbon import OfflineEmissionsTracker",
        "tracker = OfflineEmissionsTracker(country_iso_code='DEU', save_to_file=False, log_level='critical',"
        " measure_power_secs=float(os.environ.get('JOULEWISE_TICK_S', '15')), allow_multiple_runs=True)\n"
        "tracker.start()",
        "tracker.stop()",
    ),
}


def resident_mib() -> float:
    with open("/proc/self/smaps_rollup", "rb") as file:  # statm may be some hundred KiB off
        return next(int(line.split()[1]) for line in file if line.startswith(b"Rss:")) / 2**10


def cpu_s() -> tuple[float, float]:
    """CPU seconds of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def watch_start(tell: Tell) -> dict[str, object]:
    """Import and start, each timed."""
    names: dict[str, object] = {"os": os}
    importing, starting, _ = STARTS[sys.argv[1]]
    before_mib, began = resident_mib(), perf_counter()
    exec(importing, names)
    tell("import_ms", (perf_counter() - began) * 1e3)
    tell("import_mib", resident_mib() - before_mib)
    began = perf_counter()
    exec(starting, names)
    tell("ready_ms", (perf_counter() - began) * 1e3)
    tell("ready_mib", resident_mib() - before_mib)
    return names


def watch_stop(tell: Tell, names: dict[str, object]) -> None:
    began = perf_counter()
    exec(STARTS[sys.argv[1]][2], names)
    tell("stop_ms", (perf_counter() - began) * 1e3)
    tell("children_cpu_s", cpu_s()[1])


def idle(tell: Tell, settle_s: float, window_s: float) -> None:
    """CPU time of a process that only sleeps, after the start has settled; process_time_ns is finer than os.times."""
    sleep(settle_s)
    before_ns, before_children = process_time_ns(), cpu_s()[1]
    began = perf_counter()
    sleep(window_s)
    spent_s = (process_time_ns() - before_ns) / 1e9 + cpu_s()[1] - before_children
    tell("cpu_s_per_h", spent_s / (perf_counter() - began) * 3_600)
    tell("resident_mib", resident_mib())


def busy(tell: Tell, settle_s: float, window_s: float) -> None:
    """Silences of a pure-Python thread, and of those the ones in which another thread of this process worked."""
    others_ns = process_time_ns() - thread_time_ns()
    last = perf_counter_ns()
    begin, end = last + int(settle_s * 1e9), last + int((settle_s + window_s) * 1e9)
    longest_ns, held = 0, []
    while last < end:
        now = perf_counter_ns()
        gap_ns, last = now - last, now
        if gap_ns < NOTICED_NS or now < begin:
            continue
        longest_ns = max(longest_ns, gap_ns)
        worked_ns = process_time_ns() - thread_time_ns() - others_ns
        if worked_ns > WORKED_NS:
            held.append(min(gap_ns, worked_ns))
        others_ns += worked_ns
        last = perf_counter_ns()
    others_s = (process_time_ns() - thread_time_ns()) / 1e9
    tell("longest_silence_ms", longest_ns / 1e6)
    tell("gil_held_ms_max", max(held, default=0) / 1e6)
    held = sorted(held) or [0]
    tell("gil_held_ms_p95", held[int(0.95 * len(held))] / 1e6)
    tell("gil_held_ms_median", held[len(held) // 2] / 1e6)
    tell("other_threads_cpu_ms_per_s", others_s * 1e3 / (settle_s + window_s))


def main() -> None:
    names = watch_start(say)
    if sys.argv[2] != "start":
        {"idle": idle, "busy": busy}[sys.argv[2]](say, float(sys.argv[3]), float(sys.argv[4]))
    watch_stop(say, names)


def say(name: str, value: float) -> None:
    print(name, value, flush=True)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, float], None]

if __name__ == "__main__":
    main()
