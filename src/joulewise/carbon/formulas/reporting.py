"""Indicators of reports: data-centre KPIs, ratios and changes."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, finite, non_negative, pue_ratio, shares
from joulewise.core.formulas import formula
from joulewise.core.units import kwh_from_j

_EED = "Delegated Regulation (EU) 2024/1364, annex III"


@formula("carbon.pue", version=1, unit="1", expression="PUE = E_DC / E_IT", source=f"{_EED}; ISO/IEC 30134-2:2016")
def pue(facility_energy_j: float, it_energy_j: float) -> float:
    """Power usage effectiveness of a period; below 1 the meters contradict each other (OutOfRange)."""
    non_negative(facility_energy_j=facility_energy_j)
    divisor(it_energy_j=it_energy_j)
    ratio = facility_energy_j / it_energy_j
    pue_ratio(ratio)
    return ratio


@formula(
    "carbon.wue_l_per_kwh",
    version=1,
    unit="L/kWh",
    expression="WUE = W_IN / (E_IT / 3.6e6)",
    source=f"{_EED}; ISO/IEC 30134-9:2022",
)
def wue_l_per_kwh(water_l: float, it_energy_j: float) -> float:
    """Water usage effectiveness, litres for each kilowatt-hour of IT energy."""
    non_negative(water_l=water_l)
    divisor(it_energy_j=it_energy_j)
    return water_l / kwh_from_j(it_energy_j)


@formula(
    "carbon.cue_g_per_kwh",
    version=1,
    unit="g/kWh",
    expression="CUE = C / (E_IT / 3.6e6)",
    source="ISO/IEC 30134-8:2022",
)
def cue_g_per_kwh(emissions_g: float, it_energy_j: float) -> float:
    """Carbon usage effectiveness, gCO2e for each kilowatt-hour of IT energy."""
    non_negative(emissions_g=emissions_g)
    divisor(it_energy_j=it_energy_j)
    return emissions_g / kwh_from_j(it_energy_j)


def _part(part_j: float, whole_j: float) -> float:
    non_negative(part_j=part_j)
    divisor(whole_j=whole_j)
    share = part_j / whole_j
    shares(share=share)
    return share


@formula(
    "carbon.ref_share", version=1, unit="1", expression="REF = E_RES-TOT / E_DC", source=f"{_EED}; ISO/IEC 30134-3"
)
def ref_share(renewable_energy_j: float, facility_energy_j: float) -> float:
    """Renewable energy factor, 0..1. Raises OutOfRange above 1."""
    return _part(renewable_energy_j, facility_energy_j)


@formula("carbon.erf_share", version=1, unit="1", expression="ERF = E_REUSE / E_DC", source=f"{_EED}; ISO/IEC 30134-6")
def erf_share(reused_energy_j: float, facility_energy_j: float) -> float:
    """Energy reuse factor, 0..1. Raises OutOfRange above 1."""
    return _part(reused_energy_j, facility_energy_j)


@formula(
    "carbon.overhead_saving_share",
    version=1,
    unit="1",
    expression="s = (PUE - 1) x cut / PUE",
    source="DeepMind 2016: 15 % of the overhead is not 15 % of the energy; ISO/IEC 30134-2:2016",
)
def overhead_saving_share(pue: float, overhead_cut_share: float) -> float:
    """Share of facility energy saved by cutting a share of the overhead above IT energy, 0..1."""
    pue_ratio(pue)
    shares(overhead_cut_share=overhead_cut_share)
    return (pue - 1.0) * overhead_cut_share / pue


@formula(
    "carbon.ratio",
    version=1,
    unit="1",
    expression="r = x / x_ref",
    source="Definition; for dual Scope 2 figures GHG Protocol Scope 2 Guidance 2015, chapter 6",
)
def ratio(amount: float, reference_amount: float) -> float:
    """One amount over another of the same unit and boundary: dual figures, shares, restatements, speed-ups."""
    non_negative(amount=amount)
    divisor(reference_amount=reference_amount)
    return amount / reference_amount


@formula(
    "carbon.change_percent",
    version=1,
    unit="%",
    expression="d = 100 x (x - x_ref) / x_ref",
    source="ESRS E1 (Delegated Regulation (EU) 2023/2772), change against the base year",
)
def change_percent(amount: float, reference_amount: float) -> float:
    """Change against a reference, per cent; negative is less."""
    non_negative(amount=amount)
    divisor(reference_amount=reference_amount)
    return 100.0 * (amount - reference_amount) / reference_amount


@formula(
    "carbon.saving_percent",
    version=1,
    unit="%",
    expression="s = 100 x (C_base - C_new) / C_base",
    source="Dodge et al. 2022, arXiv:2206.05229, section 5",
)
def saving_percent(baseline_amount: float, new_amount: float) -> float:
    """Saving against a baseline of the same boundary, per cent of the baseline; negative is a loss."""
    non_negative(new_amount=new_amount)
    divisor(baseline_amount=baseline_amount)
    return 100.0 * (baseline_amount - new_amount) / baseline_amount


@formula(
    "carbon.difference_pp",
    version=1,
    unit="pp",
    expression="d = a - b",
    source="Dodge et al. 2022, arXiv:2206.05229, tables 4 and 5: pause and resume over flexible start",
)
def difference_pp(share_percent: float, reference_percent: float) -> float:
    """Difference of two percentages, percentage points."""
    finite(share_percent=share_percent, reference_percent=reference_percent)
    return share_percent - reference_percent


@formula(
    "carbon.combined_ratio",
    version=1,
    unit="1",
    expression="r = r_1 x r_2 x ...",
    source="Patterson et al. 2022, doi:10.1109/MC.2022.3148714 (model, machine, mechanisation, map)",
)
def combined_ratio(**ratios: float) -> float:
    """Product of independent factors of a saving."""
    product = 1.0
    for name, one in ratios.items():
        non_negative(**{name: one})
        product *= one
    return product
