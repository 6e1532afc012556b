"""The carbon calendar as SVG: a heat map of days or months by hour, with the zone's clock below and UTC above.

Colours come by class (`heat-0` cleanest ... `heat-8`) from the page's style sheet, so that dark mode needs no script;
they differ in lightness throughout, so that colour-blind eyes and grey printers can tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from joulewise.report.digits import number
from joulewise.report.escape import xml
from joulewise.report.heat_map import HOURS, Cell, HeatMap
from joulewise.report.svg_parts import HATCH, LINE_HEIGHT, caption

WIDTH = 920
LEFT, RIGHT, TOP, CELL_HEIGHT, AXIS = 62, 14, 26, 27, 44
LEGEND = 30
_PITCH = (WIDTH - LEFT - RIGHT) / HOURS
_SWATCH = 46
_HOUR = timedelta(hours=1)


def svg(heat: HeatMap, *, now: datetime | None = None, words: Sequence[str] = (), name: str = "calendar") -> str:
    """The map as one <svg> element; `name` makes its ids unique in a page, `words` are written below it."""
    plot = _Calendar(heat, now, name)
    lines = list(caption(words))
    height = plot.legend_y + LEGEND + LINE_HEIGHT * len(lines)
    ids = f'aria-labelledby="{name}-title {name}-text"'
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" {ids}>',
        f'<title id="{name}-title">{xml(heat.title)}, {xml(heat.text)}</title>',
        f'<desc id="{name}-text">{xml(description(heat))}</desc>',
        HATCH.format(name=name),
        *plot.axes(),
        *plot.rows(),
        *plot.legend(),
    ]
    for at, line in enumerate(lines):
        y = plot.legend_y + LEGEND + LINE_HEIGHT * at + 8
        parts.append(f'<text class="unit" x="{LEFT}" y="{y}">{xml(line)}</text>')
    return "\n".join([*parts, "</svg>"])


def description(heat: HeatMap) -> str:
    """What the picture shows, in a sentence or two."""
    means = sorted(heat.means(), key=lambda mean: mean.intensity_g_per_kwh)
    if not means:
        return "No hour is known."
    low, high = (number(round(means[at].intensity_g_per_kwh)) for at in (0, -1))
    gaps = heat.gap_count()
    missing = f" {gaps} {'hour is' if gaps == 1 else 'hours are'} unknown." if gaps else " No gaps."
    if low == high:
        return f"The same in every hour: {low} g CO2e/kWh.{missing}"
    return f"{low} to {high} g CO2e/kWh.{missing}"


def offset_words(heat: HeatMap) -> str:
    """ "UTC+1", or both where the clock is changed: "UTC+1 and UTC+2"."""
    return " and ".join(map(offset_text, heat.offsets)) or "UTC"


def offset_text(offset: timedelta) -> str:
    """ "UTC+5:30", "UTC-8", "UTC"."""
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''}"


class _Calendar:
    def __init__(self, heat: HeatMap, now: datetime | None, name: str) -> None:
        self._heat = heat
        self._now = now
        self._name = name
        self._bottom = TOP + CELL_HEIGHT * len(heat.rows)
        self.legend_y = self._bottom + AXIS + 8

    def axes(self) -> Iterator[str]:
        """Hours of the clock below, hours of UTC above where one offset holds for all, names of the rows."""
        local = xml(f"hour of the day, {self._heat.clock} ({offset_words(self._heat)})")
        for hour in range(HOURS):
            yield _tick(self._x(hour) + _PITCH / 2, self._bottom + 15, f"{hour:02}")
        yield f'<text class="unit" x="{LEFT}" y="{self._bottom + 33}">{local}</text>'
        if len(self._heat.offsets) == 1:
            yield f'<text class="unit" x="{LEFT - 8}" y="{TOP - 8}" text-anchor="end">UTC</text>'
            for hour in range(HOURS):
                yield _tick(self._x(hour) + _PITCH / 2, TOP - 8, _utc_hour(hour, self._heat.offsets[0]))
        else:
            yield f'<text class="unit" x="{LEFT}" y="{TOP - 8}">{xml(_behind(self._heat.offsets))}</text>'
        for at, row in enumerate(self._heat.rows):
            y = TOP + CELL_HEIGHT * at + CELL_HEIGHT / 2 + 4
            yield f'<text class="tick" x="{LEFT - 8}" y="{y}" text-anchor="end">{xml(row.label)}</text>'

    def rows(self) -> Iterator[str]:
        """The cells; the hour that comes twice when the clock goes back is two narrow ones."""
        for at, row in enumerate(self._heat.rows):
            y = TOP + CELL_HEIGHT * at
            for hour, cells in enumerate(row.slots):
                width = (_PITCH - 1) / max(len(cells), 1)
                for part, cell in enumerate(cells):
                    yield self._cell(cell, round(self._x(hour) + part * width, 1), y, width)
                if not cells:
                    dash = f'<path class="none" d="M{self._x(hour) + 8:.1f} {y + 13}h{_PITCH - 17:.1f}"/>'
                    yield f"<g><title>no such hour: the clock goes forward</title>{dash}</g>"

    def _cell(self, cell: Cell, x: float, y: float, width: float) -> str:
        size = f'x="{x}" y="{y}" width="{width:.1f}" height="{CELL_HEIGHT - 1}"'
        title = f"<title>{xml(cell_text(cell, self._heat))}</title>"
        if cell.mean is None or self._heat.scale is None:
            return f'<g>{title}<rect class="unknown" fill="url(#{self._name}-hatch)" {size}/></g>'
        shade = self._heat.scale.shade(self._heat.scale.level(cell.mean.intensity_g_per_kwh))
        parts = [f'<rect class="heat-{shade}" {size}/>']
        if cell.marked:
            parts.append(f'<circle class="mark" cx="{x + width / 2:.1f}" cy="{y + CELL_HEIGHT / 2 - 0.5}" r="4"/>')
        if self._now is not None and not self._heat.of_months and cell.mean.start <= self._now < cell.mean.end:
            inner = f'x="{x + 1}" y="{y + 1}" width="{width - 2:.1f}" height="{CELL_HEIGHT - 3}"'
            parts.append(f'<rect class="now-halo" {inner}/><rect class="now" {inner}/>')
        return f"<g>{title}{''.join(parts)}</g>"

    def legend(self) -> Iterator[str]:
        """A swatch a level, with the edges between them; then the marks."""
        x, y = float(LEFT), self.legend_y
        scale = self._heat.scale
        for level in range(scale.levels if scale else 0):
            edge = number(scale.edges_g_per_kwh[level]) if scale else ""
            shade = scale.shade(level) if scale else 0
            yield f'<rect class="heat-{shade}" x="{x}" y="{y - 12}" width="{_SWATCH}" height="12"/>'
            yield _tick(x, y + 13, edge)
            x += _SWATCH
        if scale:
            yield _tick(x, y + 13, number(scale.edges_g_per_kwh[-1]))
            yield f'<text class="unit" x="{x + 8:.0f}" y="{y - 2}">g CO2e/kWh</text>'
        x = max(540.0, x + 96)  # right of the unit, however many levels there are
        for drawn, width, text in self._marks():
            yield f'<g transform="translate({x:.0f} {y - 12})">{drawn}</g>'
            yield f'<text class="unit" x="{x + width + 6:.0f}" y="{y - 2}">{text}</text>'
            x += width + 6 + 7 * len(text) + 20

    def _marks(self) -> Iterator[tuple[str, int, str]]:
        cells = [cell for row in self._heat.rows for cell in row.cells()]
        if any(cell.marked for cell in cells):
            yield '<circle class="mark" cx="6" cy="6" r="4"/>', 12, "cleanest 3 h of a row"
        if self._now is not None and any(cell.start <= self._now < cell.start + _HOUR for cell in cells):
            yield '<rect class="now" x="1" y="1" width="18" height="10"/>', 20, "now"
        if self._heat.gap_count():
            yield f'<rect class="unknown" fill="url(#{self._name}-hatch)" width="20" height="12"/>', 20, "unknown"

    def _x(self, hour: int) -> float:
        return round(LEFT + hour * _PITCH, 1)


def cell_text(cell: Cell, heat: HeatMap) -> str:
    """A cell in words: "Tue 13 Jan 14:00 (13:00 UTC): 312 g CO2e/kWh (250 – 380)"."""
    local = cell.start.astimezone(heat.clock)
    utc = cell.start.strftime("%H:%M UTC")
    when = f"{local:%b} {local:%H:%M}" if heat.of_months else f"{local:%a} {local.day} {local:%b %H:%M} ({utc})"
    if cell.mean is None:
        return f"{when}: unknown"
    value, low, high = (
        number(round(one)) for one in (cell.mean.intensity_g_per_kwh, cell.mean.low_g_per_kwh, cell.mean.high_g_per_kwh)
    )
    return f"{when}: {value} g CO2e/kWh ({low} – {high}){', among the cleanest of its row' if cell.marked else ''}"


def _behind(offsets: Sequence[timedelta]) -> str:
    """Where UTC is where the clock is changed: "UTC is 1 h or 2 h behind, by the season"."""
    hours = [offset / timedelta(hours=1) for offset in offsets]
    direction = "behind" if hours[-1] > 0 else "ahead"
    return f"UTC is {' or '.join(f'{abs(one):g} h' for one in hours)} {direction}, by the season"


def _utc_hour(hour: int, offset: timedelta) -> str:
    minutes = round(hour * 60 - offset.total_seconds() / 60) % (24 * 60)
    return f"{minutes // 60:02}" + (f":{minutes % 60:02}" if minutes % 60 else "")


def _tick(x: float, y: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{text}</text>'
