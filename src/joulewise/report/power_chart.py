"""Power over time as SVG: the machine's components stacked, our own share as a line, phases as bands, gaps as gaps.

Colours come from the page's style sheet by class (`fill-0` ... `fill-5`), so that dark mode and print need no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, floor, log10

from joulewise.report.digits import number
from joulewise.report.escape import xml
from joulewise.report.view import Band, PowerSeries

WIDTH, HEIGHT = 920, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 56, 44
BAND_HEIGHT = 19
SERIES_COLORS = 6
_CHARACTER = 6.4
"""Width of a small character, for what fits into a band."""
_TIME_UNITS = ((86_400.0 * 3, 86_400.0, "d"), (3_600.0 * 3, 3_600.0, "h"), (60.0 * 5, 60.0, "min"), (0.0, 1.0, "s"))


def svg(power: PowerSeries) -> str:
    """The chart as one <svg> element, with a title and a description for screen readers."""
    plot = _Plot(power)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="power-title power-text">',
        '<title id="power-title">Power over time</title>',
        f'<desc id="power-text">{xml(description(power))}</desc>',
        *plot.axes(),
        *plot.gaps(),
        *plot.areas(),
        *plot.bands(),
        *plot.mine(),
        "</svg>",
    ]
    return "\n".join(parts)


def description(power: PowerSeries) -> str:
    """What the picture shows, in a sentence or two."""
    lines = [f"{name} {_range(values)}" for name, values in power.power_w]
    phases = ", ".join(dict.fromkeys(band.name for band in power.bands if band.depth == 0))
    gaps = sum(1 for _ in gap_spans(power))
    missing = f" {gaps} {'gap' if gaps == 1 else 'gaps'} without a reading." if gaps else " No gaps."
    return f"{'; '.join(lines)}.{f' Phases: {phases}.' if phases else ''}{missing}"


def table(power: PowerSeries) -> list[tuple[str, str, str, str]]:
    """The chart as a table: line, mean and peak power, share of the time that was read."""
    lines = [*power.power_w, *((("This run's share", power.mine_w),) if power.mine_w else ())]
    found = []
    for name, values in lines:
        widths = _widths(power.t_s)
        known = [(value, width) for value, width in zip(values, widths, strict=True) if value is not None]
        if not known:
            found.append((name, "not measured", "not measured", "0 %"))
            continue
        read_s = sum(width for _, width in known)
        mean = sum(value * width for value, width in known) / read_s
        read = f"{floor(1000 * read_s / sum(widths)) / 10:g} %"
        found.append((name, _watts(mean), _watts(max(value for value, _ in known)), read))
    return found


def gap_spans(power: PowerSeries) -> Iterator[tuple[float, float]]:
    """Start and end of the times in which a component was not read, s."""
    start_s: float | None = None
    before_s = 0.0
    for at, end_s in enumerate(power.t_s):
        missing = any(values[at] is None for _, values in _drawn(power))
        if missing and start_s is None:
            start_s = before_s
        if not missing and start_s is not None:
            yield start_s, before_s
            start_s = None
        before_s = end_s
    if start_s is not None:
        yield start_s, before_s


class _Plot:
    def __init__(self, power: PowerSeries) -> None:
        self._power = power
        self._lines = _drawn(power)
        self._end_s = max((power.t_s[-1], *(band.end_s for band in power.bands)))
        self._step_w = nice_step(self._highest_w() / 4)
        self._top_w = self._step_w * max(1, ceil(self._highest_w() / self._step_w * 1.02))
        self._gap_at = [any(values[at] is None for _, values in self._lines) for at in range(len(power.t_s))]

    def _highest_w(self) -> float:
        stacked = [
            sum(value or 0.0 for value in values) for values in zip(*(values for _, values in self._lines), strict=True)
        ]
        return max(*stacked, *(value or 0.0 for value in self._power.mine_w), 0.0, 1e-6)

    def x(self, t_s: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * t_s / self._end_s, 1)

    def y(self, power_w: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * power_w / self._top_w, 1)

    def axes(self) -> Iterator[str]:
        """Grid lines, ticks and units."""
        for step in range(round(self._top_w / self._step_w) + 1):
            value = step * self._step_w
            y = self.y(value)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>'
        yield f'<text class="unit" x="{LEFT - 8}" y="{TOP - 12}" text-anchor="end">W</text>'
        _, size_s, unit = next(one for one in _TIME_UNITS if self._end_s >= one[0])
        step_s = nice_step(self._end_s / size_s / 8) * size_s
        for tick in range(floor(self._end_s / step_s) + 1):
            x = self.x(tick * step_s)
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}"/>'
            label = number(tick * step_s / size_s)
            yield f'<text class="tick" x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield f'<text class="unit" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">time, {unit}</text>'

    def bands(self) -> Iterator[str]:
        """A strip a level of phases; a name that doesn't fit is left to the tooltip and the table of phases."""
        for number_of, band in enumerate(self._power.bands):
            x, width = self.x(band.start_s), max(1.0, self.x(band.end_s) - self.x(band.start_s))
            y = 6 + band.depth * BAND_HEIGHT
            shade = "band-odd" if number_of % 2 else "band-even"
            yield f"<g><title>{xml(_band_text(band))}</title>"
            yield f'<rect class="band {shade}" x="{x}" y="{y}" width="{width:.1f}" height="{BAND_HEIGHT - 3}"/>'
            if len(band.name) * _CHARACTER + 6 <= width:
                middle = f'x="{x + width / 2:.1f}" y="{y + 12}"'
                yield f'<text class="band-name" {middle} text-anchor="middle">{xml(band.name)}</text>'
            if band.depth == 0:
                yield f'<line class="band-edge" x1="{x}" x2="{x}" y1="{y}" y2="{HEIGHT - BOTTOM}"/>'
            yield "</g>"

    def gaps(self) -> Iterator[str]:
        """Times without a reading, hatched: unknown is not zero."""
        spans = list(gap_spans(self._power))
        if spans:
            yield (
                '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
                'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>'
            )
        for start_s, end_s in spans:
            x, width = self.x(start_s), max(1.0, self.x(end_s) - self.x(start_s))
            yield (
                f'<rect class="gap" x="{x}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - TOP - BOTTOM}">'
                "<title>no reading</title></rect>"
            )

    def areas(self) -> Iterator[str]:
        """The components, each upon the one before; a gap in one interrupts all, since the sum is unknown there."""
        below = [0.0] * len(self._power.t_s)
        for color, (name, values) in enumerate(self._lines):
            above = [low + (value or 0.0) for low, value in zip(below, values, strict=True)]
            path = "".join(self._area(run, below, above) for run in self._runs())
            yield f'<path class="area fill-{color % SERIES_COLORS}" d="{path}"><title>{xml(name)}</title></path>'
            below = above

    def mine(self) -> Iterator[str]:
        """Our own share as a line over the machine."""
        values = self._power.mine_w
        if any(value is not None for value in values):
            known = [value if value is not None else 0.0 for value in values]
            path = "".join(self._steps(run, known, "M") for run in _runs([value is None for value in values]))
            yield f'<path class="halo" d="{path}"/>'
            yield f'<path class="mine" d="{path}"><title>This run\'s share</title></path>'

    def _runs(self) -> Iterator[range]:
        return _runs(self._gap_at)

    def _area(self, run: range, below: list[float], above: list[float]) -> str:
        forward = self._steps(run, above, "M")
        back = "".join(
            f"L{self.x(self._power.t_s[at])} {self.y(below[at])}H{self.x(self._start(at))}" for at in reversed(run)
        )
        return f"{forward}{back}Z"

    def _steps(self, run: Iterable[int], values: list[float], first: str) -> str:
        path = ""
        for at in run:
            path += f"{first}{self.x(self._start(at))} {self.y(values[at])}H{self.x(self._power.t_s[at])}"
            first = "L"
        return path

    def _start(self, at: int) -> float:
        return self._power.t_s[at - 1] if at else 0.0


