"""The grid as one HTML page that needs nothing else, and as SVG files: same look, same rules as a run's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from joulewise.report import calendar, intensity_chart
from joulewise.report.grid_view import GridView, Window
from joulewise.report.grid_words import as_sentences, clock_words, data_words, difference_words, mean_text, moment_words
from joulewise.report.heat_map import HOURS, HeatMap, HeatRow
from joulewise.report.html import environment, policy, resource
from joulewise.report.svg_parts import standing_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing with its heading, its legend (style class, meaning) and the same as a table."""

    title: str
    text: str
    drawing: Markup
    legend: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


def calendar_page(view: GridView, heats: Sequence[HeatMap]) -> str:
    """The carbon calendar of a zone: a picture for each map, the cleanest hours, and what the data are."""
    pictures = [_heat_picture(view, heat, f"calendar-{at}") for at, heat in enumerate(heats)]
    return _page(view, f"Carbon calendar of {view.title}", pictures)


def course_page(view: GridView) -> str:
    """The course of the intensity of a zone, with the cleanest hours if it looks ahead."""
    drawing = Markup(intensity_chart.svg(view))
    columns = ("From (UTC)", "To (UTC)", "Value", "Low", "High", "How known")
    table = tuple(
        (
            f"{signal.start:%Y-%m-%d %H:%M}",
            f"{signal.end:%Y-%m-%d %H:%M}",
            *(f"{one:.0f}" for one in (signal.intensity_g_per_kwh, signal.low_g_per_kwh, signal.high_g_per_kwh)),
            signal.status,
        )
        for signal in view.signals
    )
    picture = Picture(
        title="Intensity by hour",
        text=intensity_chart.description(view),
        drawing=drawing,
        legend=tuple(intensity_chart.legend(view)),
        columns=columns,
        table=table,
    )
    return _page(view, f"Carbon intensity of {view.title}", [picture])


def calendar_svg(view: GridView, heat: HeatMap) -> str:
    """A calendar as a file of its own, which says whose it is and what the data are."""
    words = [f"{heat.title}, {heat.text}: {view.title}.", *data_words(view.signals)]
    return standing_alone(calendar.svg(heat, now=view.now, words=words), _style())


def course_svg(view: GridView) -> str:
    """A course as a file of its own, which says whose it is and what the data are."""
    words = [f"Carbon intensity of {view.title}.", *data_words(view.signals)]
    return standing_alone(intensity_chart.svg(view, words=words), _style())


def _heat_picture(view: GridView, heat: HeatMap, name: str) -> Picture:
    drawing = Markup(calendar.svg(heat, now=view.now, name=name))
    columns = ("", *(f"{hour:02}" for hour in range(HOURS)))
    text = f"{heat.text[0].upper()}{heat.text[1:]}. {calendar.description(heat)}"
    return Picture(
        title=heat.title, text=text, drawing=drawing, columns=columns, table=tuple(map(_heat_line, heat.rows))
    )


def _heat_line(row: HeatRow) -> tuple[str, ...]:
    """The row as text; the hour that comes twice has two values, the one that is left out none."""
    return (
        row.label,
        *(
            " / ".join(f"{cell.mean.intensity_g_per_kwh:.0f}" if cell.mean else "unknown" for cell in slot) or "–"
            for slot in row.slots
        ),
    )


def _page(view: GridView, title: str, pictures: Sequence[Picture]) -> str:
    style = _style()
    return (
        environment()
        .get_template("grid.html.j2")
        .render(
            title=title,
            subtitle=f"Seen {view.now:%Y-%m-%d %H:%M} UTC; hours of {clock_words(view)}",
            notices=as_sentences(view.notices),
            cards=[_card(window, view) for window in view.windows()] if view.end > view.now else [],
            pictures=pictures,
            words=data_words(view.signals),
            style=Markup(style),
            policy=policy(style),
        )
    )


def _card(window: Window, view: GridView) -> dict[str, Any]:
    start = window.best.start
    mean = f"{mean_text(window.best)} g CO2e/kWh"
    return {
        "title": f"Cleanest {window.hours} h: start",
        "value": moment_words(start, view).partition(" (")[0],
        "text": f"{start:%H:%M} UTC. {mean}; {difference_words(window, start <= view.now)}",
    }


def _style() -> str:
    return resource("report.css") + resource("grid.css")
