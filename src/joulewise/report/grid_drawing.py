"""The grid as text in any of FORMATS: for people a picture with words below it, for machines the records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from textwrap import fill

from joulewise.report import grid_lists
from joulewise.report.escape import plain, to_ascii
from joulewise.report.grid_text import course_text, heat_text
from joulewise.report.grid_view import GridView
from joulewise.report.grid_words import best_starts, data_words
from joulewise.report.heat_map import HeatMap
from joulewise.report.listing import Listing, Style, draw


def draw_present(view: GridView, format: str, style: Style | None = None) -> str:
    """What holds now."""
    return draw(grid_lists.present(view), format, style)


def draw_windows(view: GridView, format: str, style: Style | None = None) -> str:
    """The cleanest windows alone."""
    return draw(grid_lists.windows(view), format, style)


def draw_course(view: GridView, format: str, style: Style | None = None) -> str:
    """The course, with the cleanest windows below it if it looks ahead."""
    style = style or Style()
    if format != "table":
        return draw(grid_lists.course(view), format, style)
    starts = best_starts(view)
    parts = [f"Carbon intensity of {plain(view.title)}", "", course_text(view, style)]
    parts += [*_paragraphs(starts, style), ""] if starts else []
    return _joined([*parts, *_paragraphs(data_words(view.signals), style)], style)


def draw_calendar(view: GridView, heats: Sequence[HeatMap], format: str, style: Style | None = None) -> str:
    """One or more calendars of a zone."""
    style = style or Style()
    if format != "table":
        return draw(_together([grid_lists.calendar(view, heat) for heat in heats]), format, style)
    parts = [f"Carbon calendar of {plain(view.title)}", ""]
    for heat in heats:
        parts += [heat_text(heat, style, view.now)]
    return _joined([*parts, *_paragraphs(data_words(view.signals), style)], style)


def _together(listings: Sequence[Listing]) -> Listing:
    """The tables one below the other (their columns are alike), the records in one list."""
    first, *rest = listings
    rows = (*first.grid.rows, *(line for one in rest for line in one.grid.rows))
    return Listing(
        grid=replace(first.grid, rows=rows), records=tuple(record for one in listings for record in one.records)
    )


def _paragraphs(sentences: Iterable[str], style: Style) -> list[str]:
    return [fill(plain(one), max(style.width, 20), break_on_hyphens=False) for one in sentences]


def _joined(parts: Sequence[str], style: Style) -> str:
    text = "\n".join(parts) + "\n"
    return to_ascii(text) if style.ascii_only and not style.color else text
