"""Entries to rank from the ledger's rows: variants with their observations, and the savings that paired them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from joulewise.compare.efficiency import Costs
from joulewise.compare.floors import Entry
from joulewise.compare.observing import ENERGY, SIZE, THROUGHPUT, Condition, find
from joulewise.core.figures import Figure, exact, propagate, scaled, weakest
from joulewise.core.variants import SATURATED, Model, Observation, Saving, Variant


def entries_of(
    variants: Iterable[Variant],
    metric: str,
    *,
    condition: Condition | None = None,
    models: Mapping[str, Model] | None = None,
    savings: Sequence[Saving] = (),
    baseline_id: str = "",
    greater_is_better: bool = True,
) -> list[Entry]:
    """An entry a variant that was measured to the end; those that failed or were discarded are left out.

    `models` are by id and give the size of the file. `savings` against `baseline_id` give the paired figures: ratio of
    energy, change of `metric`. Two variants of one name are told apart by the end of their id.
    """
    wanted = condition or Condition()
    kept = [one for one in variants if one.status == "ok"]
    names = [one.name for one in kept]
    paired = {one.new_id: one for one in savings if one.baseline_id == baseline_id}
    return [
        Entry(
            id=one.id,
            name=one.name if names.count(one.name) == 1 else f"{one.name} ({one.id[-6:]})",
            metric=metric,
            greater_is_better=greater_is_better,
            quality=_quality(one, metric, wanted),
            costs=_costs(one, wanted, (models or {}).get(one.model_id)),
            quality_change=_change(paired.get(one.id), metric),
            energy_ratio=_ratio(paired.get(one.id)),
            is_baseline=bool(baseline_id) and one.id == baseline_id,
        )
        for one in kept
    ]


def costs_of(
    variant: Variant, metric: str, *, condition: Condition | None = None, model: Model | None = None, **known: Any
) -> Costs:
    """What efficiency_of needs, from a variant's observations and its model's card; `known` adds or replaces fields of
    Costs (training_energy, example_count, boundaries, ...). Time of an inference is 1 / throughput, mean W follows.

    The mean latency is that of calls one after the other, batch / throughput at saturation: a median times mean watts
    would be no energy. Under paced load it is not known.
    """
    seen = _costs(variant, condition or Condition(), model)
    rate, energy = seen.get(THROUGHPUT), seen.get(ENERGY)
    values: dict[str, Any] = {
        "metric": metric,
        "quality": _quality(variant, metric, condition or Condition()),
        "size": seen.get(SIZE),
        "forward_flop": model.flops if model else None,
        "inference_duration": _inverse(rate) if rate else None,
        "inference_energy": energy,
        "latency": seen.get("latency_s_mean")
        or _mean_call(find(variant.observations, THROUGHPUT, condition or Condition())),
        "throughput": rate,
        "power": _power(energy, rate) if energy and rate else None,
    }
    return Costs(**{**values, **known})


def _inverse(rate: Figure) -> Figure | None:
    if rate.low <= 0:
        return None
    return Figure(value=1 / rate.value, low=1 / rate.high, high=1 / rate.low, unit="s", method=rate.method)


def _mean_call(rate: Observation | None) -> Figure | None:
    if rate is None or rate.load != SATURATED:
        return None
    duration = _inverse(rate.figure)
    return scaled(duration, float(rate.batch or 1), "s") if duration else None


def _power(energy: Figure, rate: Figure) -> Figure:
    value, low, high = propagate(lambda energy, rate: energy * rate, {"energy": energy, "rate": rate})
    return Figure(value=value, low=low, high=high, unit="W", method=weakest((energy.method, rate.method)))


def _quality(variant: Variant, metric: str, condition: Condition) -> Figure | None:
    found = find(variant.observations, metric, condition)
    return found.figure if found else None


def _costs(variant: Variant, condition: Condition, model: Model | None) -> dict[str, Figure]:
    quantities = {one.quantity for one in variant.observations}
    seen = {name: found.figure for name in sorted(quantities) if (found := find(variant.observations, name, condition))}
    size = {SIZE: exact(float(model.size_bytes), "bytes")} if model else {}
    return size | seen


def _change(saving: Saving | None, metric: str) -> Figure | None:
    return saving.quality_change if saving and saving.metric == metric else None


def _ratio(saving: Saving | None) -> Figure | None:
    return saving.ratio if saving and saving.quantity == ENERGY else None
