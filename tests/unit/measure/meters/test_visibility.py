"""CUDA_VISIBLE_DEVICES and its relatives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.measure.meters.visibility import Gpu, Slice, by_indices, of_cuda, order_is_sure, visible

SLICES = (
    Slice(uuid="MIG-11111111-aaaa", gpu_instance=1, compute_instance=0, share=3 / 7),
    Slice(uuid="MIG-22222222-bbbb", gpu_instance=2, compute_instance=0, share=2 / 7),
)
GPUS = [
    Gpu(uuid="GPU-aa00", name="T4", speed=1.0),
    Gpu(uuid="GPU-aa11", name="H100", speed=5.0),
    Gpu(uuid="GPU-bb22", name="H100", speed=5.0),
    Gpu(uuid="GPU-cc33", name="A100", speed=3.0, slices=SLICES),
]
NAMES = {"GPU-aa00": "0", "GPU-aa11": "1", "GPU-bb22": "2", "GPU-cc33": "3"}


def seen(**environ: str) -> str:
    """Which GPUs, by their place on the bus; a slice as 3/1."""
    pairs = visible(environ, GPUS)
    return " ".join(NAMES[gpu.uuid] + (f"/{piece.gpu_instance}" if piece else "") for gpu, piece in pairs)


def cuda(spec: str) -> str:
    return seen(CUDA_VISIBLE_DEVICES=spec, CUDA_DEVICE_ORDER="PCI_BUS_ID")


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ("0", "0"),
        ("2,0", "2 0"),
        (" 1 , 2 ", "1 2"),
        ("", ""),
        ("-1", ""),
        ("NoDevFiles", ""),
        ("1,-1,2", "1"),
        ("1,9,2", "1"),
        ("1,,2", "1"),
        ("1,1", ""),
        ("0,2,0", ""),
        ("1gpu,2", "1 2"),
        ("gpu1", ""),
        ("99999999999999999999", ""),
        ("GPU-aa11", "1"),
        ("GPU-aa11,GPU-bb22", "1 2"),
        ("GPU-b", "2"),
        ("GPU-BB", "2"),
        ("GPU-aa", ""),
        ("GPU-", ""),
        ("GPU-bb,GPU-zz,GPU-aa11", "2"),
        ("GPU-bb,0", "2"),
        ("0,GPU-bb", "0"),
        ("GPU-bb,GPU-bb22", ""),
        ("3", "3/1"),
        ("MIG-22222222-bbbb", "3/2"),
        ("MIG-1", "3/1"),
        ("MIG-11111111-aaaa,MIG-22222222-bbbb", "3/1 3/2"),
        ("MIG-GPU-cc33/2/0", "3/2"),
        ("MIG-GPU-cc33/9/0", ""),
        ("MIG-", ""),
        ("MIG-9", ""),
    ],
)
def test_forms_of_cuda_visible_devices(spec: str, want: str) -> None:
    assert cuda(spec) == want


def test_without_a_list_all_are_seen_whole() -> None:
    assert seen() == "0 1 2 3"


def test_the_fastest_come_first_unless_told_otherwise() -> None:
    assert seen(CUDA_VISIBLE_DEVICES="0,1,2,3") == "1 2 3/1 0"
    assert not order_is_sure({"CUDA_VISIBLE_DEVICES": "0"}, GPUS)
    assert order_is_sure({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, GPUS)
    assert order_is_sure({"CUDA_VISIBLE_DEVICES": "GPU-aa00"}, GPUS)
    assert order_is_sure({"CUDA_VISIBLE_DEVICES": "0"}, GPUS[1:3])
    assert order_is_sure({}, GPUS)


@pytest.mark.parametrize(
    ("environ", "want"),
    [
        ({"SLURM_JOB_GPUS": "0,2"}, "0 2"),
        ({"SLURM_JOB_GPUS": "1-2"}, "1 2"),
        ({"SLURM_JOB_GPUS": "0,2", "SLURM_STEP_GPUS": "2"}, "2"),
        ({"SLURM_JOB_GPUS": "4,5"}, "0 1 2 3"),
        ({"SLURM_JOB_GPUS": "0,1,2,3"}, "0 1 2 3"),
        ({"SLURM_JOB_GPUS": "gpu:2"}, "0 1 2 3"),
        ({"SLURM_JOB_GPUS": ""}, "0 1 2 3"),
        ({"SLURM_JOB_GPUS": "0", "CUDA_VISIBLE_DEVICES": "GPU-bb"}, "2"),
        ({"NVIDIA_VISIBLE_DEVICES": "all"}, "0 1 2 3"),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, ""),
        ({"NVIDIA_VISIBLE_DEVICES": "none"}, ""),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-bb22,GPU-aa00"}, "2 0"),
        ({"NVIDIA_VISIBLE_DEVICES": "1"}, "1"),
        ({"NVIDIA_VISIBLE_DEVICES": "7"}, "0 1 2 3"),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-bb22,GPU-aa00", "CUDA_VISIBLE_DEVICES": "1"}, "0"),
    ],
)
def test_jobs_and_containers(environ: dict[str, str], want: str) -> None:
    assert seen(**environ) == want


def test_a_container_that_sees_only_its_own_counts_from_zero() -> None:
    assert visible({"NVIDIA_VISIBLE_DEVICES": "3"}, GPUS[2:3]) == [(GPUS[2], None)]


def test_rocm_takes_indices_and_uuids() -> None:
    assert by_indices("1,GPU-bb22", GPUS) == [GPUS[1], GPUS[2]]
    assert by_indices("-1", GPUS) == []


@given(st.text(alphabet="0123456789,-GPUMIabc/ \n", max_size=30))
def test_no_list_raises_or_repeats(spec: str) -> None:
    found = of_cuda(spec, GPUS)
    assert len({(gpu.uuid, piece.uuid if piece else "") for gpu, piece in found}) == len(found)
