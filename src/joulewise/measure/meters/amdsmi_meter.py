"""The energy accumulator of AMD GPUs through the amdsmi package; imported only where an AMD GPU is.

Traps:  the key of the count has changed its name between releases; the resolution is microjoules per count.
Source: AMD SMI Python library reference, amdsmi_get_energy_count.
"""

from __future__ import annotations

from joulewise.core.errors import MeterUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from joulewise.core.channels import Channel

_COUNTS = ("energy_accumulator", "power")


def library() -> Any | None:
    """The amdsmi package, or None if it is not installed or finds no driver library."""
    from importlib.util import find_spec

    if find_spec("amdsmi") is None:
        return None
    try:
        import amdsmi
    except (ImportError, OSError, KeyError):  # it looks for its shared library by environment variables
        return None
    return amdsmi


class AmdSmiMeter:
    """One GPU's accumulator."""

    def __init__(self, smi: Any, handle: Any, made: Channel) -> None:
        self.channels: tuple[Channel, ...] = (made,)
        self._smi = smi
        self._handle = handle

    @classmethod
    def of(cls, smi: Any, address: str, channel: Callable[[float], Channel]) -> AmdSmiMeter | None:
        """The meter of the GPU at a PCI address; `channel` takes the joules per count. None if there is no counter."""
        try:
            smi.amdsmi_init()
            for handle in smi.amdsmi_get_processor_handles():
                if str(smi.amdsmi_get_gpu_device_bdf(handle)).lower() == address.lower():
                    return cls._with_counter(smi, handle, channel)
        except smi.AmdSmiException:
            return None
        return None

    @classmethod
    def _with_counter(cls, smi: Any, handle: Any, channel: Callable[[float], Channel]) -> AmdSmiMeter | None:
        answer = smi.amdsmi_get_energy_count(handle)
        resolution_uj = answer.get("counter_resolution")
        if _count(answer) is None or not isinstance(resolution_uj, float | int) or resolution_uj <= 0:
            return None
        return cls(smi, handle, channel(resolution_uj * 1e-6))

    def read(self) -> tuple[int | None, ...]:
        try:
            count = _count(self._smi.amdsmi_get_energy_count(self._handle))
        except self._smi.AmdSmiException as error:
            raise MeterUnavailable(f"{self.channels[0].key}: amdsmi refuses: {error}") from error
        if count is None:
            raise MeterUnavailable(f"{self.channels[0].key}: amdsmi gives no count")
        return (count,)

    def close(self) -> None:
        """The library stays open: other GPUs may be read through it."""


def _count(answer: dict[str, Any]) -> int | None:
    for key in _COUNTS:
        value = answer.get(key)
        if isinstance(value, int) and value > 0:  # it gives 0 where the GPU has no accumulator
            return value
    return None
