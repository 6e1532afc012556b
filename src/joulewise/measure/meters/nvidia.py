"""Joules of NVIDIA GPUs from NVML: the energy counter where there is one, else power; by UUID and MIG instance.

Reads:  nvmlDeviceGetTotalEnergyConsumption (mJ), or the instant power field, or nvmlDeviceGetPowerUsage (mW), and
        nvmlDeviceGetProcessUtilization for the time that our processes kept the SMs busy.
Traps:  power is a mean over 1 s, seen 25 % of the time; the counter holds the idle power and other tenants; a GPU can
        be lost mid-run; in a container with its own process ids NVML's ids are not ours.
Needs:  the NVIDIA driver; nothing to install.
Source: NVML API Reference Guide; Yang et al., SC24 (arXiv 2312.02741).
"""

from __future__ import annotations

import os
from itertools import pairwise

from joulewise.core.channels import ENERGY, POWER, USE_ALL, USE_MINE, Channel, Finding, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters.nvml_status import NO_PERMISSION, NvmlError
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, DENIED, READY, finding
from joulewise.measure.meters.visibility import Gpu, Slice, order_is_sure, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from joulewise.core.protocols import Meter

PLUGIN = "nvidia"
_SIGNS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # the kernel's fixed inode number of the host's own
_HIGHEST_POWER_W = 3000.0  # more than any board sold draws; used where the driver states no limit

# Truth / reading at 95 %, from bands of about 90 % times 1.2: the counter +-5 % (+-10 % below a second), polled
# instant power +-15 % (it misses what happens between two looks), power averaged over a second +-25 %.
_WAYS = (
    ("energy_mj", ENERGY, "energy counter", 0.93, 1.07),
    ("power_instant_mw", POWER, "instant power, polled", 0.82, 1.22),
    ("power_mw", POWER, "mean power, polled", 0.75, 1.35),
)


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter for each GPU, or MIG instance, that this program can see. Never raises."""
    given = "binding" in context.options or "library" in context.options
    if not given and not any(os.path.exists(context.root + sign) for sign in _SIGNS):
        return [], [finding(PLUGIN, ABSENT, "no NVIDIA driver")]
    try:
        nvml = _binding(context)
        nvml.start()
    except OSError:
        return [], [finding(PLUGIN, BROKEN, "NVML", "libnvidia-ml.so.1 can't be loaded", "nvidia-smi")]
    except NvmlError as error:
        state = DENIED if error.status == NO_PERMISSION else BROKEN
        return [], [finding(PLUGIN, state, "NVML", error.message, "nvidia-smi")]
    try:
        return _found(nvml, context)
    except NvmlError as error:
        return [], [finding(PLUGIN, BROKEN, "GPUs", error.message, "nvidia-smi")]
    finally:
        nvml.stop()  # each meter has started it once more for itself


def _binding(context: MeterContext) -> Any:
    if "binding" in context.options:
        return context.options["binding"]
    from joulewise.measure.meters.nvml_binding import LIBRARY, Nvml

    return Nvml(context.options.get("library") or LIBRARY)


def _found(nvml: Any, context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    gpus = [gpu for handle in nvml.devices() if (gpu := _gpu(nvml, handle))]
    findings: list[Finding] = []
    if not order_is_sure(context.environ, gpus):
        findings.append(
            finding(PLUGIN, READY, "GPU order is a guess", "different GPUs", "export CUDA_DEVICE_ORDER=PCI_BUS_ID")
        )
    pids = context.pids if _shares_pids(context.root) else None
    if pids is None:
        findings.append(
            finding(PLUGIN, DENIED, "GPU time by process", "own process ids", "docker run --pid=host, or hostPID: true")
        )
    meters: list[Meter] = []
    for gpu, piece in visible(context.environ, gpus):
        meter = _meter(nvml, gpu, piece, pids)
        if meter is None:
            findings.append(finding(PLUGIN, BROKEN, _printable(gpu.uuid), "tells neither energy nor power"))
            continue
        meters.append(meter)
        findings.append(finding(PLUGIN, READY, meter.channels[0].device, meter.channels[0].source))
    return meters, findings or [finding(PLUGIN, ABSENT, "no GPU in sight")]


def _shares_pids(root: str) -> bool:
    """True unless we live in a process namespace of our own, where NVML's process ids mean nothing to us."""
    try:
        return os.readlink(f"{root}/proc/self/ns/pid") == _FIRST_PID_NAMESPACE
    except OSError:  # no /proc: no reason to doubt
        return True


