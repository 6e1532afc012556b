"""The record of an external meter (a plug's or a wattmeter's CSV), and its alignment with our own trace.

A time is an aware time ("2026-03-01T10:00:00+01:00"), seconds since 1970, or seconds from the record's start. A time
of day without its offset from UTC is refused: guessing it would shift the record by hours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import inf, sqrt
from statistics import fmean

from joulewise.core.errors import UndefinedFigure, UsageError
from joulewise.core.units import J_PER_KWH, J_PER_WH

Series = list[tuple[float, float]]
"""(seconds, watts), times rising."""

LEAST_WINDOWS = 8
_EPOCH_S = 1e8  # smaller numbers are seconds from a start
_MILLISECONDS = 1e11
_HINT = "columns t_s (or time) and power_w (or energy_kwh)"
_TIMES = ("t_s", "time", "timestamp", "datetime", "date", "t", "seconds", "time_s", "timestamp_s", "timestamp_ms")
_POWERS = {"w": 1.0, "watt": 1.0, "watts": 1.0, "power": 1.0, "kw": 1000.0, "mw": 1e-3}
_ENERGIES = {"kwh": J_PER_KWH, "wh": J_PER_WH, "j": 1.0, "joule": 1.0, "joules": 1.0}


def parse(text: str) -> Series:
    """A CSV with a column of times and one of power (W, kW, mW) or of a rising energy counter (kWh, Wh, J).

    Separators , ; and tab; decimal commas with ; and tab. Rows without a number are left out. Raises UsageError.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) < 3:
        raise UsageError("the meter's record has no rows", hint=_HINT)
    mark = max((";", "\t", ","), key=lines[0].count)
    names = [name.strip().strip('"').lower() for name in lines[0].split(mark)]
    time_at = next((index for index, name in enumerate(names) if name in _TIMES or name.startswith("time")), None)
    value_at, factor, is_energy = _value_column(names)
    if time_at is None or value_at is None:
        raise UsageError(f"no column of times, or none of power or energy, in: {', '.join(names)[:200]}", hint=_HINT)
    rows = [[cell.strip().strip('"') for cell in line.split(mark)] for line in lines[1:]]
    series = _points(rows, (time_at, value_at), factor, decimal_comma=mark != ",")
    return _powers(series) if is_energy else series


def _value_column(names: Sequence[str]) -> tuple[int | None, float, bool]:
    for units, is_energy in ((_POWERS, False), (_ENERGIES, True)):
        for index, name in enumerate(names):
            words = "".join(letter if letter.isalnum() else " " for letter in name).split()
            unit = next((word for word in reversed(words) if word in units), None)
            if unit is not None:
                return index, units[unit], is_energy
    return None, 1.0, False


def _points(rows: list[list[str]], columns: tuple[int, int], factor: float, *, decimal_comma: bool) -> Series:
    found: dict[float, float] = {}
    for row in rows:
        if len(row) <= max(columns):
            continue
        value = _number(row[columns[1]], decimal_comma)
        if value is not None and value >= 0:
            found[_seconds(row[columns[0]], decimal_comma)] = value * factor
    if len(found) < 2:
        raise UsageError("the meter's record has fewer than two readings", hint=_HINT)
    return sorted(found.items())


def _number(text: str, decimal_comma: bool) -> float | None:
    try:
        value = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None
    return value if -inf < value < inf else None


def _seconds(text: str, decimal_comma: bool) -> float:
    value = _number(text, decimal_comma)
    if value is not None:
        return value / 1000 if value > _MILLISECONDS else value
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text[:40]!r} is no time", hint="2026-03-01T10:00:00+01:00, or seconds") from error
    if moment.tzinfo is None:
        raise UsageError(f"{text[:40]!r} lacks its offset from UTC", hint=f"{text[:19]}+00:00")
    return moment.timestamp()


