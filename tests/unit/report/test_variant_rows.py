"""The variants and savings of a run, in its report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Comparison, Observation
from joulewise.report import draw_run, view
from joulewise.report.variant_rows import comparison_grids
from joulewise.testing.bundles import example_bundle
from joulewise.testing.variants import around, small_comparison, small_saving, small_variant

RUN = new_ulid(0)


@pytest.fixture
def found() -> Comparison:
    lost = small_variant(RUN, 5, status="discarded", reason="another costs less", observations=(), runtime="")
    broken = small_variant(RUN, 6, status="failed", reason="it took more than 4 MB to make", observations=())
    whole = small_comparison(RUN)
    return replace(whole, variants=(lost, broken, *whole.variants))


def test_every_variant_stands_with_what_became_of_it(found):
    grid, _ = comparison_grids(found)

    became = [line[5] for line in grid.rows]
    assert became == sorted(became, key=lambda one: (one != "measured", one.startswith("discarded")))
    assert "failed: it took more than 4 MB to make" in became
    assert became[-1] == "discarded: another costs less"
    assert [line[6] for line in grid.rows if line[5] == "measured"] == [
        one.id for one in found.variants if one.status == "ok"
    ]
    assert "batch 1" in grid.title


def test_what_was_not_seen_is_a_dash(found):
    [line] = [line for line in comparison_grids(found)[0].rows if line[5].startswith("discarded")]

    assert line[1:5] == ("–", "–", "–", "–")


def test_the_least_batch_counts_and_saturated_load(found):
    def seen(batch: int, load: str) -> Observation:
        figure = around(0.001 * batch, "s")
        return Observation(quantity="cpu_s_per_inference", figure=figure, batch=batch, threads=1, load=load)

    one = small_variant(RUN, 1, observations=(seen(1, "20/s"), seen(32, "saturated"), seen(8, "saturated")))
    grid, *_ = comparison_grids(replace(found, variants=(one,), savings=()))

    assert grid.title == "Variants, batch 8, saturated"
    assert grid.rows[0][4].startswith("8.0 ms")


def test_savings_name_both_sides_and_their_floor(found):
    grid = comparison_grids(found)[1]
    [line] = grid.rows
    by_id = {one.id: one.name for one in found.variants}

    assert line[0] == by_id[found.savings[0].new_id]
    assert line[1] == by_id[found.savings[0].baseline_id]
    assert "less" in line[3] or "more" in line[3] or "alike" in line[3]
    free = replace(small_saving(RUN), floor="", details={})
    assert comparison_grids(replace(found, savings=(free,)))[1].rows[0][5] == "none asked"


def test_a_run_that_compared_nothing_has_no_such_part():
    assert comparison_grids(None) == []
    assert comparison_grids(Comparison(run_id=RUN)) == []
    assert "variants" not in json.loads(draw_run(view(example_bundle()), "json"))


def test_the_json_links_variants_models_data_and_savings(found):
    document = json.loads(draw_run(view(example_bundle(), comparison=found), "json"))

    models = {one["id"] for one in document["models"]}
    variants = {one["id"]: one for one in document["variants"]}
    assert all(one["model_id"] in models for one in variants.values() if one["status"] == "ok")
    assert {one["run_id"] for one in variants.values()} == {RUN}
    [saving] = document["savings"]
    assert {saving["baseline_id"], saving["new_id"]} <= set(variants)
    assert saving["ratio"]["low"] <= saving["ratio"]["value"]
    seen = next(one["observations"] for one in variants.values() if one["observations"])
    assert {"quantity", "figure", "batch"} <= set(seen[0])
