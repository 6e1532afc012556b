"""Embodied emissions: the share of making a machine that a piece of work carries."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, non_negative, shares
from joulewise.core.errors import OutOfRange
from joulewise.core.formulas import formula
from joulewise.core.units import h_from_s

_SCI = "GSF SCI 1.1.0, ISO/IEC 21031:2024, M = TE x TR/EL x RR/ToR"


def _time_share(reserved_s: float, lifespan_s: float) -> float:
    non_negative(reserved_s=reserved_s)
    divisor(lifespan_s=lifespan_s)
    if reserved_s > lifespan_s:
        raise OutOfRange(f"want reserved_s <= lifespan_s, got {reserved_s} > {lifespan_s}")
    return reserved_s / lifespan_s


@formula("carbon.embodied_g", version=1, unit="g", expression="M = TE x (TR / EL) x (RR / ToR)", source=_SCI)
def embodied_g(total_g: float, reserved_s: float, lifespan_s: float, resource_share: float) -> float:
    """The part of a machine's embodied emissions that one job carries, gCO2e.

    Args: `total_g` making and disposing of the whole machine; `reserved_s` held, at most `lifespan_s` expected;
    `resource_share` part of the machine held, 0..1.
    Raises: OutOfRange if an argument leaves its range or is NaN.
    """
    non_negative(total_g=total_g)
    shares(resource_share=resource_share)
    return total_g * _time_share(reserved_s, lifespan_s) * resource_share


@formula(
    "carbon.embodied_by_core_g",
    version=1,
    unit="g",
    expression="M = TE_core x n x (TR / EL) x (RR / ToR)",
    source=_SCI + ", with TE per virtual core of a shared server",
)
def embodied_by_core_g(
    total_g_per_core: float, core_count: float, reserved_s: float, lifespan_s: float, resource_share: float
) -> float:
    """The embodied share of a job in a virtual machine whose host is unknown, gCO2e."""
    non_negative(total_g_per_core=total_g_per_core, core_count=core_count)
    shares(resource_share=resource_share)
    return total_g_per_core * core_count * _time_share(reserved_s, lifespan_s) * resource_share


@formula(
    "carbon.resource_share",
    version=1,
    unit="1",
    expression="RS = RR / ToR",
    source=_SCI,
)
def resource_share(reserved_count: float, total_count: float) -> float:
    """Part of a machine held, 0..1: cores, GPUs or gigabytes of those there are."""
    non_negative(reserved_count=reserved_count)
    divisor(total_count=total_count)
    if reserved_count > total_count:
        raise OutOfRange(f"want reserved_count <= total_count, got {reserved_count} > {total_count}")
    return reserved_count / total_count


@formula(
    "carbon.embodied_rate_g_per_h",
    version=1,
    unit="g/h",
    expression="m = TE / (EL x u)",
    source="Luccioni et al. 2022, arXiv:2211.02001, section 4.1; Morrison et al. 2025, arXiv:2503.05804, section 3",
)
def embodied_rate_g_per_h(total_g: float, lifespan_s: float, use_share: float) -> float:
    """Embodied emissions of one hour of use, gCO2e/h; `use_share` of the life is spent in use, 0..1."""
    non_negative(total_g=total_g)
    shares(use_share=use_share)
    divisor(lifespan_s=lifespan_s, use_share=use_share)
    return total_g / (h_from_s(lifespan_s) * use_share)


@formula(
    "carbon.embodied_by_rate_g",
    version=1,
    unit="g",
    expression="M = N x t x m",
    source="Luccioni et al. 2022, arXiv:2211.02001, section 4.1",
)
def embodied_by_rate_g(device_count: float, duration_s: float, rate_g_per_h: float) -> float:
    """Embodied share of devices from their hourly rate, gCO2e."""
    non_negative(device_count=device_count, duration_s=duration_s, rate_g_per_h=rate_g_per_h)
    return device_count * h_from_s(duration_s) * rate_g_per_h


@formula(
    "carbon.assembled_g",
    version=1,
    unit="g",
    expression="TE = TE_0 + n x TE_part",
    source="GSF Impact Framework, sci-embodied plug-in (drives added to a machine without any)",
)
def assembled_g(machine_g: float, part_count: float, part_g: float) -> float:
    """Embodied emissions of a machine with added parts (GPUs, drives), gCO2e."""
    non_negative(machine_g=machine_g, part_count=part_count, part_g=part_g)
    return machine_g + part_count * part_g


@formula(
    "carbon.yearly_g",
    version=1,
    unit="g",
    expression="C_year = C / years",
    source="US EPA, Greenhouse Gas Equivalencies Calculator: a seedling's uptake is over ten years, not one",
)
def yearly_g(total_g: float, year_count: float) -> float:
    """A mass that accrues over years as a mass of one year, gCO2e."""
    non_negative(total_g=total_g)
    divisor(year_count=year_count)
    return total_g / year_count
