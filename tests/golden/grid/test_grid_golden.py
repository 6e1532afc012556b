"""The invented grid in every form, word for word."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from joulewise.report import Style, grid_page
from joulewise.report.grid_drawing import draw_calendar, draw_course, draw_present, draw_windows
from joulewise.report.heat_map import week, year
from joulewise.testing.grids import NOW, example_grid, hourly

STYLES = {
    "80": Style(width=80),
    "60-ascii": Style(width=60, ascii_only=True),
    "80-color": Style(width=80, color=True),
}
FORMATS = {"json": "json", "csv": "csv", "markdown": "md"}


def calendars():
    """The week in which clocks go forward, three hours of it unknown, and the year."""
    clock = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 26, tzinfo=UTC)
    view = example_grid(now=NOW.replace(month=3, day=27), signals=tuple(hourly(start, 24 * 9, skip=(60, 61, 62))))
    months = year(list(hourly(datetime(2025, 12, 31, 23, tzinfo=UTC), 8760)), clock)
    return view, [week(view, date(2026, 3, 27)), months]


@pytest.mark.parametrize("style", STYLES)
def test_the_calendar_in_a_terminal(same_as_golden, style):
    view, heats = calendars()

    same_as_golden(f"calendar-{style}.txt", draw_calendar(view, heats, "table", STYLES[style]))


@pytest.mark.parametrize("style", STYLES)
def test_the_course_in_a_terminal(same_as_golden, style):
    same_as_golden(f"course-{style}.txt", draw_course(example_grid(), "table", STYLES[style]))


@pytest.mark.parametrize("format", FORMATS)
def test_the_calendar_for_machines(same_as_golden, format):
    view, heats = calendars()

    same_as_golden(f"calendar.{FORMATS[format]}", draw_calendar(view, heats[:1], format))


@pytest.mark.parametrize("format", FORMATS)
def test_the_course_for_machines(same_as_golden, format):
    same_as_golden(f"course.{FORMATS[format]}", draw_course(example_grid(), format))


@pytest.mark.parametrize(("format", "suffix"), [("table", "txt"), ("json", "json")])
def test_now_and_the_windows(same_as_golden, format, suffix):
    view = example_grid()
    present = example_grid(signals=tuple(one for one in view.signals if one.start <= NOW < one.end))

    same_as_golden(f"now.{suffix}", draw_present(present, format, STYLES["80"]))
    same_as_golden(f"windows.{suffix}", draw_windows(view, format, STYLES["80"]))


def test_the_pages_and_files(same_as_golden):
    view, heats = calendars()

    same_as_golden("calendar.html", grid_page.calendar_page(view, heats))
    same_as_golden("calendar.svg", grid_page.calendar_svg(view, heats[0]))
    same_as_golden("course.html", grid_page.course_page(example_grid()))
    same_as_golden("course.svg", grid_page.course_svg(example_grid()))