def _powers(energies: Series) -> Series:
    """Mean power between the changes of a counter; a counter that falls starts anew."""
    changes = [energies[0], *(later for earlier, later in pairwise(energies) if later[1] != earlier[1])]
    found = [
        ((start_s + end_s) / 2, (last_j - first_j) / (end_s - start_s))
        for (start_s, first_j), (end_s, last_j) in pairwise(changes)
        if last_j > first_j
    ]
    if len(found) < 2:
        raise UsageError("the meter's energy hardly changes", hint="a longer record, or the meter's power")
    return found


def align(ours: Series, wall: Series, *, period_s: float = 5.0, most_lag_s: float = 60.0) -> list[tuple[float, float]]:
    """Pairs (ours, wall) of mean power over windows of `period_s`, the wall shifted to where the two agree best.

    A record whose times count from its own start is laid over ours from the start on. Raises UndefinedFigure if the
    two do not overlap by eight windows.
    """
    if (ours[0][0] > _EPOCH_S) != (wall[0][0] > _EPOCH_S):
        ours, wall = _from_start(ours), _from_start(wall)
    one, other = _Integral(ours), _Integral(wall)
    step_s = min(1.0, period_s)
    steps = round(most_lag_s / step_s)
    found: list[tuple[float, list[tuple[float, float]]]] = []
    for lag in sorted(range(-steps, steps + 1), key=abs):
        pairs = _windows(one, other, period_s, lag * step_s)
        if len(pairs) >= LEAST_WINDOWS:
            found.append((_correlation(pairs), pairs))
    if not found:
        raise UndefinedFigure("the two records hardly overlap in time", hint="check the clocks and time zones")
    return max(found, key=lambda pair: pair[0])[1]


def _from_start(series: Series) -> Series:
    return [(time_s - series[0][0], power_w) for time_s, power_w in series]


def _windows(ours: _Integral, wall: _Integral, period_s: float, lag_s: float) -> list[tuple[float, float]]:
    """Pairs of mean power over windows in which both have readings; the wall's clock is late by `lag_s`."""
    start_s = max(ours.start_s, wall.start_s + lag_s)
    count = int((min(ours.end_s, wall.end_s + lag_s) - start_s) / period_s)
    edges = [start_s + index * period_s for index in range(max(0, count) + 1)]
    found: list[tuple[float, float]] = []
    for begin_s, end_s in pairwise(edges):
        one, other = ours.mean_w(begin_s, end_s), wall.mean_w(begin_s - lag_s, end_s - lag_s)
        if one is not None and other is not None:
            found.append((one, other))
    return found


class _Integral:
    """The joules of a series up to a time, by trapezoid."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._times_s = [time_s for time_s, _ in series]
        self._energies_j = [0.0]
        for (t1, w1), (t2, w2) in pairwise(series):
            self._energies_j.append(self._energies_j[-1] + (w1 + w2) / 2 * (t2 - t1))
        self.start_s, self.end_s = self._times_s[0], self._times_s[-1]

    def mean_w(self, begin_s: float, end_s: float) -> float | None:
        """None where the record has a hole of three windows or more."""
        before_j, gap_s = self._at(begin_s)
        after_j, last_gap_s = self._at(end_s)
        if max(gap_s, last_gap_s) > 3 * (end_s - begin_s):
            return None
        return (after_j - before_j) / (end_s - begin_s)

    def _at(self, time_s: float) -> tuple[float, float]:
        """Joules up to a time, and how far the readings around it lie apart."""
        left = min(max(bisect_right(self._times_s, time_s) - 1, 0), len(self._series) - 2)
        (t1, w1), (t2, w2) = self._series[left], self._series[left + 1]
        part_s = min(max(time_s - t1, 0.0), t2 - t1)
        return self._energies_j[left] + w1 * part_s + (w2 - w1) / (t2 - t1) * part_s**2 / 2, t2 - t1


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Pearson's r; -1 if one of the two stands still."""
    mean_x, mean_y = fmean(x for x, _ in pairs), fmean(y for _, y in pairs)
    xx, yy = sum((x - mean_x) ** 2 for x, _ in pairs), sum((y - mean_y) ** 2 for _, y in pairs)
    if xx == 0 or yy == 0:
        return -1.0
    return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / sqrt(xx * yy)
