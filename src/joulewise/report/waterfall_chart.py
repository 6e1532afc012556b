"""The waterfall as SVG: horizontal bars, since their labels are long, joined by dashed lines, with 95 % ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from textwrap import wrap

from joulewise.core.figures import Figure
from joulewise.report.digits import number, unit_text
from joulewise.report.escape import xml
from joulewise.report.power_chart import nice_step
from joulewise.report.svg_parts import LINE_HEIGHT, caption
from joulewise.report.waterfall import Waterfall, amount, axis_size

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 920, 236, 210, 16, 50
_ROW, _BAR, _LABEL = 42, 22, 34
_KINDS = (("whole", "before and after"), ("less", "saved by a step"), ("more", "added by a step"))


def legend(fall: Waterfall) -> list[tuple[str, str]]:
    """Style class and meaning of the bars that are there."""
    seen = {kind for *_, kind in fall.levels()}
    return [(kind, words) for kind, words in _KINDS if kind in seen]


def svg(fall: Waterfall, *, words: Sequence[str] = (), name: str = "waterfall") -> str:
    """The chart as one <svg> element; `name` makes its ids unique in a page, `words` are written below it."""
    plot = _Plot(fall)
    lines = list(caption(words))
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {plot.height + LINE_HEIGHT * len(lines)}" role="img" '
        f'aria-labelledby="{name}-title {name}-text">',
        f'<title id="{name}-title">{xml(fall.title)}</title>',
        f'<desc id="{name}-text">{xml(description(fall))}</desc>',
        *plot.axes(),
        *plot.bars(),
    ]
    for at, line in enumerate(lines):
        parts.append(f'<text class="unit" x="12" y="{plot.height + LINE_HEIGHT * at + 6}">{xml(line)}</text>')
    return "\n".join([*parts, "</svg>"])


def description(fall: Waterfall) -> str:
    """The steps in a sentence."""
    steps = "; ".join(f"{step.label} {amount(step.change, fall.before)}" for step in fall.steps)
    first, last = amount(fall.before, fall.before), amount(fall.after, fall.before)
    return f"{fall.before_label} {first}; {steps}; {fall.after_label} {last}."


class _Plot:
    def __init__(self, fall: Waterfall) -> None:
        self._fall = fall
        self._bars = fall.levels()
        self.height = TOP + _ROW * len(self._bars) + BOTTOM
        ends = [one for bar in self._bars for one in (*bar[1:3], *self._range(bar))]
        low, high = min(0.0, *ends), max(0.0, *ends)
        pad = (high - low or 1.0) * 0.02
        self._low, self._high = (low - pad if low < 0 else 0.0), high + pad

    def x(self, value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value - self._low) / (self._high - self._low), 1)

    def axes(self) -> Iterator[str]:
        base = TOP + _ROW * len(self._bars)
        (low, high), unit = axis_size(self._fall, [self._low, self._high])
        step = nice_step((high - low) / 5)
        for tick in range(ceil(low / step), floor(high / step) + 1):
            x = round(LEFT + (WIDTH - LEFT - RIGHT) * (tick * step - low) / (high - low), 1)
            yield f'<line class="{"zero" if tick == 0 else "grid"}" x1="{x}" x2="{x}" y1="{TOP}" y2="{base}"/>'
            label = number(round(tick * step, 10))
            yield f'<text class="tick" x="{x}" y="{base + 17}" text-anchor="middle">{label}</text>'
        middle = (LEFT + WIDTH - RIGHT) / 2
        text = f"{unit_text(unit)}; lines are 95 % intervals"
        yield f'<text class="unit" x="{middle}" y="{base + 37}" text-anchor="middle">{xml(text)}</text>'

    def bars(self) -> Iterator[str]:
        for at, bar in enumerate(self._bars):
            label, start, end, figure, kind = bar
            top, middle = TOP + _ROW * at + (_ROW - _BAR) / 2, TOP + _ROW * (at + 0.5)
            left, right = sorted((self.x(start), self.x(end)))
            text = amount(figure, self._fall.before)
            yield f"<g><title>{xml(f'{label}: {text}')}</title>"
            yield f'<rect class="{kind}" x="{left}" y="{top}" width="{max(right - left, 1.0):.1f}" height="{_BAR}"/>'
            yield from self._range_line(bar, middle)
            yield from _lines(label, middle)
            yield f'<text x="{WIDTH - RIGHT + 10}" y="{middle + 4}">{xml(text)}</text></g>'
            if at + 1 < len(self._bars):
                x = self.x(end)
                yield f'<line class="join" x1="{x}" x2="{x}" y1="{top + _BAR}" y2="{top + _ROW}"/>'

    def _range(self, bar: tuple[str, float, float, Figure, str]) -> tuple[float, float]:
        """The interval of the bar's far end: a step's stands at where it leads to, and never below nothing at all."""
        _, start, _, figure, kind = bar
        low, high = (figure.low, figure.high) if kind == "whole" else (start + figure.low, start + figure.high)
        return max(low, 0.0), max(high, 0.0)

    def _range_line(self, bar: tuple[str, float, float, Figure, str], y: float) -> Iterator[str]:
        low, high = map(self.x, self._range(bar))
        if high - low >= 1:
            yield f'<path class="range" d="M{low} {y - 4}V{y + 4}M{low} {y}H{high}M{high} {y - 4}V{y + 4}"/>'


def _lines(label: str, middle: float) -> Iterator[str]:
    """A label in one or two lines, right before its bar's column."""
    lines = wrap(label, _LABEL)[:2] or [""]
    for at, line in enumerate(lines):
        y = middle + 4 + (at - (len(lines) - 1) / 2) * 14
        yield f'<text x="{LEFT - 12}" y="{y:.1f}" text-anchor="end">{xml(line)}</text>'
