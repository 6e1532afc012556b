"""Plans and decisions as JSON: without loss, and what is damaged is refused with its cure."""

from __future__ import annotations

import json

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, OutOfRange
from joulewise.core.figures import exact
from joulewise.ledger.plan_document import decision_document, decision_from, plan_document, plan_from
from joulewise.ledger.plan_rows import decision_row
from joulewise.testing.ledgers import empty_ledger, small_bundle
from joulewise.testing.plans import small_decision, small_job, small_plan

RUN = small_bundle().run.id


def test_they_come_back_from_json():
    plan = small_plan(job=small_job(regions=("SE", "FR"), price_per_hour={"DE": -0.5}, max_runs=None))
    decision = small_decision(RUN, plan_id=plan.id, oracle=None)

    assert plan_from(json.loads(json.dumps(plan_document(plan)))) == plan
    assert decision_from(json.loads(json.dumps(decision_document(decision)))) == decision


@pytest.mark.parametrize("harm", [{"job": None}, {"options": 5}, {"notices": 3}, {"more": 1}])
def test_a_damaged_plan_is_refused(harm):
    with pytest.raises(LedgerError, match="not a plan as the ledger exports it"):
        plan_from({**plan_document(small_plan()), **harm})


def test_a_damaged_forecast_is_refused():
    with pytest.raises(OutOfRange, match="no series of signals"):
        plan_from({**plan_document(small_plan()), "forecast": None})


@pytest.mark.parametrize("harm", [{"realised": 5}, {"segments": [{}]}, {"decided_at": None}, {"more": 1}])
def test_a_damaged_decision_is_refused(harm):
    with pytest.raises(LedgerError, match="not a decision as the ledger exports it"):
        decision_from({**decision_document(small_decision(RUN)), **harm})


def test_a_decision_that_was_made_to_look_better_is_refused():
    document = decision_document(small_decision(RUN))
    document["saved"]["value"] += 1.0
    with pytest.raises(OutOfRange, match="minus realised"):
        decision_from(document)


def test_a_decision_in_another_unit_is_refused():
    tonnes = {name: exact(0.0, "t") for name in ("saved", "realised", "counterfactual")}
    with pytest.raises(LedgerError, match="in grams"):
        decision_row(small_decision(RUN, **tonnes))


def test_an_export_with_a_damaged_plan_takes_nothing_in(tmp_path):
    path = tmp_path / "all.json"
    with ledger.open(empty_ledger(tmp_path / "one.db")) as store:
        store.append(small_bundle())
        store.append_plan(small_plan())
        store.export(None, "json", str(path))
    document = json.loads(path.read_text())
    document["plans"][0]["job"] = None
    path.write_text(json.dumps(document))
    with ledger.open(empty_ledger(tmp_path / "other.db")) as other:
        with pytest.raises(LedgerError, match="not a plan"):
            other.import_json(str(path))
        assert other.runs().total == 0


def test_a_newer_export_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "new.json"
    path.write_text(json.dumps({"format": "joulewise-ledger", "version": 4, "runs": []}))
    with ledger.open(empty_ledger(tmp_path / "one.db")) as store, pytest.raises(LedgerError, match="upgrade joulewise"):
        store.import_json(str(path))
