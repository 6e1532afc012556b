"""The proof of a saving: two deployments on rows that nobody has used yet, paired and interleaved in one run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from joulewise.compare import Change, Measured, Metric, Rows, quality_change, ratio_of
from joulewise.compare.floors import Entry, Floor
from joulewise.compare.observing import Condition, find
from joulewise.compare.statistics import LEVEL
from joulewise.core.errors import JoulewiseError, OutOfRange, UndefinedFigure
from joulewise.core.figures import MEASURED, REPORTED, Figure, exact
from joulewise.shrink.keeping import checked, compared
from joulewise.shrink.together import Holds, bears_steps, proven_by_steps, proven_in_turn

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proof:
    """What was proven of one candidate against the baseline.

    `energy_ratios` and `cpu_ratios` are by batch; a batch is absent where no meter reads or time ran out. `held` says
    whether every floor holds at the bad end of its interval, `reasons` which don't, and what would have to be given to
    know. `batch` is the one that decides; `broken` says that a floor of cost does not hold.
    """

    measured: Measured
    change: Change | None
    cpu_ratios: Mapping[int, Figure]
    energy_ratios: Mapping[int, Figure] = field(default_factory=dict)
    batch: int = 1
    held: bool = False
    reasons: tuple[str, ...] = ()
    broken: bool = False

    @property
    def energy_ratio(self) -> Figure | None:
        """At the batch that decides."""
        return self.energy_ratios.get(self.batch)

    @property
    def name(self) -> str:
        return self.measured.deployment.name

    def price(self, batch: int | None = None) -> Figure | None:
        """What it costs against the baseline, new / old: energy where a meter read it. A model of energy sees CPU time
        only, which is surer itself."""
        at = self.batch if batch is None else batch
        energy = self.energy_ratios.get(at)
        if energy is not None and energy.method in (MEASURED, REPORTED):
            return energy
        return self.cpu_ratios.get(at)

    def saves(self, batch: int | None = None) -> bool:
        """True only if even the bad end of the interval costs less than the baseline."""
        price = self.price(batch)
        return price is not None and price.high < 1

    @property
    def verdict(self) -> str:
        """Why it is no winner; "" if it may be one."""
        if not self.held:
            return "; ".join(self.reasons)
        price = self.price()
        if price is None:
            return "it was not measured to the end: no time was left"
        if not self.saves():
            told = f"{price.value:.3g} ({price.low:.3g} to {price.high:.3g}) of the original's"
            return f"it keeps the floors, but does not surely cost less: {told}"
        return ""


def prove(
    measured: Sequence[Measured],
    rows: Rows,
    floors: Sequence[Floor],
    metric: Metric | None,
    seed: int = 0,
    batch: int | None = None,
    order: Sequence[str] = (),
) -> list[Proof]:
    """A proof of each candidate against the first; those that failed are left out. `batch` decides (None: the least).

    Of several candidates that may win, only those hold that are proven together (`together`). `order` names them, the
    surest first as seen on other rows; where it leaves one out, no order is known.
    Raises UndefinedFigure if the baseline itself failed: then nothing can be said.
    """
    base = measured[0]
    if not base.ok:
        raise UndefinedFigure(f"the baseline could not be measured: {base.failure}", hint="joulewise bench MODEL")
    at = batch or min((block.batch for block in base.blocks), default=1)
    baseline = _entry(base, None, metric, at, is_baseline=True)
    proofs = []
    for one in measured[1:]:
        if one.ok:
            change, fault = _change(one, base, rows, metric, seed)
            entry = _entry(one, change, metric, at)
            reasons = (fault,) if fault else tuple(_reasons(floors, entry, baseline, change))
            made = _proof(one, base, change, at, reasons)
            costs = [floor for floor in floors if floor.quantity]
            broken = any(not checked(floor, entry, baseline, change).held for floor in costs)
            proofs.append(replace(made, broken=broken))
    holds = {
        one.name: partial(_keeps, one.measured, base, rows, (floors, metric, seed, at))
        for one in proofs
        if one.saves(at) and not one.broken
    }
    return _together(proofs, holds, order, (len(rows), floors))


def _keeps(
    one: Measured,
    base: Measured,
    rows: Rows,
    how: tuple[Sequence[Floor], Metric | None, int, int],
    level: float,
) -> bool:
    """True if the floors of quality hold at that level."""
    floors, metric, seed, batch = how
    change, fault = _change(one, base, rows, metric, seed, level)
    entry, baseline = _entry(one, change, metric, batch), _entry(base, None, metric, batch, is_baseline=True)
    return not fault and all(checked(each, entry, baseline, change).held for each in floors if not each.quantity)


def _together(
    proofs: Sequence[Proof], holds: Mapping[str, Holds], order: Sequence[str], on: tuple[int, Sequence[Floor]]
) -> list[Proof]:
    """The same, but those that hold alone and not together with the others that were tried on these rows don't."""
    if len(holds) < 2:
        return list(proofs)
    known = [name for name in order if name in holds]
    by_steps = len(known) < len(holds) or bears_steps(*on, len(holds))
    names = list(holds) if by_steps else known
    passed = (proven_by_steps if by_steps else proven_in_turn)([holds[name] for name in names])
    lost = {name for name, held in zip(names, passed, strict=True) if not held}
    why = (
        f"it holds alone, but not together with what else was tried on these rows "
        f"({'at the level that so many take' if by_steps else 'one that seemed surer failed'}): more rows would do, or "
        "joulewise verify on new ones"
    )
    return [replace(one, held=False, reasons=(why,)) if one.held and one.name in lost else one for one in proofs]


