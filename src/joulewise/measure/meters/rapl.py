"""What the two doors to RAPL, powercap and perf events, share: domains, bounds, limits and the mirror test.

Traps:  psys contains package, package contains core and uncore, dram lies beside package; two packages may show one
        and the same counter; a counter that falls was reset or has wrapped.
Source: Intel SDM vol. 3B, "Platform Specific Power Management Support" (domains); Desrochers et al. 2016 (dram: right
        in trend, worst at idle); Raffin & Trystram 2024, arXiv 2401.15985 (all doors alike, perf the sturdiest).
"""

from __future__ import annotations

from itertools import pairwise

from joulewise.core.channels import ENERGY, Channel
from joulewise.measure.meters.sysfs import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Truth / reading at 95 %. The literature's bands are about 90 %; x 1.2 (1.96 / 1.645) makes them 95 %.
# package: +-5 % becomes +-6 %. AMD models its counters from activity, so twice that.
# dram: +-15 % under load and +-40 % at idle, mostly too low a reading; one pair of bounds must hold for both.
# psys: what is wired to it is the maker's choice, and losses before it are not seen.
RATIOS = {
    "cpu": (0.94, 1.06),
    "core": (0.88, 1.12),
    "uncore": (0.88, 1.12),
    "dram": (0.8, 1.4),
    "psys": (0.85, 1.25),
    "other": (0.8, 1.25),
}
_AMD_RATIO = (0.88, 1.13)

# What no such part can draw: the largest CPU sold has a TDP of 500 W, a socket has at most 24 DIMMs of about 15 W.
MAX_POWER_W = {"cpu": 1000.0, "core": 1000.0, "uncore": 1000.0, "dram": 400.0, "psys": 4000.0, "other": 4000.0}

_COMPONENTS = {
    "package": "cpu",
    "core": "core",
    "cores": "core",
    "uncore": "uncore",
    "gpu": "uncore",  # perf calls the graphics part of the uncore so
    "dram": "dram",
    "ram": "dram",
    "psys": "psys",
    "platform": "psys",
}


def component_of(domain: str) -> str:
    """The component of a RAPL domain: "package-0-die-1" -> cpu, "dram" -> dram, an unknown name -> other."""
    return _COMPONENTS.get("package" if domain.startswith("package") else domain, "other")


def is_amd(root: str) -> bool:
    """True on CPUs whose maker is AMD (vendor 2 in the kernel's modalias) or Hygon (9)."""
    modalias = text_of(f"{root}/sys/devices/system/cpu/modalias", 48)
    return ",ven0002" in modalias or ",ven0009" in modalias


def channel(
    key: str, component: str, device: str, *, amd: bool, max_power_w: float | None = None, within: str | None = None
) -> Channel:
    """A RAPL channel in microjoules with its bounds; the caller replaces scale, wrap and source where they differ."""
    low_ratio, high_ratio = _AMD_RATIO if amd and component == "cpu" else RATIOS[component]
    return Channel(
        key=key,
        component=component,
        device=device,
        quantity=ENERGY,
        scale=1e-6,
        method="measured",
        source="",
        max_power_w=max_power_w or MAX_POWER_W[component],
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        within=within,
    )


MIRROR_INTERVALS = 3
MIRROR_ENERGY_J = 10.0
_SKEW_J = 1.0  # the two reads lie microseconds apart; one update of 1 ms may fall between them: 1 J at 1,000 W


def mirrors(series_a: Sequence[int | None], series_b: Sequence[int | None], *, scale: float = 1e-6) -> bool:
    """True if two series of raw counts, read together, show one and the same counter: count it once.

    Takes equal deltas over at least 3 intervals that hold more than 10 J. Two separate dies never agree to the
    microjoule that often; a copy agrees but for an update that falls between the two reads, which shifts less than
    a joule and seldom. Counters that stand still prove nothing. `scale` is joules per count; gaps are skipped.
    """
    pairs = [(a, b) for a, b in zip(series_a, series_b, strict=False) if a is not None and b is not None]
    equal, skewed, energy_j = 0, 0, 0.0
    for (a0, b0), (a1, b1) in pairwise(pairs):
        if a1 - a0 == b1 - b0:
            equal += a1 > a0
            energy_j += max(0, a1 - a0) * scale
        elif abs((a1 - a0) - (b1 - b0)) * scale < _SKEW_J:
            skewed += 1
        else:
            return False
    return equal >= MIRROR_INTERVALS and energy_j > MIRROR_ENERGY_J and skewed * 4 <= equal
