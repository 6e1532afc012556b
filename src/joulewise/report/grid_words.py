"""What the data of a grid are, in words: how each stretch came about, what kind it is, where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from joulewise.core.signals import Signal
from joulewise.report.digits import number
from joulewise.report.grid_view import GridView, Mean, Window

KIND_WORDS = {"average": "average of all generation", "marginal": "marginal: what one more kWh causes"}
BASIS_WORDS = {"lifecycle": "lifecycle of the plants", "direct": "direct emissions only"}
SCOPE_WORDS = {"consumption": "with imports", "production": "of what is generated there"}
_GRADES = {"live": "", "cache": ", kept from an earlier answer", "": ""}
_SHAPE_YEARS = re.compile(r" (\d{4}(?:-\d{2})?)[,;)]")
_FACTOR_YEAR = re.compile(r"intensity:[^:]+:(\d{4})")
_STANDS_IN = {"country": "its country's ", "world": "the world's "}


def status_words(signal: Signal) -> str:
    """How a signal came about: "typical hours of 2020-22, scaled to the annual factor of 2024, not a measurement"."""
    year = _of(_FACTOR_YEAR, signal.source)
    if signal.status == "climatology":
        scaled = f", scaled to the annual factor{year}" if year else ""
        return f"typical hours{_of(_SHAPE_YEARS, signal.source)}{scaled}, not a measurement"
    if signal.status == "annual":
        return f"{_STANDS_IN.get(signal.grade, '')}annual average{year}, the same in every hour, not a measurement"
    kept = _GRADES.get(signal.grade, "")
    if signal.status == "forecast":
        issued = f" of {signal.issued_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if signal.issued_at else ""
        return f"forecast{issued}{kept}"
    return f"{'measured' if signal.status == 'measured' else 'estimated by the source'}{kept}"


def type_words(signal: Signal) -> str:
    """What is counted: "average of all generation, lifecycle of the plants, of what is generated there"."""
    return ", ".join((KIND_WORDS[signal.kind], BASIS_WORDS[signal.basis], SCOPE_WORDS[signal.scope]))


def data_words(signals: Sequence[Signal]) -> list[str]:
    """A sentence for each way in which the data came about, the most frequent first, then what they count."""
    if not signals:
        return ["Nothing is known."]
    span: dict[tuple[str, str, str], timedelta] = {}
    for signal in signals:
        key = status_words(signal), signal.source, signal.licence
        span[key] = span.get(key, timedelta()) + (signal.end - signal.start)
    whole = sum(span.values(), timedelta())
    said = []
    for (words, source, licence), part in sorted(span.items(), key=lambda item: -item[1]):
        of_all = f" ({_percent(part / whole)} of the time)" if part < whole else ""
        terms = f"; licence: {licence}" if licence else ""
        said.append(f"{words[0].upper()}{words[1:]}{of_all}. Source: {source}{terms}.")
    return [*said, f"Counted: {type_words(signals[0])}."]


def best_starts(view: GridView) -> list[str]:
    """A sentence a window; one for all where every hour is alike."""
    windows = view.windows()
    values = {round(signal.intensity_g_per_kwh, 6) for signal in view.signals}
    if windows and len(values) == 1:
        return ["Every hour is alike, as far as is known: no start is better than another."]
    return [f"{window_words(window, view)}." for window in windows]


def window_words(window: Window, view: GridView) -> str:
    """ "Best 3 h start: tomorrow 12:00 (11:00 UTC), 18 % below now"."""
    start = window.best.start
    when = moment_words(start, view)
    return f"Best {window.hours} h start: {when}, {difference_words(window, start <= view.now)}"


def difference_words(window: Window, is_now: bool) -> str:
    """How much cleaner than starting now, and whether the bands leave a doubt."""
    if is_now:
        return "no later start is cleaner"
    below = window.below_ratio
    if below is None:
        return "what now emits is unknown"
    text = f"{round(100 * below)} % below now" if below >= 0.005 else "as clean as now"
    return f"{text}; the 95 % bands overlap" if window.is_tie and below >= 0.005 else text


def moment_words(moment: datetime, view: GridView) -> str:
    """ "now", "today 14:00 (13:00 UTC)", "tomorrow 03:00 (02:00 UTC)", "Wed 14 Jan 12:00 (11:00 UTC)"."""
    if moment <= view.now:
        return "now"
    local = moment.astimezone(view.clock)
    days = (local.date() - view.now.astimezone(view.clock).date()).days
    day = ("today", "tomorrow")[days] if days in (0, 1) else f"{local:%a} {local.day} {local:%b}"
    utc = "" if local.utcoffset() == timedelta() else f" ({moment.astimezone(UTC):%H:%M} UTC)"
    return f"{day} {local:%H:%M}{utc}"


def mean_text(mean: Mean | Signal | None) -> str:
    """ "312 (250 – 380)"; "unknown" for a gap."""
    if mean is None:
        return "unknown"
    low, value, high = (
        number(_rounded(one)) for one in (mean.low_g_per_kwh, mean.intensity_g_per_kwh, mean.high_g_per_kwh)
    )
    return f"{value} ({low} – {high})" if low != high else value


def clock_words(view: GridView) -> str:
    """Whose clock is shown: "Europe/Berlin, now UTC+1"."""
    hours = (view.now.astimezone(view.clock).utcoffset() or timedelta()) / timedelta(hours=1)
    return "UTC" if str(view.clock) == "UTC" else f"{view.clock}, now UTC{hours:+g}"


def as_sentences(notices: Iterable[str]) -> list[str]:
    """Each with a capital and a full stop."""
    return [f"{one[0].upper()}{one[1:].rstrip('.')}." for one in notices if one]


def _of(pattern: re.Pattern[str], source: str) -> str:
    """ " of 2024"; "" where the source doesn't say."""
    found = pattern.search(source)
    return f" of {found[1]}" if found else ""


def _percent(share: float) -> str:
    """Whole percents of a part that is neither nothing nor all."""
    return f"{min(99, max(1, round(100 * share)))} %"


def _rounded(value: float) -> float:
    return round(value) if value >= 10 else round(value, 1)
