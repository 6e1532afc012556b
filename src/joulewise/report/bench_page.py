"""Comparisons, estimates, waterfalls and shrinks as HTML pages that need nothing else, and their pictures as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from joulewise.report import pareto_chart, waterfall_chart
from joulewise.report.bench_view import BenchView
from joulewise.report.estimate_view import estimate_list, headline
from joulewise.report.estimate_view import told as estimate_words
from joulewise.report.html import environment, policy, resource
from joulewise.report.leaderboard import places, usage
from joulewise.report.leaderboard import told as bench_words
from joulewise.report.measures import ABSENT, points, ratio_words, with_interval
from joulewise.report.shrink_view import WHAT, ShrinkView, payback, proof, shrink_list, steps_waterfall
from joulewise.report.svg_parts import standing_alone
from joulewise.report.view import Grid
from joulewise.report.waterfall import Waterfall, waterfall_list

if TYPE_CHECKING:
    from joulewise.compare import Estimate
    from joulewise.report.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing with its heading and its legend (style class, meaning)."""

    title: str
    text: str
    drawing: Markup
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A grid; `head` names the column that names its line, `kinds` the style class of each line, () for none."""

    grid: Grid
    head: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says. `cards` are name, value and a line below."""

    title: str
    subtitle: str = ""
    cards: Sequence[tuple[str, str, str]] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    words: Sequence[str] = ()


def bench_page(view: BenchView, more: Sequence[Listing] = ()) -> str:
    """A comparison: the picture, the leaderboard, what the two can't say, and `more` lists below."""
    kinds = tuple("fallen" if row.rank is None else "front" if row.on_front else "beaten" for row in view.rows)
    picture = Picture(
        title=f"{view.metric.capitalize()} against energy",
        text=pareto_chart.description(view),
        drawing=Markup(pareto_chart.svg(view)),
        legend=pareto_chart.legend(view),
    )
    subtitle = "; ".join(filter(None, (view.condition, f"floors: {', '.join(view.floors)}" if view.floors else "")))
    return render(
        Page(
            title=view.title,
            subtitle=subtitle,
            pictures=[picture] if view.rows else [],
            tables=[
                *(Table(grid=one(view).grid, head="Variant", kinds=kinds) for one in (places, usage) if view.rows),
                *(Table(grid=one.grid, head=one.grid.columns[0]) for one in more),
            ],
            words=[*(bench_words(view) or ["Nothing was compared."]), *_footers(more)],
        )
    )


def _footers(more: Sequence[Listing]) -> list[str]:
    return [line for one in more for line in one.footer.splitlines()]


def waterfall_page(fall: Waterfall) -> str:
    """A change in steps."""
    table = Table(grid=waterfall_list(fall).grid, head="Step")
    return render(Page(title=fall.title, pictures=[_falls(fall)], tables=[table], words=fall.notices))


def estimate_page(found: Estimate) -> str:
    """An estimate with its steps and the other estimators."""
    cards = [(label, text.partition(" (")[0], f"95 % band{text[text.find(' (') :]}") for label, text in headline(found)]
    table = Table(grid=estimate_list(found).grid, head="What")
    return render(Page(title=found.title, cards=cards, tables=[table], words=estimate_words(found)))


def shrink_page(view: ShrinkView) -> str:
    """A shrink: the saving, what each step brought, the proof."""
    fall, paid = steps_waterfall(view), payback(view)
    held = (
        "" if not view.saving.floor else f"floor {view.saving.floor} {'holds' if view.saving.held else 'does not hold'}"
    )
    cards = [
        _card(
            WHAT.get(view.saving.quantity, "Cost").capitalize(),
            ratio_words(view.saving.ratio),
            f"per {view.saving.unit}",
        ),
        _card(f"Change of {view.saving.metric}", points(view.saving.quality_change), held),
        _card("Paid back after", with_interval(paid) if paid else ABSENT, "inferences"),
    ]
    tables = [Table(grid=shrink_list(view).grid, head="What")]
    tables += [Table(grid=waterfall_list(fall).grid, head="Step")] if fall else []
    pictures = [_falls(fall)] if fall else []
    words = [proof(view), *view.notices]
    return render(Page(title=view.title, cards=cards, pictures=pictures, tables=tables, words=words))


def pareto_svg(view: BenchView) -> str:
    """The picture as a file of its own, with what it shows below it."""
    heading = "; ".join(filter(None, (view.title, view.condition, ", ".join(view.floors))))
    return standing_alone(pareto_chart.svg(view, words=[heading + ".", pareto_chart.description(view)]), _style())


def waterfall_svg(fall: Waterfall) -> str:
    """The picture as a file of its own."""
    return standing_alone(waterfall_chart.svg(fall, words=[f"{fall.title}.", *fall.notices]), _style())


def render(page: Page) -> str:
    """The page as text."""
    style = _style()
    return (
        environment()
        .get_template("bench.html.j2")
        .render(
            title=page.title,
            subtitle=page.subtitle,
            cards=page.cards,
            pictures=page.pictures,
            tables=page.tables,
            words=page.words,
            style=Markup(style),
            policy=policy(style),
        )
    )


def _card(name: str, figure: str, more: str = "") -> tuple[str, str, str]:
    """The value large, its interval below."""
    value, bracket, interval = figure.partition(" (")
    return name, value, "; ".join(filter(None, (more, f"95 %: {interval.rstrip(')')}" if bracket else "")))


def _falls(fall: Waterfall) -> Picture:
    return Picture(
        title="In steps",
        text=waterfall_chart.description(fall),
        drawing=Markup(waterfall_chart.svg(fall)),
        legend=waterfall_chart.LEGEND,
    )


def _style() -> str:
    return resource("report.css") + resource("bench.css")
