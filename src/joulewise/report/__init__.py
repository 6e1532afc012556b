"""What a run cost, for people and machines: `view` makes it, `draw_run` and the exporters draw it; lists likewise.

Exporters load on demand by name, so that a table needs no template engine.
"""

from __future__ import annotations

from joulewise.report import lists, plan_view
from joulewise.report.compose import one_line, view
from joulewise.report.equivalents import equivalents_of
from joulewise.report.listing import FORMATS, Listing, Style, draw, draw_run, draw_steps
from joulewise.report.lookup import find_rows, split_reference
from joulewise.report.power import PowerTrace
from joulewise.report.view import Band, Grid, Notice, PowerSeries, Row, RunView, Section, Step

__all__ = [
    "FORMATS",
    "Band",
    "Grid",
    "Listing",
    "Notice",
    "PowerSeries",
    "PowerTrace",
    "Row",
    "RunView",
    "Section",
    "Step",
    "Style",
    "draw",
    "draw_run",
    "draw_steps",
    "equivalents_of",
    "find_rows",
    "lists",
    "one_line",
    "plan_view",
    "split_reference",
    "view",
]
