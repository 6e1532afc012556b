"""A bench or comparison as text, in one of the formats of lists, and as files: a page, a picture."""

from __future__ import annotations

from collections.abc import Iterator

from joulewise.api.bench_records import quality_names
from joulewise.api.bench_results import BenchResult, Compared
from joulewise.report.bench_lists import conditions_list, qualities_list
from joulewise.report.leaderboard import draw_leaderboard
from joulewise.report.listing import Listing, Style, csv_text, draw_below


def draw_bench(found: BenchResult | Compared, format: str, style: Style | None = None, *, metrics: bool = False) -> str:
    """The leaderboards and what stands beside them. JSON is one document, CSV the variants, a line a condition."""
    if format == "json":
        return found.to_json()
    if format == "csv":
        return csv_text(found.records())
    parts = [draw_leaderboard(found.boards[0].view, format, style)]
    parts += [draw_below(one, format, style) for one in _beside(found, metrics)]
    for group in found.groups if isinstance(found, Compared) else ():
        parts.append(draw_bench(group, format, style, metrics=metrics))
    return "\n".join(parts)


def _beside(found: BenchResult | Compared, metrics: bool) -> Iterator[Listing]:
    if len(found.boards) > 1:
        yield conditions_list([board.view for board in found.boards[1:]])
    names = list(dict.fromkeys(name for one in found.variants() for name in quality_names(one.observations)))
    if len(names) > 1:
        yield qualities_list(found.variants(), names)
    if isinstance(found, BenchResult):
        yield from found.listings
    if metrics:
        yield found.efficiency()


def bench_svg(found: BenchResult | Compared) -> str:
    """Quality against energy, as a picture that stands alone."""
    from joulewise.report.bench_page import pareto_svg

    return pareto_svg(found.view)


def bench_html(found: BenchResult | Compared) -> str:
    """The page of the first board with the other conditions below it, then what stands apart."""
    from joulewise.report.bench_page import bench_page

    groups = found.groups if isinstance(found, Compared) else ()
    others = [(one.view, tuple(_beside(one, metrics=False))) for one in groups]
    return bench_page(found.view, tuple(_beside(found, metrics=True)), others)
