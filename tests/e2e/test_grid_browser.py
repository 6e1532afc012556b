"""The pages of the grid in a real browser: they load nothing, are readable in light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from joulewise.report import grid_page
from joulewise.report.heat_map import week, year
from joulewise.testing.grids import NOW, example_grid, hourly

pytestmark = pytest.mark.browser
LEAST_CONTRAST, LEAST_MARK_CONTRAST = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11 (AA)."""
CONTRAST = """([one, other]) => {
  const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const [a, b] = [one, other].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The calendar of a week with a hole and a change of the clock, and the course of two days."""
    view = example_grid(
        now=NOW.replace(month=3, day=27),
        signals=tuple(hourly(datetime(2026, 3, 26, tzinfo=UTC), 24 * 9, skip=(60, 61, 62))),
        notices=("no intensities from uk: it failed",),
    )
    months = year(list(hourly(datetime(2025, 12, 31, 23, tzinfo=UTC), 8760)), ZoneInfo("Europe/Berlin"))
    heats = [week(view, date(2026, 3, 27)), months]
    return {
        "calendar.html": grid_page.calendar_page(view, heats),
        "course.html": grid_page.course_page(example_grid()),
        "calendar.svg": grid_page.calendar_svg(view, heats[0]),
        "course.svg": grid_page.course_svg(example_grid()),
    }


@pytest.fixture
def visit(browser: Browser, pages: dict[str, str], tmp_path: Path) -> Iterator[object]:
    contexts = []

    def go(name: str, **options: object) -> tuple[Page, list[str], list[str]]:
        path = tmp_path / name
        path.write_text(pages[name], "utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page, said, asked

    yield go
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["calendar.html", "course.html", "calendar.svg", "course.svg"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_says_nothing(visit, name, scheme):
    _, said, asked = visit(name, color_scheme=scheme)

    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


@pytest.mark.parametrize("name", ["calendar.html", "course.html"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_sticks_out_of_the_page(visit, name, width):
    page, _, _ = visit(name, viewport={"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["calendar.html", "course.html", "calendar.svg", "course.svg"])
def test_no_text_of_a_picture_is_clipped_or_overlaps(visit, name):
    page, _, _ = visit(name, viewport={"width": 1100, "height": 900})
    pictures = page.eval_on_selector_all(
        "svg.chart",
        "(all) => all.map((svg) => [svg.viewBox.baseVal.height, [...svg.querySelectorAll('text')]"
        ".map((one) => [one.textContent, one.getBBox()]).map(([t, b]) => [t, b.x, b.y, b.width, b.height])])",
    )

    assert pictures
    for frame_height, boxes in pictures:
        for text, x, y, width, height in boxes:
            assert x >= 0, text
            assert y >= 0, text
            assert x + width <= 920, text
            assert y + height <= frame_height, text
        for index, (before, x, y, width, height) in enumerate(boxes):
            for text, x2, y2, width2, height2 in boxes[index + 1 :]:
                apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 + 2 or y2 + height2 <= y + 2
                assert apart, (before, text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_marks_have_enough_contrast(visit, scheme):
    page, _, _ = visit("calendar.html", color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    fills = page.eval_on_selector_all("svg.chart text", "(all) => all.map((one) => getComputedStyle(one).fill)")
    heats = page.eval_on_selector_all(
        "svg.chart rect[class^=heat-]", "(all) => [...new Set(all.map((one) => getComputedStyle(one).fill))]"
    )
    mark, halo = page.evaluate(
        "(() => { const one = getComputedStyle(document.querySelector('.mark')); return [one.fill, one.stroke]; })()"
    )

    assert min(page.evaluate(CONTRAST, [fill, paper]) for fill in set(fills)) >= LEAST_CONTRAST
    assert len(heats) >= 5
    for heat in heats:  # the mark or its rim stands out of every colour
        assert max(page.evaluate(CONTRAST, [one, heat]) for one in (mark, halo)) >= LEAST_MARK_CONTRAST


@pytest.mark.parametrize("name", ["calendar.html", "course.html"])
def test_the_pictures_have_names_tables_and_words(visit, name):
    page, _, _ = visit(name)

    assert page.locator("h1").count() == 1
    assert page.locator("script").count() == 0
    assert page.locator("svg.chart[role=img]").count() == page.locator("details table").count()
    assert page.locator("table:not(:has(th[scope]))").count() == 0
    assert "Measured" in page.locator("section[aria-labelledby=h-data]").inner_text()


def test_ids_are_unique(visit):
    page, _, _ = visit("calendar.html")
    ids = page.eval_on_selector_all("[id]", "(all) => all.map((one) => one.id)")

    assert len(ids) == len(set(ids))


def test_a_gap_is_hatched_and_dark_is_dark(visit):
    page, _, _ = visit("calendar.html", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    assert 'hatch")' in page.evaluate("getComputedStyle(document.querySelector('rect.unknown')).fill")


def test_it_prints_in_light_colours_even_from_a_dark_screen(visit):
    page, _, _ = visit("calendar.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.querySelector('.heat-0')).fill") == "rgb(227, 242, 246)"
