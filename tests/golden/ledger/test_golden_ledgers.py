"""Ledgers of every schema version that people may have: they open, verify and list as they did when they were made."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.ledger.schema import VERSIONS
from joulewise.testing.ledgers import small_bundle
from joulewise.testing.plans import small_decision, small_plan
from joulewise.testing.variants import small_comparison, small_variant

FOLDER = Path(__file__).parent


def maker():
    spec = importlib.util.spec_from_file_location("make_golden", FOLDER / "make_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=VERSIONS)
def golden(request, tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(gzip.decompress((FOLDER / f"v{request.param}.db.gz").read_bytes()))
    expected = json.loads((FOLDER / f"v{request.param}.json").read_text())
    expected["export"] = str(FOLDER / f"v{request.param}.export.json")
    with ledger.open(str(path)) as store:
        yield store, expected


def test_it_verifies_and_lists_as_recorded(golden):
    store, expected = golden
    found = store.verify(traces=False, anchor=expected["head"])

    assert found.problems == ()
    assert maker().listing(store) == expected["listing"]
    assert maker().decisions(store) == expected.get("decisions", [])
    recorded = expected.get("compared", {"models": [], "datasets": [], "variants": [], "savings": []})
    assert json.loads(json.dumps(maker().compared(store))) == recorded


def test_its_export_is_still_the_same_runs(golden):
    store, expected = golden
    merged = store.import_json(expected["export"])

    assert (merged.runs, merged.present, merged.calculations) == (0, 4, 0)
    assert (merged.plans, merged.decisions, merged.compared) == (0, 0, 0)


def test_it_can_be_written_to(golden):
    store, expected = golden

    assert store.append(small_bundle(100))
    assert store.append_plan(small_plan(100))
    assert store.append_decision(small_decision(small_bundle(100).run.id, 100, plan_id=small_plan(100).id))
    run_id = small_bundle(100).run.id
    assert store.append_comparison(small_comparison(run_id, variants=(small_variant(run_id, 100),), savings=())) == 1
    assert store.verify(traces=False, anchor=expected["head"]).ok