def _drawn(power: PowerSeries) -> list[tuple[str, tuple[float | None, ...]]]:
    """The lines with at least one reading; the others stand in the table as not measured."""
    return [(name, values) for name, values in power.power_w if any(value is not None for value in values)]


def legend(power: PowerSeries) -> list[tuple[str, str]]:
    """Style class and name of each line that is drawn, from top to bottom."""
    lines = [(f"fill-{color % SERIES_COLORS}", name) for color, (name, _) in enumerate(_drawn(power))]
    mine = [("mine", "This run's share")] if any(value is not None for value in power.mine_w) else []
    return mine + lines[::-1]


def _runs(gap_at: list[bool]) -> Iterator[range]:
    """Stretches of readings without a gap."""
    start: int | None = None
    for at, gap in enumerate([*gap_at, True]):
        if not gap and start is None:
            start = at
        if gap and start is not None:
            yield range(start, at)
            start = None


def _widths(t_s: tuple[float, ...]) -> list[float]:
    return [end - start for start, end in zip((0.0, *t_s), t_s, strict=False)]


def nice_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least `rough`."""
    size = 10.0 ** floor(log10(rough))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= rough * (1 - 1e-9))


def _range(values: tuple[float | None, ...]) -> str:
    known = [value for value in values if value is not None]
    return f"{_watts(min(known))} to {_watts(max(known))}" if known else "not measured"


def _watts(power_w: float) -> str:
    return f"{number(float(f'{power_w:.3g}'))} W"


def _band_text(band: Band) -> str:
    return f"{band.name}: {number(round(band.start_s, 2))} to {number(round(band.end_s, 2))} s"
