"""The pictures of the grid: every hour is where it belongs, gaps are hatched, words say what the data are."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.report import calendar, grid_page, grid_text, intensity_chart
from joulewise.report.calendar import offset_text
from joulewise.report.heat_map import MOST_LEVELS, week, year
from joulewise.report.html import resource
from joulewise.testing.grids import HOLE, NOW, example_grid, example_signal, hourly

SVG = "{http://www.w3.org/2000/svg}"
HOUR = timedelta(hours=1)
HOSTILE = "</text><script>alert(1)</script>"


def parsed(drawing):
    return ElementTree.fromstring(drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def texts(drawing):
    return [element.text for element in drawing.iter(f"{SVG}text")]


def by_class(drawing, tag, name):
    return [one for one in drawing.iter(f"{SVG}{tag}") if name in (one.get("class") or "").split()]


def seven_days(first, clock="Europe/Berlin", **fields):
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - 24 * HOUR
    return example_grid(clock=ZoneInfo(clock), signals=tuple(hourly(start, 24 * 9)), **fields)


def test_a_calendar_has_both_clocks_a_unit_and_words():
    drawing = parsed(calendar.svg(week(example_grid(), date(2026, 1, 13), 2), now=NOW))
    found = texts(drawing)

    assert found.count("00") == 2
    assert "UTC" in found
    assert "hour of the day, Europe/Berlin (UTC+1)" in found
    assert "g CO2e/kWh" in found
    assert "cleanest 3 h of a row" in found
    assert drawing.find(f"{SVG}title").text == "Week by hour, 13 to 14 January 2026"
    assert drawing.find(f"{SVG}desc").text == "180 to 420 g CO2e/kWh. 4 hours are unknown."


def test_the_hours_of_utc_stand_above_those_of_the_clock():
    drawing = parsed(calendar.svg(week(seven_days(date(2026, 1, 13), "Asia/Kolkata"), date(2026, 1, 13), 1)))
    ticks = [one for one in drawing.iter(f"{SVG}text") if one.get("text-anchor") == "middle"]
    at = {(one.get("x"), one.text) for one in ticks}
    first = next(one.get("x") for one in ticks if one.text == "00")

    assert (first, "18:30") in at


def test_gaps_of_a_calendar_are_hatched_and_never_a_colour():
    drawing = parsed(calendar.svg(week(example_grid(), date(2026, 1, 13), 2), name="week"))
    hatched = by_class(drawing, "rect", "unknown")

    assert len(hatched) == 1 + len(HOLE) + 1  # the last one is the legend's
    assert {one.get("fill") for one in hatched} == {"url(#week-hatch)"}
    assert "unknown" in texts(drawing)
    assert [title for title in drawing.iter(f"{SVG}title") if title.text == "Tue 13 Jan 06:00 (05:00 UTC): unknown"]


def test_the_hour_of_now_is_framed_once_in_a_week_and_never_in_a_year():
    view = example_grid()
    months = year(list(hourly(datetime(2026, 1, 1, tzinfo=UTC), 8760)), ZoneInfo("UTC"))

    assert calendar.svg(week(view, date(2026, 1, 13), 2), now=NOW).count('class="now-halo"') == 1
    assert calendar.svg(months, now=NOW).count('class="now-halo"') == 0


def test_when_the_clock_goes_back_two_narrow_cells_share_a_place():
    drawing = parsed(calendar.svg(week(seven_days(date(2026, 10, 25)), date(2026, 10, 25), 1)))
    titles = [one.text for one in drawing.iter(f"{SVG}title") if "02:00 (" in (one.text or "")]
    widths = {rect.get("width") for rect in drawing.iter(f"{SVG}rect") if "heat" in (rect.get("class") or "")}

    assert [title.partition(":00 UTC")[0][-2:] for title in titles] == ["00", "01"]
    assert len(widths - {"46"}) == 2
    assert "UTC is 1 h or 2 h behind, by the season" in texts(drawing)


def test_when_the_clock_goes_forward_the_place_is_empty():
    drawing = calendar.svg(week(seven_days(date(2026, 3, 29)), date(2026, 3, 29), 1))

    assert drawing.count("no such hour") == 1
    assert len(by_class(parsed(drawing), "path", "none")) == 1


def test_west_of_greenwich_utc_is_ahead():
    view = seven_days(date(2026, 3, 8), "America/New_York")

    assert "UTC is 5 h or 4 h ahead, by the season" in calendar.svg(week(view, date(2026, 3, 8), 7))


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "UTC"), (60, "UTC+1"), (330, "UTC+5:30"), (-480, "UTC-8"), (-210, "UTC-3:30")]
)
def test_offsets_in_words(minutes, text):
    assert offset_text(timedelta(minutes=minutes)) == text


def test_a_calendar_of_nothing_says_so():
    heat = week(example_grid(signals=()), date(2026, 1, 13), 1)

    assert calendar.description(heat) == "No hour is known."
    assert calendar.svg(heat).count('class="unknown"') == 25


def test_alike_hours_are_said_to_be_alike():
    signal = example_signal(datetime(2026, 1, 12, tzinfo=UTC), 250.0, hours=72, status="annual", grade="annual")
    heat = week(example_grid(signals=(signal,)), date(2026, 1, 13), 1)

    assert calendar.description(heat) == "The same in every hour: 250 g CO2e/kWh. No gaps."


def test_a_course_has_a_line_a_status_a_band_and_gaps():
    drawing = parsed(intensity_chart.svg(example_grid()))
    solid, dashed = (by_class(drawing, "path", name)[0].get("d") for name in ("solid", "dashed"))
    spread = by_class(drawing, "path", "spread")
    (gap,) = by_class(drawing, "rect", "unknown")

    assert solid.count("M") == 2
    assert dashed.count("M") == 1
    assert [path.get("d").count("Z") for path in spread] == [1, 1]
    assert float(gap.get("width")) == pytest.approx((920 - 62 - 14) * 3 / 48, abs=0.2)
    assert intensity_chart.legend(example_grid()) == [
        ("trend solid", "measured or estimated"),
        ("trend dashed", "forecast"),
        ("spread", "95 % band"),
        ("unknown", "unknown"),
    ]


def test_a_course_names_its_windows_days_and_both_clocks():
    found = texts(parsed(intensity_chart.svg(example_grid(), words=("Seen on paper.",))))

    assert {"cleanest 1 h", "cleanest 3 h", "cleanest 6 h", "now", "Tue 13 Jan", "g CO2e/kWh"} <= set(found)
    assert {"upper hours: Europe/Berlin; lower hours: UTC", "Seen on paper."} <= set(found)
    assert "12:00" in found
    assert "11:00" in found


def test_where_all_hours_are_alike_no_window_is_drawn():
    signal = example_signal(NOW.replace(minute=0), 250.0, hours=40, status="annual", grade="annual")
    view = example_grid(start=NOW.replace(minute=0), end=NOW + 40 * HOUR, signals=(signal,))

    assert "cleanest" not in intensity_chart.svg(view)


def test_a_course_of_nothing_is_all_gap():
    view = example_grid(signals=())

    assert intensity_chart.description(view) == "No hour is known."
    assert intensity_chart.svg(view).count('class="unknown"') == 1


@pytest.mark.parametrize(("hours", "first"), [(6, "10:00"), (48, "12:00"), (24 * 7, "12:00"), (24 * 40, "00:00")])
def test_ticks_are_full_hours_of_the_clock(hours, first):
    view = example_grid(start=NOW.replace(minute=0), end=NOW.replace(minute=0) + hours * HOUR, signals=())
    found = [tick.astimezone(view.clock) for tick in intensity_chart.ticks(view)]

    assert 3 <= len(found) <= 17
    assert f"{found[0]:%H:%M}" == first
    assert all(tick.minute == 0 for tick in found)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1e4)), min_size=1, max_size=60))
def test_any_course_is_well_formed_and_inside_the_frame(values):
    start = NOW.replace(minute=0)
    signals = tuple(example_signal(start + at * HOUR, value) for at, value in enumerate(values) if value is not None)
    drawing = parsed(intensity_chart.svg(example_grid(start=start, end=start + len(values) * HOUR, signals=signals)))

    for path in drawing.iter(f"{SVG}path"):
        numbers = [float(text) for text in re.findall(r"-?[\d.]+(?:e-?\d+)?", path.get("d"))]
        assert all(0 <= number <= 920 for number in numbers)


def test_hostile_names_stay_text():
    signals = tuple(hourly(NOW.replace(hour=0, minute=0), 48, source=HOSTILE, licence=HOSTILE))
    view = example_grid(asked=HOSTILE, signals=signals, notices=(HOSTILE,))
    heat = week(view, date(2026, 1, 13), 1)

    for text in (
        grid_page.calendar_page(view, [heat]),
        grid_page.calendar_svg(view, heat),
        grid_page.course_page(view),
        grid_page.course_svg(view),
    ):
        assert "<script" not in text
        assert "&lt;script" in text


def test_files_of_pictures_stand_alone():
    view = example_grid()
    for text in (grid_page.calendar_svg(view, week(view, date(2026, 1, 13), 2)), grid_page.course_svg(view)):
        drawing = ElementTree.fromstring(text)

        assert drawing.tag == f"{SVG}svg"
        assert "prefers-color-scheme: dark" in drawing.find(f"{SVG}style").text
        assert any("measured" in (found or "").lower() for found in texts(drawing))


def colours(style, block):
    found = dict(re.findall(r"--h(\d): (#[0-9a-f]{6})", style.split("@media screen")[block]))
    return [found[str(level)] for level in range(MOST_LEVELS)]


def xterm(code):
    """The colour of one of a terminal's 256, from 16 on."""
    steps = (0, 95, 135, 175, 215, 255)
    return "#" + "".join(f"{steps[(code - 16) // size % 6]:02x}" for size in (36, 6, 1))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_numbers_can_be_read_on_every_colour_of_a_terminal():
    inks = [xterm(231) if shade >= grid_text.DARK_FROM else xterm(16) for shade in range(MOST_LEVELS)]
    grounds = [xterm(code) for code in grid_text.BACKGROUNDS]

    assert [contrast(*pair) >= 4.5 for pair in zip(inks, grounds, strict=True)] == [True] * MOST_LEVELS
    assert sorted(map(luminance, grounds), reverse=True) == list(map(luminance, grounds))


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize(("block", "sign"), [(0, -1), (1, 1)])
def test_colours_differ_in_lightness_so_that_any_eye_can_order_them(block, sign):
    shades = [luminance(colour) for colour in colours(resource("grid.css"), block)]
    lightness = [116 * shade ** (1 / 3) - 16 for shade in shades]

    assert all(sign * (after - before) > 3 for before, after in itertools.pairwise(lightness))
