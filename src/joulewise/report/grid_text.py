"""The pictures of the grid for terminals: the calendar as blocks with numbers in them, the course as columns.

Numbers carry the meaning; colour only repeats it, so that NO_COLOR and a pipe lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from io import StringIO
from math import ceil
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from joulewise.report.calendar import offset_words
from joulewise.report.digits import number
from joulewise.report.escape import to_ascii
from joulewise.report.grid_view import GridView, Mean, Timeline
from joulewise.report.heat_map import HOURS, Cell, HeatMap, Scale
from joulewise.report.listing import Style
from joulewise.report.power_chart import nice_step

BACKGROUNDS = (195, 223, 215, 208, 172, 166, 130, 88, 52)
"""Of the 256 colours of a terminal, pale blue to dark brown; their lightness falls throughout."""
DARK_FROM = 6
_CELL, _NARROW_CELL = 3, 2
_UNKNOWN, _NO_HOUR = "?", "-"
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ROWS = 8
_LABEL = 6


def heat_text(heat: HeatMap, style: Style, now: datetime | None = None) -> str:
    """The calendar: a number an hour, `*` on the three cleanest of a row; a digit an hour where the page is narrow."""
    label = max((len(row.label) for row in heat.rows), default=0) + 1
    wide = style.width >= label + HOURS * _CELL
    size = _CELL if wide else _NARROW_CELL
    unit = _unit_of(heat) if wide else 0.0
    lines = [Text(f"{heat.title}, {heat.text}", style="bold")]
    heads = "".join(f"{hour:02}".ljust(size) if wide or hour % 3 == 0 else "  " for hour in range(HOURS))
    lines.append(Text(" " * label + heads.rstrip(), style="dim"))
    for row in heat.rows:
        line = Text(f"{row.label:<{label}}")
        for cells in row.slots:
            line.append_text(_block(cells, heat.scale, unit, size, None if heat.of_months else now))
        lines.append(line)
    lines.append(Text(""))
    told = [part for one in _heat_legend(heat, unit) for part in wrap(one, style.width)]
    lines += [Text(one, style="dim") for one in told]
    return drawn(lines, style)


def _block(cells: Sequence[Cell], scale: Scale | None, unit: float, size: int, now: datetime | None) -> Text:
    if not cells:
        return Text(_NO_HOUR.rjust(size - 1).ljust(size))
    means = [cell.mean for cell in cells if cell.mean is not None]
    if len(means) < len(cells) or scale is None:
        return Text(_UNKNOWN.rjust(size - 1).ljust(size), style="dim")
    value = sum(mean.intensity_g_per_kwh for mean in means) / len(means)
    level = scale.level(value)
    text = f"{value / unit:.0f}" if unit else str(_digit(value, scale))
    mark = "*" if any(cell.marked for cell in cells) else " "
    present = now is not None and means[0].start <= now < means[-1].end
    shade = scale.shade(level)
    ink = "color(231)" if shade >= DARK_FROM else "color(16)"
    return Text(
        f"{text.rjust(size - 1)}{mark}", style=f"{ink} on color({BACKGROUNDS[shade]}){' bold underline' * present}"
    )


def _digit(intensity_g_per_kwh: float, scale: Scale) -> int:
    """0 to 9, by where the value lies between the ends of the scale."""
    low, high = scale.edges_g_per_kwh[0], scale.edges_g_per_kwh[-1]
    return min(9, max(0, int(10 * (intensity_g_per_kwh - low) / (high - low))))


def _unit_of(heat: HeatMap) -> float:
    """What one stands for, so that each number has at most two digits: 1, 10 or 100 g."""
    highest = max((mean.intensity_g_per_kwh for mean in heat.means()), default=0.0)
    return next(unit for unit in (1.0, 10.0, 100.0, 1e3, 1e4) if highest / unit < 99.5)


def _heat_legend(heat: HeatMap, unit: float) -> Iterator[str]:
    cells = [cell for row in heat.rows for cell in row.cells()]
    if unit:
        per = "g CO2e/kWh" if unit == 1 else f"{number(unit)} g CO2e/kWh: 31 is {number(31 * unit)} g"
        text = f"Numbers in {per}"
    elif heat.scale is not None:
        edges = heat.scale.edges_g_per_kwh
        text = f"0 to 9 are tenths of {number(edges[0])} to {number(edges[-1])} g CO2e/kWh"
    else:
        text = "No hour is known"
    marks = ["* the three cleanest hours of a row"] if any(cell.marked for cell in cells) else []
    marks += [f"{_UNKNOWN} unknown"] if heat.gap_count() else []
    marks += [f"{_NO_HOUR} no such hour"] if any(not slot for row in heat.rows for slot in row.slots) else []
    yield "; ".join([text, *marks]) + "."
    yield f"Hours of {heat.clock}, {offset_words(heat)}."


def course_text(view: GridView, style: Style) -> str:
    """The course as columns of eight rows: the value filled, up to the upper bound in light shade."""
    room = max(style.width - _LABEL - 1, 12)
    hours = max(1, round((view.end - view.start) / timedelta(hours=1)))
    per_column = -(-hours // room)
    columns = _columns(view, per_column, room)
    known = [mean for _, mean in columns if mean is not None]
    if not known:
        return drawn([Text("Nothing is known.")], style)
    highest = max(mean.high_g_per_kwh for mean in known)
    step = nice_step(highest / 4)
    top = step * ceil(highest / step * (1 - 1e-9))
    lines = [Text("g CO2e/kWh", style="dim")]
    for row in range(_ROWS, 0, -1):
        edge = top * row / _ROWS
        label = number(edge) if row in (_ROWS, _ROWS // 2) else ""
        line = Text(f"{label:>{_LABEL}} ", style="dim")
        for _, mean in columns:
            line.append_text(_part(mean, (row - 1) * top / _ROWS, top / _ROWS, style))
        lines.append(line)
    lines += _axis(view, columns)
    lines.append(Text(_course_legend(view, per_column, style), style="dim"))
    return drawn(lines, style)


def _columns(view: GridView, per_column: int, room: int) -> list[tuple[datetime, Mean | None]]:
    """Start and mean of each column; its hours are those of UTC."""
    line, width = Timeline(view.signals), timedelta(hours=per_column)
    found: list[tuple[datetime, Mean | None]] = []
    at = view.start
    while at < view.end and len(found) <= room:
        found.append((at, line.mean(at, min(at + width, view.end))))
        at += width
    return found


def _part(mean: Mean | None, floor: float, height: float, style: Style) -> Text:
    """One character of a column: filled, partly filled, within the band, or empty; a gap is a row of dots below."""
    if mean is None:
        return Text("?" if not floor else " ", style="dim")
    eighths = round(8 * (mean.intensity_g_per_kwh - floor) / height)
    if eighths >= 1:
        block = _EIGHTHS[min(eighths, 8)]
        if style.ascii_only:
            block = "#" if eighths >= 4 else ("." if mean.high_g_per_kwh > floor else " ")
        return Text(block, style="color(32)")
    if mean.high_g_per_kwh > floor + height / 2:
        return Text("." if style.ascii_only else "░", style="color(32)")
    return Text(" ")


def _axis(view: GridView, columns: Sequence[tuple[datetime, Mean | None]]) -> list[Text]:
    """A tick a new day or six hours; below it the hour, and the day where it begins."""
    hours, names = [" "] * (len(columns) + 8), [" "] * (len(columns) + 8)
    every = 6 if len(columns) <= 100 and _hours(columns) == 1 else 24
    before, free_hour, free_name = None, 0, 0
    for at, (start, _) in enumerate(columns):
        local = start.astimezone(view.clock)
        bucket = (local.date(), local.hour // every)
        if bucket != before and local.hour % every == 0 and at >= free_hour and every < 24:
            hours[at : at + 2] = f"{local:%H}"
            free_hour = at + 3
        if (before is None or bucket[0] != before[0]) and at >= free_name and at + 6 <= len(columns) + 2:
            text = f"{local:%a} {local.day}"
            names[at : at + len(text)] = text
            free_name = at + len(text) + 1
        before = bucket
    pad = " " * (_LABEL + 1)
    found = [f"{pad}{''.join(line).rstrip()}" for line in (hours, names)]
    return [Text(line, style="dim") for line in found if line.strip()]


def _hours(columns: Sequence[tuple[datetime, Mean | None]]) -> int:
    return round((columns[1][0] - columns[0][0]) / timedelta(hours=1)) if len(columns) > 1 else 1


def _course_legend(view: GridView, per_column: int, style: Style) -> str:
    column = "an hour" if per_column == 1 else f"the mean of {per_column} hours"
    filled, light = ("#", ".") if style.ascii_only else ("█", "░")
    gaps = "; ? unknown" if any(view.gaps()) else ""
    text = f"A column is {column}, {view.clock}: {filled} the value, {light} up to its 95 % bound{gaps}."
    return "\n".join(wrap(text, style.width))


def drawn(lines: Sequence[Text], style: Style) -> str:
    """Lines of text in the colours that the terminal has, none broken."""
    console = Console(
        file=StringIO(), width=max(style.width, 20), force_terminal=style.color, no_color=not style.color,
        color_system="256" if style.color else None, legacy_windows=False, highlight=False, markup=False, emoji=False,
        _environ={},
    )  # fmt: skip
    with console.capture() as captured:
        for line in lines:
            console.print(line, soft_wrap=True)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return to_ascii(text) if style.ascii_only else text