def _proof(one: Measured, base: Measured, change: Change | None, batch: int, reasons: tuple[str, ...]) -> Proof:
    return Proof(
        measured=one,
        change=change,
        energy_ratios=_ratios(one, base, "energy_j"),
        cpu_ratios=_ratios(one, base, "cpu_s"),
        batch=batch,
        held=not reasons,
        reasons=reasons,
    )


def _change(
    one: Measured, base: Measured, rows: Rows, metric: Metric | None, seed: int, level: float = LEVEL
) -> tuple[Change | None, str]:
    """How the quality changes, or why nobody can say: that ends this candidate and no other."""
    if metric is None or one.prediction is None or base.prediction is None:
        return None, ""
    try:
        return quality_change(metric, base.prediction, one.prediction, rows.target, base.prediction, seed, level), ""
    except JoulewiseError as error:
        return None, f"its answers can't be judged: {error.message}"
    except Exception as error:  # noqa: BLE001 - a user's metric on a foreign model's answers: one candidate less
        _log.warning("%s could not be judged", one.deployment.name, exc_info=True)
        return None, f"its answers can't be judged: {type(error).__name__}: {error}"


def _reasons(floors: Sequence[Floor], entry: Entry, baseline: Entry, change: Change | None) -> list[str]:
    """Why a floor does not hold, and how many rows would tell where they were too few."""
    checks = [checked(floor, entry, baseline, change) for floor in floors]
    lost = [floor for floor, check in zip(floors, checks, strict=True) if not check.held]
    told = [check.text for check in checks if not check.held]
    return told + [
        _needed(floor, change) for floor in lost if change is not None and _is_short(floor, entry, baseline, change)
    ]


def _entry(
    one: Measured, change: Change | None, metric: Metric | None, batch: int, *, is_baseline: bool = False
) -> Entry:
    name = metric.name if metric is not None else ""
    quality = find(one.observations, name, Condition()) if name else None
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


def _is_short(floor: Floor, entry: Entry, baseline: Entry, change: Change) -> bool:
    """True if the loss seen keeps the floor, and only its interval does not: more rows could prove it."""
    if floor.relative != "points":
        return False
    figure = compared(floor, change, entry.quality, baseline.quality)
    return figure is not None and (figure.value >= floor.value if floor.at_least else figure.value <= floor.value)


def _needed(floor: Floor, change: Change) -> str:
    loss = -change.figure.value if floor.at_least else change.figure.value
    try:
        rows = change.rows_needed(abs(floor.value))
    except OutOfRange:
        return f"no number of rows proves {floor.text} if {loss:.4f} is what it truly loses"
    return f"{change.n} rows are too few to prove {floor.text}: about {rows} would do"


def _ratios(one: Measured, base: Measured, quantity: str) -> dict[int, Figure]:
    found = {}
    for batch in sorted({block.batch for block in base.blocks}):
        mine, theirs = ([block for block in side.blocks if block.batch == batch] for side in (one, base))
        try:
            found[batch] = ratio_of(mine, theirs, quantity)
        except UndefinedFigure:  # no meter, or no time was left for this batch
            continue
    return found


def winner_of(proofs: Sequence[Proof], threads: int, batch: int | None = None) -> Proof | None:
    """Of those whose floors hold and that surely cost less than the baseline, the cheapest at a batch; None if none.

    More threads than `threads` only if no candidate does with so many: they buy latency that nobody asked for else.
    """
    able = [one for one in proofs if one.held and one.saves(batch)]
    modest = [one for one in able if one.measured.deployment.options.threads <= threads]
    return min(modest or able, key=lambda one: _price(one, batch), default=None)


def _price(one: Proof, batch: int | None) -> float:
    price = one.price(batch)
    return price.value if price is not None else float("inf")


def asks_for_latency(floors: Sequence[Floor]) -> bool:
    """True if a floor is about latency."""
    return any(one.quantity.startswith("latency_s") for one in floors)
