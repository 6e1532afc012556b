"""Energy: from the meter to the facility, and from a hardware description where nobody metered."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, non_negative, pue_ratio, shares
from joulewise.core.errors import OutOfRange
from joulewise.core.formulas import formula

_PATTERSON = "Patterson et al. 2021, arXiv:2104.10350, section 2.5"


@formula(
    "carbon.facility_energy_j",
    version=1,
    unit="J",
    expression="E_facility = E_IT x PUE",
    source="ISO/IEC 30134-2:2016 (PUE); GSF SCI 1.1.0, ISO/IEC 21031:2024, section O",
)
def facility_energy_j(it_energy_j: float, pue: float) -> float:
    """Energy at the building's meter, J. The only place where PUE enters. Raises OutOfRange for pue < 1."""
    non_negative(it_energy_j=it_energy_j)
    pue_ratio(pue)
    return it_energy_j * pue


@formula(
    "carbon.metered_facility_energy_j",
    version=1,
    unit="J",
    expression="E_facility = E_metered, which has PUE in it already",
    source="ISO/IEC 30134-2:2016, measurement at the facility's meter",
)
def metered_facility_energy_j(facility_energy_j: float) -> float:
    """Energy that already includes PUE passes unchanged, J."""
    non_negative(facility_energy_j=facility_energy_j)
    return facility_energy_j


@formula(
    "carbon.it_energy_j",
    version=1,
    unit="J",
    expression="E_IT = E_facility / PUE",
    source="ISO/IEC 30134-2:2016 (PUE), solved for IT energy",
)
def it_energy_j(facility_energy_j: float, pue: float) -> float:
    """Energy of the machines alone from a figure with PUE in it, J."""
    non_negative(facility_energy_j=facility_energy_j)
    pue_ratio(pue)
    return facility_energy_j / pue


@formula(
    "carbon.hardware_energy_j",
    version=1,
    unit="J",
    expression="E_facility = N x P x t x PUE",
    source=f"{_PATTERSON}; Lacoste et al. 2019, arXiv:1910.09700",
)
def hardware_energy_j(device_count: float, power_w: float, duration_s: float, pue: float) -> float:
    """Facility energy of `device_count` like devices of mean power `power_w`, J, where no meter was read."""
    non_negative(device_count=device_count, power_w=power_w, duration_s=duration_s)
    pue_ratio(pue)
    return device_count * power_w * duration_s * pue


@formula(
    "carbon.green_algorithms_power_w",
    version=1,
    unit="W",
    expression="P = n_c x P_c x u_c + P_gpu + n_m x P_m",
    source="Lannelongue et al. 2021, doi:10.1002/advs.202100707, equation 1",
)
def green_algorithms_power_w(
    core_count: float,
    core_power_w: float,
    core_usage_share: float,
    gpu_power_w: float,
    memory_gb: float,
    memory_w_per_gb: float,
) -> float:
    """Mean draw of a job by Green Algorithms, W: cores by use, all available memory (0.3725 W/GB there)."""
    non_negative(core_count=core_count, core_power_w=core_power_w, gpu_power_w=gpu_power_w)
    non_negative(memory_gb=memory_gb, memory_w_per_gb=memory_w_per_gb)
    shares(core_usage_share=core_usage_share)
    return core_count * core_power_w * core_usage_share + gpu_power_w + memory_gb * memory_w_per_gb


@formula(
    "carbon.node_power_w",
    version=1,
    unit="W",
    expression="P = p_cpu + p_dram + g x p_gpu",
    source="Strubell et al. 2019, arXiv:1906.02243, equation 1 without its PUE",
)
def node_power_w(cpu_power_w: float, dram_power_w: float, gpu_count: float, gpu_power_w: float) -> float:
    """Sampled mean power of a training node, W."""
    non_negative(cpu_power_w=cpu_power_w, dram_power_w=dram_power_w, gpu_count=gpu_count, gpu_power_w=gpu_power_w)
    return cpu_power_w + dram_power_w + gpu_count * gpu_power_w


