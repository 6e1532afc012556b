"""MLPerf-Power-like figures: samples per joule (offline), joules per stream (single stream). Like, not MLPerf:

a submission measures the whole system's AC power at the wall with an approved analyser, in a ranging run and a testing
run, and keeps the benchmark's own accuracy target and load generator.
"""

from __future__ import annotations

from dataclasses import dataclass

from joulewise.carbon.formulas import power_energy_j
from joulewise.compare.metric_formulas import samples_per_j
from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure

SCENARIOS = ("offline", "single-stream")
MATERIAL_SHARE = 0.02
"""MLPerf Power takes differences below 2 % for immaterial. Source: arXiv:2410.12032."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerResult:
    """A scenario's figure, and how it differs from a submission."""

    scenario: str
    figure: Figure
    boundary: str
    differences: tuple[str, ...]


def offline(throughput: Figure, power: Figure, boundary: str = "device") -> PowerResult:
    """Samples per joule at full load: samples/s over the mean W of the same run."""
    _require(throughput, ("1/s", "samples/s", "inferences/s", "rows/s"), "throughput")
    _require(power, ("W",), "power")
    made = samples_per_j.figure({"throughput_samples_per_s": throughput, "power_w": power})
    return PowerResult(scenario="offline", figure=made, boundary=boundary, differences=_differences(boundary))


def single_stream(mean_latency: Figure, power: Figure, boundary: str = "device") -> PowerResult:
    """Joules per stream: the mean latency of one query after the other, times the mean W of the same run."""
    _require(mean_latency, ("s",), "mean latency")
    _require(power, ("W",), "power")
    made = power_energy_j.figure({"power_w": power, "duration_s": mean_latency})
    return PowerResult(scenario="single-stream", figure=made, boundary=boundary, differences=_differences(boundary))


def is_material(one: Figure, other: Figure) -> bool:
    """True if two results of one scenario differ by more than 2 % of the larger."""
    if one.unit != other.unit:
        raise OutOfRange(f"can't compare {one.unit} with {other.unit}")
    return abs(one.value - other.value) > MATERIAL_SHARE * max(abs(one.value), abs(other.value))


def _differences(boundary: str) -> tuple[str, ...]:
    told = ["not MLPerf's load generator, data and accuracy target", "one run, no ranging run before it"]
    if boundary != "node":
        told.insert(0, f"the boundary is the {boundary}, MLPerf's the whole system at the wall")
    return tuple(told)


def _require(figure: Figure, units: tuple[str, ...], name: str) -> None:
    if figure.unit not in units:
        raise OutOfRange(f"want {name} in {units[0]}, got {figure.unit}")
