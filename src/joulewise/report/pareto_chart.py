"""Quality against energy as SVG: log energy, error bars, the front as a line, what is beaten grey, the floor dashed.

Colours come from the style sheet by class. Each point has a tooltip; its table stands beside the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, floor, log10

from joulewise.core.figures import Figure
from joulewise.report.bench_view import BenchRow, BenchView
from joulewise.report.digits import number
from joulewise.report.escape import xml
from joulewise.report.label_places import BOLD_CHARACTER, CHARACTER, Box, Placed, place_labels
from joulewise.report.measures import metric_head, ratio_words, with_interval
from joulewise.report.power_chart import nice_step
from joulewise.report.svg_parts import LINE_HEIGHT, caption

WIDTH, HEIGHT = 920, 470
LEFT, RIGHT, TOP, BOTTOM = 66, 22, 26, 58
_LONGEST = 34
"""Characters of a label; the tooltip and the table have the whole name."""
_MOST_LABELS = 26
_PREFIXES = ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def svg(view: BenchView, *, words: Sequence[str] = (), name: str = "pareto") -> str:
    """The chart as one <svg> element; `name` makes its ids unique in a page, `words` are written below it."""
    plot = _Plot(view, name)
    lines = list(caption(words))
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT + LINE_HEIGHT * len(lines)}" role="img" '
        f'aria-labelledby="{name}-title {name}-text">',
        f'<title id="{name}-title">{xml(metric_head(view.metric))} against energy: {xml(view.title)}</title>',
        f'<desc id="{name}-text">{xml(description(view))}</desc>',
        *(plot.drawn() if plot.rows else ['<text class="unit" x="20" y="40">No variant has both figures.</text>']),
    ]
    for at, line in enumerate(lines):
        parts.append(f'<text class="unit" x="{LEFT}" y="{HEIGHT + LINE_HEIGHT * at + 4}">{xml(line)}</text>')
    return "\n".join([*parts, "</svg>"])


def description(view: BenchView) -> str:
    """What the picture shows, in a sentence or two."""
    front = ", ".join(row.name for row in view.front) or "nobody"
    rows = drawn_rows(view)
    missing = len(view.rows) - len(rows)
    left_out = f" {missing} without both figures {'is' if missing == 1 else 'are'} left out." if missing else ""
    count = f"{len(rows)} variant{'' if len(rows) == 1 else 's'}"
    return f"{count}, on the front: {front}.{left_out}"


def legend(view: BenchView) -> list[tuple[str, str]]:
    """Style class and meaning of each mark that is drawn."""
    rows = drawn_rows(view)
    found = [("point front", "on the front")] if any(row.on_front for row in rows) else []
    found += [("point beaten", "beaten")] if any(row.rank and not row.on_front for row in rows) else []
    found += [("point fallen", "misses a floor")] if any(row.rank is None for row in rows) else []
    found += [("floor-line", "floor of quality")] if view.quality_floor else []
    return found


def drawn_rows(view: BenchView) -> list[BenchRow]:
    """The rows that have a place: quality and a positive energy."""
    return [row for row in view.rows if row.quality and row.energy and row.energy.value > 0]


def _low_j(energy: Figure) -> float:
    """Where the bar begins: a log axis has no zero, so one that may be nothing ends at a tenth of its value."""
    return energy.low if energy.low > 0 else energy.value / 10


class _Plot:
    def __init__(self, view: BenchView, name: str) -> None:
        self._view = view
        self._name = name
        self.rows = drawn_rows(view)
        if not self.rows:
            return
        energies = [one for row in self.rows if row.energy for one in (_low_j(row.energy), row.energy.high)]
        self._left, self._right = _padded(log10(min(energies)), log10(max(energies)), 0.06, 0.15)
        qualities = [one for row in self.rows if row.quality for one in (row.quality.low, row.quality.high)]
        qualities += [view.quality_floor.value] if view.quality_floor else []
        self._bottom, self._top = _padded(min(qualities), max(qualities), 0.07, 1e-3)

    def drawn(self) -> Iterator[str]:
        yield from self._axes()
        yield from self._floor()
        yield from self._front()
        labels = list(self._labels())
        yield from (one for one in labels if one.startswith("<line"))
        for row in sorted(self.rows, key=lambda row: row.on_front):
            yield from self._point(row)
        yield from (one for one in labels if one.startswith("<text"))

    def x(self, energy_j: float) -> float:
        share = (log10(energy_j) - self._left) / (self._right - self._left)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y(self, quality: float) -> float:
        share = (quality - self._bottom) / (self._top - self._bottom)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    def _axes(self) -> Iterator[str]:
        step = nice_step((self._top - self._bottom) / 6)
        for tick in range(ceil(self._bottom / step), floor(self._top / step) + 1):
            y = self.y(tick * step)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            label = number(round(tick * step, 10))
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        base = HEIGHT - BOTTOM
        for energy_j in _log_ticks(self._left, self._right):
            x = self.x(energy_j)
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{base + 5}"/>'
            yield f'<text class="tick" x="{x}" y="{base + 19}" text-anchor="middle">{_energy(energy_j)}</text>'
        better = "more is better" if self._view.greater_is_better else "less is better"
        yield f'<text class="unit" x="4" y="14">{xml(self._view.metric)}, {better}</text>'
        middle = (LEFT + WIDTH - RIGHT) / 2
        zero = ", an arrow down to zero" if any(row.energy and row.energy.low <= 0 for row in self.rows) else ""
        words = f"{self._view.energy_words}, log scale; bars are 95 % intervals{zero}"
        yield f'<text class="unit" x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{words}</text>'

    def _floor(self) -> Iterator[str]:
        if self._view.quality_floor is None:
            return
        y = self.y(self._view.quality_floor.value)
        text = f"floor {number(float(f'{self._view.quality_floor.value:.4g}'))}"
        yield f'<line class="floor-line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{WIDTH - RIGHT - 4}" y="{y + 13:.1f}" text-anchor="end">{text}</text>'

    def _front(self) -> Iterator[str]:
        """Steps from the cheapest member to the best: what nobody on it beats lies above and left."""
        places = sorted(self._place(row) for row in self.rows if row.on_front)
        if len(places) < 2:
            return
        path = f"M{places[0][0]} {places[0][1]}" + "".join(f"H{x}V{y}" for x, y in places[1:])
        yield f'<path class="front-line" d="{path}"><title>the front</title></path>'

    def _point(self, row: BenchRow) -> Iterator[str]:
        energy, quality = row.energy, row.quality
        if energy is None or quality is None:
            return
        (x, y), kind = self._place(row), _kind(row)
        yield f"<g><title>{xml(_tooltip(row, self._view))}</title>"
        yield f'<line class="bar {kind}" x1="{self.x(_low_j(energy))}" x2="{self.x(energy.high)}" y1="{y}" y2="{y}"/>'
        if energy.low <= 0:
            end = self.x(_low_j(energy))
            yield f'<polyline class="bar {kind}" fill="none" points="{end + 6},{y - 4} {end},{y} {end + 6},{y + 4}"/>'
        yield f'<line class="bar {kind}" x1="{x}" x2="{x}" y1="{self.y(quality.low)}" y2="{self.y(quality.high)}"/>'
        if row.is_baseline:
            yield f'<rect class="point {kind}" x="{x - 5}" y="{y - 5}" width="10" height="10"/></g>'
        else:
            yield f'<circle class="point {kind}" cx="{x}" cy="{y}" r="{5.5 if row.on_front else 4.2}"/></g>'

    def _labels(self) -> Iterator[str]:
        rows = sorted(self.rows, key=_importance)[:_MOST_LABELS]
        others = [self._place(row) for row in self.rows if row not in rows]
        points = [self._place(row) for row in rows]
        taken = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in others]
        if self._view.quality_floor:
            y = self.y(self._view.quality_floor.value)
            taken.append(Box(WIDTH - RIGHT - 90, y, WIDTH - RIGHT, y + 17))
        frame = Box(LEFT + 2, TOP - 8, WIDTH - 2, HEIGHT - BOTTOM - 2)
        texts = [_label(row, self._view) for row in rows]
        widths = [
            len(text) * (BOLD_CHARACTER if row.on_front else CHARACTER) for text, row in zip(texts, rows, strict=True)
        ]
        for label in place_labels(points, widths, frame, taken, [*self._bars(), *self._steps(), *self._floor_box()]):
            yield from self._label_of(label, points[label.at], rows[label.at], (texts[label.at], widths[label.at]))

    def _bars(self) -> Iterator[Box]:
        for row in self.rows:
            if row.energy and row.quality:
                x, y = self._place(row)
                yield Box(self.x(_low_j(row.energy)), y - 1, self.x(row.energy.high), y + 1)
                yield Box(x - 1, self.y(row.quality.high), x + 1, self.y(row.quality.low))

    def _floor_box(self) -> Iterator[Box]:
        if self._view.quality_floor:
            y = self.y(self._view.quality_floor.value)
            yield Box(LEFT, y - 1, WIDTH - RIGHT, y + 1)

    def _steps(self) -> Iterator[Box]:
        places = sorted(self._place(row) for row in self.rows if row.on_front)
        for (x, y), (next_x, next_y) in pairwise(places):
            yield Box(x, y - 1, next_x, y + 1)
            yield Box(next_x - 1, min(y, next_y), next_x + 1, max(y, next_y))

    def _label_of(
        self, label: Placed, point: tuple[float, float], row: BenchRow, text: tuple[str, float]
    ) -> Iterator[str]:
        words, width = text
        if label.is_led:
            near = label.x if label.x > point[0] else label.x + width
            yield f'<line class="leader" x1="{point[0]}" y1="{point[1]}" x2="{near:.1f}" y2="{label.y - 4:.1f}"/>'
        yield f'<text class="label {_kind(row)}" x="{label.x}" y="{label.y}">{xml(words)}</text>'

    def _place(self, row: BenchRow) -> tuple[float, float]:
        if row.energy is None or row.quality is None:
            raise AssertionError(f"{row.name} has no place")  # drawn_rows lets none through
        return self.x(row.energy.value), self.y(row.quality.value)


def _kind(row: BenchRow) -> str:
    if row.rank is None:
        return "fallen"
    return "front" if row.on_front else "beaten"


def _importance(row: BenchRow) -> tuple[bool, bool, int, str]:
    return (not row.on_front, not row.is_baseline, row.rank or 1_000, row.name)


def _label(row: BenchRow, view: BenchView) -> str:
    marks = " (knee)" if row.name == view.knee else " (baseline)" if row.is_baseline else ""
    short = row.name if len(row.name) <= _LONGEST else f"{row.name[: _LONGEST - 1]}…"
    return short + marks


def _tooltip(row: BenchRow, view: BenchView) -> str:
    parts = [f"{view.metric} {with_interval(row.quality)}", f"{view.energy_words} {with_interval(row.energy)}"]
    if row.ratio and not row.is_baseline:
        parts.append(f"{ratio_words(row.ratio)} than the baseline")
    return f"{row.name}: {'; '.join([*parts, *row.reasons])}"


def _padded(low: float, high: float, share: float, least: float) -> tuple[float, float]:
    """The range with a margin; never of width zero."""
    pad = max((high - low) * share, least)
    return low - pad, high + pad


def _log_ticks(left: float, right: float) -> list[float]:
    """1, 2 and 5 of each decade, or 1 alone, or every second or third decade: at most 12 or so."""
    decades = range(floor(left), ceil(right) + 1)
    span = right - left
    digits: tuple[int, ...] = (1, 2, 3, 5, 7) if span < 1.2 else (1, 2, 5) if span < 3.5 else (1,)
    every = 1 if span < 12 else ceil(span / 12)
    ticks = [digit * 10.0**decade for decade in decades if decade % every == 0 for digit in digits]
    return [one for one in ticks if left <= log10(one) <= right]


def _energy(energy_j: float) -> str:
    size, unit = next((one for one in _PREFIXES if energy_j >= one[0] * (1 - 1e-9)), _PREFIXES[-1])
    return f"{number(float(f'{energy_j / size:.3g}'))} {unit}"
