"""What a ledger promises of plans and decisions, on every back-end."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, NotFound
from joulewise.ledger import RunQuery, plan_store
from joulewise.ledger.migrations.append_only import trigger_names
from joulewise.testing.ledgers import small_bundle, store_id, total_emissions
from joulewise.testing.plans import HOUR, small_decision, small_job, small_plan

RUN = small_bundle().run.id


@pytest.fixture
def decided(store):
    """A run that followed a plan, and what came of it."""
    store.append(small_bundle())
    store.append_plan(small_plan(), actor="planner")
    store.append_decision(small_decision(RUN, plan_id=small_plan().id), actor="planner")
    return store


def test_plans_and_decisions_come_back_whole(decided):
    plan = decided.plan(small_plan().id)

    assert plan == small_plan()
    assert decided.decisions(RUN) == (small_decision(RUN, plan_id=plan.id),)
    assert decided.decisions() == decided.decisions(RUN)
    assert decided.decisions(store_id(7)) == ()
    assert decided.verify().ok


@pytest.mark.parametrize("text", ["nul \x00", "caf\udce9", "\x10dead", "'; DROP TABLE plan; --", "🔥", ""])
def test_hostile_text_comes_back(store, text):
    plan = small_plan(job=small_job(name=text, home=text, price_per_hour={text: 1.0}), reason=text, notices=(text,))
    decision = small_decision(RUN, chosen=text, details={text: [text]}, plan_id=plan.id)
    store.append(small_bundle())
    store.append_plan(plan)
    store.append_decision(decision)

    assert store.plan(plan.id) == plan
    assert store.decisions() == (decision,)
    assert store.verify().ok


def test_filing_twice_is_filing_once(decided):
    head = decided.verify().head

    assert decided.append_plan(small_plan()) is False
    assert decided.append_decision(small_decision(RUN, plan_id=small_plan().id)) is False
    assert decided.verify().head == head


def test_another_content_under_the_same_id_is_refused(decided):
    with pytest.raises(LedgerError, match=r"plan .* another content"):
        decided.append_plan(small_plan(reason="changed my mind"))
    with pytest.raises(LedgerError, match=r"decision .* another content"):
        decided.append_decision(small_decision(RUN, realised_g=100.0))


def test_what_is_named_must_be_there(store):
    store.append(small_bundle())

    with pytest.raises(NotFound, match="no plan"):
        store.plan(store_id(5))
    with pytest.raises(NotFound, match="no run"):
        store.append_decision(small_decision(store_id(9)))
    with pytest.raises(NotFound, match="no plan"):
        store.append_decision(small_decision(RUN, plan_id=store_id(9)))
    with pytest.raises(NotFound, match="no decision"):
        store.append_decision(small_decision(RUN, supersedes=store_id(9)))
    with pytest.raises(LedgerError, match="ULID"):
        store.append_plan(small_plan(id="plan-1"))
    with pytest.raises(LedgerError, match="ULID"):
        store.append_decision(small_decision(RUN, id="decision-1"))
    assert store.verify().ok


def test_a_better_decision_supersedes(decided):
    [first] = decided.decisions()
    better = replace(small_decision(RUN, 2, realised_g=210.0), supersedes=first.id)
    decided.append_decision(better)

    assert decided.decisions(RUN) == (better,)
    assert decided.decisions(RUN, include_superseded=True) == (first, better)


def test_a_decision_without_the_figures_that_may_be_absent(store):
    bare = small_decision(RUN, oracle=None, market_saved=None, ratio=None, details={}, segments=())
    store.append(small_bundle())
    store.append_decision(bare)

    assert store.decisions() == (bare,)


def test_merging_takes_plans_and_decisions_along_once(decided, tmp_path):
    [first] = decided.decisions()
    decided.append_decision(replace(small_decision(RUN, 2), supersedes=first.id))
    decided.append_plan(small_plan(2))
    with ledger.open(str(tmp_path / "other.db")) as other:
        decided.export(None, "json", str(tmp_path / "all.json"))
        taken = other.import_json(str(tmp_path / "all.json"))
        again = other.import_json(str(tmp_path / "all.json"))

        assert (taken.runs, taken.plans, taken.decisions) == (1, 2, 2)
        assert (again.runs, again.plans, again.decisions) == (0, 0, 0)
        assert other.decisions(include_superseded=True) == decided.decisions(include_superseded=True)
        assert other.plan(small_plan(2).id) == small_plan(2)
        assert other.verify().ok


def test_another_ledger_is_merged_with_its_plans(store, tmp_path):
    with ledger.open(str(tmp_path / "other.db")) as other:
        other.append(small_bundle())
        other.append_plan(small_plan())
        other.append_decision(small_decision(RUN, plan_id=small_plan().id))
    merged = store.merge(str(tmp_path / "other.db"))

    assert (merged.runs, merged.plans, merged.decisions) == (1, 1, 1)
    assert store.decisions(RUN)[0].plan_id == small_plan().id
    assert store.verify().ok


def test_an_export_of_some_runs_holds_the_plans_that_they_followed(decided, tmp_path):
    decided.append_many([small_bundle(2)])
    decided.append_plan(small_plan(2))
    path = str(tmp_path / "some.json")
    decided.export(RunQuery(name="run-1"), "json", path)
    with ledger.open(str(tmp_path / "other.db")) as other:
        taken = other.import_json(path)

        assert (taken.runs, taken.plans, taken.decisions) == (1, 1, 1)
        with pytest.raises(NotFound):
            other.plan(small_plan(2).id)


def test_a_changed_byte_of_a_decision_is_found(decided, outsider):
    """Somebody with the owner's rights takes the triggers off and makes the saving look better."""
    dialect = outsider.dialect.name
    with outsider.begin() as connection:
        for name in trigger_names(dialect, "decision"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}" + (" ON decision" if dialect == "postgresql" else ""))
        connection.exec_driver_sql("UPDATE decision SET counterfactual_g = counterfactual_g + 1")
    problems = decided.verify().problems

    assert any("a row of decision was changed" in problem for problem in problems)


