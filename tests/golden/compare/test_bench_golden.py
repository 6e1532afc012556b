"""Boards over filed variants, word for word: two that were measured, one that failed, a saving between the two."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from joulewise.api.bench_drawing import draw_bench
from joulewise.api.bench_results import Compared
from joulewise.api.boards import Asked, boards_of
from joulewise.compare import floor_of
from joulewise.core.variants import Observation
from joulewise.report import Style
from joulewise.testing.ledgers import store_id
from joulewise.testing.variants import around, small_comparison

STYLES = {"80": Style(width=80), "120": Style(width=120), "100-ascii": Style(ascii_only=True)}


def example() -> Compared:
    """Variants under two conditions; their saving was measured at batch 1."""
    found = small_comparison(store_id(1))
    variants = tuple(replace(one, observations=_seen(one.observations)) for one in found.variants)
    savings = tuple(replace(one, details={"batch": 1, "load": "saturated"}) for one in found.savings)
    models = {one.id: one for one in found.models}
    asked = Asked(
        metric="accuracy",
        floors=(floor_of("accuracy>=0.8"),),
        baseline_id=found.variants[0].id,
        title="Models on digits, 100 rows",
        notices=("variant-1: batch 1: not steady after 5 s of warming up",),
    )
    filed = replace(found, variants=variants, savings=savings)
    return Compared(boards=boards_of(variants, models, savings, asked), comparison=filed, notices=asked.notices)


def _seen(observations: tuple[Observation, ...]) -> tuple[Observation, ...]:
    if not observations:
        return ()
    [energy] = [one for one in observations if one.batch == 1]
    further = replace(energy, batch=32, figure=around(energy.figure.value / 10, "J"))
    single = replace(energy, figure=around(energy.figure.value, "J"))
    pace = replace(single, quantity="throughput_per_s", figure=around(100.0, "1/s"))
    return (*(one for one in observations if one.batch is None), single, further, pace)


@pytest.mark.parametrize("style", STYLES)
def test_boards_in_a_terminal(same_as_golden, style):
    same_as_golden(f"boards-{style}.txt", draw_bench(example(), "table", STYLES[style], metrics=True))


def test_boards_in_documents(same_as_golden):
    same_as_golden("boards.md", draw_bench(example(), "markdown", metrics=True))


def test_boards_for_machines(same_as_golden):
    text = draw_bench(example(), "json")

    same_as_golden("boards.json", text)
    same_as_golden("boards.csv", draw_bench(example(), "csv"))
    assert {one["condition"] for one in json.loads(text)["variants"]} == {"batch 1, saturated", "batch 32, saturated"}
