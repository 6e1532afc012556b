"""The proof of a saving: two deployments on rows that nobody has used yet, paired and interleaved in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulewise.compare import (
    Change,
    Measured,
    Metric,
    Rows,
    metric_of,
    quality_change,
    ratio_of,
    rows_needed,
)
from joulewise.compare.floors import Entry, Floor
from joulewise.compare.observing import Condition, find
from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.figures import Figure, exact


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proof:
    """What was proven of one candidate against the baseline.

    `energy_ratio` is None where no meter reads; `cpu_ratios` are by batch. `held` says whether every floor holds at
    the bad end of its interval, `reasons` which don't, and what would have to be given to know.
    """

    measured: Measured
    change: Change | None
    energy_ratio: Figure | None
    cpu_ratios: dict[int, Figure]
    held: bool
    reasons: tuple[str, ...] = ()


def prove(
    measured: Sequence[Measured], rows: Rows, floors: Sequence[Floor], metric: Metric | None, seed: int = 0
) -> list[Proof]:
    """A proof of each candidate against the first; those that failed are left out.

    Raises UndefinedFigure if the baseline itself failed: then nothing can be said.
    """
    base = measured[0]
    if not base.ok:
        raise UndefinedFigure(f"the baseline could not be measured: {base.failure}", hint="joulewise bench MODEL")
    entry = _entry(base, None, metric, is_baseline=True)
    return [_proof(one, base, rows, floors, metric, (entry, seed)) for one in measured[1:] if one.ok]


def _proof(
    one: Measured,
    base: Measured,
    rows: Rows,
    floors: Sequence[Floor],
    metric: Metric | None,
    more: tuple[Entry, int],
) -> Proof:
    baseline, seed = more
    change = None
    if metric is not None and one.prediction is not None and base.prediction is not None:
        change = quality_change(metric, base.prediction, one.prediction, rows.target, base.prediction, seed)
    entry = _entry(one, change, metric)
    checks = [floor.check(entry, baseline) for floor in floors]
    reasons = [check.text for check in checks if not check.held]
    reasons += [_needed(check.floor, change) for check in checks if not check.held and _is_short(check.floor, change)]
    return Proof(
        measured=one,
        change=change,
        energy_ratio=_energy_ratio(one, base, seed),
        cpu_ratios=_cpu_ratios(one, base, seed),
        held=not reasons,
        reasons=tuple(reasons),
    )


def _entry(one: Measured, change: Change | None, metric: Metric | None, *, is_baseline: bool = False) -> Entry:
    name = metric.name if metric is not None else ""
    quality = find(one.observations, name, Condition()) if name else None
    batch = min((block.batch for block in one.blocks), default=1)
    condition = Condition(batch=batch, threads=one.deployment.options.threads)
    quantities = {seen.quantity for seen in one.observations}
    costs = {quantity: seen.figure for quantity in quantities if (seen := find(one.observations, quantity, condition))}
    if one.card is not None:
        costs["size_bytes"] = exact(float(one.card.size_bytes), "bytes")
    return Entry(
        name=one.deployment.name,
        metric=name,
        greater_is_better=metric.greater_is_better if metric is not None else True,
        quality=quality.figure if quality else None,
        quality_change=change.figure if change is not None else None,
        costs=costs,
        is_baseline=is_baseline,
    )


def _is_short(floor: Floor, change: Change | None) -> bool:
    """True if the loss seen keeps the floor, and only its interval does not: more rows could prove it."""
    if floor.relative != "points" or change is None:
        return False
    return change.figure.value >= floor.value if floor.at_least else change.figure.value <= floor.value


def _needed(floor: Floor, change: Change | None) -> str:
    assert change is not None
    loss = -change.figure.value if floor.at_least else change.figure.value
    try:
        rows = rows_needed(-loss, abs(floor.value), max(change.disagreement, loss**2))
    except OutOfRange:
        return f"{change.n} rows don't prove {floor.text}, and no number of rows would: the loss lies on the floor"
    return f"{change.n} rows are too few to prove {floor.text}: about {rows} would do"


def _energy_ratio(one: Measured, base: Measured, seed: int) -> Figure | None:
    batch = min(block.batch for block in base.blocks)
    mine, theirs = ([block for block in side.blocks if block.batch == batch] for side in (one, base))
    try:
        return ratio_of(mine, theirs, "energy_j", seed)
    except UndefinedFigure:
        return None


def _cpu_ratios(one: Measured, base: Measured, seed: int) -> dict[int, Figure]:
    found = {}
    for batch in sorted({block.batch for block in base.blocks}):
        mine, theirs = ([block for block in side.blocks if block.batch == batch] for side in (one, base))
        try:
            found[batch] = ratio_of(mine, theirs, "cpu_s", seed)
        except UndefinedFigure:  # it ran out of time before this batch
            continue
    return found


def default_metric(name: str, rows: Rows, task: str) -> Metric | None:
    """The metric that was asked for, or the task's own; agreement with the baseline where there is no target."""
    if name:
        return metric_of(name)
    if task == "embedding":
        return metric_of("cosine")
    if rows.target is None:
        return metric_of("agreement") if task == "classification" else None
    return metric_of("accuracy" if task == "classification" or rows.has_classes else "r2")


def cheapest(proofs: Sequence[Proof], batch: int) -> Proof | None:
    """Of those whose floors hold, the one with the least CPU time ratio at that batch; None if none holds.

    Energy decides where a meter counted it; a model of energy sees CPU time only, which is surer itself.
    """
    held = [one for one in proofs if one.held]
    return min(held, key=lambda one: _price(one, batch), default=None)


def _price(one: Proof, batch: int) -> float:
    if one.energy_ratio is not None and one.energy_ratio.method == "measured" and batch == min(one.cpu_ratios):
        return one.energy_ratio.value
    ratio = one.cpu_ratios.get(batch)
    return ratio.value if ratio is not None else float("inf")