@formula(
    "carbon.power_energy_j",
    version=1,
    unit="J",
    expression="E = P x t",
    source="SI brochure, 9th edition: 1 J = 1 W s",
)
def power_energy_j(power_w: float, duration_s: float) -> float:
    """Energy of a mean power held for a time, J; the joules per stream of MLPerf Power's latency scenarios."""
    non_negative(power_w=power_w, duration_s=duration_s)
    return power_w * duration_s


@formula(
    "carbon.mean_power_w",
    version=1,
    unit="W",
    expression="P = E / (N x t)",
    source="SI brochure, 9th edition; Dodge et al. 2022, arXiv:2206.05229, table 2",
)
def mean_power_w(energy_j: float, device_count: float, duration_s: float) -> float:
    """Mean power of one of `device_count` devices, W."""
    non_negative(energy_j=energy_j)
    divisor(device_count=device_count, duration_s=duration_s)
    return energy_j / (device_count * duration_s)


@formula(
    "carbon.interpolated_load_ratio",
    version=1,
    unit="1",
    expression="f(u) = f0 + (f1 - f0) x (u - u0) / (u1 - u0)",
    source="GSF Impact Framework, interpolation plug-in; load curve of Davy 2021 (Teads)",
)
def interpolated_load_ratio(
    load_percent: float,
    below_percent: float,
    below_ratio: float,
    above_percent: float,
    above_ratio: float,
) -> float:
    """Power as a ratio of TDP at a load between two known loads. Never extrapolates."""
    non_negative(load_percent=load_percent, below_percent=below_percent, above_percent=above_percent)
    if not below_percent <= load_percent <= above_percent or below_percent == above_percent:
        raise OutOfRange(f"want {below_percent} <= load <= {above_percent}, got {load_percent}")
    non_negative(below_ratio=below_ratio, above_ratio=above_ratio)
    position = (load_percent - below_percent) / (above_percent - below_percent)
    return below_ratio + (above_ratio - below_ratio) * position


@formula(
    "carbon.tdp_energy_j",
    version=1,
    unit="J",
    expression="E = TDP x f x t x share",
    source="GSF Impact Framework, Teads curve manifest",
)
def tdp_energy_j(tdp_w: float, load_ratio: float, duration_s: float, resource_share: float) -> float:
    """Energy of a part of a processor from its TDP and a load curve, J."""
    non_negative(tdp_w=tdp_w, load_ratio=load_ratio, duration_s=duration_s)
    shares(resource_share=resource_share)
    return tdp_w * load_ratio * duration_s * resource_share


@formula(
    "carbon.lifetime_energy_j",
    version=1,
    unit="J",
    expression="E = E_train + Q x E_inf",
    source="Patterson et al. 2021, arXiv:2104.10350, section 2.1",
)
def lifetime_energy_j(training_energy_j: float, request_count: float, energy_j_per_request: float) -> float:
    """Energy of a model over training and all its requests, J."""
    non_negative(training_energy_j=training_energy_j, request_count=request_count)
    non_negative(energy_j_per_request=energy_j_per_request)
    return training_energy_j + request_count * energy_j_per_request


@formula(
    "carbon.scaled_duration_s",
    version=1,
    unit="s",
    expression="t = n / n0 x t0",
    source="Strubell et al. 2019, arXiv:1906.02243, section 2.1",
)
def scaled_duration_s(step_count: float, reference_step_count: float, reference_duration_s: float) -> float:
    """Time of a long job from the time of a reference number of steps, s."""
    non_negative(step_count=step_count, reference_duration_s=reference_duration_s)
    divisor(reference_step_count=reference_step_count)
    return step_count / reference_step_count * reference_duration_s


@formula(
    "carbon.device_time_s",
    version=1,
    unit="s",
    expression="T = N x t",
    source="Luccioni et al. 2022, arXiv:2211.02001, section 4: wall-clock time is not device time",
)
def device_time_s(device_count: float, duration_s: float) -> float:
    """Device-seconds of devices held for a wall-clock time, s."""
    non_negative(device_count=device_count, duration_s=duration_s)
    return device_count * duration_s
