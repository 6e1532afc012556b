"""From the generation by fuel of each hour, as a grid publishes it, to signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from joulewise.carbon.codes import Code
from joulewise.carbon.mix import completed, fuel_intensity
from joulewise.core.signals import Signal

Hours = Mapping[datetime, Mapping[str, float | None]]
"""Start of the hour to fuel to mean power, MW; None where the grid published nothing."""


def basis_for(zone: str) -> str:
    """The basis of our annual factor of the zone, so that both are of one type: eGRID's subregions are direct."""
    return "direct" if zone.startswith("US-") else "lifecycle"


def signals_of(zone: str, code: Code, hours: Hours, source: str, licence: str) -> Iterable[Signal]:
    """One signal for each hour whose mix is complete. Average, production: what the area generates, without imports."""
    basis = basis_for(zone)
    for start, (power_mw, bridged) in completed(hours).items():
        intensity = fuel_intensity(power_mw, basis)
        if intensity is None:
            continue
        low, high = code.widened(*intensity[1:])
        yield Signal(
            zone=zone,
            start=start,
            end=start + timedelta(hours=1),
            intensity_g_per_kwh=intensity[0],
            low_g_per_kwh=low,
            high_g_per_kwh=high,
            kind="average",
            basis=basis,
            scope="production",
            status="estimated" if bridged else "measured",
            source=f"{source} {code.code}, generation mix with our fuel factors",
            licence=licence,
        )
