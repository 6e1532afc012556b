"""The power trace as the chart wants it: a line a component, gaps kept as gaps, phases as bands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

from joulewise.core.records import Bundle
from joulewise.report.energy_rows import grouped_phases
from joulewise.report.how import channels_of
from joulewise.report.labels import COMPONENT_LABELS, component_label
from joulewise.report.view import Band, PowerSeries

PowerTrace = Mapping[str, Sequence[float | None]] | Mapping[str, Sequence[float]]
"""A filed trace: column t_s, and a power in W a channel; None or NaN is a gap."""
MINE = "mine_w"
"""The column of our own share of the machine's power."""
MOST_BANDS = 150
MOST_POINTS = 600
"""More than a screen has pixels helps nobody; the trace itself keeps every reading."""


def power_series(bundle: Bundle, trace: PowerTrace, bands_below: Sequence[Band] = ()) -> PowerSeries | None:
    """The lines to draw; None if the trace holds fewer than two times or no power at all.

    `bands_below` are the phases of the runs below, drawn where this run has none of its own.
    """
    t_s = [float(value) for value in trace.get("t_s", ()) if value is not None]
    lines = _by_component(bundle, trace)
    if len(t_s) < 2 or not any(value is not None for line in lines.values() for value in line):
        return None
    buckets = _buckets(len(t_s))
    return PowerSeries(
        t_s=tuple(t_s[bucket[-1]] for bucket in buckets),
        power_w=tuple(
            (component_label(name), _thinned(lines[name], buckets))
            for name in sorted(lines, key=lambda name: [*COMPONENT_LABELS, name].index(name))
        ),
        mine_w=_thinned(trace.get(MINE), buckets),
        bands=bands(bundle) or tuple(bands_below),
    )


def bands(bundle: Bundle) -> tuple[Band, ...]:
    """The phases as bands of the chart: two levels at most, and no level of more than MOST_BANDS, which nobody could
    tell apart."""
    found = [
        Band(name=name, start_s=phase.started_s, end_s=phase.started_s + phase.duration_s, depth=depth)
        for depth, name, phases in grouped_phases(bundle.phases)
        for phase in phases
    ]
    count = Counter(band.depth for band in found)
    return tuple(band for band in found if band.depth < 2 and count[band.depth] <= MOST_BANDS)


def _by_component(bundle: Bundle, trace: PowerTrace) -> dict[str, list[float | None]]:
    """Channels of one component added, those within another left out; a gap in one is a gap in the sum."""
    channels = channels_of(bundle.run.environment)
    lines: dict[str, list[float | None]] = {}
    for column, values in trace.items():
        channel = channels.get(column.removesuffix("_w"), {})
        if column in ("t_s", MINE) or channel.get("within"):
            continue
        name = str(channel.get("component") or column)
        line = [_real(value) for value in values]
        lines[name] = line if name not in lines else [_sum(*pair) for pair in zip(lines[name], line, strict=True)]
    return lines


def _buckets(count: int) -> list[range]:
    size = -(-count // MOST_POINTS)
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _thinned(values: Sequence[float | None] | None, buckets: list[range]) -> tuple[float | None, ...]:
    if values is None:
        return ()
    return tuple(_mean([_real(values[at]) for at in bucket]) for bucket in buckets)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _real(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