def _gpu(nvml: Any, handle: Any) -> Gpu | None:
    """What selects a GPU; None if it can't even say who it is."""
    uuid = _or_none(nvml.uuid, handle)
    if not uuid:
        return None
    return Gpu(
        uuid=uuid,
        name=_or_none(nvml.name, handle) or "GPU",
        speed=_or_none(nvml.speed, handle) or 0.0,
        slices=_slices(nvml, handle),
        handle=handle,
    )


def _slices(nvml: Any, handle: Any) -> tuple[Slice, ...]:
    pieces = _or_none(nvml.slices, handle)
    if not pieces:
        return ()
    whole = _or_none(nvml.slices_in_all, handle) or max(7, sum(piece[4] for piece in pieces))
    return tuple(
        Slice(uuid=uuid, gpu_instance=gi, compute_instance=ci, share=min(1.0, slices / whole), handle=own)
        for own, uuid, gi, ci, slices in pieces
        if slices
    )


def _or_none(call: Callable[..., Any], *arguments: Any) -> Any:
    """What NVML says, or None where it refuses: many calls are not there on many GPUs."""
    try:
        return call(*arguments)
    except NvmlError:
        return None


def _meter(nvml: Any, gpu: Gpu, piece: Slice | None, pids: Callable[[], frozenset[int]] | None) -> Meter | None:
    for call, quantity, words, low_ratio, high_ratio in _WAYS:
        read = getattr(nvml, call)
        if _or_none(read, gpu.handle) is not None:
            made = _channel(nvml, gpu, (quantity, words, low_ratio, high_ratio))
            use = None if piece or pids is None else _use(nvml, gpu, pids)
            return NvidiaMeter(nvml, gpu, _sliced(made, gpu, piece) if piece else made, read, use)
    return None


def _channel(nvml: Any, gpu: Gpu, way: tuple[str, str, float, float]) -> Channel:
    quantity, words, low_ratio, high_ratio = way
    limit_mw = _or_none(nvml.power_limit_mw, gpu.handle)
    idle_w = _idle_w(nvml, gpu.handle)
    uuid = _printable(gpu.uuid)
    return Channel(
        key=f"nvml:{uuid}:{quantity}",
        component="gpu",
        device=uuid,
        quantity=quantity,
        scale=1e-3,
        method="measured",
        source=f"NVML {words}, {_printable(gpu.name)}",
        max_power_w=2e-3 * limit_mw if limit_mw else _HIGHEST_POWER_W,  # peaks of milliseconds pass the limit
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        idle_w=idle_w,
        idle_source="power at the start, when no process was on the GPU" if idle_w else "",
    )


def _sliced(made: Channel, gpu: Gpu, piece: Slice) -> Channel:
    """A MIG instance's part of the GPU's joules, by compute slices.

    At worst it alone was busy (1 / share) or it alone was idle (about a quarter of the mean: the power of an idle GPU).
    """
    from joulewise.core.frozen import replaced

    uuid = _printable(piece.uuid)
    return replaced(
        made,
        key=f"nvml:{uuid}:{made.quantity}",
        device=uuid,
        scale=made.scale * piece.share,
        method="modelled",
        source=f"{made.source}, {piece.share:.3g} of it by compute slices",
        max_power_w=(made.max_power_w or _HIGHEST_POWER_W) * piece.share,
        low_ratio=0.25 * made.low_ratio,
        high_ratio=made.high_ratio / piece.share,
        idle_w=made.idle_w * piece.share if made.idle_w else None,
        params={"parent": _printable(gpu.uuid), "share": piece.share},
    )


def _idle_w(nvml: Any, handle: Any) -> float | None:
    """The power now, if no process is on the GPU."""
    if _or_none(nvml.process_count, handle) != 0:
        return None
    power_mw = _or_none(nvml.power_instant_mw, handle) or _or_none(nvml.power_mw, handle)
    return power_mw * 1e-3 if power_mw else None


