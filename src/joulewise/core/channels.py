"""What a meter tells: channels of raw counts. Energies are derived from them afterwards, by one pure function.

A journal keeps the counts as they were read, so that a recovered, re-read or merged run gives the same figures.
Imported on the measuring path: standard library only, and little of it.
"""

from __future__ import annotations

from joulewise.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

NOTHING: Mapping[str, Any] = {}
"""The empty mapping as a default; never written to."""
ENERGY, POWER, BUSY, USE_MINE, USE_ALL = "energy", "power", "busy", "use_mine", "use_all"
QUANTITIES = (ENERGY, POWER, BUSY, USE_MINE, USE_ALL)
"""energy: a cumulative counter. power: a momentary reading, integrated by trapezoid.
busy: cumulative busy microseconds of all CPUs, turned into watts by the model in `params`.
use_mine, use_all: cumulative microseconds that our processes, and all, kept `device` busy (GPU attribution)."""


class Channel(Frozen):
    """One column of a journal: an integer count, and all that is needed to make joules of it.

    `key` names the channel within a host ("rapl:0:package"); `device` is stable over reboots ("cpu:0", a GPU's UUID).
    `component` is cpu, core, uncore, dram, gpu, psys, board, node, battery or other.
    `scale` is joules per count (energy) or watts per count (power); for busy, use_mine, use_all seconds per count.
    `wrap` is the counter's range in counts: it goes from `wrap` - 1 to 0. None: it does not wrap, a fall is a reset.
    `max_power_w` bounds what is physically possible: more is a gap, not a jump.
    `low_ratio`, `high_ratio`: truth / reading, 95 %, shared by all readings of the channel.
    `within` names the channel whose joules contain these ones: shown, never added.
    `idle_w` is the power of the idle device where it is known beforehand, with `idle_source`.
    """

    key: str
    component: str
    device: str
    quantity: str
    scale: float
    method: str
    source: str
    wrap: int | None = None
    max_power_w: float | None = None
    low_ratio: float = 1.0
    high_ratio: float = 1.0
    within: str | None = None
    idle_w: float | None = None
    idle_source: str = ""
    params: Mapping[str, Any] = NOTHING


class Finding(Frozen):
    """What a plug-in found out about this machine, for `joulewise doctor`.

    `state` is ready, denied (it exists, permission lacks), absent or broken. `cure` is an exact command, or "".
    """

    plugin: str
    state: str
    what: str
    why: str = ""
    cure: str = ""
    quality: str = ""


class MeterContext(Frozen):
    """All that a meter may know of the world; tests hand in a fixture tree, a clock and a transport.

    `root` stands before every path ("" for the real machine). `pids` gives the processes that count as ours.
    `options` are this plug-in's settings, e.g. a URL; no network is touched unless they name it.
    """

    root: str = ""
    pids: Callable[[], frozenset[int]] = frozenset
    environ: Mapping[str, str] = NOTHING
    options: Mapping[str, Any] = NOTHING
    monotonic_ns: Callable[[], int] | None = None
    transport: Callable[..., bytes] | None = None
