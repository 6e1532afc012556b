"""Equivalents: on request only, typed by quantity, with the edition of each number."""

from __future__ import annotations

from joulewise.report import equivalents_of, view
from joulewise.testing.bundles import example_bundle


def test_energy_and_carbon_have_equivalents_of_their_own_kind():
    rows = equivalents_of(example_bundle())

    assert {row.key.split(".")[1] for row in rows} == {"carbon", "energy"}
    assert all("edition" in row.note and row.how is not None and row.how.inputs for row in rows)


def test_they_are_shown_only_if_handed_in():
    bundle = example_bundle()
    with_them = view(bundle, equivalents=equivalents_of(bundle))

    assert "Equivalents" not in [block.title for block in view(bundle).blocks]
    assert "Equivalents" in [block.title for block in with_them.blocks]
