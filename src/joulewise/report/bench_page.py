"""Comparisons, estimates, waterfalls and shrinks as HTML pages that need nothing else, and their pictures as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from joulewise.report import pareto_chart, waterfall_chart
from joulewise.report.bench_view import BenchView
from joulewise.report.estimate_view import estimate_list, headline
from joulewise.report.estimate_view import told as estimate_words
from joulewise.report.html import environment, policy, resource
from joulewise.report.leaderboard import further, places
from joulewise.report.leaderboard import told as bench_words
from joulewise.report.measures import ABSENT, metric_head, ratio_words, with_interval
from joulewise.report.shrink_view import WHAT, ShrinkView, change_of, payback, proof, shrink_list, steps_waterfall
from joulewise.report.svg_parts import standing_alone
from joulewise.report.view import Grid
from joulewise.report.waterfall import Waterfall, waterfall_list

if TYPE_CHECKING:
    from joulewise.compare import Estimate
    from joulewise.report.listing import Listing

    Board = tuple[BenchView, Sequence[Listing]]


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


def bench_page(view: BenchView, more: Sequence[Listing] = (), others: Sequence[Board] = ()) -> str:
    """A comparison: the picture, the leaderboard, what the two can't say, and `more` lists below.

    `others` are what can't stand on one board with it: each has a picture and tables of its own, its title in each.
    """
    boards: list[Board] = [(view, more), *others]
    subtitle = "; ".join(filter(None, (view.condition, f"floors: {', '.join(view.floors)}" if view.floors else "")))
    words = [line for one, lists in boards for line in (*bench_words(one), *_footers(lists))]
    return render(
        Page(
            title=view.title,
            subtitle=subtitle,
            pictures=[_pareto(one, at) for at, (one, _) in enumerate(boards) if one.rows],
            tables=[table for at, board in enumerate(boards) for table in _board_tables(board, at)],
            words=list(dict.fromkeys(words)) or ["Nothing was compared."],
        )
    )


def _pareto(view: BenchView, at: int) -> Picture:
    """The picture of the board `at` its place; from the second on the board's title is in the heading."""
    return Picture(
        title=_of_board(f"{metric_head(view.metric)} against energy", view, at),
        text=pareto_chart.description(view),
        drawing=Markup(pareto_chart.svg(view, name=f"pareto-{at}" if at else "pareto")),
        legend=pareto_chart.legend(view),
    )


def _board_tables(board: Board, at: int) -> Iterator[Table]:
    view, more = board
    kinds = tuple("fallen" if row.rank is None else "front" if row.on_front else "beaten" for row in view.rows)
    for one in (places(view), *further(view)) if view.rows else ():
        yield Table(grid=replace(one.grid, title=_of_board(one.grid.title, view, at)), head="Variant", kinds=kinds)
    for one in more:
        yield Table(grid=replace(one.grid, title=_of_board(one.grid.title, view, at)), head=one.grid.columns[0])


def _of_board(title: str, view: BenchView, at: int) -> str:
    return f"{title}: {view.title}" if at else title


def _footers(more: Sequence[Listing]) -> list[str]:
    return [line for one in more for line in one.footer.splitlines()]


def waterfall_page(fall: Waterfall) -> str:
    """A change in steps."""
    table = Table(grid=waterfall_list(fall).grid, head="Step")
    return render(Page(title=fall.title, pictures=[_falls(fall)], tables=[table], words=fall.notices))


def estimate_page(found: Estimate, fall: Waterfall | None = None) -> str:
    """An estimate with its steps and the other estimators, and what a what-if would change of it."""
    cards = [(label, text.partition(" (")[0], f"95 % band{text[text.find(' (') :]}") for label, text in headline(found)]
    tables = [Table(grid=estimate_list(found).grid, head="What")]
    tables += [Table(grid=waterfall_list(fall).grid, head="Step")] if fall else []
    pictures = [replace(_falls(fall), title=fall.title)] if fall else []
    words = [*estimate_words(found), *(fall.notices if fall else ())]
    return render(Page(title=found.title, cards=cards, pictures=pictures, tables=tables, words=words))


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
        _card(f"Change of {view.saving.metric}", change_of(view), held),
        _card("Paid back after", with_interval(paid) if paid else ABSENT, "inferences"),
    ]
    tables = [Table(grid=shrink_list(view).grid, head="What")]
    tables += [Table(grid=waterfall_list(fall).grid, head="Step")] if fall else []
    pictures = [_falls(fall)] if fall else []
    words = [proof(view), *(fall.notices if fall else ()), *view.notices]
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
        legend=waterfall_chart.legend(fall),
    )


def _style() -> str:
    return resource("report.css") + resource("bench.css")
