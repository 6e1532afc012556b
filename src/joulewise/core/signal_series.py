"""Signals as plain values and back: neighbours of one source share their words, a point costs some 40 characters.

A plan keeps the forecast that it was made from, a week of 50 zones maybe; spelled out, that would be megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from joulewise.core.errors import OutOfRange
from joulewise.core.signals import Signal

_WORDS = ("zone", "kind", "basis", "scope", "status", "source", "licence", "grade")
_TICK = timedelta(microseconds=1)

Series = dict[str, Any]
"""The words of some signals, when the first starts, and a point each: [offset_s, duration_s, value, low, high]."""


def to_series(signals: Iterable[Signal]) -> list[Series]:
    """The signals in their order, neighbours that differ in nothing but time and value taken together."""
    return [_series(key, list(group)) for key, group in groupby(signals, key=_key)]


def from_series(series: Iterable[Mapping[str, Any]]) -> tuple[Signal, ...]:
    """What `to_series` was given. Raises OutOfRange for anything else."""
    try:
        return tuple(signal for one in series for signal in _signals(one))
    except (KeyError, TypeError, AttributeError) as error:
        raise OutOfRange(f"that is no series of signals: {error!r}") from error


def moment_text(moment: datetime) -> str:
    """An aware time as UTC text that `datetime.fromisoformat` reads, to the microsecond."""
    return moment.astimezone(UTC).isoformat()


def _key(signal: Signal) -> tuple[Any, ...]:
    return (*(getattr(signal, word) for word in _WORDS), signal.issued_at)


def _series(key: Sequence[Any], signals: list[Signal]) -> Series:
    start, issued_at = signals[0].start, key[-1]
    return {
        **dict(zip(_WORDS, key, strict=False)),
        "issued_at": None if issued_at is None else moment_text(issued_at),
        "start": moment_text(start),
        "points": [
            [
                (one.start - start) / _TICK / 1e6,
                (one.end - one.start) / _TICK / 1e6,
                one.intensity_g_per_kwh,
                one.low_g_per_kwh,
                one.high_g_per_kwh,
            ]
            for one in signals
        ],
    }


def _signals(series: Mapping[str, Any]) -> Iterable[Signal]:
    words = {word: series[word] for word in _WORDS}
    issued_at = None if series["issued_at"] is None else datetime.fromisoformat(series["issued_at"])
    first = datetime.fromisoformat(series["start"])
    for offset_s, duration_s, value, low, high in series["points"]:
        start = first + timedelta(seconds=offset_s)
        yield Signal(
            **words,
            issued_at=issued_at,
            start=start,
            end=start + timedelta(seconds=duration_s),
            intensity_g_per_kwh=value,
            low_g_per_kwh=low,
            high_g_per_kwh=high,
        )