def _use(nvml: Any, gpu: Gpu, pids: Callable[[], frozenset[int]]) -> ProcessTime | None:
    samples = _or_none(nvml.utilisation, gpu.handle, 0)
    if samples is None:  # not on this GPU
        return None
    return ProcessTime(nvml, gpu.handle, pids, max((time_us for _, time_us, _ in samples), default=0))


def _printable(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)[:96]


class NvidiaMeter:
    """Energy, or power, of one GPU, and the time that it was busy for us and for all."""

    def __init__(self, nvml: Any, gpu: Gpu, made: Channel, read: Callable[[Any], int], use: ProcessTime | None) -> None:
        nvml.start()
        self.channels = (made, *_use_channels(made)) if use else (made,)
        self._nvml: Any = nvml
        self._handle = gpu.handle
        self._read = read
        self._use = use

    def read(self) -> tuple[int | None, ...]:
        if self._nvml is None:
            raise MeterUnavailable(f"{self.channels[0].key} is closed")
        counts: tuple[int | None, ...] = (_or_none(self._read, self._handle),)
        if self._use is not None:
            counts += self._use.read() or (None, None)
        if all(count is None for count in counts):
            raise MeterUnavailable(f"{self.channels[0].key}: NVML gives no count now; is the GPU lost?")
        return counts

    def close(self) -> None:
        if self._nvml is not None:
            _or_none(self._nvml.stop)
            self._nvml = None


def _use_channels(made: Channel) -> list[Channel]:
    return [
        Channel(
            key=f"{made.key.rpartition(':')[0]}:{quantity}",
            component=made.component,
            device=made.device,
            quantity=quantity,
            scale=1e-6,
            method="measured",
            source="NVML process utilisation of the SMs",
        )
        for quantity in (USE_MINE, USE_ALL)
    ]


class ProcessTime:
    """Adds up the samples of process utilisation to microseconds of a busy GPU, ours and everyone's."""

    def __init__(self, nvml: Any, handle: Any, pids: Callable[[], frozenset[int]], since_us: int) -> None:
        self._nvml = nvml
        self._handle = handle
        self._pids = pids
        self._since_us = since_us
        self._mine_us = self._all_us = 0

    def read(self) -> tuple[int, int] | None:
        """(mine, all) since the start; None if NVML refuses now."""
        samples = _or_none(self._nvml.utilisation, self._handle, self._since_us)
        if samples is None:
            return None
        fresh = [sample for sample in samples if sample[1] > self._since_us]
        if fresh:
            times_us = busy_us(fresh, self._since_us)
            mine = self._pids()
            self._mine_us += sum(time_us for pid, time_us in times_us.items() if pid in mine)
            self._all_us += sum(times_us.values())
            self._since_us = max(time_us for _, time_us, _ in fresh)
        return self._mine_us, self._all_us


_LONGEST_SAMPLE_US = 10_000_000


def busy_us(samples: Sequence[tuple[int, int, int]], since_us: int) -> dict[int, int]:
    """Microseconds that each process kept the SMs busy: percent times the time that each of its samples stands for.

    A sample reaches back to the one before it, the first to `since_us`. An idle process leaves no samples, so none
    reaches back further than twice the usual distance, nor than 10 s.
    """
    by_pid: dict[int, list[tuple[int, int]]] = {}
    for pid, time_us, percent in sorted(samples, key=lambda sample: sample[1]):
        by_pid.setdefault(pid, []).append((time_us, min(percent, 100)))
    steps = sorted(b[0] - a[0] for times in by_pid.values() for a, b in pairwise(times))
    reach_us = min(2 * steps[len(steps) // 2], _LONGEST_SAMPLE_US) if len(steps) > 1 else _LONGEST_SAMPLE_US
    found: dict[int, int] = {}
    for pid, times in by_pid.items():
        before_us = since_us
        for time_us, percent in times:
            found[pid] = found.get(pid, 0) + min(time_us - before_us, reach_us) * percent // 100
            before_us = time_us
    return found
