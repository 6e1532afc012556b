"""The carbon calendar as numbers: the days of a week, or the months of a year, by the hour of the zone's clock.

On the day that the clock goes forward an hour has no cell, on the day that it goes back one has two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import ceil, floor

from joulewise.core.signals import Signal
from joulewise.report.grid_view import GridView, Mean, Timeline
from joulewise.report.power_chart import nice_step

HOURS = 24
MOST_LEVELS = 9
_MARKED_HOURS = 3
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An hour of the clock: its mean, None for a gap; `marked` if it is among the cleanest of its day.

    In a map of months `start` is the first such hour of the month.
    """

    start: datetime
    mean: Mean | None
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """A day or a month: 24 slots of the clock, each with one cell; none or two where the clock is changed."""

    label: str
    slots: tuple[tuple[Cell, ...], ...]

    def cells(self) -> list[Cell]:
        """All cells in order of the clock."""
        return [cell for slot in self.slots for cell in slot]


@dataclass(frozen=True, slots=True)
class Scale:
    """Round edges (g/kWh) of the colours: level i is [edges[i], edges[i + 1]), the last one with its end."""

    edges_g_per_kwh: tuple[float, ...]

    @property
    def levels(self) -> int:
        """How many there are: 1 to 9."""
        return len(self.edges_g_per_kwh) - 1

    def level(self, intensity_g_per_kwh: float) -> int:
        """The level of a value, 0 for the cleanest."""
        above = sum(1 for edge in self.edges_g_per_kwh[1:-1] if intensity_g_per_kwh >= edge)
        return min(above, self.levels - 1)

    def shade(self, level: int, shades: int = MOST_LEVELS) -> int:
        """The colour of a level, 0 to shades - 1: few levels are spread over all colours."""
        return shades // 2 if self.levels == 1 else round(level * (shades - 1) / (self.levels - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A calendar: `rows` by hour of `clock`; `offsets` are its distances from UTC that occur in it."""

    title: str
    text: str
    rows: tuple[HeatRow, ...]
    scale: Scale | None
    clock: tzinfo
    offsets: tuple[timedelta, ...]
    of_months: bool = False

    def means(self) -> list[Mean]:
        """Of all cells that are known."""
        return [cell.mean for row in self.rows for cell in row.cells() if cell.mean is not None]

    def gap_count(self) -> int:
        """How many cells are unknown."""
        return sum(1 for row in self.rows for cell in row.cells() if cell.mean is None)


def week(view: GridView, first: date, days: int = 7) -> HeatMap:
    """The days from `first` on, by the view's clock; the three cleanest hours of each day are marked."""
    line = Timeline(view.signals)
    rows = []
    for number in range(days):
        day = first + timedelta(days=number)
        cells = [Cell(start=start, mean=line.mean(start, end)) for start, end in local_hours(day, view.clock)]
        rows.append(HeatRow(label=f"{day:%a} {day.day:2}", slots=_slots(_marked(cells), view.clock)))
    last = first + timedelta(days=days - 1)
    month = "" if first.month == last.month else f" {first:%B}"
    return _heat_map("Week by hour", f"{first.day}{month} to {last.day} {last:%B %Y}", rows, view.clock)


def year(signals: Sequence[Signal], clock: tzinfo) -> HeatMap:
    """The mean of each hour of the clock by month, over the whole months of the signals, January first."""
    line = Timeline(signals)
    months: dict[int, dict[int, list[Cell]]] = {}
    for day in _days(signals, clock):
        for start, end in local_hours(day, clock):
            mean = line.mean(start, end)
            months.setdefault(day.month, {}).setdefault(start.astimezone(clock).hour, []).append(
                Cell(start=start, mean=mean)
            )
    rows = []
    for month in sorted(months):
        cells = [_averaged(months[month][hour]) for hour in sorted(months[month])]
        rows.append(HeatRow(label=f"{date(2000, month, 1):%b}", slots=_slots(_marked(cells), clock)))
    return _heat_map("Month by hour", "a typical day of each month", rows, clock, of_months=True)


def local_hours(day: date, clock: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The hours [start, end) of a day of the clock, in UTC: 23 or 25 where the clock is changed."""
    at = datetime.combine(day, time(), clock).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), clock).astimezone(UTC)
    while at < end:
        yield at, min(at + _HOUR, end)
        at += _HOUR


def scale_of(values: Sequence[float]) -> Scale | None:
    """At most nine levels with round edges around the values; None without values."""
    if not values:
        return None
    low, high = min(values), max(values)
    step = nice_step(max((high - low) / (MOST_LEVELS - 1), 1e-3 * max(high, 1.0)))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return Scale(tuple(round(at * step, 9) for at in range(first, max(last, first + 1) + 1)))


def _heat_map(title: str, text: str, rows: list[HeatRow], clock: tzinfo, *, of_months: bool = False) -> HeatMap:
    cells = [cell for row in rows for cell in row.cells()]
    offsets = {cell.start.astimezone(clock).utcoffset() or timedelta() for cell in cells}
    values = [cell.mean.intensity_g_per_kwh for cell in cells if cell.mean is not None]
    return HeatMap(
        title=title,
        text=text,
        rows=tuple(rows),
        scale=scale_of(values),
        clock=clock,
        offsets=tuple(sorted(offsets)),
        of_months=of_months,
    )


def _slots(cells: Sequence[Cell], clock: tzinfo) -> tuple[tuple[Cell, ...], ...]:
    slots: list[list[Cell]] = [[] for _ in range(HOURS)]
    for cell in cells:
        slots[cell.start.astimezone(clock).hour].append(cell)
    return tuple(map(tuple, slots))


def _marked(cells: Sequence[Cell]) -> list[Cell]:
    """Mark the cleanest hours of a row, unless all its hours are alike (to a percent) or too few are known."""
    known = sorted((cell.mean.intensity_g_per_kwh, cell.start) for cell in cells if cell.mean is not None)
    if len(known) <= _MARKED_HOURS or known[-1][0] - known[0][0] <= 0.01 * known[-1][0]:
        return list(cells)
    cleanest = {start for _, start in known[:_MARKED_HOURS]}
    return [Cell(start=cell.start, mean=cell.mean, marked=cell.start in cleanest) for cell in cells]


def _averaged(cells: Sequence[Cell]) -> Cell:
    """The mean of the days of a month; a gap if a day of it is unknown."""
    means = [cell.mean for cell in cells if cell.mean is not None]
    if len(means) < len(cells):
        return Cell(start=cells[0].start, mean=None)
    count = len(means)
    mean = Mean(
        start=means[0].start,
        end=means[-1].end,
        intensity_g_per_kwh=sum(one.intensity_g_per_kwh for one in means) / count,
        low_g_per_kwh=sum(one.low_g_per_kwh for one in means) / count,
        high_g_per_kwh=sum(one.high_g_per_kwh for one in means) / count,
    )
    return Cell(start=cells[0].start, mean=mean)


def _days(signals: Sequence[Signal], clock: tzinfo) -> Iterator[date]:
    """The days of the clock that lie wholly within the signals."""
    if not signals:
        return
    start, end = signals[0].start.astimezone(clock), signals[-1].end.astimezone(clock)
    day = start.date() if start.time() == time() else start.date() + timedelta(days=1)
    while day < end.date():
        yield day
        day += timedelta(days=1)
