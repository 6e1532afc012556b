"""How long a million runs take to list, filter, sort, page and sum, and what filing and opening cost.

    python benchmarks/ledger_million.py [--runs 1000000] [--folder DIR] [--out benchmarks/results/ledger_million.json]

Files real runs through the ledger's own door (run, tags, energy, emissions, audit entry each), then takes the median
of 7 warm calls a query on a ledger opened anew. A folder that holds a finished ledger already is used again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from joulewise import ledger
from joulewise.core.records import RUN_KINDS, Bundle
from joulewise.ledger import RunQuery, writing
from joulewise.testing.ledgers import FIRST, full_bundle, small_bundle

REPEATS = 7
STATUSES = ("finished",) * 94 + ("failed",) * 5 + ("killed",)


def bundles(count: int) -> Iterator[Bundle]:
    """Runs over two years: 50 projects, 7 tags, one in four a child, one in a hundred killed."""
    chance, parent = Random(0), None
    for number in range(count):
        started = FIRST + timedelta(seconds=63 * number)
        bundle = small_bundle(
            number,
            energy_j=chance.lognormvariate(12, 2),
            emissions_g=chance.lognormvariate(3, 2),
            started_at=started,
            ended_at=started + timedelta(seconds=60),
            kind=chance.choice(RUN_KINDS),
            status=chance.choice(STATUSES),
            name=f"{chance.choice(('resnet', 'bert', 'gpt', 'digits'))}-{chance.randrange(1000)}",
            project=f"project-{chance.randrange(50)}",
            parent_id=parent if number % 4 == 3 else None,
            tags={"team": f"team-{chance.randrange(7)}", "seed": str(number)},
            duration_s=60.0 + chance.random() * 3_600,
        )
        parent = bundle.run.id if number % 4 == 0 else parent
        yield bundle


def queries(count: int) -> dict[str, RunQuery]:
    """What people ask for; `middle` is a moment halfway."""
    middle = FIRST + timedelta(seconds=63 * count // 2)
    return {
        "newest first": RunQuery(),
        "by kind": RunQuery(kind="train"),
        "by status, 5 %": RunQuery(status="failed"),
        "by status, 1 %": RunQuery(status="killed"),
        "by status, none": RunQuery(status="recovered"),
        "by kind and status": RunQuery(kind="eval", status="killed"),
        "by kind and status, none": RunQuery(kind="eval", status="recovered"),
        "by project": RunQuery(project="project-7"),
        "by project and kind": RunQuery(project="project-7", kind="train"),
        "by beginning of name, 25 %": RunQuery(name="bert"),
        "by beginning of name, 1 in 1000": RunQuery(name="bert-101"),
        "by beginning of name, none": RunQuery(name="nobody"),
        "by tag, 1 in 7": RunQuery(tag="team=team-3"),
        "by tag, one run": RunQuery(tag=f"seed={count // 3}"),
        "by time, one day": RunQuery(since=middle, until=middle + timedelta(days=1)),
        "by time, half": RunQuery(until=middle),
        "by time, kind and project": RunQuery(since=middle, kind="tune", project="project-9"),
        "roots only": RunQuery(roots_only=True),
        "most energy": RunQuery(sort="energy_j"),
        "most emissions": RunQuery(sort="emissions_g"),
        "least energy of a kind": RunQuery(sort="energy_j", descending=False, kind="train"),
        "longest": RunQuery(sort="duration_s"),
        "by name": RunQuery(sort="name", descending=False),
        "text, common": RunQuery(text="ERT-1"),
        "text, none": RunQuery(text="nothing like it"),
        "page 10,001 by offset": RunQuery(offset=500_000 * count // 1_000_000),
    }


def median_ms(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1_000)
    return round(statistics.median(times), 2)


def query_times(store: ledger.Ledger, count: int) -> dict[str, dict[str, Any]]:
    found = {}
    for name, query in queries(count).items():
        page = store.runs(query)
        found[name] = {
            "with_total_ms": median_ms(lambda query=query: store.runs(query)),
            "rows_only_ms": median_ms(lambda query=query: store.runs(replace(query, count=False))),
            "total": page.total,
        }
    deep = store.runs(RunQuery(offset=500_000 * count // 1_000_000, count=False)).next
    found["page 10,002 by cursor"] = {"rows_only_ms": median_ms(lambda: store.runs(RunQuery(cursor=deep, count=False)))}
    return found


def other_times(store: ledger.Ledger) -> dict[str, float]:
    newest = store.resolve("latest")
    return {
        "bundle_ms": median_ms(lambda: store.bundle(newest)),
        "resolve_latest_ms": median_ms(lambda: store.resolve("latest")),
        "resolve_end_of_id_ms": median_ms(lambda: store.resolve(newest[-8:])),
        "resolve_name_ms": median_ms(lambda: store.resolve("bert-101")),
        "totals_of_a_project_ms": median_ms(lambda: store.totals(RunQuery(project="project-7"))),
        "totals_of_all_ms": median_ms(store.totals, 3),
    }


def commit_ms(folder: str) -> dict[str, float]:
    """One full bundle (46 rows) into a fresh ledger, each time another run; fsync included."""
    with ledger.open(os.path.join(folder, "commit.db")) as store:
        bundles = iter([full_bundle(number) for number in range(REPEATS * 5)])
        store.append(next(bundles))
        return {"commit_one_bundle_ms": median_ms(lambda: store.append(next(bundles)), REPEATS * 5 - 1)}


def open_ms(url: str) -> dict[str, float]:
    """Opening an up-to-date ledger: in a process that has SQLAlchemy, and import and all in a fresh one."""
    program = (
        "import time; a = time.perf_counter(); from joulewise import ledger; b = time.perf_counter()\n"
        "import sys; ledger.open(sys.argv[1]).close(); c = time.perf_counter(); print((b - a) * 1e3, (c - b) * 1e3)"
    )
    fresh = [
        subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(REPEATS)
    ]
    return {
        "open_again_ms": median_ms(lambda: ledger.open(url).close()),
        "import_in_fresh_process_ms": round(statistics.median(float(row[0]) for row in fresh), 1),
        "open_in_fresh_process_ms": round(statistics.median(float(row[1]) for row in fresh), 1),
    }


def fill(url: str, count: int) -> None:
    with ledger.open(url) as store:
        if store.runs(RunQuery(limit=1)).total != count:
            writing.CHUNK = 5_000  # many runs a transaction: filling is not what is measured here
            store.append_many(bundles(count), actor="benchmark")


def measure(folder: str, count: int) -> dict[str, Any]:
    url = os.path.join(folder, f"ledger-{count}.db")
    fill(url, count)
    with ledger.open(url) as store:
        result = {"queries": query_times(store, count), **other_times(store)}
    result |= open_ms(url) | commit_ms(folder)
    pages = {name: row for name, row in result["queries"].items() if not name.startswith("text")}
    load_average = round(os.getloadavg()[0], 1)
    return {
        "runs": count,
        "file_mb": round(os.path.getsize(url) / 1e6, 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cpu_count": os.cpu_count(),
        "load_average": load_average,
        "slowest_page_ms": max(row["rows_only_ms"] for row in pages.values()),
        "slowest_page_with_total_ms": max(row.get("with_total_ms", 0.0) for row in pages.values()),
        **result,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--folder", help="keep the ledger here")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "results", "ledger_million.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(options.folder or scratch, options.runs)
    text = json.dumps(result, indent=2)
    print(text)
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
