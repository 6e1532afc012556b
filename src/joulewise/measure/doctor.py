"""What this machine can measure, at which quality, and the exact command that would improve it.

`conclude` is pure; `diagnose` looks at the machine first. Neither asks for rights or touches a network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joulewise.core.channels import BUSY, ENERGY, POWER, Channel, Finding
from joulewise.core.frozen import replaced
from joulewise.core.settings import Settings, spool_folder, state_folder
from joulewise.measure import calibrate, environment
from joulewise.measure.cpu_model import power_w
from joulewise.measure.equipment import Equipment
from joulewise.measure.meters.select import added

_PLUGINS = {"rapl": "powercap", "nvml": "nvidia", "amdsmi": "amdgpu", "supply": "hwmon"}
_JOULES = (ENERGY, POWER, BUSY)
_KINDS = {ENERGY: "energy counter", POWER: "power, polled", BUSY: "model on CPU time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One source of joules: truth / reading lies in `low_ratio` to `high_ratio` with 95 %.

    `added` says whether it goes into the sum of the components; a part or a whole is shown beside it.
    """

    component: str
    device: str
    method: str
    quantity: str
    low_ratio: float
    high_ratio: float
    source: str
    added: bool

    @property
    def quality(self) -> str:
        """In words: "measured, -6 % to +6 %"."""
        return f"{self.method}, {self.low_ratio - 1:+.0%} to {self.high_ratio - 1:+.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What can be measured here, and every finding, the ready ones first; `cures` are commands, best first."""

    capabilities: tuple[Capability, ...]
    findings: tuple[Finding, ...]

    @property
    def cures(self) -> tuple[str, ...]:
        order = {"denied": 0, "broken": 1, "absent": 2, "ready": 3}
        ranked = sorted(self.findings, key=lambda finding: order.get(finding.state, 4))
        return tuple(dict.fromkeys(finding.cure for finding in ranked if finding.cure))

    @property
    def measures(self) -> bool:
        """True if any component is measured or reported rather than modelled."""
        return any(one.method in ("measured", "reported") for one in self.capabilities)


def diagnose(settings: Settings, environ: Mapping[str, str] | None = None, root: str = "") -> Diagnosis:
    """Look at this machine, or at a tree under `root`."""
    known = os.environ if environ is None else environ
    meters, findings = Equipment(settings, known, root).discover(frozenset, thorough=True)
    channels = [channel for meter in meters for channel in meter.channels]
    for meter in meters:
        meter.close()
    surroundings = environment.inspect(known, spool_folder(settings, known), root)
    wall = calibrate.finding(state_folder(known), calibrate.machine_name(root))
    return conclude(channels, findings, [*surroundings, wall])


def conclude(channels: Sequence[Channel], findings: Sequence[Finding], surroundings: Sequence[Finding]) -> Diagnosis:
    """One line for each source of joules, then what the plug-ins and the surroundings have to say."""
    summed = added(channels)
    capabilities = tuple(_capability(one, one.key in summed) for one in channels if one.quantity in _JOULES)
    sources = [_line(channel, findings) for channel in channels if channel.quantity in _JOULES]
    told = {finding.plugin for finding in sources}
    rest = [
        one
        for one in findings
        if one not in sources and (one.state != "ready" or one.cure or one.plugin not in told or _is_aside(one))
    ]
    return Diagnosis(capabilities=capabilities, findings=(*sources, *rest, *surroundings))


def _is_aside(finding: Finding) -> bool:
    return finding.what.endswith("set aside")


def _ratios(channel: Channel) -> tuple[float, float]:
    """The bounds of a reading; a model's are those at half load, since they depend on it."""
    if channel.quantity != BUSY:
        return channel.low_ratio, channel.high_ratio
    middle_w, low_w, high_w = power_w(channel.params, 0.5)
    return low_w / middle_w, high_w / middle_w


def _capability(channel: Channel, is_added: bool) -> Capability:
    low_ratio, high_ratio = _ratios(channel)
    return Capability(
        component=channel.component,
        device=channel.device,
        method=channel.method,
        quantity=channel.quantity,
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        source=channel.source,
        added=is_added,
    )


def _line(channel: Channel, findings: Sequence[Finding]) -> Finding:
    """A source as a finding, for tables; what its plug-in says of its quality goes first."""
    prefix = channel.key.partition(":")[0]
    plugin = _PLUGINS.get(prefix, prefix)
    own = next((one for one in findings if one.plugin == plugin and one.state == "ready" and one.quality), None)
    if own is not None and channel.quantity == BUSY:
        return own
    made = Finding(
        plugin=plugin,
        state="ready",
        what=f"{channel.component} {channel.device}, {_KINDS[channel.quantity]}",
        quality=_capability(channel, True).quality,
        why=channel.source,
    )
    return replaced(made, what=f"{made.what}, shown only") if not added([channel]) else made
