"""What a run cost, for people and machines: `view` makes it, the exporters draw it.

Exporters load on demand by name (`exporter("html")`), so that a table needs no template engine.
"""

from __future__ import annotations

from joulewise.report.compose import one_line, view
from joulewise.report.view import Band, Grid, Notice, PowerSeries, Row, RunView, Section, Step

__all__ = ["Band", "Grid", "Notice", "PowerSeries", "Row", "RunView", "Section", "Step", "one_line", "view"]
