"""Splits a channel's joules: mine, others', unattributed. Their sum is what the meter read, in every interval.

dynamic      = max(0, energy - idle power x time), split by CPU time (or GPU busy time) over what was busy
idle part    = energy - dynamic; our share of it by allocation (default), by busy time, or none
unattributed = the rest of the idle part, and dynamic energy in which nobody was seen busy
Source: field practice as in Kepler and Scaphandre, but with idle > 0 at full load; docs/explanation/attribution.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from joulewise.core.channels import BUSY, ENERGY, POWER, Channel
from joulewise.core.units import s_from_ns
from joulewise.measure.cpu_model import energy_j as model_energy_j
from joulewise.measure.timeline import Curve

JUMP_SLACK = 1.5
"""A reading above 1.5 x the channel's maximum power is a jump, hence a gap: short bursts do exceed a nominal limit."""
UPDATE_S = 0.2
"""Counters are updated every 1 ms (RAPL) to 100 ms (NVML): a short interval may show what came before it."""
BRIDGE_TICKS_US = 15_000_000
"""A momentary power reading is trusted for at most this long."""
UNKNOWN_IDLE_RATIO = (0.1, 0.25, 0.6)
"""Idle over mean power where nobody has seen the device idle: SPECpower servers have 0.1 to 0.6 (cpu_specpower)."""
PARTS = ("machine", "low", "high", "mine_dynamic", "mine_idle", "others", "unattributed", "covered_s")


@dataclass(frozen=True, slots=True)
class Shares:
    """Who was busy, as curves over the same clock: `mine` and `busy` in seconds, `idle` our share of idle power."""

    mine: Curve
    busy: Curve
    idle: float | None

    def mine_of_busy(self, start_us: int, end_us: int) -> float | None:
        """Our part of the busy time, 0..1; None if nothing was busy."""
        busy = self.busy.between(start_us, end_us)
        return min(1.0, max(0.0, self.mine.between(start_us, end_us) / busy)) if busy > 0 else None


@dataclass(slots=True)
class ChannelEnergy:
    """A channel's joules as cumulative curves, one for each of PARTS."""

    channel: Channel
    curves: dict[str, Curve]
    idle_w: float | None
    idle_known: bool
    peak_w: float | None
    gaps: list[str] = field(default_factory=list)

    def part(self, name: str, start_us: int, end_us: int) -> float:
        """Joules (for covered_s seconds) of one part in [start, end]."""
        return self.curves[name].between(start_us, end_us)


Interval = tuple[int, int, float, float, float]
"""start µs, end µs, joules, low, high"""


def attribute(channel: Channel, series: list[tuple[int, int]], shares: Shares) -> ChannelEnergy:
    """Make curves of a channel's raw counts. A gap leaves the curves flat and is named."""
    gaps: list[str] = []
    intervals = _intervals(channel, series, shares, gaps)
    powers = [
        energy / s_from_ns((end - start) * 1000) for start, end, energy, _, _ in intervals if end - start > 50_000
    ]
    idle_w = channel.idle_w
    if idle_w is None and intervals:
        mean_w = sum(item[2] for item in intervals) / s_from_ns(sum((item[1] - item[0]) * 1000 for item in intervals))
        idle_w = min([UNKNOWN_IDLE_RATIO[1] * mean_w, *powers])
    totals = dict.fromkeys(PARTS, 0.0)
    points: dict[str, list[tuple[int, float]]] = {part: [] for part in PARTS}

    def mark(time_us: int) -> None:
        for part in PARTS:
            if not points[part] or points[part][-1][0] != time_us:
                points[part].append((time_us, totals[part]))

    for interval in intervals:
        mark(interval[0])
        for part, value in _split(interval, idle_w or 0.0, shares).items():
            totals[part] += value
        mark(interval[1])
    return ChannelEnergy(
        channel=channel,
        curves={part: Curve(points[part]) for part in PARTS},
        idle_w=idle_w,
        idle_known=channel.idle_w is not None,
        peak_w=max(powers, default=None),
        gaps=gaps,
    )


def _split(interval: Interval, idle_w: float, shares: Shares) -> dict[str, float]:
    start_us, end_us, energy, low, high = interval
    duration_s = s_from_ns((end_us - start_us) * 1000)
    dynamic = max(0.0, energy - idle_w * duration_s)
    idle = energy - dynamic
    share = shares.mine_of_busy(start_us, end_us)
    mine_dynamic = dynamic * share if share is not None else 0.0
    others = dynamic - mine_dynamic if share is not None else 0.0
    mine_idle = idle * (shares.idle if shares.idle is not None else share or 0.0)
    return {
        "machine": energy,
        "low": low,
        "high": high,
        "mine_dynamic": mine_dynamic,
        "mine_idle": mine_idle,
        "others": others,
        "unattributed": energy - mine_dynamic - mine_idle - others,
        "covered_s": duration_s,
    }


