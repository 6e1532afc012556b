"""Watts of the whole machine as its management controller (BMC) reports them over Redfish.

Reads:  /redfish/v1/Chassis/*/Power: PowerControl[0].PowerConsumedWatts; else /EnvironmentMetrics: PowerWatts.Reading,
        or the mean power between two changes of EnergykWh.Reading. Polled every 5 s on a thread.
Traps:  later entries of PowerControl are parts of the first; a link may point to another host, where we don't follow.
Needs:  the setting redfish_url, and redfish_user with JOULEWISE_REDFISH_PASSWORD in the environment.
Source: DMTF DSP0268, Redfish Schema Supplement, "Power" and "EnvironmentMetrics".
"""

from __future__ import annotations

import time
from binascii import b2a_base64

from joulewise.core.channels import POWER, Channel, Finding, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, DENIED, READY, finding
from joulewise.measure.meters.web import count_of, fault_of, host_of, json_of, transport_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from joulewise.core.protocols import Meter

PLUGIN = "redfish"
PASSWORD = "JOULEWISE_REDFISH_PASSWORD"
PERIOD_S = 5.0
TIMEOUT_S = 4.0
_MW_PER_W, _MW_H_PER_KWH = 1e3, 1e6
_SEVERAL = 64

# Truth / reading at 95 %: supplies state +-5 % at best, a BMC averages and rounds, and we look every 5 s only.
_LOW_RATIO, _HIGH_RATIO = 0.85, 1.18


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter if redfish_url is set; asks nobody yet. Never raises."""
    url = str(context.options.get("url") or "").rstrip("/")
    if not url:
        return [], [finding(PLUGIN, ABSENT, "no redfish_url")]
    if fault := fault_of(url):
        return [], [finding(PLUGIN, BROKEN, "redfish_url", fault, "joulewise config --explain")]
    user, password = str(context.options.get("user") or ""), context.environ.get(PASSWORD, "")
    if user and not password:
        return [], [
            finding(
                PLUGIN, DENIED, f"Redfish at {host_of(url)}", "no password", f"read -rs {PASSWORD}; export {PASSWORD}"
            )
        ]
    transport, headers = transport_of(context), _headers(user, password)
    from joulewise.measure.meters.polling import Polled  # imports threading: only where it is wanted

    source = Redfish(lambda path: json_of(transport(url + path, headers, TIMEOUT_S)), context.monotonic_ns)
    period_s = float(context.options.get("period_s", PERIOD_S))
    meter = Polled((_channel(host_of(url)),), source.fetch, period_s, monotonic_ns=context.monotonic_ns)
    why = "sends the password unencrypted" if user and url.startswith("http:") else f"polled every {period_s:g} s"
    return [meter], [finding(PLUGIN, READY, f"Redfish at {host_of(url)}", why)]


def _headers(user: str, password: str) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if user:
        token = b2a_base64(f"{user}:{password}".encode(), newline=False).decode()
        headers["Authorization"] = f"Basic {token}"
    return headers


def _channel(host: str) -> Channel:
    return Channel(
        key="redfish:node:power",
        component="node",
        device="node",
        quantity=POWER,
        scale=1e-3,
        method="reported",
        source=f"Redfish, power of the chassis as {host} reports it",
        max_power_w=50_000.0,
        low_ratio=_LOW_RATIO,
        high_ratio=_HIGH_RATIO,
    )


class Redfish:
    """Finds the chassis that tells its power, and stays with it."""

    def __init__(self, get: Callable[[str], Any], monotonic_ns: Callable[[], int] | None = None) -> None:
        """`get` takes a path and gives parsed JSON, or raises MeterUnavailable."""
        self._get = get
        self._monotonic_ns = monotonic_ns or time.monotonic_ns
        self._found: tuple[Callable[[Any], int | None], str] | None = None
        self._counter: tuple[int, int] | None = None
        self._mean_mw: int | None = None

    def fetch(self) -> tuple[int | None, ...]:
        """Milliwatts. Raises MeterUnavailable."""
        if self._found is not None:
            read, path = self._found
            power_mw = read(self._get(path))
        else:
            power_mw = self._search()
        if power_mw is None:
            raise MeterUnavailable("no chassis tells its power now")
        return (power_mw,)

    def _search(self) -> int | None:
        trouble = ""
        for chassis in _members(self._get("/redfish/v1/Chassis")):
            for read, name in (
                (_control_mw, "Power"),
                (_sensor_mw, "EnvironmentMetrics"),
                (self._metered_mw, "EnvironmentMetrics"),
            ):
                path = f"{chassis}/{name}"
                try:
                    power_mw = read(self._get(path))
                except MeterUnavailable as error:  # most chassis lack one of the two
                    trouble = error.message
                    continue
                if power_mw is not None or self._counter is not None:
                    self._found = (read, path)
                    return power_mw
        if trouble:
            raise MeterUnavailable(trouble)
        return None

    def _metered_mw(self, answer: Any) -> int | None:
        """The mean power between the last two changes of the energy counter."""
        energy_mwh = count_of(_at(answer, "EnergykWh", "Reading"), _MW_H_PER_KWH)
        if energy_mwh is None:
            return None
        now_ns = self._monotonic_ns()
        if self._counter is None or energy_mwh < self._counter[1]:
            self._counter, self._mean_mw = (now_ns, energy_mwh), None
        elif energy_mwh > self._counter[1] and now_ns > self._counter[0]:
            self._mean_mw = round((energy_mwh - self._counter[1]) * 3.6e12 / (now_ns - self._counter[0]))
            self._counter = (now_ns, energy_mwh)
        return self._mean_mw


def _members(answer: Any) -> list[str]:
    """The paths of a collection, on this host only."""
    links = _at(answer, "Members")
    paths = [_at(link, "@odata.id") for link in links[:_SEVERAL]] if isinstance(links, list) else []
    return [path.rstrip("/") for path in paths if isinstance(path, str) and _is_plain(path)]


def _is_plain(path: str) -> bool:
    return path.startswith("/redfish/") and path.isascii() and path.isprintable() and " " not in path


def _control_mw(answer: Any) -> int | None:
    return count_of(_at(answer, "PowerControl", 0, "PowerConsumedWatts"), _MW_PER_W)


def _sensor_mw(answer: Any) -> int | None:
    return count_of(_at(answer, "PowerWatts", "Reading"), _MW_PER_W)


def _at(answer: Any, *steps: str | int) -> Any:
    """What lies there in parsed JSON, or None."""
    for step in steps:
        if isinstance(step, int):
            answer = answer[step] if isinstance(answer, list) and len(answer) > step else None
        else:
            answer = answer.get(step) if isinstance(answer, dict) else None
    return answer
