"""Carbon intensity over time as SVG: a stepped line with its 95 % band, days of the zone's clock, gaps as gaps.

What was measured or estimated is a whole line, a forecast a dashed one, typical hours and annual averages a dotted one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil

from joulewise.core.signals import Signal
from joulewise.report.digits import number
from joulewise.report.escape import xml
from joulewise.report.grid_view import GridView, Window
from joulewise.report.power_chart import nice_step
from joulewise.report.svg_parts import HATCH, LINE_HEIGHT, caption

WIDTH, HEIGHT = 920, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 70, 62
WINDOW_HEIGHT = 17
LINES = {"measured": "solid", "estimated": "solid", "forecast": "dashed", "climatology": "dotted", "annual": "dotted"}
LINE_WORDS = {
    "solid": "measured or estimated",
    "dashed": "forecast",
    "dotted": "typical hours or annual average, not a measurement",
}
_TICK_HOURS = (1, 2, 3, 6, 12, 24, 48, 168)
_MOST_TICKS = 17
_CHARACTER = 6.4


def svg(view: GridView, *, words: Sequence[str] = (), name: str = "intensity") -> str:
    """The chart as one <svg> element; `name` makes its ids unique in a page, `words` are written below it."""
    plot = _Plot(view, name)
    lines = list(caption(words))
    ids = f'aria-labelledby="{name}-title {name}-text"'
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT + LINE_HEIGHT * len(lines)}" role="img" {ids}>',
        f'<title id="{name}-title">Carbon intensity of {xml(view.title)}</title>',
        f'<desc id="{name}-text">{xml(description(view))}</desc>',
        HATCH.format(name=name),
        *plot.axes(),
        *plot.gaps(),
        *plot.band(),
        *plot.windows(),
        *plot.line(),
        *plot.present(),
    ]
    for at, line in enumerate(lines):
        parts.append(f'<text class="unit" x="{LEFT}" y="{HEIGHT + LINE_HEIGHT * at + 8}">{xml(line)}</text>')
    return "\n".join([*parts, "</svg>"])


def description(view: GridView) -> str:
    """What the picture shows, in a sentence or two."""
    if not view.signals:
        return "No hour is known."
    values = [signal.intensity_g_per_kwh for signal in view.signals]
    gaps = sum(1 for _ in view.gaps())
    missing = f" {gaps} {'gap' if gaps == 1 else 'gaps'}." if gaps else " No gaps."
    low, high = number(round(min(values))), number(round(max(values)))
    return f"{low if low == high else f'{low} to {high}'} g CO2e/kWh.{missing}"


def legend(view: GridView) -> list[tuple[str, str]]:
    """Style class and meaning of each mark that is drawn."""
    styles = dict.fromkeys(LINES[signal.status] for signal in view.signals)
    found = [(f"trend {style}", LINE_WORDS[style]) for style in styles]
    if view.signals:
        found.append(("spread", "95 % band"))
    if any(view.gaps()):
        found.append(("unknown", "unknown"))
    return found


class _Plot:
    def __init__(self, view: GridView, name: str) -> None:
        self._view = view
        self._name = name
        self._runs = list(runs(view.signals))
        highest = max((signal.high_g_per_kwh for signal in view.signals), default=0.0)
        self._step = nice_step(max(highest, 1e-3) / 4)
        self._top = self._step * max(1, ceil(highest / self._step * 1.02))

    def x(self, moment: datetime) -> float:
        inside = min(max(moment, self._view.start), self._view.end)
        share = (inside - self._view.start) / (self._view.end - self._view.start)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y(self, intensity_g_per_kwh: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * intensity_g_per_kwh / self._top, 1)

    def axes(self) -> Iterator[str]:
        """Levels, hours of the clock with its days, and the same hours in UTC."""
        for step in range(round(self._top / self._step) + 1):
            y = self.y(step * self._step)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            label = number(step * self._step)
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        yield '<text class="unit" x="4" y="14">g CO2e/kWh</text>'
        floor = HEIGHT - BOTTOM
        for tick in ticks(self._view):
            x, local = self.x(tick), tick.astimezone(self._view.clock)
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{floor}" y2="{floor + 5}"/>'
            yield f'<text class="tick" x="{x}" y="{floor + 17}" text-anchor="middle">{local:%H:%M}</text>'
            yield f'<text class="tick faint" x="{x}" y="{floor + 33}" text-anchor="middle">{tick:%H:%M}</text>'
        yield from self._days()
        words = xml(f"upper hours: {self._view.clock}; lower hours: UTC")
        yield f'<text class="unit" x="{LEFT}" y="{HEIGHT - 10}">{words}</text>'

    def _days(self) -> Iterator[str]:
        free_from = 0.0
        for start, end in days(self._view):
            x, local = self.x(start), start.astimezone(self._view.clock)
            if start > self._view.start:
                yield f'<line class="day" x1="{x}" x2="{x}" y1="{TOP - 12}" y2="{HEIGHT - BOTTOM}"/>'
            text = f"{local:%a} {local.day} {local:%b}"
            if x >= free_from and self.x(end) - x >= len(text) * _CHARACTER:
                free_from = x + 4 + len(text) * _CHARACTER
                yield f'<text class="tick" x="{x + 4}" y="{TOP - 4}">{text}</text>'

    def gaps(self) -> Iterator[str]:
        """Times that no signal covers, hatched: unknown is not zero."""
        for start, end in self._view.gaps():
            x, width = self.x(start), max(1.0, self.x(end) - self.x(start))
            size = f'x="{x}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}"'
            yield f'<rect class="unknown" fill="url(#{self._name}-hatch)" {size}><title>unknown</title></rect>'

    def band(self) -> Iterator[str]:
        """The 95 % interval of each signal."""
        for run in self._runs:
            above = self._steps([(signal, signal.high_g_per_kwh) for signal in run], "M")
            back = "".join(
                f"L{self.x(signal.end)} {self.y(signal.low_g_per_kwh)}H{self.x(signal.start)}"
                for signal in reversed(run)
            )
            yield f'<path class="spread" d="{above}{back}Z"><title>95 % band</title></path>'

    def line(self) -> Iterator[str]:
        """The values, each stretch in the style of its status."""
        parts: dict[str, str] = {}
        for run in self._runs:
            for style, group in groupby(run, key=lambda signal: LINES[signal.status]):
                path = self._steps([(signal, signal.intensity_g_per_kwh) for signal in group], "M")
                parts[style] = parts.get(style, "") + path
        for style, path in parts.items():
            yield f'<path class="trend {style}" d="{path}"><title>{LINE_WORDS[style]}</title></path>'

    def windows(self) -> Iterator[str]:
        """The cleanest stretches as bars above the plot, the longest first."""
        for at, window in enumerate(reversed(self._view.windows()) if self._chooses() else ()):
            x, width = self.x(window.best.start), self.x(window.best.end) - self.x(window.best.start)
            y = at * WINDOW_HEIGHT + 2
            text = f"cleanest {window.hours} h"
            beyond = x + width + 4 + len(text) * _CHARACTER > WIDTH
            anchor = f'x="{x - 4:.1f}" text-anchor="end"' if beyond else f'x="{x + width + 4:.1f}"'
            yield f"<g><title>{xml(window_text(window, self._view))}</title>"
            size = f'width="{max(width, 2):.1f}" height="{WINDOW_HEIGHT - 5}"'
            yield f'<rect class="window" x="{x}" y="{y}" {size} rx="2"/>'
            yield f'<text class="tick" {anchor} y="{y + 10}">{text}</text></g>'

    def _chooses(self) -> bool:
        return self._view.end > self._view.now and any(
            window.best.start > self._view.now or window.below_ratio for window in self._view.windows()
        )

    def present(self) -> Iterator[str]:
        """A line where now is."""
        if self._view.start < self._view.now < self._view.end:
            x = self.x(self._view.now)
            yield f'<line class="now" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            yield f'<text class="tick" x="{x + 4}" y="{HEIGHT - BOTTOM - 6}">now</text>'

    def _steps(self, values: Sequence[tuple[Signal, float]], first: str) -> str:
        path = ""
        for signal, value in values:
            path += f"{first}{self.x(signal.start)} {self.y(value)}H{self.x(signal.end)}"
            first = "L"
        return path


def runs(signals: Sequence[Signal]) -> Iterator[list[Signal]]:
    """Stretches without a hole."""
    run: list[Signal] = []
    for signal in signals:
        if run and signal.start > run[-1].end:
            yield run
            run = []
        run.append(signal)
    if run:
        yield run


def days(view: GridView) -> Iterator[tuple[datetime, datetime]]:
    """The days of the zone's clock within the view, as UTC."""
    start = view.start
    while start < view.end:
        midnight = (start.astimezone(view.clock) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = min(midnight.astimezone(UTC), view.end)
        yield start, end
        start = end


def ticks(view: GridView) -> list[datetime]:
    """Full hours of the zone's clock, at most 17 of them: every 1, 2, 3, 6, 12 or 24 hours, or a week."""
    span_h = (view.end - view.start) / timedelta(hours=1)
    every = next((hours for hours in _TICK_HOURS if span_h / hours <= _MOST_TICKS), _TICK_HOURS[-1])
    found = []
    for start, end in days(view):
        local = start.astimezone(view.clock)
        if every > 24 and (local.toordinal() - 1) % (every // 24):
            continue
        for hour in range(0, 24, min(every, 24)):
            at = local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)
            if start <= at < end:
                found.append(at)
    return found


def window_text(window: Window, view: GridView) -> str:
    """A window with its time and mean: "cleanest 3 h: Tue 13 Jan 12:00 to 15:00, 212 g CO2e/kWh"."""
    start, end = window.best.start.astimezone(view.clock), window.best.end.astimezone(view.clock)
    mean = number(round(window.best.intensity_g_per_kwh))
    return f"cleanest {window.hours} h: {start:%a} {start.day} {start:%b %H:%M} to {end:%H:%M}, {mean} g CO2e/kWh"