def _intervals(channel: Channel, series: list[tuple[int, int]], shares: Shares, gaps: list[str]) -> list[Interval]:
    if channel.quantity == BUSY:
        return _modelled(channel, series, shares)
    found: list[Interval] = []
    trusted = _without_glitches(channel, series, gaps)
    for (start_us, before), (end_us, after) in itertools.pairwise(trusted):
        duration_s = s_from_ns((end_us - start_us) * 1000)
        energy = _energy_j(channel, before, after, duration_s)
        if energy is None:
            gaps.append(f"{channel.key}: {_complaint(channel, before, after, duration_s)}")
            continue
        found.append((start_us, end_us, energy, energy * channel.low_ratio, energy * channel.high_ratio))
    return found


def _without_glitches(channel: Channel, series: list[tuple[int, int]], gaps: list[str]) -> list[tuple[int, int]]:
    """Drop single readings that fit neither neighbour while the neighbours fit each other, and repeated times."""
    kept: list[tuple[int, int]] = []
    for index, (time_us, count) in enumerate(series):
        if kept and time_us <= kept[-1][0]:
            continue
        if kept and index + 1 < len(series) and channel.quantity == ENERGY:
            (before_us, before), (after_us, after) = kept[-1], series[index + 1]
            fits = _energy_j(channel, before, count, s_from_ns((time_us - before_us) * 1000)) is not None
            fits = fits and _energy_j(channel, count, after, s_from_ns((after_us - time_us) * 1000)) is not None
            bridge = _energy_j(channel, before, after, s_from_ns((after_us - before_us) * 1000))
            if bridge is not None and after >= before and (not fits or count < before):
                gaps.append(f"{channel.key}: one reading of {count} makes no sense between {before} and {after}")
                continue
        kept.append((time_us, count))
    return kept


def _energy_j(channel: Channel, before: int, after: int, duration_s: float) -> float | None:
    """Joules between two readings; None where they can't be trusted."""
    if channel.quantity == POWER:
        if duration_s * 1e6 > BRIDGE_TICKS_US or before < 0 or after < 0:
            return None
        return (before + after) / 2 * channel.scale * duration_s
    if channel.quantity != ENERGY:
        return None
    limit_j = channel.max_power_w * JUMP_SLACK * (duration_s + UPDATE_S) if channel.max_power_w else None
    counts = after - before
    if counts < 0:
        if channel.wrap is None or not 0 <= after < channel.wrap or not 0 <= before < channel.wrap:
            return None
        counts += channel.wrap
        # a reset to zero looks like a wrap: only a plausible power tells them apart
        if limit_j is None and counts > channel.wrap / 2:
            return None
    if channel.wrap and limit_j is not None and limit_j > channel.wrap * channel.scale:
        return None  # it may have wrapped more than once unseen
    energy = counts * channel.scale
    return None if limit_j is not None and energy > max(limit_j, channel.scale) else energy


def _complaint(channel: Channel, before: int, after: int, duration_s: float) -> str:
    if channel.quantity == POWER:
        return f"no power reading for {duration_s:.0f} s"
    if after < before:
        return f"the counter fell from {before} to {after} (reset)"
    watts = (after - before) * channel.scale / duration_s
    return f"{watts:.3g} W over {duration_s:.3g} s is not possible, or the counter wrapped unseen"


def _modelled(channel: Channel, series: list[tuple[int, int]], shares: Shares) -> list[Interval]:
    """Model joules in blocks of a quarter second or more, then by time (idle) and busy time (the rest) within them."""
    found: list[Interval] = []
    first = 0
    while first < len(series) - 1:
        last = first + 1
        while last < len(series) - 1 and series[last][0] - series[first][0] < 250_000:
            last += 1
        if series[-1][0] - series[last][0] < 250_000:
            last = len(series) - 1
        found += _block(channel, [time_us for time_us, _ in series[first : last + 1]], shares)
        first = last
    return found


def _block(channel: Channel, times_us: list[int], shares: Shares) -> list[Interval]:
    start_us, end_us = times_us[0], times_us[-1]
    duration_s = s_from_ns((end_us - start_us) * 1000)
    if duration_s <= 0:
        return []
    busy_s = shares.busy.between(start_us, end_us)
    energy, low, high = model_energy_j(channel.params, busy_s, duration_s)
    idle_j = min(energy, (channel.idle_w or 0.0) * duration_s)
    parts = []
    for before_us, after_us in itertools.pairwise(times_us):
        time_part = (after_us - before_us) / (end_us - start_us)
        busy_part = shares.busy.between(before_us, after_us) / busy_s if busy_s > 0 else time_part
        part = (idle_j * time_part + (energy - idle_j) * busy_part) / energy if energy > 0 else time_part
        parts.append((before_us, after_us, energy * part, low * part, high * part))
    return parts
