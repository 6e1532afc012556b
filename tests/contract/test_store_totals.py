"""What a ledger promises of its totals, on every back-end."""

from __future__ import annotations

import pytest

from joulewise.core.errors import UndefinedFigure
from joulewise.ledger import RunQuery
from joulewise.testing.ledgers import small_bundle, store_id


def filed(store, bundles):
    bundles = list(bundles)
    assert store.append_many(bundles) == len(bundles)
    return [bundle.run.id for bundle in bundles]


def test_children_are_not_counted_twice(store):
    parent = small_bundle(1, energy_j=100.0)
    child = small_bundle(2, energy_j=60.0, parent_id=parent.run.id, kind="eval")
    grandchild = small_bundle(3, energy_j=20.0, parent_id=child.run.id, kind="eval")
    orphan = small_bundle(4, energy_j=7.0, parent_id=store_id(77), emissions_g=None)
    store.append_many([grandchild, child, parent, orphan])
    totals = store.totals()

    assert (totals.runs, totals.energy.value, totals.without_emissions) == (2, 107.0, 1)
    assert (totals.energy.low, totals.energy.high) == pytest.approx((96.3, 117.7))
    assert store.totals(RunQuery(kind="eval")).energy.value == 60.0
    assert totals.energy.method == "measured"


def test_the_measured_parts_of_a_task_count_where_one_part_has_no_energy(store):
    """Its own row has no sum then, and its runs and its time are still those of one task."""
    task = small_bundle(1, energy_j=None, emissions_g=None, duration_s=180.0)
    parts = [small_bundle(number, parent_id=task.run.id) for number in (2, 3)]
    bare = small_bundle(4, energy_j=None, emissions_g=None, parent_id=task.run.id)
    store.append_many([task, *parts, bare])
    found = store.totals()

    assert (found.runs, found.duration_s) == (1, 180.0)
    assert (found.energy.value, found.emissions.value) == (200.0, 10.0)
    assert (found.without_energy, found.energy_coverage) == (1, pytest.approx(2 / 3))
    assert found.notices[0] == "energy: 1 run has none, the sum covers 66.7 % of the time"
    assert store.totals(RunQuery(roots_only=True)) == found
    assert store.totals(RunQuery(parent=task.run.id)).runs == 3


def test_a_task_with_its_own_sum_counts_alone(store):
    task = small_bundle(1, energy_j=200.0, emissions_g=None, duration_s=120.0)
    store.append_many([task, *(small_bundle(number, parent_id=task.run.id) for number in (2, 3))])
    found = store.totals()

    assert (found.runs, found.duration_s, found.energy.value) == (1, 120.0, 200.0)
    assert found.emissions.value == 10.0, "of the parts, since the task has none"
    assert (found.without_energy, found.without_emissions, found.energy_coverage) == (0, 0, 1.0)
    assert found.notices == ()


def test_a_sum_over_nothing_is_refused(store):
    with pytest.raises(UndefinedFigure, match="no run matches"):
        store.totals()
    store.append(small_bundle(energy_j=None, emissions_g=None))
    with pytest.raises(UndefinedFigure, match="none of the 1 runs"):
        store.totals()
    store.append(small_bundle(2, emissions_g=None))
    assert store.totals().emissions is None
    assert store.totals().without_energy == 1
