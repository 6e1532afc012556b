"""A comparison of variants, ready to be shown: rows with figures, who is on the front, what is not ranked and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from joulewise.core.figures import Figure, exact, propagate, weakest
from joulewise.core.variants import Model, Variant

if TYPE_CHECKING:
    from joulewise.compare import Condition, Entry, Ranking
    from joulewise.compare.fronts import Place

_COSTS = {
    "energy": "energy_j_per_inference",
    "cpu_time": "cpu_s_per_inference",
    "latency_p50": "latency_s_p50",
    "latency_p99": "latency_s_p99",
    "throughput": "throughput_per_s",
    "size": "size_bytes",
    "memory": "memory_bytes_peak",
    "cold_start": "cold_start_s",
    "bytes_moved": "bytes_moved_per_inference",
}
"""Field of a row to quantity of an observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatenBy:
    """A member of the front that is better, and why."""

    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """A variant. `rank` is None where `reasons` say why it is not ranked; `tied_with` and `beaten_by` are for people.

    `ratio` is energy against the baseline: paired where `is_paired`, else of two absolute figures, and so wider.
    `flop` are of one row, and `flop_covered` (0..1) the share of the operators that were counted.
    """

    id: str
    name: str
    runtime: str = ""
    rank: int | None = None
    tied_with: tuple[str, ...] = ()
    beaten_by: tuple[BeatenBy, ...] = ()
    reasons: tuple[str, ...] = ()
    is_baseline: bool = False
    quality: Figure | None = None
    quality_change: Figure | None = None
    energy: Figure | None = None
    ratio: Figure | None = None
    is_paired: bool = False
    cpu_time: Figure | None = None
    latency_p50: Figure | None = None
    latency_p99: Figure | None = None
    throughput: Figure | None = None
    size: Figure | None = None
    memory: Figure | None = None
    cold_start: Figure | None = None
    bytes_moved: Figure | None = None
    parameters: int | None = None
    flop: Figure | None = None
    flop_covered: float | None = None

    @property
    def on_front(self) -> bool:
        """True for the first rank."""
        return self.rank == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchView:
    """`quality_floor` is the absolute floor of quality, for the picture's line; None if there is none. `floors` are as
    the user wrote them. `unit` is what energy is told of: an inference, an epoch, a whole run."""

    title: str
    metric: str
    rows: tuple[BenchRow, ...]
    condition: str = ""
    floors: tuple[str, ...] = ()
    quality_floor: Figure | None = None
    greater_is_better: bool = True
    knee: str = ""
    cheapest: tuple[str, ...] = ()
    boundary: str = "device"
    unit: str = "inference"
    notices: tuple[str, ...] = ()

    @property
    def energy_words(self) -> str:
        """ "energy per inference", or "energy of the run" where no units were counted."""
        return "energy of the run" if self.unit == "run" else f"energy per {self.unit}"

    @property
    def front(self) -> tuple[BenchRow, ...]:
        """The rows of rank 1."""
        return tuple(one for one in self.rows if one.on_front)


def bench_view(
    ranking: Ranking,
    variants: Sequence[Variant],
    condition: Condition,
    *,
    title: str = "Models compared",
    boundary: str = "device",
    unit: str = "inference",
    notices: Sequence[str] = (),
) -> BenchView:
    """Put a ranking into words. `variants` add runtimes, and those that failed, which stand last with their reason."""
    by_id = {one.id: one for one in variants}
    entries = [place.entry for place in ranking.places]
    baseline = next((one for one in entries if one.is_baseline), None)
    ranked = [_row(place, baseline, by_id) for place in ranking.places]
    known = {one.id for one in entries}
    lost = [_lost(one) for one in variants if one.status != "ok" and one.id not in known]
    return BenchView(
        title=title,
        metric=entries[0].metric if entries else "quality",
        greater_is_better=entries[0].greater_is_better if entries else True,
        rows=(*ranked, *lost),
        condition=condition.text(),
        floors=tuple(one.text for one in ranking.floors),
        quality_floor=_quality_floor(ranking, baseline, entries[0].metric if entries else ""),
        knee=ranking.knee or "",
        cheapest=ranking.cheapest,
        boundary=boundary,
        unit=unit,
        notices=(*ranking.notices, *notices),
    )


def described(view: BenchView, models: Mapping[str, Model]) -> BenchView:
    """The same with what each model is made of; `models` are by the variant's id."""
    return replace(view, rows=tuple(_described(row, models.get(row.id)) for row in view.rows))


def _described(row: BenchRow, model: Model | None) -> BenchRow:
    if model is None:
        return row
    return replace(row, parameters=model.parameters, flop=model.flops, flop_covered=model.flops_covered)


def _row(place: Place, baseline: Entry | None, variants: Mapping[str, Variant]) -> BenchRow:
    entry, variant = place.entry, variants.get(place.entry.id)
    costs: dict[str, Any] = {field: entry.costs.get(quantity) for field, quantity in _COSTS.items()}
    return BenchRow(
        id=entry.id,
        name=entry.name,
        runtime=variant.runtime if variant else "",
        rank=place.rank,
        tied_with=place.tied_with,
        beaten_by=tuple(BeatenBy(by=one.by, why=one.why) for one in place.beaten_by),
        reasons=place.why_unranked,
        is_baseline=entry.is_baseline,
        quality=entry.quality,
        quality_change=entry.quality_change,
        ratio=_ratio(entry, baseline),
        is_paired=entry.energy_ratio is not None,
        **costs,
    )


def _lost(variant: Variant) -> BenchRow:
    return BenchRow(
        id=variant.id, name=variant.name, runtime=variant.runtime, reasons=(f"{variant.status}: {variant.reason}",)
    )


def _ratio(entry: Entry, baseline: Entry | None) -> Figure | None:
    """New over baseline; the paired one if there is one."""
    if entry.is_baseline:
        return exact(1.0, "1")
    if entry.energy_ratio is not None:
        return entry.energy_ratio
    if baseline is None or baseline.energy is None or entry.energy is None or baseline.energy.low <= 0:
        return None
    inputs = {"new": entry.energy, "base": baseline.energy}
    value, low, high = propagate(lambda new, base: new / base, inputs)
    return Figure(value=value, low=low, high=high, unit="1", method=weakest(one.method for one in inputs.values()))


def _quality_floor(ranking: Ranking, baseline: Entry | None, metric: str) -> Figure | None:
    """The strictest floor of this metric in its own unit; a relative one from the baseline's value."""
    found = []
    floors = [one for one in ranking.floors if not one.quantity and one.metric == metric]
    for floor in floors:
        if not floor.relative:
            found.append(floor.value)
        elif baseline is not None and baseline.quality is not None:
            base = baseline.quality.value
            found.append(base + floor.value if floor.relative == "points" else base * (1.0 + floor.value))
    if not found:
        return None
    at_least = floors[0].at_least
    return exact(max(found) if at_least else min(found), "1")
