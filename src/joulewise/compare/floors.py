"""Floors: what a variant must keep before its energy counts, written as people say it: "accuracy>=-0.5pt".

A floor holds only if it holds at the bad end of the 95 % interval. A figure that is absent can't hold a floor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from joulewise.compare.observing import CPU_TIME, ENERGY, LATENCY_P50, LATENCY_P99, MEMORY, SIZE
from joulewise.core.errors import UsageError
from joulewise.core.figures import Figure, exact, propagate, weakest

_NUMBER = r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
_TEXT = re.compile(rf"^\s*([^\s<>=≥≤]+)\s*(>=|<=|≥|≤)\s*([+\-−]?){_NUMBER}\s*([^\s\d]*)\s*$")
_COSTS = {
    "latency_p50": (LATENCY_P50, "s"),
    "p50": (LATENCY_P50, "s"),
    "latency_p95": ("latency_s_p95", "s"),
    "latency": (LATENCY_P99, "s"),
    "latency_p99": (LATENCY_P99, "s"),
    "p99": (LATENCY_P99, "s"),
    "memory": (MEMORY, "bytes"),
    "size": (SIZE, "bytes"),
    "energy": (ENERGY, "J"),
    "cpu": (CPU_TIME, "s"),
    "cpu_time": (CPU_TIME, "s"),
    "cold_start": ("cold_start_s", "s"),
}
"""Costs by the names that people write, the quantity of an observation, and its unit."""
_SCALES = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0},
    "bytes": {
        "b": 1.0, "bytes": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
    },
    "J": {"j": 1.0, "mj": 1e-3, "uj": 1e-6, "µj": 1e-6, "μj": 1e-6, "nj": 1e-9, "wh": 3600.0},
}  # fmt: skip
_POINTS = ("pt", "pts", "pp", "point", "points")
_EXAMPLES = '"accuracy>=0.95", "accuracy>=-0.5pt", "latency_p99<=10ms", "memory<=64MB"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A candidate: its quality (None if nobody judged it) and its costs by the quantity of an observation.

    `quality_change` (new - baseline on the same rows) and `energy_ratio` (new / baseline, paired) are far surer than
    the difference of two absolute figures, since the meter's and the rows' own errors cancel: where all have them,
    they rank. The baseline has neither. `id` is the variant's, "" where there is none.
    """

    name: str
    metric: str
    quality: Figure | None = None
    costs: Mapping[str, Figure] = field(default_factory=dict)
    greater_is_better: bool = True
    quality_change: Figure | None = None
    energy_ratio: Figure | None = None
    is_baseline: bool = False
    id: str = ""

    @property
    def energy(self) -> Figure | None:
        """Joules per inference, None if absent."""
        return self.costs.get(ENERGY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """One condition. `quantity` is a cost's, or "" for quality, whose metric is `metric`.

    `value` is the bound in the figure's own unit; `relative` says what it is measured from: "" (an absolute bound),
    "points" (difference to the baseline, 0.005 is half a percentage point) or "ratio" (0.02 is 2 % more than it).
    """

    text: str
    metric: str
    quantity: str
    at_least: bool
    value: float
    relative: str = ""

    def check(self, entry: Entry, baseline: Entry | None = None) -> FloorCheck:
        """Does it hold at the bad end? None, with the reason, where a figure is absent."""
        figure, reason = self._figure(entry, baseline)
        if figure is None:
            return FloorCheck(floor=self, held=None, text=f"{self.text}: unknown, {reason}")
        held = figure.low >= self.value if self.at_least else figure.high <= self.value
        said = "holds" if held else "does not hold"
        return FloorCheck(floor=self, held=held, figure=figure, text=f"{self.text}: {said}, {self._seen(figure)}")

    def _further(self, entry: Entry, baseline: Entry | None) -> tuple[Figure | None, str]:
        """The figure of a metric that does not rank: all that was seen of a variant stands among its costs."""
        own = entry.costs.get(self.metric)
        if own is None:
            return None, f"{self.metric} was not measured, the quality is {entry.metric}"
        if not self.relative:
            return own, ""
        if entry.is_baseline:
            return exact(0.0, "1"), ""
        base = baseline.costs.get(self.metric) if baseline else None
        if base is None:
            return None, "it is relative to a baseline, and there is none with that quality"
        return _against(own, base, self.relative), ""

    def _seen(self, figure: Figure) -> str:
        """The figure in the words of the floor: a change in points, a cost in the unit that its limit was given in."""
        form = "+.3g" if self.relative else ".4g"
        size, unit = (100.0, " pt" if self.relative == "points" else " %") if self.relative else self._size(figure)
        value, low, high = (f"{one * size:{form}}" for one in (figure.value, figure.low, figure.high))
        return f"{value}{unit}" if low == high else f"{value}{unit} ({low} to {high})"

    def _size(self, figure: Figure) -> tuple[float, str]:
        """What makes the figure's unit the floor's, and that unit's name."""
        found, scales = _TEXT.match(self.text), _SCALES.get(figure.unit, {})
        unit = found.group(5) if found else ""
        if unit.casefold() in scales:
            return 1 / scales[unit.casefold()], f" {unit}"
        return 1.0, _unit(figure)

    def _figure(self, entry: Entry, baseline: Entry | None) -> tuple[Figure | None, str]:
        if self.quantity:
            return entry.costs.get(self.quantity), f"{self.metric} was not measured"
        if self.metric != entry.metric:
            return self._further(entry, baseline)
        if not self.relative or entry.quality is None:
            return entry.quality, f"{self.metric} was not measured"
        if entry.is_baseline:
            return exact(0.0, "1"), ""
        if self.relative == "points" and entry.quality_change is not None:
            return entry.quality_change, ""
        if baseline is None or baseline.quality is None:
            return None, "it is relative to a baseline, and there is none with that quality"
        return _against(entry.quality, baseline.quality, self.relative), ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorCheck:
    """`held` is None where the figure is absent; `text` says it for people."""

    floor: Floor
    held: bool | None
    text: str
    figure: Figure | None = None


def floor_of(text: str) -> Floor:
    """Read a floor. Raises UsageError, with examples, for what is no floor or would silently be none.

    Quality: `accuracy>=0.95`, `f1>=95%`, `rmse<=0.3`; against the baseline: `accuracy>=-0.5pt` (percentage points),
    `rmse<=+2%` (2 % more). Costs: latency_p50, latency_p99, memory, size, energy, cpu, cold_start, with a unit.
    """
    found = _TEXT.match(text)
    if not found:
        raise UsageError(f"can't read the floor {text!r}", hint=_EXAMPLES)
    name, operator, sign, digits, unit = found.groups()
    at_least, value = operator in (">=", "≥"), float(digits)
    cost = _COSTS.get(name.replace("-", "_").casefold())
    if cost:
        return _cost_floor(text, name, cost, None if sign else value, (unit, at_least))
    return _quality_floor(text, name, at_least, value, (sign, unit))


def _cost_floor(text: str, name: str, cost: tuple[str, str], limit: float | None, rest: tuple[str, bool]) -> Floor:
    (quantity, base), (unit, at_least) = cost, rest
    if at_least:
        raise UsageError(f"{text!r} would demand a high cost", hint=f"an upper limit: {name}<=...")
    scale = _SCALES[base].get(unit.casefold())
    if scale is None or limit is None:
        raise UsageError(f"can't read the limit of {text!r}", hint=f"a number with a unit: {', '.join(_SCALES[base])}")
    return Floor(text=text.strip(), metric=name, quantity=quantity, at_least=False, value=limit * scale)


def _quality_floor(text: str, name: str, at_least: bool, value: float, rest: tuple[str, str]) -> Floor:
    sign, unit = rest
    signed = -value if sign in ("-", "−") else value
    if unit in _POINTS:
        relative, bound = "points", signed / 100.0
    elif unit == "%":
        relative, bound = ("ratio" if sign else ""), signed / 100.0
    elif unit:
        raise UsageError(f"{unit!r} is no unit of quality in {text!r}", hint=_EXAMPLES)
    elif sign in ("-", "−"):
        raise UsageError(
            f"{text!r} would let nearly anything pass", hint=f"{name}>=-{value:g}pt is against the baseline"
        )
    else:
        relative, bound = "", value
    return Floor(text=text.strip(), metric=name, quantity="", at_least=at_least, value=bound, relative=relative)


def _against(new: Figure, base: Figure, relative: str) -> Figure:
    """Change of two qualities that were judged apart; wider than a paired change, never narrower."""
    inputs = {"new": new, "base": base}
    if relative == "ratio" and base.low <= 0:
        relative = "points"
    calculate = (lambda new, base: new / base - 1.0) if relative == "ratio" else (lambda new, base: new - base)
    value, low, high = propagate(calculate, inputs)
    return Figure(value=value, low=low, high=high, unit="1", method=weakest((new.method, base.method)))


def _unit(figure: Figure) -> str:
    return "" if figure.unit in ("1", "ratio", "") else f" {figure.unit}"
