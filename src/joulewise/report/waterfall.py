"""A change in steps: from what was, step by step, to what is. On a terminal as bars, for machines as records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure
from joulewise.report.digits import rescaled, shown
from joulewise.report.escape import markdown, plain, to_ascii
from joulewise.report.listing import Listing, Style, draw, simple
from joulewise.report.measures import ABSENT, ratio_words, readable_figure

if TYPE_CHECKING:
    from joulewise.compare.four_ms import WhatIf

_QUANTITIES = {"emissions_g": "Emissions", "energy_j": "Energy of the facility"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One step: `change` is what it adds (below zero saves), `factor` what it multiplies by, None if nobody says."""

    label: str
    change: Figure
    factor: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """`before` + all changes = `after`, in values and one unit. Raises OutOfRange if they don't sum."""

    title: str
    before_label: str
    before: Figure
    steps: tuple[Fall, ...]
    after_label: str
    after: Figure
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        total = self.before.value + sum(step.change.value for step in self.steps)
        size = max(abs(self.before.value), abs(self.after.value))
        if not isclose(total, self.after.value, rel_tol=1e-6, abs_tol=1e-9 * size):
            raise OutOfRange(f"the steps lead to {total}, not to {self.after.value} {self.after.unit}")

    def levels(self) -> list[tuple[str, float, float, Figure, str]]:
        """Label, start and end on the axis, figure and kind (whole, less, more) of each bar from top to bottom."""
        found = [(self.before_label, 0.0, self.before.value, self.before, "whole")]
        at = self.before.value
        for step in self.steps:
            kind = "less" if step.change.value <= 0 else "more"
            found.append((step.label, at, at + step.change.value, step.change, kind))
            at += step.change.value
        return [*found, (self.after_label, 0.0, self.after.value, self.after, "whole")]


def waterfall_of(found: WhatIf, title: str = "What if") -> Waterfall:
    """The four Ms as steps."""
    what = _QUANTITIES.get(found.quantity, found.quantity)
    return Waterfall(
        title=f"{title}: {what.lower()}",
        before_label="Today",
        before=found.before,
        steps=tuple(Fall(label=one.label, change=one.change, factor=one.factor) for one in found.parts),
        after_label="Then",
        after=found.after,
        notices=found.notices,
    )


def draw_waterfall(fall: Waterfall, format: str, style: Style | None = None) -> str:
    """In one of listing.FORMATS; on a terminal with bars, in Markdown below a heading."""
    style = style or Style()
    if format == "markdown":
        notices = "".join(f"\n- {markdown(one)}" for one in fall.notices)
        return f"### {markdown(fall.title)}\n\n{draw(waterfall_list(fall), format, style)}{notices}".rstrip() + "\n"
    if format != "table":
        return draw(waterfall_list(fall), format, style)
    notices = "\n".join(fill(plain(one), max(style.width, 20), subsequent_indent="  ") for one in fall.notices)
    text = "\n".join([plain(fall.title), "", *_bars(fall, style), *(["", notices] if notices else [])]) + "\n"
    return to_ascii(text.replace("█", "#")) if style.ascii_only else text


def waterfall_list(fall: Waterfall) -> Listing:
    """A line a bar."""
    columns = ("Step", "Figure (95 % bounds)", "Factor")
    factors = [None, *(step.factor for step in fall.steps), None]
    bars = fall.levels()
    lines = [
        (label, amount(figure, fall.before), ratio_words(factor) if factor else ABSENT)
        for (label, _, _, figure, _), factor in zip(bars, factors, strict=True)
    ]
    records = tuple(
        _record(bar, factor, kind)
        for bar, factor, kind in zip(bars, factors, ["before", *("step" for _ in fall.steps), "after"], strict=True)
    )
    grid = simple(fall.title, columns, lines, numeric=columns[1:])
    return Listing(grid=grid, records=records, footer="\n".join(fall.notices))


def amount(figure: Figure, size_of: Figure) -> str:
    """The figure in the size of the whole, so that bars compare; a change keeps its sign."""
    return shown(readable_figure(figure) if figure.unit == "s" else figure, co2e=True, size_of=size_of)


def _bars(fall: Waterfall, style: Style) -> Iterator[str]:
    bars = fall.levels()
    texts = [amount(figure, fall.before) for _, _, _, figure, _ in bars]
    wide = min(max(len(label) for label, *_ in bars), max(style.width // 3, 12))
    room = max(style.width - wide - max(map(len, texts)) - 4, 10)
    top = max(max(start, end) for _, start, end, _, _ in bars) or 1.0
    for (label, start, end, _, _), text in zip(bars, texts, strict=True):
        left, right = (round(min(max(one, 0.0), top) / top * room) for one in sorted((start, end)))
        bar = " " * left + "█" * max(right - left, 1)
        yield f"{shorten(plain(label), wide, placeholder='…'):<{wide}}  {bar[:room]:<{room}}  {text}".rstrip()


def _record(bar: tuple[str, float, float, Figure, str], factor: Figure | None, kind: str) -> dict[str, Any]:
    label, _, _, figure, _ = bar
    return {
        "kind": kind,
        "label": label,
        "quantity": figure.unit,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "method": figure.method,
        "factor_ratio": factor.value if factor else None,
        "factor_low_ratio": factor.low if factor else None,
        "factor_high_ratio": factor.high if factor else None,
    }


def axis_size(fall: Waterfall, values: Sequence[float]) -> tuple[list[float], str]:
    """The values in the unit in which the whole is shown, and that unit."""
    value, _, _, unit = rescaled(fall.before, fall.before)
    scale = value / fall.before.value if fall.before.value else 1.0
    return [one * scale for one in values], unit
