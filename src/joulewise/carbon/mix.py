"""Generation mix to intensity: the generation-weighted mean of our fuel factors.

    intensity = sum(power of fuel x factor of fuel) / sum(power of fuel), over fuels whose factor is known

Storage is left out in both directions: what comes out was counted when it was generated. Fuel that nobody names
("other", waste) is left out of the mean, too, so that a guess can't put direct above lifecycle; the band allows it
anything from nothing to coal. Small negative generation is a plant's own use, and counts as none.
Source of the factors: the rows of fuel_factors.csv (IPCC 2014 WG3 annex III medians, with their ranges as the band).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from joulewise.carbon.tables import table

UNKNOWN, STORAGE = "unknown", "storage"
MOST_UNKNOWN_SHARE = 0.5
"""An hour with more unnamed generation than this has no intensity."""
LONGEST_GAP = timedelta(hours=3)
SMALL_SHARE = 0.02
"""A fuel of less than this share of an hour may be interpolated over any gap: it hardly moves the mean."""

Intensity = tuple[float, float, float]
Mix = dict[str, float | None]
"""Fuel to mean power in MW; None where the hour is missing."""


def fuel_intensity(power_mw: Mapping[str, float], basis: str) -> Intensity | None:
    """(value, low, high) in g/kWh of one hour's mix; None if too little of it is named. `basis` as in Signal."""
    factors = _factors(basis)
    positive = {fuel: power for fuel, power in power_mw.items() if fuel != STORAGE and power > 0}
    unnamed_mw = sum(power for fuel, power in positive.items() if fuel not in factors)
    named = {fuel: power for fuel, power in positive.items() if fuel in factors}
    whole_mw = unnamed_mw + sum(named.values())
    if not named or unnamed_mw > MOST_UNKNOWN_SHARE * whole_mw:
        return None
    value = sum(power * factors[fuel][0] for fuel, power in named.items()) / (whole_mw - unnamed_mw)
    low = sum(power * factors[fuel][1] for fuel, power in named.items()) / whole_mw
    high = (sum(power * factors[fuel][2] for fuel, power in named.items()) + unnamed_mw * factors["coal"][2]) / whole_mw
    return value, min(low, value), max(high, value)


@cache
def _factors(basis: str) -> dict[str, Intensity]:
    return {
        row["fuel"]: (float(row["g_per_kwh"]), float(row["low"]), float(row["high"]))
        for row in table("fuel_factors").rows
        if row["basis"] == basis
    }


def completed(hours: Mapping[datetime, Mapping[str, float | None]]) -> dict[datetime, tuple[dict[str, float], bool]]:
    """Hours whose mix is whole, each with True if a fuel of it was interpolated; the other hours are left out.

    A fuel that appears in any hour is expected in all: sources publish fuels with different delays, and an hour that
    lacks only its coal would look clean. A gap of a fuel is bridged if it is short, or the fuel small.
    """
    moments = sorted(hours)
    fuels = sorted({fuel for mix in hours.values() for fuel in mix} - {STORAGE})
    lines = {fuel: _line(fuel, hours, moments) for fuel in fuels}
    found = {}
    for index, moment in enumerate(moments):
        mix = {fuel: line[index][0] for fuel, line in lines.items()}
        whole_mw = sum(power for power in mix.values() if power is not None and power > 0)
        bridged = [fuel for fuel in fuels if lines[fuel][index][1] is not None]
        if whole_mw > 0 and all(_may_bridge(lines[fuel][index], whole_mw) for fuel in fuels):
            found[moment] = {fuel: power for fuel, power in mix.items() if power is not None}, bool(bridged)
    return found


Point = tuple[float | None, timedelta | None]
"""Power in MW, and the width of the gap that it bridges (None: it was published)."""


def _may_bridge(point: Point, whole_mw: float) -> bool:
    power_mw, gap = point
    if gap is None:
        return True
    return power_mw is not None and (gap <= LONGEST_GAP or abs(power_mw) < SMALL_SHARE * whole_mw)


def _line(fuel: str, hours: Mapping[datetime, Mapping[str, float | None]], moments: Sequence[datetime]) -> list[Point]:
    """One fuel over all hours, missing ones on the straight line between their neighbours, None before and after."""
    values = [hours[moment].get(fuel) for moment in moments]
    known = [index for index, value in enumerate(values) if value is not None]
    line: list[Point] = [(value, None if value is not None else timedelta.max) for value in values]
    for left, right in pairwise(known):
        first, last = values[left] or 0.0, values[right] or 0.0
        width = moments[right] - moments[left]
        for index in range(left + 1, right):
            share = (moments[index] - moments[left]) / width
            line[index] = first + share * (last - first), moments[right] - moments[left + 1]
    return line
