"""Fake machines with GPUs: NVML as an object or as a real shared library, amdgpu as a sysfs tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joulewise.core.channels import MeterContext
from joulewise.measure.meters import amdgpu, nvidia
from joulewise.measure.meters.nvml_status import GPU_LOST, NvmlError
from joulewise.testing.meters import FakeMachine, Tree

UUIDS = ("GPU-8f6d2a10-0000-4000-8000-000000000000", "GPU-8f6d2b11-1111-4000-8000-000000000001")
NOT_SUPPORTED = 3


@dataclass(slots=True)
class FakeGpu:
    """One GPU of a FakeNvml; None means that this GPU doesn't know such a thing."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    energy_mj: int | None = 5_000_000
    power_instant_mw: int | None = 300_000
    power_mw: int | None = 310_000
    power_limit_mw: int | None = 700_000
    speed: float | None = 1.0
    process_count: int | None = 0
    samples: list[tuple[int, int, int]] | None = field(default_factory=list)
    slices: list[tuple[Any, str, int, int, int]] | None = None
    slices_in_all: int | None = 7


class FakeNvml:
    """NVML without a driver. `status` other than 0 makes every call fail with it."""

    def __init__(self, *gpus: FakeGpu) -> None:
        self.gpus = list(gpus) or [FakeGpu(uuid) for uuid in UUIDS]
        self.status = 0
        self.started = 0

    def start(self) -> None:
        self._check()
        self.started += 1

    def stop(self) -> None:
        self.started -= 1

    def devices(self) -> list[FakeGpu]:
        self._check()
        return self.gpus

    def utilisation(self, device: FakeGpu, since_us: int) -> list[tuple[int, int, int]]:
        self._check()
        if device.samples is None:
            raise NvmlError(NOT_SUPPORTED, "utilisation")
        return [sample for sample in device.samples if sample[1] > since_us]

    def __getattr__(self, name: str) -> Callable[[FakeGpu], Any]:
        def call(device: FakeGpu) -> Any:
            self._check()
            value = getattr(device, name)
            if value is None:
                raise NvmlError(NOT_SUPPORTED, name)
            return value

        return call

    def _check(self) -> None:
        if self.status:
            raise NvmlError(self.status)


def nvidia_machine(root: str, nvml: FakeNvml | None = None, **environ: str) -> FakeMachine:
    """A machine with two GPUs that have energy counters, unless `nvml` says otherwise."""
    binding = nvml or FakeNvml()
    now_us = [1_000_000]

    def advance() -> None:
        now_us[0] += 1_000_000
        for gpu in binding.gpus:
            if gpu.energy_mj is not None:
                gpu.energy_mj += 300_000
            if gpu.samples is not None:
                gpu.samples.append((4242, now_us[0], 50))

    def fail() -> None:
        binding.status = GPU_LOST

    def heal() -> None:
        binding.status = 0

    return FakeMachine(
        name="nvidia",
        discover=nvidia.discover,
        context=MeterContext(
            root=root, environ=environ, options={"binding": binding}, pids=lambda: frozenset({os.getpid(), 4242})
        ),
        advance=advance,
        fail=fail,
        heal=heal,
    )


def amd_card(tree: Tree, number: int, unique_id: str, files: dict[str, int | str]) -> str:
    """Write one amdgpu card with its hwmon files; returns the hwmon folder."""
    device = f"sys/devices/pci0000:00/0000:{number:02x}:00.0"
    tree.write_all({"vendor": "0x1002\n", "unique_id": f"{unique_id}\n"}, device)
    hwmon = f"{device}/hwmon/hwmon{number + 3}"
    tree.write(f"{hwmon}/name", "amdgpu\n")
    tree.write_all(files, hwmon)
    tree.write(f"sys/class/drm/card{number}/dev", "226:0\n")
    tree.link(f"sys/class/drm/card{number}/device", device)
    return hwmon


def amdgpu_machine(root: str, **environ: str) -> FakeMachine:
    """A machine with two AMD GPUs: one with average power, one with instant power only."""
    tree = Tree(root)
    first = amd_card(tree, 0, "a1b2c3d4e5f60718", {"power1_average": 42_000_000, "power1_cap_max": 300_000_000})
    second = amd_card(tree, 1, "0011223344556677", {"power1_input": 35_000_000})
    paths = {f"{first}/power1_average": 42_000_000, f"{second}/power1_input": 35_000_000}

    def advance() -> None:
        for path in paths:
            paths[path] += 1_000_000
        heal()

    def fail() -> None:
        for path in paths:
            tree.write(path, "")

    def heal() -> None:
        tree.write_all(paths)

    return FakeMachine(
        name="amdgpu",
        discover=amdgpu.discover,
        context=MeterContext(root=root, environ=environ),
        advance=advance,
        fail=fail,
        heal=heal,
    )
