"""NVIDIA's management library by ctypes: no package, no subprocess; imported only where a driver is.

Traps:  a function that the driver lacks is an error like any other; power is a mean over 1 s on recent GPUs, so the
        instant field goes first; process samples must be asked for twice, first for their number.
Needs:  libnvidia-ml.so.1, which comes with the driver.
Source: NVML API Reference Guide (nvml.h, version 12).
"""

from __future__ import annotations

import ctypes as c

from joulewise.measure.meters.nvml_status import NO_SUCH_FUNCTION, NOT_FOUND, TOO_SMALL, NvmlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIBRARY = "libnvidia-ml.so.1"
_POWER_INSTANT = 186  # NVML_FI_DEV_POWER_INSTANT
_WHOLE_PROFILES = (5, 4, 6, 3)  # GPU instance profiles of 8, 7, 6 and 4 slices: the first that exists is the whole GPU
_CLOCK_SM = 1
_MOST_SAMPLES = 65_536


class _Field(c.Structure):
    _fields_ = (
        ("field", c.c_uint),
        ("scope", c.c_uint),
        ("timestamp", c.c_longlong),
        ("latency_us", c.c_longlong),
        ("value_type", c.c_uint),
        ("status", c.c_uint),
        ("value", c.c_ulonglong),
    )


class _Sample(c.Structure):
    _fields_ = (
        ("pid", c.c_uint),
        ("time_us", c.c_ulonglong),
        ("sm", c.c_uint),
        ("memory", c.c_uint),
        ("encoder", c.c_uint),
        ("decoder", c.c_uint),
    )


class _Attributes(c.Structure):
    _fields_ = (("counts", c.c_uint * 6), ("gpu_slices", c.c_uint), ("slices", c.c_uint), ("memory_mb", c.c_ulonglong))


class _Profile(c.Structure):
    _fields_ = (
        ("id", c.c_uint),
        ("p2p", c.c_uint),
        ("slices", c.c_uint),
        ("rest", c.c_uint * 7),
        ("mb", c.c_ulonglong),
    )


