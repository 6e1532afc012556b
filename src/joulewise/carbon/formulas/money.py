"""Money: electricity by its price, devices by their rent."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import non_negative
from joulewise.core.formulas import formula
from joulewise.core.units import h_from_s, kwh_from_j

CURRENCY = "currency"
"""Unit of a formula whose result has the currency of its price."""


@formula(
    "carbon.cost",
    version=1,
    unit=CURRENCY,
    expression="K = E_facility / 3.6e6 x p",
    source="Strubell et al. 2019, arXiv:1906.02243, table 4 (electricity at 0.12 USD/kWh)",
)
def cost(energy_j: float, price_per_kwh: float) -> float:
    """Price of the electricity, in the currency of the price."""
    non_negative(energy_j=energy_j, price_per_kwh=price_per_kwh)
    return kwh_from_j(energy_j) * price_per_kwh


@formula(
    "carbon.device_cost",
    version=1,
    unit=CURRENCY,
    expression="K = N x t x p",
    source="Strubell et al. 2019, arXiv:1906.02243, table 3",
)
def device_cost(device_count: float, duration_s: float, price_per_device_h: float) -> float:
    """Rent of devices by the hour, in the currency of the price."""
    non_negative(device_count=device_count, duration_s=duration_s, price_per_device_h=price_per_device_h)
    return device_count * h_from_s(duration_s) * price_per_device_h
