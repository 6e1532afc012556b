"""What stands beside a leaderboard: the same variants under other conditions, other metrics of quality, efficiency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from joulewise.report.efficiency_view import efficiency_record
from joulewise.report.leaderboard import rank_text
from joulewise.report.listing import Listing, simple
from joulewise.report.measures import ABSENT, alone, ratio_words, with_interval

if TYPE_CHECKING:
    from joulewise.compare import Efficiency
    from joulewise.core.figures import Figure
    from joulewise.core.variants import Variant
    from joulewise.report.bench_view import BenchRow, BenchView

_PACED = (
    "Under a paced load the machine mostly waits, and its idle share, the same for all, is part of the energy; "
    "CPU time tells the variants apart."
)
_LEAST, _MOST = 1e-3, 1e6
_RATIOS = "a ratio rewards small bad models"
"""Said once of all, below."""


def conditions_list(views: Sequence[BenchView]) -> Listing:
    """A line a condition and variant; no records, since those of the leaderboards say the same."""
    columns = ("Condition", "Rank", "Variant", "Energy per inference", "Against the baseline", "CPU time", "p99")
    lines = [
        (
            view.condition.removesuffix(", saturated") if at == 0 else "",
            rank_text(row),
            row.name,
            with_interval(row.energy),
            ratio_words(row.ratio),
            alone(row.cpu_time),
            alone(row.latency_p99),
        )
        for view in views
        for at, row in enumerate(row for row in view.rows if _seen(row))
    ]
    grid = simple("Other conditions", columns, lines, numeric=columns[3:], spare=("p99", "CPU time", "Rank"))
    paced = any(view.condition.endswith("/s") for view in views)
    return Listing(grid=grid, records=(), header="Other conditions", footer=_PACED if paced else "")


def _seen(row: BenchRow) -> bool:
    return row.energy is not None or row.cpu_time is not None


def qualities_list(variants: Sequence[Variant], metrics: Sequence[str]) -> Listing:
    """A line a variant, a column a metric."""
    found = [(one, {seen.quantity: seen.figure for seen in one.observations}) for one in variants]
    lines = [(one.name, *(with_interval(figures.get(metric)) for metric in metrics)) for one, figures in found]
    columns = ("Variant", *metrics)
    return Listing(grid=simple("Quality", columns, lines, numeric=metrics), records=(), header="Quality")


def efficiencies_list(found: Mapping[str, Sequence[Efficiency]], front: Sequence[Efficiency] = ()) -> Listing:
    """Every efficiency metric of every variant; what is absent has its reason in the records, and below."""
    names = list(found)
    columns = [found[name] for name in names]
    lines = [
        (f"{of_one[0].label}, {unit}" if unit != "1" else of_one[0].label, *(_plain(one.figure) for one in of_one))
        for of_one in zip(*columns, strict=True)
        if (unit := next((one.figure.unit for one in of_one if one.figure), None)) is not None
    ]
    records = [{"variant": name, **efficiency_record(one)} for name in names for one in found[name]]
    records += [{"variant": "front", **efficiency_record(one)} for one in front]
    told = [f"{one.label}: {with_interval(one.figure) if one.figure else one.reason}." for one in front]
    told += _grouped((f"Absent, since {one.reason}", one.label) for some in columns for one in some if not one.figure)
    told += _grouped(
        (note[:1].upper() + note[1:], one.label)
        for some in columns
        for one in some
        if one.figure and (note := "; ".join(part for part in one.note.split("; ") if not part.startswith(_RATIOS)))
    )
    told.append("None of these ranks: a ratio rewards small bad models. Floors and dominance do.")
    title = "Efficiency; quality in percentage points"
    grid = simple(title, ("Metric", *names), lines, numeric=names)
    return Listing(grid=grid, records=tuple(records), header=title, footer="\n".join(told))


def _plain(figure: Figure | None) -> str:
    """The figure without its unit; very small and very large ones with an exponent."""
    if figure is None:
        return ABSENT
    if figure.value and not _LEAST <= abs(figure.value) < _MOST:
        return f"{figure.value:.2g} ({figure.low:.2g} – {figure.high:.2g})"
    return with_interval(replace(figure, unit="1"))


def _grouped(told: Iterable[tuple[str, str]]) -> list[str]:
    """Each remark once, with the metrics that it holds for."""
    found: dict[str, dict[str, None]] = {}
    for remark, label in told:
        found.setdefault(remark, {})[label] = None
    return [f"{remark}: {', '.join(labels)}." for remark, labels in found.items()]
