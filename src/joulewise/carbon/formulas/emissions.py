"""Emissions: energy times intensity, and what an amount of emissions implies."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, non_negative
from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.formulas import formula
from joulewise.core.units import g_from_kg, h_from_s, j_from_kwh, kg_from_g, kwh_from_j

_SCI = "GSF SCI 1.1.0, ISO/IEC 21031:2024, O = E x I"


@formula("carbon.operational_g", version=1, unit="g", expression="O = E / 3.6e6 x I", source=_SCI)
def operational_g(energy_j: float, intensity_g_per_kwh: float) -> float:
    """Emissions of using electricity, gCO2e."""
    non_negative(energy_j=energy_j, intensity_g_per_kwh=intensity_g_per_kwh)
    return kwh_from_j(energy_j) * intensity_g_per_kwh


@formula(
    "carbon.weighted_intensity_g_per_kwh",
    version=1,
    unit="g/kWh",
    expression="I = sum(E_i x I_i) / sum(E_i)",
    source="Dodge et al. 2022, arXiv:2206.05229, section 3; GHG Protocol Scope 2 Guidance 2015, hourly matching",
    correlated=True,
)
def weighted_intensity_g_per_kwh(**parts: float) -> float:
    """Energy-weighted mean of the intensities of the intervals, gCO2e/kWh.

    Takes pairs energy_0_j, intensity_0_g_per_kwh, energy_1_j, ...; E x I of it is the sum over the intervals.
    """
    names = [name for name in parts if name.startswith("energy_")]
    if not names or len(parts) != 2 * len(names):
        raise OutOfRange("want pairs energy_0_j, intensity_0_g_per_kwh, ...")
    pairs = [(parts[name], parts[f"intensity_{name.split('_')[1]}_g_per_kwh"]) for name in names]
    for energy_j, intensity_g_per_kwh in pairs:
        non_negative(energy_j=energy_j, intensity_g_per_kwh=intensity_g_per_kwh)
    whole_j = sum(energy_j for energy_j, _ in pairs)
    if whole_j == 0:
        raise UndefinedFigure("no energy in any interval, hence no weights")
    return sum(energy_j * intensity for energy_j, intensity in pairs) / whole_j


@formula("carbon.emissions_g", version=1, unit="g", expression="C = O + M", source="GSF SCI 1.1.0, C = (E x I) + M")
def emissions_g(operational_g: float, embodied_g: float) -> float:
    """Operational and embodied emissions together, gCO2e. Offsets never enter."""
    non_negative(operational_g=operational_g, embodied_g=embodied_g)
    return operational_g + embodied_g


@formula(
    "carbon.implied_intensity_g_per_kwh",
    version=1,
    unit="g/kWh",
    expression="I = C / (E / 3.6e6)",
    source="GSF SCI 1.1.0, O = E x I, solved for I",
)
def implied_intensity_g_per_kwh(emissions_g: float, energy_j: float) -> float:
    """The intensity that a source must have used, gCO2e/kWh."""
    non_negative(emissions_g=emissions_g)
    divisor(energy_j=energy_j)
    return emissions_g / kwh_from_j(energy_j)


@formula(
    "carbon.implied_energy_j",
    version=1,
    unit="J",
    expression="E = C / I x 3.6e6",
    source="GSF SCI 1.1.0, O = E x I, solved for E",
)
def implied_energy_j(emissions_g: float, intensity_g_per_kwh: float) -> float:
    """The energy that a source must have used, J."""
    non_negative(emissions_g=emissions_g)
    divisor(intensity_g_per_kwh=intensity_g_per_kwh)
    return j_from_kwh(emissions_g / intensity_g_per_kwh)


@formula(
    "carbon.mlco2_rounded_g",
    version=1,
    unit="g",
    expression="C = round(round(P / 1000 x t, 2) x I, 2) kg",
    source="Lacoste et al. 2019, arXiv:1910.09700, calculator: rounds to two decimals at each step",
)
def mlco2_rounded_g(power_w: float, duration_s: float, intensity_g_per_kwh: float) -> float:
    """What the ML CO2 Impact calculator prints, gCO2e: it rounds kWh and kg. To compare with cards only."""
    non_negative(power_w=power_w, duration_s=duration_s, intensity_g_per_kwh=intensity_g_per_kwh)
    energy_kwh = round(kwh_from_j(power_w * duration_s), 2)
    return g_from_kg(round(kg_from_g(energy_kwh * intensity_g_per_kwh), 2))


@formula(
    "carbon.search_emissions_g",
    version=1,
    unit="g",
    expression="C = n x (steps / steps_0) x t_0 x C'",
    source="Patterson et al. 2021, arXiv:2104.10350, appendix C",
)
def search_emissions_g(
    task_count: float,
    step_count: float,
    reference_step_count: float,
    reference_duration_s: float,
    emissions_g_per_h: float,
) -> float:
    """Emissions of an architecture search from the emissions of one device-hour, gCO2e."""
    non_negative(task_count=task_count, step_count=step_count, reference_duration_s=reference_duration_s)
    non_negative(emissions_g_per_h=emissions_g_per_h)
    divisor(reference_step_count=reference_step_count)
    return task_count * step_count / reference_step_count * h_from_s(reference_duration_s) * emissions_g_per_h
