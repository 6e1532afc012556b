"""Figures per functional unit: what one inference, token, epoch or user costs."""

from __future__ import annotations

from joulewise.carbon.formulas.emissions import operational_g
from joulewise.carbon.formulas.ranges import divisor, non_negative
from joulewise.core.formulas import formula

_SCI = "GSF SCI 1.1.0, ISO/IEC 21031:2024"


@formula("carbon.energy_j_per_unit", version=1, unit="J", expression="e = E / R", source=f"{_SCI}, functional unit R")
def energy_j_per_unit(energy_j: float, unit_count: float) -> float:
    """Energy of one functional unit, J."""
    non_negative(energy_j=energy_j)
    divisor(unit_count=unit_count)
    return energy_j / unit_count


@formula("carbon.sci_g_per_unit", version=1, unit="g", expression="SCI = C / R", source=f"{_SCI}, SCI = C per R")
def sci_g_per_unit(emissions_g: float, unit_count: float) -> float:
    """SCI score, gCO2e per functional unit. Location-based emissions only."""
    non_negative(emissions_g=emissions_g)
    divisor(unit_count=unit_count)
    return emissions_g / unit_count


@formula(
    "carbon.sci_of_parts_g_per_unit",
    version=1,
    unit="g",
    expression="SCI = ((E / 3.6e6 x I) + M) / R",
    source=f"{_SCI}, SCI = ((E x I) + M) per R",
)
def sci_of_parts_g_per_unit(energy_j: float, intensity_g_per_kwh: float, embodied_g: float, unit_count: float) -> float:
    """SCI score from its parts, gCO2e per functional unit."""
    non_negative(embodied_g=embodied_g)
    divisor(unit_count=unit_count)
    return (operational_g(energy_j=energy_j, intensity_g_per_kwh=intensity_g_per_kwh) + embodied_g) / unit_count


@formula(
    "carbon.water_l_per_unit",
    version=1,
    unit="L",
    expression="w = W / R",
    source="Li et al. 2023, arXiv:2304.03271, table 1 (water per request)",
)
def water_l_per_unit(water_l: float, unit_count: float) -> float:
    """Water of one functional unit, L."""
    non_negative(water_l=water_l)
    divisor(unit_count=unit_count)
    return water_l / unit_count


@formula(
    "carbon.units_per_water",
    version=1,
    unit="1",
    expression="n = W / w",
    source="Li et al. 2023, arXiv:2304.03271, table 1 (requests for each 500 mL)",
)
def units_per_water(water_l: float, water_l_per_unit: float) -> float:
    """How many functional units an amount of water carries."""
    non_negative(water_l=water_l)
    divisor(water_l_per_unit=water_l_per_unit)
    return water_l / water_l_per_unit
