"""The page in a real browser: it loads nothing, says nothing on the console, and is readable in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from joulewise.report import view
from joulewise.report.html import HtmlExporter
from joulewise.testing.bundles import example_bundle, example_trace

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)><script>document.title='owned'</script>\"'`|\u202e"
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA)."""
CONTRAST = """(element) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  let below = element;
  const clear = (one) => getComputedStyle(one).backgroundColor === 'rgba(0, 0, 0, 0)';
  while (clear(below) && below.parentElement) below = below.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(below).backgroundColor].map(parse).map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
TEXTS = "h1, h2, h3, p, th, td, summary, .value, .soft, code, .method, footer, caption, small"


class Visit:
    """A page that was opened, with all that it asked for and said."""

    def __init__(self, browser: Browser, path: Path, **options: object) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[object]:
    opened: list[Visit] = []

    def go(bundle=None, **options: object) -> Visit:
        path = tmp_path / "report.html"
        path.write_text(HtmlExporter().render(view(bundle or example_bundle(), trace=example_trace())), "utf-8")
        opened.append(Visit(browser, path, **options))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_says_nothing(visit, scheme):
    seen = visit(color_scheme=scheme)

    assert [url for url in seen.asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in seen.asked if url.startswith("file:")]) == 1
    assert seen.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(visit, scheme):
    page = visit(color_scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = page.eval_on_selector_all(
        TEXTS, f"(all) => all.map((one) => [one.textContent.slice(0, 40), ({CONTRAST})(one)])"
    )

    assert len(found) > 100
    assert [(text, ratio) for text, ratio in found if ratio < LEAST_CONTRAST] == []


def test_dark_is_dark(visit):
    background = "getComputedStyle(document.body).backgroundColor"

    assert visit(color_scheme="light").page.evaluate(background) == "rgb(255, 255, 255)"
    assert visit(color_scheme="dark").page.evaluate(background) == "rgb(20, 24, 29)"


def test_the_chart_has_a_name_and_a_table(visit):
    page = visit().page
    chart = page.locator("svg.chart")

    assert chart.get_attribute("role") == "img"
    assert page.locator("#power-title").text_content() == "Power over time"
    assert "1 gap" in page.locator("#power-text").text_content()
    assert page.locator("section:has(svg.chart) table tbody tr").count() == 3


def test_headings_and_tables_are_in_order(visit):
    page = visit().page

    assert page.locator("h1").count() == 1
    assert page.locator("table:not(:has(th[scope]))").count() == 0
    assert page.evaluate("document.documentElement.lang") == "en"


def test_how_computed_opens_without_a_script(visit):
    page = visit().page
    details = page.locator("details", has_text="Carbon, total").first
    details.locator("summary").click()

    assert "C = O + M" in details.inner_text()
    assert page.locator("script").count() == 0


def test_a_hostile_name_stays_text(visit):
    seen = visit(example_bundle(name=HOSTILE, tags={HOSTILE: HOSTILE}, command=(HOSTILE,), unit=HOSTILE))

    assert seen.said == []
    assert seen.page.title().startswith("<img src=x")
    assert seen.page.locator("img, script").count() == 0
    assert "<img src=x" in seen.page.locator("h1").inner_text()


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_sticks_out_of_the_page(visit, width):
    page = visit(viewport={"width": width, "height": 800}).page

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_text_of_the_chart_is_clipped_or_overlaps(visit):
    page = visit(viewport={"width": 1100, "height": 800}).page
    boxes = page.eval_on_selector_all(
        "svg.chart text",
        "(all) => all.map((one) => [one.textContent, one.getBBox()]).map(([t, b]) => [t, b.x, b.y, b.width, b.height])",
    )

    for text, x, y, width, height in boxes:
        assert x >= 0, text
        assert y >= 0, text
        assert x + width <= 920, text
        assert y + height <= 330, text
    for index, (_, x, y, width, height) in enumerate(boxes):
        for text, x2, y2, width2, height2 in boxes[index + 1 :]:
            apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 + 2 or y2 + height2 <= y + 2
            assert apart, text


def test_it_prints_black_on_white_even_from_a_dark_screen(visit, tmp_path):
    page = visit(color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.band-even')).fill") == "rgb(227, 232, 238)"
    page.pdf(path=str(tmp_path / "report.pdf"))

    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
