"""Makes the golden ledger of the current schema version. Run it once a version, before the version is released:

    python tests/golden/ledger/make_golden.py

A golden ledger is never made again afterwards: it stands for those that people have.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from joulewise import ledger
from joulewise.core.records import Evaluation, Trace
from joulewise.ledger.exporting import flat_row
from joulewise.ledger.plan_document import decision_document, plan_document
from joulewise.ledger.schema import VERSIONS
from joulewise.ledger.variant_rows import comparison_document
from joulewise.testing.ledgers import full_bundle, small_bundle, store_id, total_emissions
from joulewise.testing.plans import small_decision, small_plan
from joulewise.testing.variants import small_comparison

FOLDER = Path(__file__).parent


def bundles():
    """Every table and every odd case once: hostile text, NaN, parents, tags, superseded rows."""
    full = full_bundle(1)
    loss = Evaluation(id="nan", run_id=full.run.id, metric="loss", value=float("nan"))
    trace = Trace(id="trace", run_id=full.run.id, path="gone.parquet", sha256="0" * 64, rows=3, period_s=1.0)
    yield replace(full, evaluations=(*full.evaluations, loss), traces=(trace,))
    yield small_bundle(2, name="nul \x00, caf\udce9, \u202e, 🔥", tags={"a": "b", "": "="}, seed=2**80)
    yield small_bundle(3, energy_j=None, emissions_g=None, parent_id=store_id(1), group_key="job")
    yield small_bundle(4, supersedes=small_bundle(3).run.id, status="recovered", warnings=("torn",))


def fill(store: ledger.Ledger) -> None:
    """File the bundles, one later calculation, a plan that nobody followed, one with what became of it, and what a
    run found out about models."""
    store.append_many(bundles(), actor="golden")
    run_id = small_bundle(2).run.id
    store.append_calculations([total_emissions(run_id, 9.0, id="later", supersedes="emissions")], actor="golden")
    for number in (1, 2):
        store.append_plan(small_plan(number), actor="golden")
    for number, older in ((1, None), (2, small_decision(run_id).id)):
        decision = small_decision(run_id, number, plan_id=small_plan().id, supersedes=older)
        store.append_decision(decision, actor="golden")
    store.append_comparison(small_comparison(run_id), actor="golden")


def listing(store: ledger.Ledger) -> list[dict[str, object]]:
    """All rows of the list as JSON holds them."""
    rows = store.runs(ledger.RunQuery(include_superseded=True)).rows
    return [json.loads(json.dumps(flat_row(row), default=str)) for row in rows]


def decisions(store: ledger.Ledger) -> list[dict[str, object]]:
    """Every decision with its plan, as JSON holds them."""
    found = store.decisions(include_superseded=True)
    return [{"decision": decision_document(one), "plan": plan_document(store.plan(one.plan_id))} for one in found]


def compared(store: ledger.Ledger) -> dict[str, object]:
    """What a run found out about models, as JSON holds it."""
    return comparison_document(store.compared(small_bundle(2).run.id))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with ledger.open(str(path)) as store:
            fill(store)
            store.export(ledger.RunQuery(include_superseded=True), "json", str(FOLDER / f"v{VERSIONS[-1]}.export.json"))
            expected = {"listing": listing(store), "head": store.verify(traces=False).head}
            expected["decisions"] = decisions(store)
            expected["compared"] = compared(store)
        name = f"v{VERSIONS[-1]}"
        (FOLDER / f"{name}.db.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        (FOLDER / f"{name}.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
