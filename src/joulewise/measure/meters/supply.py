"""Batteries as meters of the whole machine: the power that they give while they discharge.

Source: Linux kernel documentation, "Linux power supply class": uW, uA, uV, uWh.
"""

from __future__ import annotations

import os

from joulewise.core.channels import POWER, Channel
from joulewise.measure.meters.sysfs import CountFile, ProductFile, entries, label, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from joulewise.measure.meters.sysfs import Opener

# Truth / reading at 95 %, from +-5 to +-10 % at about 90 % and a gauge that is read every second to half a minute.
_LOW_RATIO, _HIGH_RATIO = 0.8, 1.25
_MAX_POWER_W = 500.0


def batteries(folder: str, opener: Opener) -> Iterator[tuple[Channel, CountFile | ProductFile]]:
    """The machine's own batteries; those of a mouse or a headset have the scope "Device"."""
    for name in entries(folder):
        path = f"{folder}/{name}"
        if text_of(f"{path}/type", 16) != "Battery" or text_of(f"{path}/scope", 16) == "Device":
            continue
        names = set(entries(path))
        if "power_now" in names:
            yield _channel(name, 1e-6, "power_now"), Discharge(path, ("power_now",), opener)
        elif {"current_now", "voltage_now"} <= names:  # uA x uV = pW
            yield _channel(name, 1e-12, "current x voltage"), Discharge(path, ("current_now", "voltage_now"), opener)


def _channel(name: str, scale: float, words: str) -> Channel:
    plain = label(name)
    return Channel(
        key=f"supply:{plain}:power",
        component="battery",
        device=f"battery:{plain}",
        quantity=POWER,
        scale=scale,
        method="measured",
        source=f"battery {plain} while discharging ({words})",
        max_power_w=_MAX_POWER_W,
        low_ratio=_LOW_RATIO,
        high_ratio=_HIGH_RATIO,
    )


class Discharge(ProductFile):
    """The product of a battery's files while its status is Discharging; a gap otherwise."""

    patient = True

    def __init__(self, folder: str, names: tuple[str, ...], opener: Opener = os.open) -> None:
        super().__init__(tuple(f"{folder}/{name}" for name in names), opener)
        self._status = f"{folder}/status"

    def read(self) -> int | None:
        return super().read() if text_of(self._status, 16) == "Discharging" else None
