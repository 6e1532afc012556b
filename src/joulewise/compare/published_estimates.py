"""The same job by other people's formulas: the spread between estimators is part of the answer.

Source: each formula names its paper; that estimators disagree is why two or more are shown (Jay et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from joulewise.carbon import formulas as known
from joulewise.compare.hardware import Hardware
from joulewise.compare.model_spec import ModelSpec
from joulewise.core.figures import REPORTED, Figure, exact
from joulewise.core.formulas import Formula

Other = tuple[str, str, Formula, Mapping[str, Figure]]
STRUBELL_PUE = 1.58
_SERVER_W, _SERVER_GPUS, _BATCH, _GPU_GB = 1_200.0, 8.0, 64.0, 80.0
"""EcoLogits: a server without its GPUs, its GPUs, concurrent requests, memory of a GPU."""


def others_of(
    device: Hardware | None, device_time: Figure | None, pue: Figure | None, spec: ModelSpec | None
) -> Iterator[Other]:
    """Name, label, formula and inputs of each published way that fits; PUE is in all but the first."""
    if device is not None and device_time is not None:
        yield from _by_hours(device, device_time, pue)
    if spec is not None and spec.stage == "inference" and pue is not None:
        yield from _ecologits(spec, pue)


def _by_hours(device: Hardware, device_time: Figure, pue: Figure | None) -> Iterator[Other]:
    rated = {"device_count": _one(1.0), "power_w": device.tdp, "duration_s": device_time}
    formula = known.hardware_energy_j
    yield "mlco2", "ML CO2 Impact: rated power, no PUE (Lacoste et al. 2019)", formula, {**rated, "pue": _one(1.0)}
    if pue is not None:
        label = "Green Algorithms: rated power at full use x PUE, memory left out"
        yield "green_algorithms", label, formula, {**rated, "pue": pue}
        if device.mean is not None:
            label = "Patterson et al. 2021: mean system power as published x PUE"
            yield "patterson", label, formula, {**rated, "power_w": device.mean, "pue": pue}
    label = f"Strubell et al. 2019: rated power for want of samples x PUE {STRUBELL_PUE}"
    yield "strubell", label, formula, {**rated, "pue": _one(STRUBELL_PUE)}


def _ecologits(spec: ModelSpec, pue: Figure) -> Iterator[Other]:
    """All tokens as one long request: GPUs by the memory that the model needs at 16 bits."""
    if spec.parameters is None or spec.tokens is None:
        return
    active, batch = spec.active or spec.parameters, _one(_BATCH)
    needed_gb = known.model_memory_gb(parameter_count=spec.parameters.value, weight_bits=16.0)
    gpus = _one(float(ceil(needed_gb / _GPU_GB)))
    model = {"active_parameter_count": active, "batch_size": batch}
    per_token = {"energy": known.ecologits_gpu_energy_j_per_token, "latency": known.ecologits_latency_s_per_token}
    token_j, token_s = (formula.figure(model) for formula in per_token.values())
    server = {
        "latency_s": _times(token_s, spec.tokens),
        "server_power_w": _one(_SERVER_W),
        "gpu_count": gpus,
        "server_gpu_count": _one(_SERVER_GPUS),
        "batch_size": batch,
    }
    inputs = {
        "server_energy_j": known.ecologits_server_energy_j.figure(server),
        "gpu_count": gpus,
        "gpu_energy_j": _times(token_j, spec.tokens),
        "pue": pue,
    }
    label = f"EcoLogits: {gpus.value:.0f} GPUs of 80 GB, 64 requests at once"
    yield "ecologits", label, known.ecologits_request_energy_j, inputs


def _times(figure: Figure, count: Figure) -> Figure:
    return known.energy_j_per_request.figure({"energy_j_per_token": figure, "token_count": count})


def _one(value: float) -> Figure:
    return exact(value, "1", REPORTED, "the formula's own")
