"""The clocks and meters of this machine, found through the plug-ins and opened for one session."""

from __future__ import annotations

import os

from joulewise.core import plugins
from joulewise.core.channels import MeterContext
from joulewise.core.errors import JoulewiseError, MeterUnavailable
from joulewise.core.frozen import as_dict
from joulewise.core.settings import state_folder
from joulewise.measure import idle
from joulewise.measure.machine_clock import MachineClock
from joulewise.measure.meters.model import CpuTimeMeter
from joulewise.measure.meters.select import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from joulewise.core.channels import Finding
    from joulewise.core.protocols import Meter
    from joulewise.core.settings import Settings
    from joulewise.measure.sampler import CpuClock


_TRACES: Mapping[str, tuple[str, ...]] = {
    "powercap": ("/sys/class/powercap",),
    "perf": ("/sys/bus/event_source/devices/power",),
    "nvidia": ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg"),
    "amdgpu": ("/sys/class/drm", "/dev/kfd"),
    "hwmon": ("/sys/class/hwmon", "/sys/class/power_supply"),
    "redfish": (),
    "prometheus": (),
    "replay": (),
}
"""What a built-in plug-in's hardware leaves on a machine that has it.

Without a trace, or an option that switches it on, importing the plug-in would cost its half millisecond for nothing.
Plug-ins that are not in this list are always asked."""
NO_METER = "none"
"""In the setting `meters`: read none."""


class Equipment:
    """Opens what this machine has. `root` stands before every path, for tests on a fixture tree."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], root: str = "") -> None:
        self._settings = settings
        self._environ = environ
        self._root = root

    def open(self, clock: CpuClock, warn: Callable[[str], None]) -> tuple[MachineClock | None, list[Meter]]:
        """The machine's clock (None without a /proc/stat) and the chosen meters: one source a device."""
        meters, findings = self.discover(getattr(clock, "pids", frozenset))
        for finding in findings:
            wanted = finding.plugin in self._settings.meters and finding.state in ("absent", "denied")
            if finding.state == "broken" or wanted:
                warn(_told(finding))
        try:
            machine = MachineClock(self._root)
        except MeterUnavailable as error:
            warn(f"whose CPU time it was can't be told: {error}")
            return None, meters
        for meter in meters:
            if isinstance(meter, CpuTimeMeter):
                meter.follow(machine)
        return machine, meters

    def discover(
        self, pids: Callable[[], frozenset[int]], *, thorough: bool = False
    ) -> tuple[list[Meter], list[Finding]]:
        """All meters that work here, one a device, and every finding.

        `thorough` asks those plug-ins, too, whose hardware is not there: the doctor wants to hear it from them.
        """
        meters: list[Meter] = []
        findings: list[Finding] = []
        named = self._settings.meters
        for name in named or plugins.names("meters"):
            # what the user names is asked all the same: it says why it is not there
            if name == NO_METER or not (thorough or name in named or self._may_exist(name)):
                continue
            found, told = self._ask(name, pids)
            meters += found
            findings += told
        chosen, told = choose(meters)
        for meter in meters:
            if meter not in chosen:
                meter.close()
        return chosen, findings + told

    def channels_of(self, meters: list[Meter]) -> list[dict[str, Any]]:
        """The channels as plain values, in the order of a snapshot, with the idle power that was learned here."""
        learned = idle.known(idle.path_in(state_folder(self._environ)), os.uname().nodename)
        listed = []
        for meter in meters:
            for channel in meter.channels:
                values = {key: value for key, value in as_dict(channel).items() if value not in (None, {}, "")}
                if channel.idle_w is None and channel.key in learned:
                    values |= {"idle_w": learned[channel.key], "idle_source": idle.SOURCE}
                listed.append(values)
        return listed

    def _may_exist(self, name: str) -> bool:
        if name not in _TRACES or options_of(self._settings, name):
            return True
        return any(_is_there(f"{self._root}{trace}") for trace in _TRACES[name])

    def _ask(self, name: str, pids: Callable[[], frozenset[int]]) -> tuple[list[Meter], list[Finding]]:
        from joulewise.core.channels import Finding

        try:
            discover = plugins.load("meters", name)
            context = MeterContext(
                root=self._root, pids=pids, environ=self._environ, options=options_of(self._settings, name)
            )
            found, told = discover(context)
        except JoulewiseError as error:
            return [], [Finding(plugin=name, state="absent", what=error.message, cure=error.hint)]
        except Exception as error:  # noqa: BLE001 - a plug-in's bug must not end the user's program
            return [], [Finding(plugin=name, state="broken", what="discovery failed", why=f"{error!r}")]
        return list(found), list(told)


def _told(finding: Finding) -> str:
    """ "powercap: no RAPL counters (...). Try: ..."."""
    why = f" ({finding.why})" if finding.why else ""
    cure = f". Try: {finding.cure}" if finding.cure else ""
    return f"the meter {finding.plugin!r} is not read: {finding.what}{why}{cure}"


def _is_there(path: str) -> bool:
    """True for a file, and for a folder with something in it: kernels make the folders of classes without devices."""
    try:
        return bool(os.listdir(path))
    except OSError:  # no folder
        return os.path.exists(path)


def options_of(settings: Settings, plugin: str) -> dict[str, Any]:
    """A plug-in's settings: those named after it (redfish_url -> url), and those that all may want."""
    prefix = f"{plugin}_"
    options = {
        key[len(prefix) :]: value for key, value in as_dict(settings).items() if key.startswith(prefix) and value
    }
    if plugin == "model" and settings.cpu:
        options["cpu"] = settings.cpu
    if plugin == "replay" and settings.replay:
        options["path"] = settings.replay
    return options
