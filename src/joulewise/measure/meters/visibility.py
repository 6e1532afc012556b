"""Which GPUs a program sees: CUDA_VISIBLE_DEVICES and its relatives, read as the runtimes read them.

Traps:  indices count in CUDA's order, not NVML's; UUIDs may be cut short; the first invalid entry ends the list; an
        entry named twice empties it; a container's or job's list has been applied already if the driver shows no more.
Source: CUDA C++ Programming Guide, "CUDA Environment Variables"; NVIDIA MIG User Guide, "CUDA Device Enumeration";
        NVIDIA Container Toolkit, "Environment variables"; Slurm, "gres.conf"; ROCm, "GPU isolation techniques".
"""

from __future__ import annotations

from joulewise.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Slice(Frozen):
    """A MIG compute instance: `share` of its parent by compute slices, 0..1."""

    uuid: str
    gpu_instance: int
    compute_instance: int
    share: float
    handle: Any = None


class Gpu(Frozen):
    """A GPU in the driver's order (by PCI address). `speed` is cores times clock, to tell CUDA's default order."""

    uuid: str
    name: str = ""
    speed: float = 0.0
    slices: tuple[Slice, ...] = ()
    handle: Any = None


def visible(environ: Mapping[str, str], gpus: Sequence[Gpu]) -> list[tuple[Gpu, Slice | None]]:
    """The GPUs, or slices of GPUs, that a CUDA program in this environment can use."""
    present = _of_container(environ.get("NVIDIA_VISIBLE_DEVICES"), gpus)
    if "CUDA_VISIBLE_DEVICES" in environ:
        order = environ.get("CUDA_DEVICE_ORDER", "")
        return of_cuda(environ["CUDA_VISIBLE_DEVICES"], present, by_bus=order == "PCI_BUS_ID")
    for variable in ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS"):
        if environ.get(variable):
            return [(gpu, None) for gpu in _of_job(environ[variable], present)]
    return [(gpu, None) for gpu in present]


def order_is_sure(environ: Mapping[str, str], gpus: Sequence[Gpu]) -> bool:
    """False if indices are given, the GPUs differ, and CUDA's order of them is only a guess of ours."""
    spec = environ.get("CUDA_VISIBLE_DEVICES", "").strip()
    guessed = environ.get("CUDA_DEVICE_ORDER", "") != "PCI_BUS_ID" and spec[:1].isdigit()
    return not (guessed and len({gpu.name for gpu in gpus}) > 1)


def of_cuda(spec: str, gpus: Sequence[Gpu], *, by_bus: bool = False) -> list[tuple[Gpu, Slice | None]]:
    """CUDA_VISIBLE_DEVICES: indices, UUIDs or their beginnings, MIG names; [] for "", "-1" and "NoDevFiles"."""
    parts = [part.strip() for part in spec.split(",")]
    if parts[0].startswith("MIG-"):
        found: list[tuple[Gpu, Slice | None]] = list(_listed(parts, lambda part: _slice(part, gpus)))
        return found
    if parts[0].startswith("GPU-"):
        chosen = _listed(parts, lambda part: _by_uuid(part, gpus))
    else:
        ordered = list(gpus) if by_bus else sorted(gpus, key=lambda gpu: -gpu.speed)
        chosen = _listed(parts, lambda part: _by_index(part, ordered))
    return [(gpu, gpu.slices[0] if gpu.slices else None) for gpu in chosen]


def by_indices(spec: str, gpus: Sequence[Gpu]) -> list[Gpu]:
    """HIP_VISIBLE_DEVICES and ROCR_VISIBLE_DEVICES: indices, or UUIDs that begin with GPU-."""
    parts = [part.strip() for part in spec.split(",")]
    return _listed(
        parts, lambda part: _by_uuid(part, gpus) if part.upper().startswith("GPU-") else _by_index(part, gpus)
    )


def _listed(parts: Sequence[str], find: Any) -> list[Any]:
    """What the parts name, up to the first that names nothing; [] if one is named twice."""
    found: list[Any] = []
    for part in parts:
        one = find(part)
        if one is None:
            return found
        if one in found:
            return []
        found.append(one)
    return found


def _by_index(part: str, gpus: Sequence[Gpu]) -> Gpu | None:
    """By the digits that the part begins with: the runtime takes "1gpu" for 1."""
    digits = part[: len(part) - len(part.lstrip("0123456789"))]
    return gpus[int(digits)] if digits and len(digits) < 8 and int(digits) < len(gpus) else None


def _by_uuid(part: str, gpus: Sequence[Gpu]) -> Gpu | None:
    """By the beginning of the UUID, if only one has it."""
    matches = [gpu for gpu in gpus if gpu.uuid.lower().startswith(part.lower())]
    return matches[0] if len(matches) == 1 and len(part) > len("GPU-") else None


def _slice(part: str, gpus: Sequence[Gpu]) -> tuple[Gpu, Slice] | None:
    """MIG-UUID, its beginning, or the older MIG-GPU-UUID/gpu instance/compute instance."""
    pairs = [(gpu, piece) for gpu in gpus for piece in gpu.slices]
    if "/" in part:
        names = {f"MIG-{gpu.uuid}/{piece.gpu_instance}/{piece.compute_instance}": (gpu, piece) for gpu, piece in pairs}
        return names.get(part)
    matches = [(gpu, piece) for gpu, piece in pairs if piece.uuid.startswith(part)]
    return matches[0] if len(matches) == 1 and len(part) > len("MIG-") else None


def _of_container(spec: str | None, gpus: Sequence[Gpu]) -> list[Gpu]:
    """NVIDIA_VISIBLE_DEVICES tells what the container was given; mostly the driver shows no more than that."""
    if spec in ("void", "none"):
        return []
    parts = [part.strip() for part in (spec or "").split(",") if part.strip()]
    if not parts or "all" in parts or len(parts) >= len(gpus):
        return list(gpus)
    found = [_by_uuid(part, gpus) if part.startswith("GPU-") else _by_index(part, gpus) for part in parts]
    named = [gpu for gpu in found if gpu is not None]
    return named if len(named) == len(parts) else list(gpus)


def _of_job(spec: str, gpus: Sequence[Gpu]) -> list[Gpu]:
    """SLURM_JOB_GPUS: indices over the whole node, "0,2-3"; a job that is fenced in sees only its own already."""
    numbers: list[int] = []
    for part in spec.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return list(gpus)
        numbers += range(int(first), min(int(last or first), int(first) + 1024) + 1)
    if len(numbers) >= len(gpus) or any(number >= len(gpus) for number in numbers):
        return list(gpus)
    return [gpus[number] for number in dict.fromkeys(numbers)]
