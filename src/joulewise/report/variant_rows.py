"""What a run found out about models, in the report of the run: its variants with what became of each, its savings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from joulewise.compare.observing import CPU_TIME, ENERGY, Condition, find
from joulewise.core.figures import Figure
from joulewise.core.variants import SATURATED, Comparison, Observation, Saving, Variant
from joulewise.report.measures import ABSENT, metric_head, points, ratio_words, with_interval
from joulewise.report.view import Grid

VARIANTS, SAVINGS = "Variants", "Savings"
_QUANTITIES = {ENERGY: "energy", CPU_TIME: "CPU time"}


def comparison_grids(found: Comparison | None) -> list[Grid | None]:
    """The variants and the savings of a run; nothing for a run that compared none."""
    if found is None or not found.variants:
        return []
    return [_variants(found), _savings(found)]


def _variants(found: Comparison) -> Grid:
    """Those that were measured first; at the least batch, saturated, as other conditions are on the leaderboards."""
    ordered = sorted(found.variants, key=lambda one: (one.status != "ok", one.status != "failed"))
    metric = _metric(found.variants)
    condition = _condition(found.variants)
    heads = ("Variant", "Runtime", metric_head(metric) if metric else "Quality", "Energy per inference", "CPU time",
             "What became of it", "Variant id")  # fmt: skip
    lines = tuple(
        (
            one.name,
            one.runtime or ABSENT,
            with_interval(_figure(one, metric, condition)),
            with_interval(_figure(one, ENERGY, condition)),
            with_interval(_figure(one, CPU_TIME, condition)),
            "measured" if one.status == "ok" else f"{one.status}: {one.reason}",
            one.id,
        )
        for one in ordered
    )
    title = f"{VARIANTS}, {condition.text()}" if condition.text() else VARIANTS
    return Grid(title=title, columns=heads, rows=lines, spare=frozenset((heads[1], heads[4], heads[6])))


def _savings(found: Comparison) -> Grid | None:
    names = {one.id: one.name for one in found.variants}
    lines = tuple(
        (
            names.get(one.new_id, one.new_id),
            names.get(one.baseline_id, one.baseline_id),
            f"{_QUANTITIES.get(one.quantity, one.quantity)}, {_where(one)}",
            ratio_words(one.ratio),
            f"{one.metric} {points(one.quality_change)}",
            _floor(one),
        )
        for one in found.savings
    )
    columns = ("Variant", "Against", "Of", "Ratio", "Quality", "Floor")
    return Grid(title=SAVINGS, columns=columns, rows=lines) if lines else None


def _metric(variants: Iterable[Variant]) -> str:
    """The first metric of quality that any of them has; "" if none."""
    seen = (one for each in variants for one in each.observations if one.figure.unit == "1" and one.batch is None)
    return next((one.quantity for one in seen if one.load is None), "")


def _condition(variants: Iterable[Variant]) -> Condition:
    """The least batch that was measured, saturated where it was."""
    seen = [one for each in variants for one in each.observations if one.quantity in _QUANTITIES]
    first = min((one for one in seen if one.batch is not None), key=_order, default=None)
    return Condition(batch=first.batch, load=first.load) if first else Condition(batch=None, load=None)


def _order(one: Observation) -> tuple[bool, int]:
    return one.load not in (None, SATURATED), one.batch or 0


def _figure(one: Variant, quantity: str, condition: Condition) -> Figure | None:
    found = find(one.observations, quantity, condition)
    return found.figure if found else None


def _where(one: Saving) -> str:
    details: Mapping[str, object] = one.details
    parts: Sequence[str] = [f"batch {details['batch']}"] if details.get("batch") else []
    return ", ".join([*parts, str(details["load"])] if details.get("load") else parts) or one.unit


def _floor(one: Saving) -> str:
    if not one.floor:
        return "none asked"
    return f"{one.floor}: {'held' if one.held else 'not held'}"
