"""A recorded trace as a meter: for examples, tests, and figures of a machine that is not here.

Reads:  a CSV with the column t_s (seconds from its start, rising) and columns <component>_w or <component>_j. Lines
        that begin with # may say `# method: measured`, `# source: ...`, `# low_ratio: 0.95`, `# high_ratio: 1.05`.
Traps:  watts are integrated by trapezoid beforehand, so that the total does not depend on when we look; an empty cell
        is a gap, and a column of watts with gaps stays a power. After the last row there is nothing to read.
Needs:  the setting replay.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from itertools import pairwise

from joulewise.core.channels import ENERGY, POWER, Channel, Finding, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, READY, finding, label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from joulewise.core.protocols import Meter

    Column = tuple[str, str, list[float | None]]

PLUGIN = "replay"
MOST_BYTES = 64 << 20
_METHODS = ("measured", "reported", "modelled", "default")
_SLACK_S = 1e-6  # the clock counts whole nanoseconds, the rows do not
_PER_UNIT = {ENERGY: 1e6, POWER: 1e3}  # counts are microjoules and milliwatts
_CURE = "a CSV with the columns t_s and, say, cpu_w"


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter if a trace is set; it starts to play with the first reading. Never raises."""
    path = str(context.options.get("path") or "")
    if not path:
        return [], [finding(PLUGIN, ABSENT, "no trace is set")]
    try:
        with open(path, encoding="utf-8") as file:
            trace = Trace(file.read(MOST_BYTES))
    except (OSError, ValueError) as error:
        return [], [finding(PLUGIN, BROKEN, label(path, "trace"), label(str(error), "?").replace("-", " "), _CURE)]
    duration_s = trace.times_s[-1] - trace.times_s[0]
    return [Replay(trace, context.monotonic_ns)], [finding(PLUGIN, READY, f"a trace of {duration_s:g} s")]


