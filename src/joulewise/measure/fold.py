"""From journals to figures: one pure function for the live, the recovered, the re-read and the merged run alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot

from joulewise.core.channels import BUSY, ENERGY, POWER, USE_ALL, USE_MINE, Channel
from joulewise.core.errors import JournalError
from joulewise.core.figures import MEASURED, METHODS, REPORTED, Figure, total
from joulewise.measure.attribution import ChannelEnergy, Shares, attribute
from joulewise.measure.meters.rapl import mirrors
from joulewise.measure.meters.select import WHOLE
from joulewise.measure.reading import JournalData, Series
from joulewise.measure.timeline import Curve, added, rises, smoothed_busy

ALONE, SHARED = 0.06, 0.24
"""95 % error of splitting by CPU time, alone on the device and with neighbours (field: 5 % and 20 % at 90 %)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of monotonic time. A phase belongs to one of several ranks (`rank`), and gets that rank's share only:
    phases that ranks run at the same time then sum to the run, as they must."""

    start_us: int
    end_us: int
    rank: int | None = None

    @property
    def duration_s(self) -> float:
        return (self.end_us - self.start_us) / 1e6


@dataclass(slots=True)
class Folded:
    """A run on one node: its time, its CPU time and the energy of each channel, as curves over monotonic µs."""

    journals: list[JournalData]
    start_us: int
    end_us: int
    ranks: list[Curve]
    mine: Curve
    busy: Curve
    steal: Curve
    energies: list[ChannelEnergy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _of_ranks: dict[tuple[str, int], Curve] = field(default_factory=dict)

    @property
    def main(self) -> JournalData:
        """The journal that led (read the meters) first."""
        return next((one for one in self.journals if one.header["leads"]), self.journals[0])

    @property
    def duration_s(self) -> float:
        """First to last snapshot, seconds of the monotonic clock."""
        return (self.end_us - self.start_us) / 1e6

    def cpu_us(self, window: Window) -> float:
        """Our CPU time in a window, or that of its rank."""
        curve = self.mine if window.rank is None else self.ranks[window.rank]
        return curve.between(window.start_us, window.end_us)

    def ours(self, energy: ChannelEnergy, window: Window) -> tuple[float, float]:
        """Our dynamic joules and our share of the idle ones in a window, or those of the window's rank.

        Ranks share the dynamic part by CPU time, interval by interval, and the idle part evenly.
        """
        start_us, end_us = window.start_us, window.end_us
        idle = energy.part("mine_idle", start_us, end_us)
        if window.rank is None or len(self.ranks) == 1:
            return energy.part("mine_dynamic", start_us, end_us), idle
        return self._dynamic_of(energy, window.rank).between(start_us, end_us), idle / len(self.ranks)

    def _dynamic_of(self, energy: ChannelEnergy, rank: int) -> Curve:
        key = energy.channel.key, rank
        if key not in self._of_ranks:
            points = [(energy.curves["mine_dynamic"].points[0][0], 0.0)] if energy.curves["mine_dynamic"].points else []
            for (start_us, before), (end_us, after) in pairwise(energy.curves["mine_dynamic"].points):
                all_us = self.mine.between(start_us, end_us)
                part = self.ranks[rank].between(start_us, end_us) / all_us if all_us > 0 else 1 / len(self.ranks)
                points.append((end_us, points[-1][1] + (after - before) * part))
            self._of_ranks[key] = Curve(points)
        return self._of_ranks[key]

    def added_up(self) -> list[ChannelEnergy]:
        """The channels whose joules sum to the run's: the components, if all are metered, or else one whole machine's.

        A real meter of the whole goes before a sum with a modelled part in it.
        """
        parts = [one for one in self.energies if one.channel.within is None and one.channel.component not in WHOLE]
        whole = [one for one in self.energies if one.channel.component in WHOLE]
        whole.sort(key=lambda one: (METHODS.index(one.channel.method), WHOLE.index(one.channel.component)))
        metered = all(one.channel.method in (MEASURED, REPORTED) for one in parts)
        better = whole and whole[0].channel.method in (MEASURED, REPORTED) and not metered
        return whole[:1] if better or not parts else parts


def fold(journals: list[JournalData]) -> Folded:
    """Fold the journals of one run on one node. Raises JournalError for none, or for journals of different boots."""
    if not journals:
        raise JournalError("no journal, no run")
    if len({one.header["boot_id"] for one in journals}) > 1:
        raise JournalError("journals of different boots can't be folded into one run")
    ranks = [rises(one.cpu_us) for one in journals]
    mine = added(ranks)
    times = sorted({moment for one in journals for moment in one.moments_us.values()})
    raw_busy = rises(_merged([one.busy_us for one in journals]))
    folded = Folded(
        journals=journals,
        start_us=min(one.start_us for one in journals),
        end_us=max(one.end_us for one in journals),
        ranks=ranks,
        mine=mine,
        busy=smoothed_busy(mine, raw_busy, times),
        steal=rises(_merged([one.steal_us for one in journals])),
    )
    channels: dict[str, Channel] = {}
    for one in journals:
        channels.update({key: channel for key, channel in one.channels.items() if key not in channels})
    series = {key: _merged([one.counts.get(key, []) for one in journals]) for key in channels}
    for key in _mirrored(channels, series, folded.notes):
        del channels[key]
    idle_share = _idle_share(folded.main)
    cpu_shares = Shares(mine=_seconds(mine), busy=_seconds(folded.busy), idle=idle_share)
    for key, channel in channels.items():
        if channel.quantity in (ENERGY, POWER, BUSY):
            shares = _gpu_shares(channel, channels, series, idle_share) if channel.component == "gpu" else cpu_shares
            folded.energies.append(attribute(channel, series[key], shares))
    return folded


def window_figures(folded: Folded, energy: ChannelEnergy, window: Window) -> dict[str, Figure] | None:
    """The three figures of a channel in a window, J; None if nothing was read in it."""
    start_us, end_us = window.start_us, window.end_us
    covered_s = energy.part("covered_s", start_us, end_us)
    if covered_s <= 0:
        return None
    machine = energy.part("machine", start_us, end_us)
    gap_s = max(0.0, window.duration_s - covered_s)
    # what a gap may hide: the highest power that the channel showed
    hidden_j = gap_s * (energy.peak_w or 0.0) if gap_s > 0.001 * covered_s else 0.0
    low = min(machine, energy.part("low", start_us, end_us))
    high = max(machine, energy.part("high", start_us, end_us)) + hidden_j
    dynamic, idle = folded.ours(energy, window)
    others = energy.part("others", start_us, end_us)
    error = _split_error(dynamic, others)

    def make(value: float, split_part: float) -> Figure:
        value = min(value, machine)
        relative_low = (machine - low) / machine if machine > 0 else 0.0
        relative_high = (high - machine) / machine if machine > 0 else 0.0
        down = hypot(value * relative_low, split_part * error)
        up = hypot(value * relative_high, split_part * error)
        return Figure(
            value=value,
            low=max(0.0, value - down),
            high=max(value, min(high, value + up)),
            unit="J",
            method=energy.channel.method,
            source=f"{energy.channel.key}: {energy.channel.source}",
        )

    with_idle = make(dynamic + idle, dynamic)
    if not energy.idle_known:
        # nobody has seen this device idle: all of its energy may be dynamic
        share = dynamic / (dynamic + others) if dynamic + others > 0 else 0.0
        bare = make(dynamic, dynamic)
        dynamic_figure = Figure(
            value=bare.value,
            low=bare.low * 0.5,
            high=max(bare.value, min(high, share * high)),
            unit="J",
            method=bare.method,
            source=f"{bare.source}; idle power unknown",
        )
    else:
        dynamic_figure = make(dynamic, dynamic)
    whole = Figure(value=machine, low=low, high=high, unit="J", method=energy.channel.method, source=with_idle.source)
    return {"dynamic": dynamic_figure, "with_idle_share": with_idle, "machine": whole}


def total_figures(parts: list[dict[str, Figure]]) -> dict[str, Figure] | None:
    """Sum the components' figures, attribution by attribution; None if there are none.

    Errors of one method add linearly (one cause), those of different methods in quadrature.
    """
    if not parts:
        return None
    totals: dict[str, Figure] = {}
    for attribution in parts[0]:
        figures = [part[attribution] for part in parts]
        by_method = [
            total([figure for figure in figures if figure.method == method])
            for method in dict.fromkeys(figure.method for figure in figures)
        ]
        totals[attribution] = total(by_method, correlated=False) if len(by_method) > 1 else by_method[0]
    return totals


def _split_error(dynamic: float, others: float) -> float:
    busy = dynamic + others
    return ALONE if busy <= 0 or others / busy < 0.1 else SHARED


def _merged(parts: list[Series]) -> Series:
    return sorted({moment: count for part in reversed(parts) for moment, count in part}.items())


def _seconds(curve: Curve) -> Curve:
    return Curve((time_us, value / 1e6) for time_us, value in curve.points)


def _idle_share(main: JournalData) -> float | None:
    """Our share of idle power; None means by busy time."""
    choice = main.header["settings"]["idle_share"]
    return {"none": 0.0, "busy": None}.get(choice, float(main.header["share"]))


def _gpu_shares(
    channel: Channel, channels: dict[str, Channel], series: dict[str, Series], idle_share: float | None
) -> Shares:
    """GPU energy goes by SM time where the driver tells it; else the device that we see is ours."""
    use = {
        other.quantity: rises(series[key])
        for key, other in channels.items()
        if other.device == channel.device and other.quantity in (USE_MINE, USE_ALL)
    }
    if USE_MINE in use and USE_ALL in use and use[USE_ALL].points:
        return Shares(mine=use[USE_MINE], busy=use[USE_ALL], idle=1.0 if idle_share else idle_share)
    clock = Curve((time_us, float(time_us)) for time_us, _ in series[channel.key])
    return Shares(mine=clock, busy=clock, idle=1.0)


def _mirrored(channels: dict[str, Channel], series: dict[str, Series], notes: list[str]) -> list[str]:
    """Package zones that count the same joules twice (multi-die packages of some systems)."""
    packages = [key for key, channel in channels.items() if channel.component == "cpu" and channel.quantity == ENERGY]
    dropped: list[str] = []
    for index, first in enumerate(packages):
        for second in packages[index + 1 :]:
            if first in dropped or second in dropped:
                continue
            other = dict(series[second])
            both = [(count, other[moment]) for moment, count in series[first] if moment in other]
            if mirrors([one for one, _ in both], [two for _, two in both], scale=channels[first].scale):
                dropped.append(second)
                notes.append(f"{second} repeats {first} count for count: counted once")
    return dropped
