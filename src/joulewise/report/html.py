"""The report as one HTML page that needs nothing else: no script, no address, no font from elsewhere.

A content security policy in the page forbids what it doesn't need, so that even a hostile name could load nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from joulewise.core.figures import Figure
from joulewise.report import power_chart
from joulewise.report.digits import share
from joulewise.report.escape import plain
from joulewise.report.view import Grid, Row, RunView, Section


class HtmlExporter:
    """Draws a RunView as a self-contained page, light or dark as the reader's system is, fit for print."""

    name = "html"
    suffix = ".html"

    def render(self, view: object) -> str:
        """The whole page. Raises TypeError for anything else than a RunView."""
        if not isinstance(view, RunView):
            raise TypeError(f"want a RunView, got {type(view).__name__}")
        style = resource("report.css")
        return (
            environment()
            .get_template("run.html.j2")
            .render(
                view=view,
                style=Markup(style),
                policy=policy(style),
                chart=Markup(power_chart.svg(view.power)) if view.power else None,
                legend=power_chart.legend(view.power) if view.power else [],
                chart_table=power_chart.table(view.power) if view.power else [],
            )
        )


def policy(style: str) -> str:
    """Nothing may load but the one style sheet, known by its hash, and the empty icon."""
    digest = base64.b64encode(sha256(style.encode()).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def interval_bar(figure: Figure, rows: Sequence[Row] = ()) -> tuple[float, float, float] | None:
    """Left edge, width and place of the value in percent of [0, the highest bound of that unit in `rows`].

    None for exact or negative figures.
    """
    if figure.low < 0 or figure.high <= 0 or figure.low == figure.high:
        return None
    alike = [row.figure.high for row in rows if row.figure and row.figure.unit == figure.unit]
    percent = 100 / max([figure.high, *alike])
    left, right = round(figure.low * percent, 1), round(figure.high * percent, 1)
    return left, round(right - left, 1), round(figure.value * percent, 1)


@cache
def environment() -> Environment:
    """Templates that escape whatever they are given."""
    made = Environment(
        autoescape=True,
        loader=FunctionLoader(resource),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup | int | float) else plain(value, lines=True),
    )
    made.tests["section"] = lambda block: isinstance(block, Section)
    made.tests["row"] = lambda cell: isinstance(cell, Row)
    made.tests["grid"] = lambda block: isinstance(block, Grid)
    made.filters["share"] = share
    made.filters["bar"] = interval_bar
    return made


@cache
def resource(name: str) -> str:
    """A file of templates/ as text."""
    return files("joulewise.report").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
