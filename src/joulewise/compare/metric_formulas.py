"""Efficiency as named, versioned, pure formulas: what the room of carbon has not already. FLOP never become joules.

Each has its equation and source on docs/explanation/efficiency-metrics.md.
"""

from __future__ import annotations

from math import inf, log

from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.formulas import formula
from joulewise.core.units import kwh_from_j, wh_from_j

PAGE = "../efficiency-metrics"
_LINKOPING = (
    "Dalgren and Lundegard 2019, LIU-IDA/LITH-EX-A--19/071--SE: performance over resource; the exact form is inferred"
)


def _amounts(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < inf:
            raise OutOfRange(f"want a finite {name} >= 0, got {value}")


def _divisors(**values: float) -> None:
    _amounts(**values)
    for name, value in values.items():
        if value == 0:
            raise UndefinedFigure(f"{name} is 0, so there is no ratio")


@formula("compare.quality_pp_per_mb", version=1, unit="pp/MB", expression="q / (s / 1e6)", source=_LINKOPING, page=PAGE)
def quality_pp_per_mb(quality_pp: float, size_bytes: float) -> float:
    """Quality in percentage points for each megabyte (1e6 bytes) of the model."""
    _amounts(quality_pp=quality_pp)
    _divisors(size_bytes=size_bytes)
    return quality_pp / (size_bytes / 1e6)


@formula(
    "compare.quality_pp_per_training_h",
    version=1,
    unit="pp/h",
    expression="q / (t_train / 3600)",
    source=_LINKOPING,
    page=PAGE,
)
def quality_pp_per_training_h(quality_pp: float, training_duration_s: float) -> float:
    """Quality in percentage points for each hour of training."""
    _amounts(quality_pp=quality_pp)
    _divisors(training_duration_s=training_duration_s)
    return quality_pp / (training_duration_s / 3600.0)


@formula(
    "compare.quality_pp_per_training_kwh",
    version=1,
    unit="pp/kWh",
    expression="q / (E_train / 3.6e6)",
    source=_LINKOPING,
    page=PAGE,
)
def quality_pp_per_training_kwh(quality_pp: float, training_energy_j: float) -> float:
    """Quality in percentage points for each kilowatt-hour of training."""
    _amounts(quality_pp=quality_pp)
    _divisors(training_energy_j=training_energy_j)
    return quality_pp / kwh_from_j(training_energy_j)


@formula(
    "compare.quality_pp_per_inference_s",
    version=1,
    unit="pp/s",
    expression="q / t_inf",
    source=_LINKOPING,
    page=PAGE,
)
def quality_pp_per_inference_s(quality_pp: float, inference_duration_s: float) -> float:
    """Quality in percentage points over the time of one inference."""
    _amounts(quality_pp=quality_pp)
    _divisors(inference_duration_s=inference_duration_s)
    return quality_pp / inference_duration_s


@formula(
    "compare.quality_pp_per_inference_j",
    version=1,
    unit="pp/J",
    expression="q / E_inf",
    source=_LINKOPING,
    page=PAGE,
)
def quality_pp_per_inference_j(quality_pp: float, energy_j_per_inference: float) -> float:
    """Quality in percentage points over the energy of one inference."""
    _amounts(quality_pp=quality_pp)
    _divisors(energy_j_per_inference=energy_j_per_inference)
    return quality_pp / energy_j_per_inference


@formula(
    "compare.inferences_per_j",
    version=1,
    unit="inferences/J",
    expression="n = 1 / E_inf",
    source="Definition; the throughput per watt of MLPerf Power, Tschand et al. 2024, arXiv:2410.12032",
    page=PAGE,
)
def inferences_per_j(energy_j_per_inference: float) -> float:
    """Inferences that one joule pays for."""
    _divisors(energy_j_per_inference=energy_j_per_inference)
    return 1.0 / energy_j_per_inference


@formula(
    "compare.samples_per_j",
    version=1,
    unit="samples/J",
    expression="n = r / P",
    source="MLPerf Power, Tschand et al. 2024, arXiv:2410.12032: offline and server scenarios",
    page=PAGE,
)
def samples_per_j(throughput_samples_per_s: float, power_w: float) -> float:
    """Samples for each joule: throughput over mean power of the run."""
    _amounts(throughput_samples_per_s=throughput_samples_per_s)
    _divisors(power_w=power_w)
    return throughput_samples_per_s / power_w


@formula(
    "compare.wh_per_thousand_queries",
    version=1,
    unit="Wh/1000 queries",
    expression="E = 1000 x E_inf / 3600",
    source="AI Energy Score: watt-hours of the accelerator for 1,000 queries, mean of 10 runs",
    page=PAGE,
)
def wh_per_thousand_queries(energy_j_per_inference: float) -> float:
    """Watt-hours of a thousand queries."""
    _amounts(energy_j_per_inference=energy_j_per_inference)
    return wh_from_j(energy_j_per_inference * 1000.0)


@formula(
    "compare.inference_flop",
    version=1,
    unit="FLOP",
    expression="F = 2 x N x D",
    source="Kaplan et al. 2020, arXiv:2001.08361, section 2.1: the forward pass",
    page=PAGE,
)
def inference_flop(parameter_count: float, token_count: float) -> float:
    """FLOP of a dense transformer's forward pass over tokens, without attention over the context."""
    _amounts(parameter_count=parameter_count, token_count=token_count)
    return 2.0 * parameter_count * token_count


@formula(
    "compare.device_time_of_flop_s",
    version=1,
    unit="s",
    expression="T = F / (r_peak x MFU)",
    source="Chowdhery et al. 2022, arXiv:2204.02311, section 4.1: model FLOPs utilisation",
    page=PAGE,
)
def device_time_of_flop_s(flop: float, peak_flop_per_s: float, utilisation: float) -> float:
    """Device-seconds that FLOP take on a device of that peak at that utilisation of it."""
    _amounts(flop=flop)
    _divisors(peak_flop_per_s=peak_flop_per_s, utilisation=utilisation)
    if utilisation > 1:
        raise OutOfRange(f"want a utilisation in 0..1, got {utilisation}")
    return flop / (peak_flop_per_s * utilisation)


@formula(
    "compare.flop_energy_j",
    version=1,
    unit="J",
    expression="E = F x e, with e measured",
    source="Definition; FLOP alone are a weak proxy of energy, arXiv:2307.05520",
    page=PAGE,
)
def flop_energy_j(flop: float, energy_j_per_flop: float) -> float:
    """Energy of FLOP from joules per FLOP that were measured on that machine with that kind of model."""
    _amounts(flop=flop, energy_j_per_flop=energy_j_per_flop)
    return flop * energy_j_per_flop


@formula(
    "compare.device_power_w",
    version=1,
    unit="W",
    expression="P = TDP x u x h",
    source="Patterson et al. 2021, arXiv:2104.10350, section 2.5: mean system power per accelerator",
    page=PAGE,
)
def device_power_w(tdp_w: float, utilisation: float, host_ratio: float) -> float:
    """Mean draw of a device with its share of the host: TDP, the share of it drawn, the system over its devices."""
    _amounts(tdp_w=tdp_w, utilisation=utilisation, host_ratio=host_ratio)
    return tdp_w * utilisation * host_ratio


@formula(
    "compare.part_of_change",
    version=1,
    unit="",
    expression="part = (C1 - C0) / ln(C1 / C0) x ln(f), C1 = C0 x f x rest",
    source="Ang 2004, doi:10.1016/S0301-4215(03)00076-4: logarithmic mean Divisia index, additive",
    page=PAGE,
)
def part_of_change(baseline_amount: float, own_factor: float, other_factor: float) -> float:
    """What one factor adds to an amount that changes by several at once; the parts of all sum to the change."""
    _amounts(baseline_amount=baseline_amount)
    _divisors(own_factor=own_factor, other_factor=other_factor)
    spread = log(own_factor) + log(other_factor)
    growth = own_factor * other_factor
    mean = baseline_amount * ((growth - 1.0) / spread if abs(spread) > 1e-6 else 1.0 + spread / 2.0 + spread**2 / 6.0)
    return mean * log(own_factor)


@formula(
    "compare.inferences_on_battery",
    version=1,
    unit="1",
    expression="n = E_battery / E_inf",
    source="Definition",
    page=PAGE,
)
def inferences_on_battery(battery_j: float, energy_j_per_inference: float) -> float:
    """Inferences that a full battery pays for, if nothing else drew from it."""
    _amounts(battery_j=battery_j)
    _divisors(energy_j_per_inference=energy_j_per_inference)
    return battery_j / energy_j_per_inference
