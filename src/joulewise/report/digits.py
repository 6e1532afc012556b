"""Write a figure with as many digits as its interval supports, and not one more.

Source of the rule: Particle Data Group, Review of Particle Physics, Introduction 5.3 ("355 rule"), which narrows
JCGM 100:2008 (GUM), 7.2.6: a result is rounded to be consistent with its uncertainty.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from math import floor, isclose, isfinite, log10

from joulewise.core.figures import Figure
from joulewise.core.units import S_PER_YEAR, readable, wh_from_j

EXACT_DIGITS = 6
"""Significant digits of a figure without doubt; more would be noise of the clock."""
WH_FROM_J = 360.0
"""A tenth of a watt-hour and more is shown in Wh: the unit on people's bills."""
_SUFFIX = {"g": " CO2e", "kg": " CO2e", "t": " CO2e", "mg": " CO2e", "µg": " CO2e", "ng": " CO2e"}


def shown(figure: Figure, *, co2e: bool = True, size_of: Figure | None = None) -> str:
    """The figure for people: "1.2 Wh (0.8 – 2.5)"; bounds are rounded outwards, so that they still hold.

    `co2e` says whether grams are CO2e (the default) or plain mass. `size_of` gives the figure whose Wh or kWh a whole
    table takes over, so that its lines compare at a glance.
    """
    value, low, high, unit = rescaled(figure, size_of or figure)
    decimals = supported_decimals(value, low, high)
    is_exact = isclose(low, high, rel_tol=1e-9)
    text = f"{_rounded(value, decimals, ROUND_HALF_EVEN, strip=is_exact)} {unit_text(unit, co2e=co2e)}".rstrip()
    if is_exact:
        return text
    return f"{text} ({_rounded(low, decimals, ROUND_FLOOR)} – {_rounded(high, decimals, ROUND_CEILING)})"


def rescaled(figure: Figure, size_of: Figure) -> tuple[float, float, float, str]:
    """Value, low, high and unit in the size that a person reads best; "J/epoch" becomes "Wh/epoch"."""
    head, slash, per = figure.unit.replace("gCO2e", "g").partition("/")
    largest = size_of.value or size_of.high
    if largest == 0 or (slash and per == "kWh"):
        return figure.value, figure.low, figure.high, figure.unit.replace("gCO2e", "g")
    scaled, unit = _long_time(largest) if head == "s" and not slash else readable(largest, head)
    if unit == "J" and largest >= WH_FROM_J:
        scaled, unit = wh_from_j(largest), "Wh"
    ratio = scaled / largest
    return figure.value * ratio, figure.low * ratio, figure.high * ratio, unit + slash + per


def _long_time(duration_s: float) -> tuple[float, str]:
    """Lives of machines in years, jobs in days or hours; seconds below two hours."""
    for size_s, unit in ((S_PER_YEAR, "years"), (2 * 86_400.0, "d"), (7_200.0, "h")):
        if abs(duration_s) >= size_s:
            return duration_s / {"years": S_PER_YEAR, "d": 86_400.0, "h": 3_600.0}[unit], unit
    return duration_s, "s"


def unit_text(unit: str, *, co2e: bool = True) -> str:
    """The unit as people write it: "g CO2e/kWh", and "%" or "" where there is none."""
    head, slash, per = unit.partition("/")
    suffix = _SUFFIX.get(head, "") if co2e else ""
    return "" if unit in ("1", "ratio", "") else head + suffix + slash + per


def number(value: float) -> str:
    """A plain number without an interval, at most six significant digits, thousands set apart."""
    value = float(value)
    if not isfinite(value):
        return str(value)
    return _rounded(value, _decimals_for(value, EXACT_DIGITS), ROUND_HALF_EVEN, strip=True)


def seconds(duration_s: float) -> str:
    """A duration with three significant digits, whole seconds from a hundred on: "0.031 s", "84.2 s", "7,214 s"."""
    return f"{number(round(duration_s) if duration_s >= 100 else float(f'{duration_s:.3g}'))} s"


def share(value: float) -> str:
    """0.9934 becomes "99.3 %"; what is not all of it never reads "100 %"."""
    percent = Decimal(repr(value * 100)).quantize(Decimal("0.1"), ROUND_FLOOR if value < 1 else ROUND_HALF_EVEN)
    return f"{percent.normalize():f} %" if percent else "0 %"


def supported_decimals(value: float, low: float, high: float) -> int:
    """Decimal places (negative: tens, hundreds) that half the interval supports.

    Two digits of the half-width if it starts with 100 to 354 (or 950 and more, which rounds up), else one.
    """
    half = (high - low) / 2
    if isclose(low, high, rel_tol=1e-9) or half == 0:
        return _decimals_for(value, EXACT_DIGITS)
    exponent = floor(log10(half))
    leading = half / 10.0**exponent
    digits = 1 if leading >= 9.5 or leading < 3.55 else 0
    decimals = -exponent + digits - (1 if leading >= 9.5 else 0)
    return max(decimals, _decimals_for(value, 1))


def _decimals_for(value: float, digits: int) -> int:
    """The decimals that give so many significant digits; a whole number, a count say, keeps all of its own."""
    if value == 0 or (digits == EXACT_DIGITS and value.is_integer() and abs(value) < 1e12):
        return 0
    return digits - 1 - floor(log10(abs(value)))


def _rounded(value: float, decimals: int, rounding: str, *, strip: bool = False) -> str:
    """Decimal text, plain notation; 12 digits of the float count, the rest is binary noise."""
    exact = Decimal(f"{value:.12g}")
    at_decimals = exact.quantize(Decimal(1).scaleb(-decimals), rounding)
    if exact and not at_decimals:
        at_decimals = exact.quantize(Decimal(1).scaleb(exact.adjusted()), rounding)
    if strip:
        at_decimals = at_decimals.normalize()
    return f"{at_decimals:,f}"
