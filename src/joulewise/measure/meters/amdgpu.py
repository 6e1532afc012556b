"""Joules of AMD GPUs: the energy accumulator through amdsmi where it is installed, else power from hwmon.

Reads:  /sys/class/drm/card*/device/hwmon/hwmon*/{energy1_input,power1_average,power1_input}; amdsmi_get_energy_count.
Traps:  power1_average is a mean that the firmware makes, power1_input a moment; ROCR_ and HIP_VISIBLE_DEVICES nest:
        the second counts within the first.
Needs:  the amdgpu driver; for the accumulator pip install 'joulewise[amdsmi]'.
Source: Linux kernel documentation, "GPU Power/Thermal Controls and Monitoring"; AMD SMI Python library reference.
"""

from __future__ import annotations

import os

from joulewise.core.channels import ENERGY, POWER, Channel, Finding, MeterContext
from joulewise.measure.meters.sysfs import (
    ABSENT,
    READY,
    CountFile,
    FileMeter,
    entries,
    finding,
    label,
    number_of,
    state_of,
    text_of,
)
from joulewise.measure.meters.visibility import Gpu, by_indices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joulewise.core.protocols import Meter

PLUGIN = "amdgpu"
_VENDOR = "0x1002"
_HIGHEST_POWER_W = 3000.0

# Truth / reading at 95 %: no test of amdgpu's sensors against a wall meter is known to us, so NVML's bands for the
# same kind of reading are taken and widened by a quarter.
_FILES = (
    ("energy1_input", ENERGY, "energy counter", 0.91, 1.1),
    ("power1_average", POWER, "mean power, polled", 0.7, 1.45),
    ("power1_input", POWER, "instant power, polled", 0.78, 1.28),
)


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter for each AMD GPU that this program can see. Never raises."""
    cards = _cards(context.root)
    if not cards:
        return [], [finding(PLUGIN, ABSENT, "no AMD GPU")]
    meters: list[Meter] = []
    findings: list[Finding] = []
    for card in visible(context.environ, cards):
        accumulator = _accumulator(card, context)
        found, told = ([accumulator], _ready(accumulator)) if accumulator else _from_hwmon(card, context)
        meters += found
        findings.append(told)
    return meters, findings


def visible(environ: Mapping[str, str], cards: Sequence[Gpu]) -> list[Gpu]:
    """ROCR_VISIBLE_DEVICES first, then HIP_VISIBLE_DEVICES (or CUDA_VISIBLE_DEVICES) within it."""
    chosen = list(cards)
    inner = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environ else "CUDA_VISIBLE_DEVICES"
    for variable in ("ROCR_VISIBLE_DEVICES", inner):
        if variable in environ:
            chosen = by_indices(environ[variable], chosen)
    return chosen


def _cards(root: str) -> list[Gpu]:
    """AMD's cards with an hwmon folder, in the order of the PCI bus; `handle` is that folder and the PCI address."""
    found: list[tuple[str, Gpu]] = []
    for name in entries(f"{root}/sys/class/drm"):
        device = f"{root}/sys/class/drm/{name}/device"
        if not name.removeprefix("card").isdigit() or text_of(f"{device}/vendor", 8) != _VENDOR:
            continue
        address = os.path.basename(os.path.realpath(device))
        for hwmon in entries(f"{device}/hwmon")[:1]:
            unique = label(text_of(f"{device}/unique_id", 32), label(address))
            found.append((address, Gpu(uuid=f"GPU-{unique}", name=name, handle=(f"{device}/hwmon/{hwmon}", address))))
    return [gpu for _, gpu in sorted(found, key=lambda pair: pair[0])]


def _from_hwmon(card: Gpu, context: MeterContext) -> tuple[list[Meter], Finding]:
    folder, _ = card.handle
    state = ABSENT
    for name, quantity, words, low_ratio, high_ratio in _FILES:
        file = CountFile(f"{folder}/{name}", context.options.get("open", os.open))
        if os.path.exists(file.path):
            state = state_of(file)
            if state == READY:
                made = _channel(card, quantity, f"amdgpu hwmon {words}", (low_ratio, high_ratio))
                meter = FileMeter([(made, file)])
                return [meter], _ready(meter)
    return [], finding(PLUGIN, state, card.uuid, "its hwmon folder tells neither energy nor power")


def _channel(card: Gpu, quantity: str, source: str, ratios: tuple[float, float], scale: float = 1e-6) -> Channel:
    limit_uw = number_of(f"{card.handle[0]}/power1_cap_max")
    way = "amdsmi" if source.startswith("amdsmi") else PLUGIN
    return Channel(
        key=f"{way}:{card.uuid}:{quantity}",
        component="gpu",
        device=card.uuid,
        quantity=quantity,
        scale=scale,
        method="measured",
        source=source,
        max_power_w=2e-6 * limit_uw if limit_uw else _HIGHEST_POWER_W,
        low_ratio=ratios[0],
        high_ratio=ratios[1],
    )


def _ready(meter: Meter) -> Finding:
    return finding(PLUGIN, READY, meter.channels[0].device, meter.channels[0].source)


def _accumulator(card: Gpu, context: MeterContext) -> Meter | None:
    """The GPU's meter by amdsmi; None if that is not installed or does not know the card."""
    if context.root and "amdsmi" not in context.options:
        return None  # a fixture tree: the package would look at the real machine
    from joulewise.measure.meters.amdsmi_meter import AmdSmiMeter, library

    smi = context.options.get("amdsmi") or library()
    if smi is None:
        return None
    return AmdSmiMeter.of(smi, card.handle[1], lambda scale: _channel(card, ENERGY, _ACCUMULATOR, (0.91, 1.1), scale))


_ACCUMULATOR = "amdsmi energy accumulator"
