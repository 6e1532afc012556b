"""Leaderboards: variants that were measured alike, ranked under each condition, ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joulewise import compare
from joulewise.api.bench_records import saving_condition
from joulewise.compare.entering import entries_of
from joulewise.compare.observing import CPU_TIME, ENERGY, Condition
from joulewise.core.figures import MEASURED, REPORTED
from joulewise.core.variants import SATURATED, Model, Saving, Variant
from joulewise.report.bench_view import BenchView, bench_view, described

if TYPE_CHECKING:
    from joulewise.compare import Floor, Ranking

NO_METER = "No energy was measured, since no meter could be read; nothing is ranked without it. Try: joulewise doctor"
MODELLED = (
    "Energy is modelled from CPU time here, not metered; a model can't see the mix of instructions, so that this doubt "
    "is part of each ratio."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the leaderboards of some variants have in common. `baseline_id` is "" for none."""

    metric: str
    greater_is_better: bool = True
    floors: tuple[Floor, ...] = ()
    baseline_id: str = ""
    title: str = "Models compared"
    boundary: str = "device"
    unit: str = "inference"
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Variants ranked under one condition."""

    condition: Condition
    ranking: Ranking
    view: BenchView


def boards_of(
    variants: Sequence[Variant],
    models: Mapping[str, Model],
    savings: Sequence[Saving],
    asked: Asked,
    conditions: Sequence[Condition] = (),
) -> tuple[Board, ...]:
    """A board for each condition, those that were seen unless some are named; at least one."""
    wanted = conditions or conditions_of(variants) or [Condition(batch=None, load=None)]
    return tuple(_board(variants, models, savings, asked, one) for one in wanted)


def energy_notices(variants: Iterable[Variant]) -> list[str]:
    """How sure the energies are: nothing measured, or modelled and hence blind to the mix of instructions."""
    listed = [one for one in variants if any(seen.quantity in (ENERGY, CPU_TIME) for seen in one.observations)]
    methods = {one.figure.method for each in listed for one in each.observations if one.quantity == ENERGY}
    if listed and not methods:
        return [NO_METER]
    return [MODELLED] if len(listed) > 1 and methods - {MEASURED, REPORTED} else []


def conditions_of(variants: Iterable[Variant]) -> list[Condition]:
    """Batches and loads that were seen, saturated first, then by batch and rate. Threads stay open: a variant has one
    number of them."""
    seen = {
        (one.batch, one.load)
        for variant in variants
        for one in variant.observations
        if one.quantity in (ENERGY, CPU_TIME) and one.batch is not None
    }
    ordered = sorted(seen, key=lambda pair: (pair[1] != SATURATED, pair[0] or 0, _rate(pair[1]), pair[1] or ""))
    return [Condition(batch=batch, load=load) for batch, load in ordered]


def _rate(load: str | None) -> float:
    try:
        return float((load or "").partition("/")[0])
    except ValueError:  # saturated, or a load of another kind: in the order of the alphabet
        return 0.0


def _at(own: Condition, wanted: Condition) -> bool:
    """A saving that names no condition is of the one that its run was about."""
    return own.batch in (None, wanted.batch) and own.load in (None, wanted.load)


def _board(
    variants: Sequence[Variant],
    models: Mapping[str, Model],
    savings: Sequence[Saving],
    asked: Asked,
    condition: Condition,
) -> Board:
    paired = [one for one in savings if _at(saving_condition(one), condition)]
    entries = entries_of(
        variants,
        asked.metric,
        condition=condition,
        models=models,
        savings=paired,
        baseline_id=asked.baseline_id,
        greater_is_better=asked.greater_is_better,
    )
    ranking = compare.rank(entries, asked.floors)
    view = bench_view(
        ranking, variants, condition, title=asked.title, boundary=asked.boundary, unit=asked.unit, notices=asked.notices
    )
    own = {one.id: models[one.model_id] for one in variants if one.model_id in models}
    return Board(condition=condition, ranking=ranking, view=described(view, own))
