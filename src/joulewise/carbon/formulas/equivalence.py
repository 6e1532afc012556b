"""Equivalences: an amount of carbon in things that emit carbon, of energy in things that use energy, never across."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, non_negative, shares
from joulewise.core.formulas import formula
from joulewise.core.units import CO2_PER_CARBON

_EPA = "US EPA, Greenhouse Gas Equivalencies Calculator, Calculations and References"


@formula("carbon.carbon_equivalent_count", version=1, unit="1", expression="n = C / C_one", source=_EPA)
def carbon_equivalent_count(emissions_g: float, one_g: float) -> float:
    """How many things of `one_g` gCO2e each give the same emissions."""
    non_negative(emissions_g=emissions_g)
    divisor(one_g=one_g)
    return emissions_g / one_g


@formula("carbon.energy_equivalent_count", version=1, unit="1", expression="n = E / E_one", source=_EPA)
def energy_equivalent_count(energy_j: float, one_j: float) -> float:
    """How many things of `one_j` joules each use the same energy."""
    non_negative(energy_j=energy_j)
    divisor(one_j=one_j)
    return energy_j / one_j


@formula(
    "carbon.passenger_g",
    version=1,
    unit="g",
    expression="C_pax = C_flight / (seats x load)",
    source="Patterson et al. 2021, arXiv:2104.10350, footnote on the SFO-JFK round trip",
)
def passenger_g(flight_g: float, seat_count: float, load_share: float) -> float:
    """Emissions of one passenger of a flight, gCO2e."""
    non_negative(flight_g=flight_g)
    shares(load_share=load_share)
    divisor(seat_count=seat_count, load_share=load_share)
    return flight_g / (seat_count * load_share)


@formula("carbon.co2_of_carbon_g", version=1, unit="g", expression="C = m_C x 44 / 12", source=_EPA)
def co2_of_carbon_g(carbon_g: float) -> float:
    """Mass of CO2 that binds a mass of carbon, g."""
    non_negative(carbon_g=carbon_g)
    return carbon_g * CO2_PER_CARBON


@formula("carbon.fuel_g", version=1, unit="g", expression="C = n x C_one", source=_EPA)
def fuel_g(amount: float, one_g: float) -> float:
    """Emissions of an amount of fuel from those of one unit of it (gallon, barrel, pound), gCO2e."""
    non_negative(amount=amount, one_g=one_g)
    return amount * one_g
