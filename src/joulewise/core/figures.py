"""A figure: value, bounds, unit, method and source. Nothing leaves joulewise as a bare number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import hypot, inf

from joulewise.core.errors import OutOfRange, UndefinedFigure

MEASURED, REPORTED, MODELLED, DEFAULT = "measured", "reported", "modelled", "default"
METHODS = (MEASURED, REPORTED, MODELLED, DEFAULT)
"""From the surest to the weakest: a counter that we read, someone else's meter, a model, a default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that an auditor accepts.

    `low` and `high` are the 95 % interval unless `level` says otherwise.
    Raises OutOfRange if low <= value <= high does not hold, or any of them is NaN or infinite.
    """

    value: float
    low: float
    high: float
    unit: str
    method: str
    source: str = ""
    level: float = 0.95

    def __post_init__(self) -> None:
        if not -inf < self.low <= self.value <= self.high < inf:  # also false for NaN
            raise OutOfRange(f"want low <= value <= high, all finite, got {self.low}, {self.value}, {self.high}")
        if self.method not in METHODS:
            raise OutOfRange(f"method {self.method!r} is not one of {', '.join(METHODS)}")

    @property
    def relative_width(self) -> float:
        """(high - low) / value; raises UndefinedFigure for a value of zero."""
        if self.value == 0:
            raise UndefinedFigure("a relative width needs a value other than zero")
        return (self.high - self.low) / abs(self.value)

    def overlaps(self, other: Figure) -> bool:
        """True if the intervals touch: the two figures are then a tie. Raises OutOfRange across units."""
        if self.unit != other.unit:
            raise OutOfRange(f"can't compare {self.unit} with {other.unit}")
        return self.low <= other.high and other.low <= self.high


def exact(value: float, unit: str, method: str = MEASURED, source: str = "") -> Figure:
    """A figure without doubt: a count, a definition, a price on an invoice."""
    return Figure(value=value, low=value, high=value, unit=unit, method=method, source=source)


def weakest(methods: Iterable[str]) -> str:
    """The method of a result is that of its weakest input. Raises UndefinedFigure for no input."""
    found = sorted(methods, key=METHODS.index)
    if not found:
        raise UndefinedFigure("no inputs, hence no method")
    return found[-1]


def total(figures: Iterable[Figure], *, correlated: bool = True) -> Figure:
    """Sum figures of one unit. Refuses an empty sum and a mixture of units.

    Correlated errors (one meter, one model) add linearly, independent ones in quadrature.
    Source: JCGM 100:2008 (GUM), 5.1.2 and 5.2.2 note 1.
    """
    parts = list(figures)
    if not parts:
        raise UndefinedFigure("a sum over nothing is not zero: nothing was measured")
    units = {part.unit for part in parts}
    if len(units) > 1:
        raise OutOfRange(f"can't add {' and '.join(sorted(units))}")
    value = sum(part.value for part in parts)
    downs = [part.value - part.low for part in parts]
    ups = [part.high - part.value for part in parts]
    down, up = (sum(downs), sum(ups)) if correlated else (hypot(*downs), hypot(*ups))
    return Figure(
        value=value,
        low=value - down,
        high=value + up,
        unit=parts[0].unit,
        method=weakest(part.method for part in parts),
        source="; ".join(dict.fromkeys(part.source for part in parts if part.source)),
    )


def scaled(figure: Figure, by: float, unit: str | None = None) -> Figure:
    """The figure times an exact, non-negative number."""
    if not 0 <= by < inf:
        raise OutOfRange(f"want 0 <= factor < inf, got {by}")
    return replace(
        figure, value=figure.value * by, low=figure.low * by, high=figure.high * by, unit=unit or figure.unit
    )


def propagate(function: Callable[..., float], inputs: Mapping[str, Figure]) -> tuple[float, float, float]:
    """Value, low and high of `function(**values)` for independent inputs, each moved to its bounds in turn.

    The function must be monotone in each input over its interval, as all our formulas are.
    The shifts of the separate inputs combine in quadrature, down and up apart, so skewed intervals stay skewed, but
    never beyond what the function gives with every input at its worst bound: a mass can't turn negative.
    Source: JCGM 100:2008 (GUM), 5.1.3 note 2 (numerical sensitivity coefficients).
    """
    middle = {name: figure.value for name, figure in inputs.items()}
    lowest, highest = dict(middle), dict(middle)
    value = function(**middle)
    down = up = 0.0
    for name, figure in inputs.items():
        if figure.low == figure.high:
            continue
        shifts = {bound: function(**{**middle, name: bound}) - value for bound in (figure.low, figure.high)}
        lowest[name] = min(shifts, key=lambda bound: shifts[bound])
        highest[name] = max(shifts, key=lambda bound: shifts[bound])
        down = hypot(down, min(0.0, *shifts.values()))
        up = hypot(up, max(0.0, *shifts.values()))
    low = max(value - down, function(**lowest))
    high = min(value + up, function(**highest))
    return value, min(low, value), max(high, value)
