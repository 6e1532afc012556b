"""The only converters. Every name says its unit; plain floats go in and come out.

Sources: SI brochure (9th ed.); NIST SP 811 for the pound (0.45359237 kg, exact).
"""

from __future__ import annotations

J_PER_WH = 3_600.0
J_PER_KWH = 3_600_000.0
J_PER_MWH = 3_600_000_000.0
J_PER_TWH = 3_600_000_000_000_000.0
KG_PER_LB = 0.45359237
S_PER_H = 3_600.0
H_PER_DAY = 24.0
H_PER_YEAR = 8_760.0  # 365 days: the year of SCI, BLOOM and the GHG Protocol's examples
S_PER_YEAR = H_PER_YEAR * S_PER_H
FLOP_PER_PETAFLOP_DAY = 1e15 * 86_400.0
FLOP_PER_MAC = 2.0  # a multiply and an add
KM_PER_MILE = 1.609344
MOST_POWER_W = 1e9  # what is beyond these was not meant: a gigawatt is a large power station
MOST_DURATION_S = 10 * S_PER_YEAR
MOST_ENERGY_J = MOST_POWER_W * MOST_DURATION_S
CO2_PER_CARBON = 44.0 / 12.0  # molar masses, as EPA and IPCC round them


def kwh_from_j(energy_j: float) -> float:
    return energy_j / J_PER_KWH


def j_from_kwh(energy_kwh: float) -> float:
    return energy_kwh * J_PER_KWH


def wh_from_j(energy_j: float) -> float:
    return energy_j / J_PER_WH


def j_from_wh(energy_wh: float) -> float:
    return energy_wh * J_PER_WH


def kg_from_g(mass_g: float) -> float:
    return mass_g / 1_000.0


def g_from_kg(mass_kg: float) -> float:
    return mass_kg * 1_000.0


def t_from_g(mass_g: float) -> float:
    return mass_g / 1_000_000.0


def g_from_t(mass_t: float) -> float:
    return mass_t * 1_000_000.0


def g_from_lb(mass_lb: float) -> float:
    return mass_lb * KG_PER_LB * 1_000.0


def lb_from_g(mass_g: float) -> float:
    return mass_g / 1_000.0 / KG_PER_LB


def mwh_from_j(energy_j: float) -> float:
    return energy_j / J_PER_MWH


def j_from_mwh(energy_mwh: float) -> float:
    return energy_mwh * J_PER_MWH


def j_from_twh(energy_twh: float) -> float:
    return energy_twh * J_PER_TWH


def l_from_ml(volume_ml: float) -> float:
    return volume_ml / 1_000.0


def ml_from_l(volume_l: float) -> float:
    return volume_l * 1_000.0


def m3_from_l(volume_l: float) -> float:
    """Cubic metres; a kilolitre is the same."""
    return volume_l / 1_000.0


def l_from_m3(volume_m3: float) -> float:
    return volume_m3 * 1_000.0


def flop_from_mac(mac: float) -> float:
    """A multiply-accumulate is two floating-point operations."""
    return mac * FLOP_PER_MAC


def flop_from_petaflop_days(petaflop_days: float) -> float:
    return petaflop_days * FLOP_PER_PETAFLOP_DAY


def flop_from_tera(teraflop: float) -> float:
    return teraflop * 1e12


def kg_from_lb(mass_lb: float) -> float:
    return mass_lb * KG_PER_LB


def lb_from_kg(mass_kg: float) -> float:
    return mass_kg / KG_PER_LB


def g_per_kwh_from_lb_per_mwh(intensity_lb_per_mwh: float) -> float:
    """US EPA prints pounds per megawatt-hour; 1,000 lb/MWh is 453.6 g/kWh."""
    return intensity_lb_per_mwh * KG_PER_LB


def g_per_kwh_from_lb_per_kwh(intensity_lb_per_kwh: float) -> float:
    """Strubell et al. print pounds per kilowatt-hour; 0.954 lb/kWh is 432.7 g/kWh."""
    return intensity_lb_per_kwh * KG_PER_LB * 1_000.0


def g_per_kwh_from_kg_per_kwh(intensity_kg_per_kwh: float) -> float:
    """Also tonnes per megawatt-hour, which is the same number."""
    return intensity_kg_per_kwh * 1_000.0


def h_from_s(duration_s: float) -> float:
    return duration_s / S_PER_H


def s_from_h(duration_h: float) -> float:
    return duration_h * S_PER_H


def s_from_days(duration_days: float) -> float:
    return duration_days * H_PER_DAY * S_PER_H


def s_from_years(duration_years: float) -> float:
    """Years of 365 days."""
    return duration_years * S_PER_YEAR


def s_from_ns(duration_ns: int) -> float:
    return duration_ns / 1_000_000_000


def ns_from_s(duration_s: float) -> int:
    return round(duration_s * 1_000_000_000)


_ENERGY = (
    (J_PER_MWH, "MWh"),
    (J_PER_KWH, "kWh"),
    (J_PER_WH, "Wh"),
    (1.0, "J"),
    (1e-3, "mJ"),
    (1e-6, "µJ"),
    (1e-9, "nJ"),
)
_MASS = ((1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "µg"), (1e-9, "ng"))
_VOLUME = ((1e3, "m³"), (1.0, "L"), (1e-3, "mL"), (1e-6, "µL"), (1e-9, "nL"))
_SCALES = {"J": _ENERGY, "g": _MASS, "L": _VOLUME}


def readable(value: float, unit: str) -> tuple[float, str]:
    """Scale J, g or L to the unit that a person reads best; other units pass unchanged.

    >>> readable(5_400_000.0, "J")
    (1.5, 'kWh')
    """
    for size, name in _SCALES.get(unit, ()):
        if abs(value) >= size:
            return value / size, name
    return value, unit
