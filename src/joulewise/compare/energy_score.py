"""The AI Energy Score's way of telling energy: watt-hours of 1,000 queries, and stars within a task and class.

The rule of the stars is published in two forms: five equal widths of the range of energies, or fifths of the models.
They differ, so both are given, each labelled. Ours is a mode, not a certificate: the original counts the accelerator
of one reference machine (H100 80 GB), batch 1, mean of 10 runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from joulewise.carbon.formulas import star_by_range, star_by_rank
from joulewise.compare.metric_formulas import wh_per_thousand_queries
from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure

BY_RANGE = "by range: five equal widths from the least to the most energy"
BY_RANK = "by rank: fifths of the models"
NOT_THE_ORIGINAL = (
    "AI Energy Score mode, not a certificate: the original measures the accelerator of an H100 80 GB, batch 1, mean "
    "of 10 runs, within a task and class."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """A model's stars by both rules, 5 (least energy) to 1, each with the fewest and most that its interval allows."""

    name: str
    wh_per_thousand: Figure
    by_range: Figure
    by_rank: Figure


def thousand_queries(energy: Figure) -> Figure:
    """Wh of 1,000 queries from joules per inference."""
    return wh_per_thousand_queries.figure({"energy_j_per_inference": energy})


def stars(energies: Mapping[str, Figure]) -> tuple[Stars, ...]:
    """Stars of the models of one task and class, least energy first. `energies` are J per inference by name.

    Raises UndefinedFigure for no model: stars are relative to the others.
    """
    if not energies:
        raise UndefinedFigure("stars compare models, and there is none")
    ordered = sorted(energies.items(), key=lambda pair: (pair[1].value, pair[0]))
    least_j, most_j = ordered[0][1].value, ordered[-1][1].value
    return tuple(
        Stars(
            name=name,
            wh_per_thousand=thousand_queries(figure),
            by_range=_range_stars(figure, least_j, most_j),
            by_rank=_rank_stars(name, energies),
        )
        for name, figure in ordered
    )


def _range_stars(figure: Figure, least_j: float, most_j: float) -> Figure:
    fewest, middle, most = (
        star_by_range(energy_j=min(max(energy_j, least_j), most_j), least_j=least_j, most_j=most_j)
        for energy_j in (figure.high, figure.value, figure.low)
    )
    return _figure(fewest, middle, most, figure, "carbon.star_by_range v1")


def _rank_stars(name: str, energies: Mapping[str, Figure]) -> Figure:
    """Rank by value; at best behind those that are surely lower, at worst behind all that are not surely higher."""
    own, others = energies[name], [(other, one) for other, one in energies.items() if other != name]
    ahead = sum((one.value, other) < (own.value, name) for other, one in others)
    surely_ahead = sum(one.high < own.low for _, one in others)
    perhaps_ahead = sum(one.low <= own.high for _, one in others)
    fewest, middle, most = (
        star_by_rank(rank=count + 1, model_count=len(energies)) for count in (perhaps_ahead, ahead, surely_ahead)
    )
    return _figure(fewest, middle, most, own, "carbon.star_by_rank v1")


def _figure(fewest: float, middle: float, most: float, of: Figure, source: str) -> Figure:
    return Figure(
        value=middle, low=min(fewest, middle), high=max(most, middle), unit="stars", method=of.method, source=source
    )
