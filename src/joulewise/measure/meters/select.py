"""The source ledger: the joules of each component of each device come from exactly one source.

A counter that we read goes before someone else's meter, that before a model; of two counters the sturdier one.
What holds everything (psys, node, board, battery) is kept beside the components and never added to them: `added`
names the channels that a sum is made of.
"""

from __future__ import annotations

from joulewise.core.channels import BUSY, ENERGY, POWER, Finding
from joulewise.core.errors import MeterUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joulewise.core.channels import Channel
    from joulewise.core.protocols import Meter

WHOLE = ("psys", "node", "board", "battery")
"""Components that contain the others; shown, never added to them."""

_METHODS = ("measured", "reported", "modelled", "default")
_SOURCES = ("replay", "perf", "rapl", "nvml", "amdsmi", "amdgpu", "hwmon", "supply", "prometheus", "redfish")
_QUANTITIES = (ENERGY, POWER, BUSY)


class Selected:
    """Some channels of a meter; equal to the whole one, so that it is found in a list of meters."""

    def __init__(self, meter: Meter, keep: Sequence[int]) -> None:
        self._meter = meter
        self._keep = tuple(keep)
        self.channels: tuple[Channel, ...] = tuple(meter.channels[index] for index in keep)

    def read(self) -> tuple[int | None, ...]:
        counts = self._meter.read()
        kept = tuple([counts[index] for index in self._keep])
        if all(count is None for count in kept):
            raise MeterUnavailable(f"no count of {', '.join(channel.key for channel in self.channels)}")
        return kept

    def close(self) -> None:
        self._meter.close()

    def __eq__(self, other: object) -> bool:
        return other is self or other is self._meter

    def __hash__(self) -> int:
        return hash(id(self._meter))


def choose(meters: Sequence[Meter]) -> tuple[list[Meter], list[Finding]]:
    """The meters to read, in the given order, and a finding for each source that was set aside.

    A recorded trace sets all other meters aside: it is to be measured from instead of them.
    Meters that are not in the answer are the caller's to close.
    """
    ranked = sorted(_joules(meters), key=lambda pair: _rank(pair[1]))
    kept: list[Channel] = []
    dropped: dict[int, str] = {}
    for number, channel in ranked:
        better = _covering(channel, kept)
        if better is None:
            kept.append(channel)
        else:
            dropped[number] = better.key
    return _without(meters, dropped)


def added(channels: Iterable[Channel]) -> tuple[str, ...]:
    """The keys whose joules make the sum of the components: nothing that is contained or contains."""
    return tuple(
        channel.key
        for channel in channels
        if channel.quantity in _QUANTITIES and channel.within is None and channel.component not in WHOLE
    )


def _joules(meters: Sequence[Meter]) -> list[tuple[int, Channel]]:
    flat = [channel for meter in meters for channel in meter.channels]
    return [(number, channel) for number, channel in enumerate(flat) if channel.quantity in _QUANTITIES]


def _rank(channel: Channel) -> tuple[int, int, int, int]:
    source = channel.key.partition(":")[0]
    return (
        source != "replay",
        _METHODS.index(channel.method) if channel.method in _METHODS else len(_METHODS),
        _SOURCES.index(source) if source in _SOURCES else len(_SOURCES),
        _QUANTITIES.index(channel.quantity),
    )


def _covering(channel: Channel, kept: Sequence[Channel]) -> Channel | None:
    """The better source that already tells these joules."""
    for better in kept:
        if better.key == channel.key or _is_replay(better) > _is_replay(channel):
            return better
        if better.component == channel.component and _same_device(better, channel):
            return better
    return None


def _is_replay(channel: Channel) -> bool:
    return channel.key.startswith("replay:")


def _same_device(better: Channel, channel: Channel) -> bool:
    """The same device, or one that holds all of its kind ("cpu" holds "cpu:0"); a model always gives way."""
    one, other = better.device, channel.device
    if channel.method in ("modelled", "default") and better.method in ("measured", "reported"):
        return channel.component != "gpu" or one == other
    return one == other or one.startswith(f"{other}:") or other.startswith(f"{one}:")


def _without(meters: Sequence[Meter], dropped: dict[int, str]) -> tuple[list[Meter], list[Finding]]:
    chosen: list[Meter] = []
    findings: list[Finding] = []
    start = 0
    for meter in meters:
        numbers = range(start, start + len(meter.channels))
        start += len(meter.channels)
        keep = [number - numbers[0] for number in numbers if number not in dropped]
        findings += [_set_aside(meter.channels[n - numbers[0]], dropped[n]) for n in numbers if n in dropped]
        if len(keep) == len(numbers):
            chosen.append(meter)
        elif any(meter.channels[index].quantity in _QUANTITIES for index in keep):
            chosen.append(Selected(meter, keep))
    return chosen, findings


def _set_aside(channel: Channel, better: str) -> Finding:
    plugin = channel.key.partition(":")[0]
    return Finding(plugin=plugin, state="ready", what=f"{channel.key} set aside", why=f"{better} tells the same joules")
