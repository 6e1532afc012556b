"""Computation: FLOP of training, and efficiency that takes FLOP as its resource. FLOP are never turned into joules."""

from __future__ import annotations

from joulewise.carbon.formulas.ranges import divisor, finite, non_negative, shares
from joulewise.core.formulas import formula
from joulewise.core.units import kwh_from_j


@formula(
    "carbon.training_flop",
    version=1,
    unit="FLOP",
    expression="F = 6 x N x D",
    source="Kaplan et al. 2020, arXiv:2001.08361, section 2.1",
)
def training_flop(parameter_count: float, token_count: float) -> float:
    """FLOP to train a dense transformer: 2 forward, 4 backward, for each parameter and token."""
    non_negative(parameter_count=parameter_count, token_count=token_count)
    return 6.0 * parameter_count * token_count


@formula(
    "carbon.achieved_flop",
    version=1,
    unit="FLOP",
    expression="F = N x t x r",
    source="Patterson et al. 2021, arXiv:2104.10350, table 4",
)
def achieved_flop(device_count: float, duration_s: float, throughput_flop_per_s: float) -> float:
    """FLOP done by devices at a measured throughput."""
    non_negative(device_count=device_count, duration_s=duration_s, throughput_flop_per_s=throughput_flop_per_s)
    return device_count * duration_s * throughput_flop_per_s


@formula(
    "carbon.edh_flop",
    version=1,
    unit="FLOP",
    expression="Cost(R) = E x D x H",
    source="Schwartz et al. 2019, arXiv:1907.10597, equation 1",
)
def edh_flop(example_flop: float, example_count: float, experiment_count: float) -> float:
    """Cost of a result by Green AI: one example, size of the data, number of experiments."""
    non_negative(example_flop=example_flop, example_count=example_count, experiment_count=experiment_count)
    return example_flop * example_count * experiment_count


@formula(
    "carbon.search_flop",
    version=1,
    unit="FLOP",
    expression="F = 3 x F_forward x D x epochs x H",
    source="Schwartz et al. 2019, arXiv:1907.10597, equation 1, with a backward pass of two forward passes",
)
def search_flop(forward_flop: float, example_count: float, epoch_count: float, experiment_count: float) -> float:
    """FLOP of training with its hyper-parameter experiments."""
    non_negative(forward_flop=forward_flop, example_count=example_count)
    non_negative(epoch_count=epoch_count, experiment_count=experiment_count)
    return 3.0 * forward_flop * example_count * epoch_count * experiment_count


@formula(
    "carbon.accuracy_pp_per_gflop",
    version=1,
    unit="pp/GFLOP",
    expression="a / (F / 1e9)",
    source="Dalgren and Lundegard 2019, LIU-IDA/LITH-EX-A--19/071--SE: performance over resource",
)
def accuracy_pp_per_gflop(accuracy_pp: float, flop: float) -> float:
    """Accuracy in percentage points for each GFLOP. Rank above an accuracy floor only: else tiny bad models win."""
    non_negative(accuracy_pp=accuracy_pp)
    divisor(flop=flop)
    return accuracy_pp / (flop / 1e9)


@formula(
    "carbon.accuracy_pp_per_kwh",
    version=1,
    unit="pp/kWh",
    expression="(a2 - a1) / ((E2 - E1) / 3.6e6)",
    source="Marginal reading of Schwartz et al. 2019, arXiv:1907.10597, section 3",
)
def accuracy_pp_per_kwh(
    accuracy_pp: float, reference_accuracy_pp: float, energy_j: float, reference_energy_j: float
) -> float:
    """Accuracy gained for each further kilowatt-hour between two points of a Pareto front."""
    finite(accuracy_pp=accuracy_pp, reference_accuracy_pp=reference_accuracy_pp)
    more_kwh = kwh_from_j(energy_j - reference_energy_j)
    divisor(more_kwh=more_kwh)
    return (accuracy_pp - reference_accuracy_pp) / more_kwh


@formula(
    "carbon.depthwise_cost_ratio",
    version=1,
    unit="1",
    expression="1 / N + 1 / k^2",
    source="Howard et al. 2017, arXiv:1704.04861, section 3.1",
)
def depthwise_cost_ratio(output_channel_count: float, kernel_size: float) -> float:
    """Computation of a depthwise separable convolution over that of a full one."""
    divisor(output_channel_count=output_channel_count, kernel_size=kernel_size)
    return 1.0 / output_channel_count + 1.0 / kernel_size**2


@formula(
    "carbon.energy_delay_js",
    version=1,
    unit="J.s",
    expression="EDP = E x t",
    source="Gonzalez and Horowitz 1996, doi:10.1109/4.535411",
)
def energy_delay_js(energy_j: float, duration_s: float) -> float:
    """Energy-delay product, J s: for work where latency counts as much as energy."""
    non_negative(energy_j=energy_j, duration_s=duration_s)
    return energy_j * duration_s


@formula(
    "carbon.energy_delay_squared_js2",
    version=1,
    unit="J.s2",
    expression="ED2P = E x t^2",
    source="Martin et al. 2001, The energy-delay metric E t^2",
)
def energy_delay_squared_js2(energy_j: float, duration_s: float) -> float:
    """Energy-delay-squared product, J s^2: independent of voltage scaling."""
    non_negative(energy_j=energy_j, duration_s=duration_s)
    return energy_j * duration_s**2


@formula(
    "carbon.model_memory_gb",
    version=1,
    unit="GB",
    expression="m = 1.2 x N x bits / 8 / 1e9",
    source="EcoLogits, LLM inference methodology: 20 % over the weights",
)
def model_memory_gb(parameter_count: float, weight_bits: float) -> float:
    """Memory that a model needs to serve, GB (1e9 bytes)."""
    non_negative(parameter_count=parameter_count, weight_bits=weight_bits)
    return 1.2 * parameter_count * weight_bits / 8.0 / 1e9


@formula(
    "carbon.matched_share",
    version=1,
    unit="1",
    expression="CFE = sum(min(load_i, clean_i)) / sum(load_i)",
    source="Google 2021, 24/7 Carbon-Free Energy: Methodologies and Metrics",
)
def matched_share(**hours: float) -> float:
    """Share of the load that clean energy of the same hour covers, 0..1. Takes pairs load_0_j, clean_0_j, ..."""
    loads = {name: value for name, value in hours.items() if name.startswith("load_")}
    non_negative(**hours)
    divisor(load_j=sum(loads.values()))
    matched_j = sum(min(load_j, hours[name.replace("load_", "clean_")]) for name, load_j in loads.items())
    share = matched_j / sum(loads.values())
    shares(matched_share=share)
    return share
