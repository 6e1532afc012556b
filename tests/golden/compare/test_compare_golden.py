"""The invented comparison, estimate, what-if, devices and shrink in every form, word for word."""

from __future__ import annotations

import pytest

from joulewise.compare import stars
from joulewise.report import Style, bench_page
from joulewise.report.device_view import device_list, edge_list
from joulewise.report.efficiency_view import stars_list
from joulewise.report.estimate_view import draw_estimate
from joulewise.report.leaderboard import draw_leaderboard
from joulewise.report.listing import draw
from joulewise.report.shrink_view import draw_shrink
from joulewise.report.waterfall import draw_waterfall, waterfall_of
from joulewise.testing import comparisons

STYLES = {"100": Style(), "60-ascii": Style(width=60, ascii_only=True), "140": Style(width=140)}
FORMATS = {"json": "json", "csv": "csv", "markdown": "md"}
FALL = waterfall_of(comparisons.example_what_if(), "Training moved north")
DRAWN = {
    "leaderboard": lambda *how: draw_leaderboard(comparisons.example_view(), *how),
    "estimate": lambda *how: draw_estimate(comparisons.example_estimate(), *how),
    "waterfall": lambda *how: draw_waterfall(FALL, *how),
    "shrink": lambda *how: draw_shrink(comparisons.example_shrink(), *how),
    "devices": lambda *how: draw(device_list(comparisons.example_devices()), *how),
    "stars": lambda *how: draw(stars_list(stars(comparisons.example_energies())), *how),
    "edge": lambda *how: draw(edge_list(comparisons.example_edge()), *how),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", DRAWN)
def test_in_a_terminal(same_as_golden, name, style):
    same_as_golden(f"{name}-{style}.txt", DRAWN[name]("table", STYLES[style]))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", DRAWN)
def test_for_machines_and_documents(same_as_golden, name, format):
    same_as_golden(f"{name}.{FORMATS[format]}", DRAWN[name](format))


def test_pages_and_pictures(same_as_golden):
    same_as_golden("leaderboard.html", bench_page.bench_page(comparisons.example_view()))
    same_as_golden("estimate.html", bench_page.estimate_page(comparisons.example_estimate()))
    same_as_golden("shrink.html", bench_page.shrink_page(comparisons.example_shrink()))
    same_as_golden("waterfall.html", bench_page.waterfall_page(FALL))
    same_as_golden("pareto.svg", bench_page.pareto_svg(comparisons.example_view()))
    same_as_golden("pareto-60.svg", bench_page.pareto_svg(comparisons.crowd(60)))
    same_as_golden("waterfall.svg", bench_page.waterfall_svg(FALL))
