"""How close the CPU power model comes to published wall watts of servers that it never saw (SPECpower_ssj2008)."""

from __future__ import annotations

import csv
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from joulewise.measure import cpu_tables
from joulewise.measure.cpu_model import Machine

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = Path(os.environ.get("JOULEWISE_REFERENCE_DATA", CHECKOUT.parent / "shared" / "data")) / "hardware"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (REFERENCE / "specpower_results_by_load.csv").is_file(),
        reason=f"no raw SPECpower results in {REFERENCE}: set JOULEWISE_REFERENCE_DATA",
    ),
]


@pytest.fixture(scope="module")
def fidelity() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKOUT / "tools"))
        patch.syspath_prepend(str(CHECKOUT / "benchmarks"))
        yield importlib.import_module("cpu_model_fidelity")


@pytest.fixture(scope="module")
def servers(fidelity: Any) -> Any:
    return fidelity.read_results(REFERENCE / "specpower_results_by_load.csv")


@pytest.fixture(scope="module")
def scores(fidelity: Any, servers: Any) -> dict[str, Any]:
    return fidelity.ours(servers)


def test_the_shipped_tables_are_what_the_derivation_gives(fidelity: Any):
    derive = importlib.import_module("derive_cpu_model")
    assert derive.main(["--check"]) == 0


def test_a_changed_table_is_noticed(fidelity: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    derive = importlib.import_module("derive_cpu_model")
    assert derive.main(["--to", str(tmp_path)]) == 0
    table = tmp_path / "cpu_families.tsv"
    table.write_text(table.read_text().replace("milan", "malin"))
    assert derive.main(["--check", "--to", str(tmp_path)]) == 1
    assert "cpu_families.tsv differs" in capsys.readouterr().err


def test_every_published_result_is_used(servers: Any):
    assert len(servers) == 237
    assert len({server.key for server in servers}) == 18


@pytest.mark.parametrize("left_out", ["one result out", "one server model out"])
def test_held_out_servers_are_told_within_nine_percent(scores: dict[str, Any], left_out: str):
    score = scores[left_out]
    assert score["median_percent"] <= 9
    assert score["p90_percent"] <= 30
    assert score["coverage_95"] >= 0.93
    assert score["median_relative_width"] <= 0.9


def test_another_vendor_s_servers_are_told_nearly_as_well(scores: dict[str, Any]):
    score = scores["one vendor out"]
    assert score["median_percent"] <= 10
    assert score["p90_percent"] <= 36
    assert score["coverage_95"] >= 0.9


def test_the_bounds_of_an_unknown_cpu_hold(scores: dict[str, Any]):
    score = scores["one CPU family out (an unknown CPU)"]
    assert score["median_percent"] <= 25
    assert score["coverage_95"] >= 0.93


def test_no_published_formula_comes_as_close(fidelity: Any, scores: dict[str, Any]):
    published = fidelity.published(REFERENCE / "specpower_results_by_load.csv")
    assert len(published) == 7
    for score in published.values():
        assert score["median_percent"] > 2 * scores["one result out"]["median_percent"]
        assert score["p90_percent"] > 1.5 * scores["one result out"]["p90_percent"]


def test_the_bounds_of_newer_families_hold_their_published_range(fidelity: Any):
    """Idle and full load of each CPU (10th percentile, median, 90th) to 2026, where no load levels are published."""
    catalogue = fidelity.catalogue
    path = REFERENCE / "cpu_specpower_by_sku.csv"
    with path.open(encoding="utf-8", newline="") as file:
        published = {row["cpu"]: row for row in csv.DictReader(file)}
    hits = []
    for entry in catalogue.ANCHORED:
        for sku in catalogue.matching(catalogue.read_skus(path), entry.pattern):
            found = fidelity.params_for(
                cpu_tables.family(entry.key), cpu_tables.shared(), usual_machine(sku, entry), fleet=False
            )
            for level, name in ((0, "idle"), (10, "max")):
                for suffix in ("", "_p10", "_p90"):
                    truth_w = float(published[sku.cpu][f"{name}_w_per_core{suffix}"]) * found["cores"]
                    hits.append(found["low_w"][level] <= truth_w <= found["high_w"][level])
    assert len(hits) > 400
    assert sum(hits) / len(hits) >= 0.93


def usual_machine(sku: Any, entry: Any) -> Machine:
    sockets = 1 if sku.single else 2
    cores = sku.cores_per_chip * sockets
    return Machine(
        cpus=round(cores * entry.threads_per_core),
        cores=cores,
        cores_per_chip=sku.cores_per_chip,
        sockets=sockets,
        ghz=None,
        memory_gb=(sku.gb_per_core or 0.0) * cores,
        virtual=False,
    )


def test_the_committed_scores_are_these(scores: dict[str, Any]):
    committed = json.loads((CHECKOUT / "benchmarks" / "results" / "cpu_model_fidelity.json").read_text())
    assert committed["joulewise"] == scores


def test_the_shipped_tables_score_on_a_file(fidelity: Any, capsys: pytest.CaptureFixture[str]):
    assert fidelity.main(["--results", str(REFERENCE / "specpower_results_by_load.csv")]) == 0
    assert "shipped tables" in capsys.readouterr().out