class Nvml:
    """The calls that we need; each raises NvmlError."""

    def __init__(self, library: str = LIBRARY) -> None:
        """Raises OSError if the library is not there."""
        self._library = c.CDLL(library)

    def start(self) -> None:
        """May be called again; `stop` as often."""
        self._call("nvmlInit_v2")

    def stop(self) -> None:
        self._call("nvmlShutdown")

    def devices(self) -> list[Any]:
        """Handles in the order of the PCI bus; a device that gives none is left out."""
        count = c.c_uint()
        self._call("nvmlDeviceGetCount_v2", c.byref(count))
        return self._handles("nvmlDeviceGetHandleByIndex_v2", (), count.value)

    def uuid(self, device: Any) -> str:
        return self._text("nvmlDeviceGetUUID", device)

    def name(self, device: Any) -> str:
        return self._text("nvmlDeviceGetName", device)

    def energy_mj(self, device: Any) -> int:
        """Millijoules since the driver was loaded."""
        return self._number("nvmlDeviceGetTotalEnergyConsumption", device, kind=c.c_ulonglong)

    def power_instant_mw(self, device: Any) -> int:
        field = _Field(field=_POWER_INSTANT)
        self._call("nvmlDeviceGetFieldValues", device, c.c_int(1), c.byref(field))
        if field.status:
            raise NvmlError(field.status, "power")
        return int(field.value & 0xFFFF_FFFF)  # an unsigned int in a union of 64 bits

    def power_mw(self, device: Any) -> int:
        """Mean power; over a second on Ampere and later."""
        return self._number("nvmlDeviceGetPowerUsage", device)

    def power_limit_mw(self, device: Any) -> int:
        """The highest limit that can be set."""
        least, most = c.c_uint(), c.c_uint()
        self._call("nvmlDeviceGetPowerManagementLimitConstraints", device, c.byref(least), c.byref(most))
        return most.value

    def speed(self, device: Any) -> float:
        """Cores times the highest clock: what CUDA's default order goes by, nearly."""
        clock = c.c_uint()
        self._call("nvmlDeviceGetMaxClockInfo", device, c.c_int(_CLOCK_SM), c.byref(clock))
        return float(self._number("nvmlDeviceGetNumGpuCores", device) * clock.value)

    def process_count(self, device: Any) -> int:
        """Processes that compute on the device now."""
        count = c.c_uint(0)
        try:
            self._call("nvmlDeviceGetComputeRunningProcesses_v3", device, c.byref(count), None)
        except NvmlError as error:
            if error.status != TOO_SMALL:
                raise
        return count.value

    def utilisation(self, device: Any, since_us: int) -> list[tuple[int, int, int]]:
        """(pid, time in microseconds, percent of the SMs) of each sample after `since_us`; [] if none was busy."""
        count = c.c_uint(0)
        arguments = (device, None, c.byref(count), c.c_ulonglong(since_us))
        try:
            self._call("nvmlDeviceGetProcessUtilization", *arguments)
        except NvmlError as error:
            if error.status == NOT_FOUND:
                return []
            if error.status != TOO_SMALL:
                raise
        return self._samples(device, min(count.value, _MOST_SAMPLES), since_us) if count.value else []

    def _samples(self, device: Any, room: int, since_us: int) -> list[tuple[int, int, int]]:
        samples = (_Sample * room)()
        count = c.c_uint(room)
        try:
            self._call("nvmlDeviceGetProcessUtilization", device, samples, c.byref(count), c.c_ulonglong(since_us))
        except NvmlError as error:
            if error.status != NOT_FOUND:
                raise
            return []
        return [(one.pid, one.time_us, one.sm) for one in samples[: count.value]]

    def slices(self, device: Any) -> list[tuple[Any, str, int, int, int]]:
        """Handle, UUID, GPU instance, compute instance and compute slices of each MIG device; [] without MIG."""
        current, pending = c.c_uint(), c.c_uint()
        self._call("nvmlDeviceGetMigMode", device, c.byref(current), c.byref(pending))
        if not current.value:
            return []
        room = self._number("nvmlDeviceGetMaxMigDeviceCount", device)
        handles = self._handles("nvmlDeviceGetMigDeviceHandleByIndex", (device,), room)
        return [self._slice(handle) for handle in handles]

    def _slice(self, handle: Any) -> tuple[Any, str, int, int, int]:
        attributes = _Attributes()
        self._call("nvmlDeviceGetAttributes_v2", handle, c.byref(attributes))
        gpu_instance = self._number("nvmlDeviceGetGpuInstanceId", handle)
        compute_instance = self._number("nvmlDeviceGetComputeInstanceId", handle)
        return handle, self.uuid(handle), gpu_instance, compute_instance, attributes.slices

    def slices_in_all(self, device: Any) -> int:
        """How many compute slices the whole GPU has: 7 on A100 and H100, 4 on A30."""
        for profile in _WHOLE_PROFILES:
            info = _Profile()
            try:
                self._call("nvmlDeviceGetGpuInstanceProfileInfo", device, c.c_uint(profile), c.byref(info))
            except NvmlError:  # this GPU has no instance of that size
                continue
            return int(info.slices)
        raise NvmlError(NOT_FOUND, "the number of slices")

    def _handles(self, call: str, before: tuple[Any, ...], count: int) -> list[Any]:
        found: list[Any] = []
        for index in range(count):
            handle = c.c_void_p()
            try:
                self._call(call, *before, c.c_uint(index), c.byref(handle))
            except NvmlError:  # a lost GPU, or an empty place
                continue
            found.append(handle)
        return found

    def _number(self, call: str, device: Any, kind: type[c.c_uint] | type[c.c_ulonglong] = c.c_uint) -> int:
        value = kind()
        self._call(call, device, c.byref(value))
        return int(value.value)

    def _text(self, call: str, device: Any) -> str:
        buffer = c.create_string_buffer(96)
        self._call(call, device, buffer, c.c_uint(len(buffer)))
        return buffer.value.decode("utf-8", "replace")

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError as error:
            raise NvmlError(NO_SUCH_FUNCTION, name) from error
        status = function(*arguments)
        if status:
            raise NvmlError(status, name)