def test_of_two_that_supersede_the_same_the_last_holds(decided):
    """Two writers, or two ledgers that are merged, neither of which saw what the other had filed."""
    first = small_decision(RUN, plan_id=small_plan().id)
    one, other = (
        replace(first, id=store_id(number), decided_at=first.decided_at + number * HOUR, supersedes=first.id)
        for number in (1, 2)
    )
    decided.append_decision(other)
    decided.append_decision(one)
    third = replace(one, id=store_id(3), decided_at=first.decided_at + 3 * HOUR, supersedes=one.id)

    assert decided.decisions() == (other,)
    decided.append_decision(third)
    assert decided.decisions() == decided.decisions(RUN) == (third,)
    assert decided.decisions(include_superseded=True) == (first, one, other, third)


def test_of_two_decided_at_once_all_readers_take_the_same(decided, tmp_path):
    """Whatever the order of filing: a ledger that took over the two must agree with the one that it has them from."""
    [first] = decided.decisions()
    at = first.decided_at + HOUR
    two = [replace(first, id=store_id(number), decided_at=at, supersedes=first.id) for number in (1, 2)]
    held = max(two, key=lambda one: one.id)
    for one in sorted(two, key=lambda one: one.id, reverse=True):
        decided.append_decision(one)
    with ledger.open(str(tmp_path / "other.db")) as other:
        other.append(small_bundle())
        other.append_plan(small_plan())
        for one in (first, *sorted(two, key=lambda one: one.id)):
            other.append_decision(one)

        assert decided.decisions() == decided.decisions(RUN) == other.decisions() == (held,)


def test_a_ring_of_decisions_is_refused(decided):
    """In a ring all are superseded, so that none would hold and the saving would be gone from every sum."""
    with pytest.raises(LedgerError, match="supersedes itself"):
        decided.append_decision(small_decision(RUN, 2, id=store_id(5), supersedes=store_id(5)))
    ring = [small_decision(RUN, id=store_id(one), supersedes=store_id(other)) for one, other in ((5, 6), (6, 5))]
    with pytest.raises(LedgerError, match="supersedes itself"):
        plan_store.append_decisions(decided._here(), ring, "test")

    assert decided.decisions() == (small_decision(RUN, plan_id=small_plan().id),)
    assert decided.verify().ok


def test_an_export_with_a_ring_is_refused(decided, tmp_path):
    path = tmp_path / "all.json"
    decided.export(None, "json", str(path))
    document = json.loads(path.read_text())
    [decision] = document["runs"][0]["later"]["decisions"]
    decision["supersedes"] = decision["id"]
    path.write_text(json.dumps(document))
    with (
        ledger.open(str(tmp_path / "other.db")) as other,
        pytest.raises(LedgerError, match="supersedes itself"),
    ):
        other.import_json(str(path))


def test_a_ring_of_calculations_is_refused(store):
    bundle = small_bundle()
    ring = [total_emissions(RUN, 1.0, id=one, supersedes=other) for one, other in (("a", "b"), ("b", "a"))]
    with pytest.raises(LedgerError, match="supersedes itself"):
        store.append(replace(bundle, calculations=tuple(ring)))
    with pytest.raises(LedgerError, match="supersedes itself"):
        store.append(replace(bundle, measurements=(replace(bundle.measurements[0], supersedes="energy"),)))
    store.append(bundle)
    with pytest.raises(LedgerError, match="supersedes itself"):
        store.append_calculations([total_emissions(RUN, 1.0, id="a", supersedes="a")])
    with pytest.raises(LedgerError, match="supersedes itself"):
        store.append_calculations(ring)

    assert store.bundle(RUN).calculations == bundle.calculations


@pytest.mark.parametrize("name", ["parent_id", "supersedes"])
def test_a_run_that_names_itself_is_refused(store, name):
    with pytest.raises(LedgerError, match="names itself"):
        store.append(small_bundle(**{name: RUN}))


def test_of_two_emissions_that_supersede_the_same_the_last_holds(store):
    bundle = small_bundle()
    store.append(bundle)
    [filed] = bundle.calculations
    later = [total_emissions(RUN, grams, id=id, supersedes=filed.id) for id, grams in (("a", 7.0), ("b", 8.0))]
    store.append_calculations(later[:1])
    store.append_calculations(later[1:])

    assert store.bundle(RUN).calculations == tuple(later[1:])
    assert store.runs().rows[0].emissions.value == store.totals().emissions.value == 8.0
