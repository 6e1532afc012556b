"""Water: what evaporates on site and at the power stations."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import non_negative, pue_ratio
from joulewise.core.formulas import formula
from joulewise.core.units import kwh_from_j


@formula(
    "carbon.water_l",
    version=1,
    unit="L",
    expression="W = E_IT / 3.6e6 x (WUE + PUE x EWIF)",
    source="Li et al. 2023, arXiv:2304.03271, equation 1",
)
def water_l(it_energy_j: float, pue: float, wue_l_per_kwh: float, ewif_l_per_kwh: float) -> float:
    """Water of IT energy that does not include PUE, L: on site on IT energy, off site on facility energy."""
    non_negative(it_energy_j=it_energy_j, wue_l_per_kwh=wue_l_per_kwh, ewif_l_per_kwh=ewif_l_per_kwh)
    pue_ratio(pue)
    return kwh_from_j(it_energy_j) * (wue_l_per_kwh + pue * ewif_l_per_kwh)


@formula(
    "carbon.water_of_facility_l",
    version=1,
    unit="L",
    expression="W = E_facility / 3.6e6 x (WUE / PUE + EWIF)",
    source="Jegham et al. 2025, arXiv:2505.09598, section 4",
)
def water_of_facility_l(facility_energy_j: float, pue: float, wue_l_per_kwh: float, ewif_l_per_kwh: float) -> float:
    """Water of energy that already includes PUE, L: PUE is taken out for the on-site part only."""
    non_negative(facility_energy_j=facility_energy_j, wue_l_per_kwh=wue_l_per_kwh, ewif_l_per_kwh=ewif_l_per_kwh)
    pue_ratio(pue)
    return kwh_from_j(facility_energy_j) * (wue_l_per_kwh / pue + ewif_l_per_kwh)


@formula(
    "carbon.water_by_rate_l",
    version=1,
    unit="L",
    expression="W = E / 3.6e6 x w",
    source="Morrison et al. 2025, arXiv:2503.05804, section 3 (one rate for on-site and off-site water)",
)
def water_by_rate_l(energy_j: float, water_l_per_kwh: float) -> float:
    """Water from one rate, L; the energy must be of the boundary that the rate was made for."""
    non_negative(energy_j=energy_j, water_l_per_kwh=water_l_per_kwh)
    return kwh_from_j(energy_j) * water_l_per_kwh
