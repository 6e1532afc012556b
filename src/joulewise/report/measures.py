"""Figures of models as people read them: small times in ms or µs, memory in MB, ratios as "5.2 times less"."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor, isclose

from joulewise.core.figures import Figure, scaled
from joulewise.report.digits import number, shown, supported_decimals

ABSENT = "–"
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_ALIKE = 2.0
"""High over low of an interval around 1, up to which two count as alike."""
_MOST_DIGITS = 4
_RATES = ("1/s", "samples/s", "inferences/s", "rows/s")


def readable_figure(figure: Figure) -> Figure:
    """The figure in the size that fits its value: 0.0042 s is 4.2 ms, 64000000 bytes are 64 MB."""
    sizes = {"s": _TIMES, "bytes": _BYTES, "B": _BYTES}.get(figure.unit)
    if sizes is None or figure.value <= 0 or (figure.unit == "s" and figure.value >= 1):
        return figure
    size, unit = next((one for one in sizes if figure.value >= one[0]), sizes[-1])
    return scaled(figure, 1.0 / size, unit)


def with_interval(figure: Figure | None) -> str:
    """ "4.2 ms (3.9 – 4.6)"; a dash where there is none."""
    return shown(readable_figure(figure), co2e=False) if figure else ABSENT


def alone(figure: Figure | None) -> str:
    """The value without the interval, with the digits that its interval supports, but at most four."""
    text = with_interval(figure).partition(" (")[0]
    significant = "".join(filter(str.isdigit, text.partition(" ")[0])).strip("0")
    if figure is None or len(significant) <= _MOST_DIGITS:
        return text
    brief = float(f"{figure.value:.{_MOST_DIGITS}g}")
    return with_interval(replace(figure, value=brief, low=brief, high=brief))


def ratio_words(ratio: Figure | None) -> str:
    """A ratio to the baseline as times: "5.2× less (4.9 – 5.6)", "1.3× more (1.2 – 1.4)", "alike (0.97 – 1.04×)";
    "unsure (0.65 – 91×)" where the interval holds both and is too wide to call it alike."""
    if ratio is None:
        return ABSENT
    if isclose(ratio.low, 1.0) and isclose(ratio.high, 1.0):
        return "baseline"
    if ratio.low <= 1.0 <= ratio.high:
        word = "alike" if ratio.high <= _ALIKE * ratio.low else "unsure"
        return f"{word} ({_brief(ratio.low)} – {_brief(ratio.high)}×)"
    more = ratio.value > 1
    value, low, high = (one if more else 1 / one for one in (ratio.value, ratio.low, ratio.high))
    words = f"{_brief(value)}× {'more' if more else 'less'}"
    return words if isclose(low, high) else f"{words} ({_brief(min(low, high))} – {_brief(max(low, high))})"


def signed(figure: Figure | None) -> str:
    """A change in the unit of its metric: "+3.5 (-0.3 – +7.1)"; bounds are rounded outwards, so that they hold."""
    if figure is None:
        return ABSENT
    if isclose(figure.low, figure.high):
        return f"{figure.value:+,.4g}"
    decimals = max(supported_decimals(figure.value, figure.low, figure.high), 0)
    size = 10**decimals
    ends = (figure.value, floor(figure.low * size) / size, ceil(figure.high * size) / size)
    value, low, high = (f"{round(one, decimals) or 0.0:+,.{decimals}f}" for one in ends)
    return f"{value} ({low} – {high})"


def metric_head(name: str) -> str:
    """A metric's name as a head: "Accuracy"; names with more than letters and digits stay as they are: f1_macro."""
    return name.capitalize() if name.isalnum() else name


def points(figure: Figure | None) -> str:
    """A change of a share in percentage points: "-0.10 pt (-0.30 – +0.10)"."""
    if figure is None:
        return ABSENT
    digits = 2 if max(abs(figure.low), abs(figure.high)) < 0.1 else 1
    value, low, high = (
        f"{round(100 * one, digits) or 0.0:+.{digits}f}" for one in (figure.value, figure.low, figure.high)
    )
    return f"{value} pt" if low == high else f"{value} pt ({low} – {high})"


def _brief(value: float) -> str:
    return number(float(f"{value:.3g}" if value < 1000 else f"{value:.0f}"))