class Trace:
    """A parsed trace. Raises ValueError for a text that is none."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
        self.notes = _notes(lines)
        self.ratios = _ratios(self.notes)
        rows = [[cell.strip().strip('"') for cell in line.split(",")] for line in lines if line and line[0] != "#"]
        if len(rows) < 3:
            raise ValueError("want a header and two rows")
        names = [name.lower() for name in rows[0]]
        if "t_s" not in names or len(set(names)) < len(names):
            raise ValueError("want one column t_s and no name twice")
        self.times_s = _times(rows[1:], names.index("t_s"))
        self.columns = _columns(names, rows[1:], self.times_s)


class Replay:
    """Plays a trace at the pace of the clock."""

    def __init__(self, trace: Trace, monotonic_ns: Callable[[], int] | None) -> None:
        self._times_s = trace.times_s
        self._columns = [values for _, _, values in trace.columns]
        self._monotonic_ns = monotonic_ns or time.monotonic_ns
        self._start_ns: int | None = None
        keys = _keys([name for name, _, _ in trace.columns])
        self.channels: tuple[Channel, ...] = tuple(
            _channel(trace, name, quantity, key, keys)
            for key, (name, quantity, _) in zip(keys, trace.columns, strict=True)
        )

    def read(self) -> tuple[int | None, ...]:
        now_ns = self._monotonic_ns()
        if self._start_ns is None:
            self._start_ns = now_ns
        at_s = self._times_s[0] + (now_ns - self._start_ns) / 1e9
        if at_s > self._times_s[-1] + _SLACK_S:
            raise MeterUnavailable("the trace has ended")
        at_s = min(at_s, self._times_s[-1])
        return tuple([self._at(at_s, index) for index in range(len(self._columns))])

    def close(self) -> None:
        """Nothing is open."""

    def _at(self, at_s: float, index: int) -> int | None:
        """The value between two rows, in counts."""
        values = self._columns[index]
        left = min(bisect_right(self._times_s, at_s) - 1, len(values) - 2)
        first, last = values[left], values[left + 1]
        part = (at_s - self._times_s[left]) / (self._times_s[left + 1] - self._times_s[left])
        first, last = (first if part < 1 else last), (last if part > 0 else first)  # on a row, that row alone counts
        if first is None or last is None:
            return None
        return round((first + (last - first) * part) * _PER_UNIT[self.channels[index].quantity])


def _keys(names: list[str]) -> list[str]:
    """A key for each column, told apart by number where plain letters are not enough."""
    found: list[str] = []
    for number, name in enumerate(names):
        key = f"replay:{label(name)}"
        found.append(f"{key}.{number}" if key in found else key)
    return found


def _channel(trace: Trace, name: str, quantity: str, key: str, keys: list[str]) -> Channel:
    low_ratio, high_ratio = trace.ratios
    notes = trace.notes
    component = name if name in _COMPONENTS else "other"
    within = ("replay:cpu" if "replay:cpu" in keys else "node") if component in _PARTS_OF_CPU else None
    return Channel(
        key=key,
        component=component,
        device=key,
        quantity=quantity,
        scale=1 / _PER_UNIT[quantity],
        method=notes.get("method", "reported"),
        source="".join(letter for letter in notes.get("source", "recorded trace")[:200] if letter.isprintable()),
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        within=within,
    )


_COMPONENTS = ("cpu", "core", "uncore", "dram", "gpu", "psys", "board", "node", "battery")
_PARTS_OF_CPU = ("core", "uncore")


def _notes(lines: list[str]) -> dict[str, str]:
    pairs = [line.lstrip("# ").partition(":") for line in lines if line.startswith("#")]
    notes = {name.strip().lower(): value.strip() for name, _, value in pairs if value.strip()}
    if notes.get("method", "reported") not in _METHODS:
        raise ValueError("the method must be measured, reported, modelled or default")
    return notes


def _ratios(notes: dict[str, str]) -> tuple[float, float]:
    """The bounds that the file states; else a tenth either way."""
    low_ratio, high_ratio = float(notes.get("low_ratio", 0.9)), float(notes.get("high_ratio", 1.1))
    if not 0 < low_ratio <= 1 <= high_ratio < float("inf"):
        raise ValueError("low_ratio and high_ratio must lie around 1")
    return low_ratio, high_ratio


def _times(rows: list[list[str]], index: int) -> list[float]:
    times_s = [_number(row, index) for row in rows]
    known = [time_s for time_s in times_s if time_s is not None]
    if len(known) < len(times_s) or any(b <= a for a, b in pairwise(known)):
        raise ValueError("t_s must be there in each row and rise")
    return known


def _columns(names: list[str], rows: list[list[str]], times_s: list[float]) -> list[Column]:
    found: list[Column] = []
    for index, name in enumerate(names):
        if name.endswith(("_w", "_j")):
            values = [_number(row, index) for row in rows]
            quantity, series = (ENERGY, values) if name.endswith("_j") else _power(values, times_s)
            found.append((name[:-2], quantity, series))
    if not found:
        raise ValueError("want a column that ends in _w or _j")
    return found


def _number(row: list[str], index: int) -> float | None:
    text = row[index] if index < len(row) else ""
    if not text:
        return None
    value = float(text)
    if not 0 <= value < 1e12:  # also false for NaN
        raise ValueError(f"{text[:20]} is out of range")
    return value


def _power(values: list[float | None], times_s: list[float]) -> tuple[str, list[float | None]]:
    """Joules by trapezoid, if there are no gaps; else watts as they are."""
    if None in values:
        return POWER, values
    known = [value for value in values if value is not None]
    energies_j: list[float | None] = [0.0]
    energy_j = 0.0
    for index in range(1, len(known)):
        step_s = times_s[index] - times_s[index - 1]
        energy_j += (known[index] + known[index - 1]) / 2 * step_s
        energies_j.append(energy_j)
    return ENERGY, energies_j
