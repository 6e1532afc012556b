"""Efficiency metrics and stars as lists: each figure with what it divides by what, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from joulewise.core.figures import Figure, scaled
from joulewise.report.digits import shown
from joulewise.report.listing import Listing, simple

if TYPE_CHECKING:
    from joulewise.compare import Efficiency
    from joulewise.compare.energy_score import Stars


def stars_list(found: Sequence[Stars]) -> Listing:
    """Stars by both rules, each with the fewest and most that the intervals allow."""
    columns = ("Model", "Wh per 1,000 queries", "Stars by range", "Stars by rank")
    lines = [
        (one.name, shown(scaled(one.wh_per_thousand, 1.0, "Wh")), _stars(one.by_range), _stars(one.by_rank))
        for one in found
    ]
    records = tuple(
        {
            "name": one.name,
            "energy_wh": one.wh_per_thousand.value,
            "stars_by_range_count": one.by_range.value,
            "stars_by_rank_count": one.by_rank.value,
            "stars_by_range": [one.by_range.low, one.by_range.high],
            "stars_by_rank": [one.by_rank.low, one.by_rank.high],
        }
        for one in found
    )
    grid = simple("AI Energy Score mode", columns, lines, numeric=columns[1:])
    foot = (
        "A mode, not a certificate: the original measures the accelerator of an H100 80 GB, batch 1, mean of 10 runs. "
        "By range: five equal widths from the least to the most energy. By rank: fifths of the models."
    )
    return Listing(grid=grid, records=records, footer=foot)


def _stars(figure: Figure) -> str:
    band = "" if figure.low == figure.high else f" ({figure.low:.0f} – {figure.high:.0f})"
    return f"{figure.value:.0f} of 5{band}"


def efficiency_record(one: Efficiency) -> dict[str, Any]:
    """A metric for machines; absent figures have their reason."""
    figure = one.figure
    return {
        "metric": one.key,
        "label": one.label,
        "value": figure.value if figure else None,
        "low": figure.low if figure else None,
        "high": figure.high if figure else None,
        "unit": figure.unit if figure else one.formula.unit,
        "method": figure.method if figure else None,
        "numerator": one.numerator,
        "denominator": one.denominator or None,
        "stage": one.stage,
        "boundary": one.boundary or None,
        "greater_is_better": one.greater_is_better,
        "formula": f"{one.formula.id} v{one.formula.version}",
        "expression": one.formula.expression,
        "source": one.formula.source,
        "note": one.note or None,
        "reason": one.reason or None,
    }
