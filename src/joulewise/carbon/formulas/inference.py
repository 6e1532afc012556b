"""Inference: energy of tokens, requests and samples by the field's methods."""

from __future__ import annotations

from math import ceil, exp

from joulewise.carbon.formulas.ranges import divisor, non_negative, pue_ratio, shares
from joulewise.core.errors import OutOfRange
from joulewise.core.formulas import formula
from joulewise.core.units import j_from_wh

_ML_ENERGY = "Chung et al. 2025, arXiv:2505.06371, section 3 (ML.ENERGY, steady state only)"
_ECOLOGITS = "EcoLogits, LLM inference methodology (2025-11), regression over the ML.ENERGY leaderboard"


@formula("carbon.energy_j_per_token", version=1, unit="J", expression="e = P / r", source=_ML_ENERGY)
def energy_j_per_token(power_w: float, throughput_tokens_per_s: float) -> float:
    """Energy of one output token in steady state, J."""
    non_negative(power_w=power_w)
    divisor(throughput_tokens_per_s=throughput_tokens_per_s)
    return power_w / throughput_tokens_per_s


@formula("carbon.energy_j_per_request", version=1, unit="J", expression="E = e x n", source=_ML_ENERGY)
def energy_j_per_request(energy_j_per_token: float, token_count: float) -> float:
    """Energy of a request from its mean output length, J."""
    non_negative(energy_j_per_token=energy_j_per_token, token_count=token_count)
    return energy_j_per_token * token_count


@formula(
    "carbon.energy_j_per_sample",
    version=1,
    unit="J",
    expression="e = P / r",
    source="MLPerf Power, Tschand et al. 2024, arXiv:2410.12032: full-system AC power, offline and server scenarios",
)
def energy_j_per_sample(power_w: float, throughput_samples_per_s: float) -> float:
    """Energy of one sample from mean wall power, J."""
    non_negative(power_w=power_w)
    divisor(throughput_samples_per_s=throughput_samples_per_s)
    return power_w / throughput_samples_per_s


@formula(
    "carbon.break_even_count",
    version=1,
    unit="1",
    expression="N = (E_train + E_finetune) / E_inf",
    source="Luccioni et al. 2024, arXiv:2311.16863, table 5",
)
def break_even_count(training_energy_j: float, finetuning_energy_j: float, energy_j_per_inference: float) -> float:
    """Inferences after which serving has used as much energy as training."""
    non_negative(training_energy_j=training_energy_j, finetuning_energy_j=finetuning_energy_j)
    divisor(energy_j_per_inference=energy_j_per_inference)
    return (training_energy_j + finetuning_energy_j) / energy_j_per_inference


@formula(
    "carbon.ecologits_gpu_energy_j_per_token",
    version=1,
    unit="J",
    expression="e = 1.16653e-6 x exp(-0.0112059 x B) x P + 4.05293e-5 Wh, P in 1e9 parameters",
    source=_ECOLOGITS,
)
def ecologits_gpu_energy_j_per_token(active_parameter_count: float, batch_size: float) -> float:
    """GPU energy of one output token by EcoLogits, J (its kWh figure is this over 3.6e6); B is 64 there."""
    non_negative(active_parameter_count=active_parameter_count, batch_size=batch_size)
    billions = active_parameter_count / 1e9
    return j_from_wh(1.16653e-6 * exp(-0.0112059 * batch_size) * billions + 4.05293e-5)


@formula(
    "carbon.ecologits_latency_s_per_token",
    version=1,
    unit="s",
    expression="l = 6.7855e-4 x P + 3.1193e-4 x B + 0.0194737, P in 1e9 parameters",
    source=_ECOLOGITS,
)
def ecologits_latency_s_per_token(active_parameter_count: float, batch_size: float) -> float:
    """Time of one output token by EcoLogits, s."""
    non_negative(active_parameter_count=active_parameter_count, batch_size=batch_size)
    return 6.7855e-4 * active_parameter_count / 1e9 + 3.1193e-4 * batch_size + 0.0194737


@formula(
    "carbon.ecologits_server_energy_j",
    version=1,
    unit="J",
    expression="E_server = t x P_server x n / N / B",
    source=_ECOLOGITS,
)
def ecologits_server_energy_j(
    latency_s: float, server_power_w: float, gpu_count: float, server_gpu_count: float, batch_size: float
) -> float:
    """Share of a server without its GPUs (1,200 W, 8 GPUs there) that a request carries, J."""
    non_negative(latency_s=latency_s, server_power_w=server_power_w, gpu_count=gpu_count)
    divisor(server_gpu_count=server_gpu_count, batch_size=batch_size)
    return latency_s * server_power_w * gpu_count / server_gpu_count / batch_size


@formula(
    "carbon.ecologits_request_energy_j",
    version=1,
    unit="J",
    expression="E = PUE x (E_server + n x E_gpu)",
    source=_ECOLOGITS,
)
def ecologits_request_energy_j(server_energy_j: float, gpu_count: float, gpu_energy_j: float, pue: float) -> float:
    """Facility energy of a request by EcoLogits, J. PUE is in it: take `water_of_facility_l` for its water."""
    non_negative(server_energy_j=server_energy_j, gpu_count=gpu_count, gpu_energy_j=gpu_energy_j)
    pue_ratio(pue)
    return pue * (server_energy_j + gpu_count * gpu_energy_j)


@formula(
    "carbon.query_energy_j",
    version=1,
    unit="J",
    expression="E = t x (P_gpu x u_gpu + P_other x u_other) x PUE",
    source="Jegham et al. 2025, arXiv:2505.09598, equation 2",
)
def query_energy_j(
    duration_s: float,
    gpu_power_w: float,
    gpu_usage_share: float,
    other_power_w: float,
    other_usage_share: float,
    pue: float,
) -> float:
    """Facility energy of one query from its time on a node, J."""
    non_negative(duration_s=duration_s, gpu_power_w=gpu_power_w, other_power_w=other_power_w)
    shares(gpu_usage_share=gpu_usage_share, other_usage_share=other_usage_share)
    pue_ratio(pue)
    return duration_s * (gpu_power_w * gpu_usage_share + other_power_w * other_usage_share) * pue


@formula(
    "carbon.star_by_range",
    version=1,
    unit="stars",
    expression="5 stars: the lowest fifth of the range from the least to the most energy",
    source="AI Energy Score, rule in equal widths of 20 % of the range",
)
def star_by_range(energy_j: float, least_j: float, most_j: float) -> float:
    """Stars, 5 (best) to 1, by equal widths of the range of a task and class."""
    non_negative(energy_j=energy_j, least_j=least_j, most_j=most_j)
    if not least_j <= energy_j <= most_j:
        raise OutOfRange(f"want 0 <= least <= energy <= most, got {least_j}, {energy_j}, {most_j}")
    if least_j == most_j:
        return 5.0
    position = (energy_j - least_j) / (most_j - least_j)
    return float(5 - min(4, int(position * 5)))


@formula(
    "carbon.star_by_rank",
    version=1,
    unit="stars",
    expression="5 stars: the best fifth of the models",
    source="AI Energy Score, rule in fifths of the models",
)
def star_by_rank(rank: float, model_count: float) -> float:
    """Stars, 5 (best) to 1, by fifths of the models of a task and class; rank 1 uses the least energy."""
    non_negative(rank=rank, model_count=model_count)
    if not 1 <= rank <= model_count:
        raise OutOfRange(f"want 1 <= rank <= model_count, got {rank} of {model_count}")
    return float(6 - max(1, ceil(rank / model_count * 5)))
