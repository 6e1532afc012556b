"""The table of hardware against what independent public tables print of the same devices (facts, dense figures)."""

from __future__ import annotations

import pytest

from joulewise.compare.edge import edge_profile
from joulewise.compare.hardware import catalogue, hardware_of

LIGHTNING = {
    # Lightning Fabric, throughput.py (Apache-2.0): TFLOP/s (TOP/s for int8), as it quotes the makers' data sheets
    "H100 SXM": {"fp32": 66.9, "tf32": 494.7, "fp16": 989.4, "int8": 1978.9},
    "H100 PCIe": {"fp32": 51.2, "tf32": 378, "fp16": 756, "int8": 1513},
    "RTX 4090": {"fp32": 82.6, "tf32": 82.6, "int8": 660.6},
    "L4": {"fp32": 30.3, "tf32": 60, "fp16": 121, "int8": 242},
    "L40": {"fp32": 90.5, "tf32": 90.5, "fp16": 181, "int8": 362},
    "A40": {"fp32": 37.4, "tf32": 74.8, "int8": 299.3},
    "RTX A6000": {"fp32": 38.7},
    "RTX 3090": {"fp32": 35.6, "tf32": 35.6, "int8": 284},
    "RTX 3080": {"fp32": 29.8, "tf32": 29.8, "int8": 238},
    "T4": {"fp32": 8.1, "fp16": 65, "int8": 130},
    "V100 SXM2": {"fp32": 15.7, "fp16": 125},
    "V100 PCIe": {"fp32": 14, "fp16": 112},
    "TPU v3": {"fp16": 123},
    "TPU v4": {"fp16": 275},
}
GPU_SPECS = {
    # gmasse/gpu-specs: W, GB, TFLOP/s
    "A100 SXM 80GB": (400, 80, {"fp32": 19.5, "tf32": 156, "fp16": 312, "int8": 624}),
    "A100 SXM 40GB": (400, 40, {"fp32": 19.5, "tf32": 156, "fp16": 312, "int8": 624}),
    "A100 PCIe 40GB": (250, 40, {"fp32": 19.5, "tf32": 156, "fp16": 312, "int8": 624}),
    "A100 PCIe 80GB": (300, 80, {"fp32": 19.5, "tf32": 156, "fp16": 312, "int8": 624}),
    "A10": (150, 24, {"fp32": 31.2, "tf32": 62.5, "fp16": 125, "int8": 250}),
    "T4": (70, 16, {"fp32": 8.1, "fp16": 65}),
    "L4": (72, 24, {"fp32": 30.3, "tf32": 60, "fp16": 121, "fp8": 242, "int8": 242}),
    "V100 SXM2": (300, 32, {"fp32": 15.7, "fp16": 125}),
    "V100 PCIe": (250, 32, {"fp32": 14.1, "fp16": 112}),
}
AMD = {"MI250X": {"fp32": 47.9, "fp16": 383.0, "int8": 383.0}, "MI300X": {"fp32": 163.4, "fp16": 1307.4, "fp8": 2614.9}}
BLACKWELL = {"B200": {"fp16": 2250, "fp8": 4500, "int8": 4500}}
"""HGX B200 at 1,000 W: half of what is printed with sparsity."""


def same_peaks(name: str, tflop_per_s: dict[str, float]) -> None:
    device, _ = hardware_of(name)
    for precision, printed in tflop_per_s.items():
        assert device.peak_of(precision).value / 1e12 == pytest.approx(printed, rel=0.008), (name, precision)


@pytest.mark.parametrize("name", LIGHTNING)
def test_peaks_agree_with_lightning(name):
    same_peaks(name, LIGHTNING[name])


@pytest.mark.parametrize("name", [*AMD, *BLACKWELL])
def test_peaks_agree_with_the_makers_launch_tables(name):
    same_peaks(name, (AMD | BLACKWELL)[name])


@pytest.mark.parametrize("name", GPU_SPECS)
def test_power_memory_and_peaks_agree_with_a_table_of_specifications(name):
    power_w, memory_gb, peaks = GPU_SPECS[name]
    device, _ = hardware_of(name)
    assert device.tdp.value == power_w
    assert device.memory.value == memory_gb * 1e9
    same_peaks(name, peaks)


def test_what_nobody_else_prints_is_said_to_be_unconfirmed():
    doubtful = {one.name: one.doubts for one in catalogue() if one.doubts}
    assert "H100 NVL" in doubtful
    assert "H100 SXM" not in doubtful
    assert all("not confirmed" in words for words in doubtful.values())
    assert len(doubtful) < len(catalogue()) / 3


def test_tpu_v4_is_as_google_prints_it():
    """90, 170 and 192 W measured at least, in the mean and at most; 275 TFLOP/s, 32 GiB."""
    device, _ = hardware_of("TPU v4")
    assert (device.idle.value, device.mean.value, device.tdp.value) == (90, 170, 192)
    assert device.memory.value == pytest.approx(32 * 2**30, rel=1e-3)


def test_a_raspberry_pi_4_draws_what_its_makers_measured():
    """600 mA bare, 1.25 A at most under stress, at 5.1 V; the microcontroller has 640 KiB and 2 MiB."""
    board = edge_profile("raspberry-pi-4")
    assert board.power.value == pytest.approx(0.6 * 5.1, rel=0.03)
    assert board.power.high == pytest.approx(1.25 * 5.1, rel=0.01)
    chip = edge_profile("microcontroller")
    assert (chip.memory.value, chip.storage.value) == (640 * 1024, 2 * 1024**2)
    assert chip.battery.value == pytest.approx(0.235 * 3600 * 2.7, rel=0.01)
