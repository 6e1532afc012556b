"""What NVML answers, by number, and the exception that carries it.

Source: NVML API Reference Guide, "Return values".
"""

from __future__ import annotations

from joulewise.core.errors import MeterUnavailable

NO_PERMISSION = 4
NOT_FOUND = 6
TOO_SMALL = 7
NO_SUCH_FUNCTION = 13
GPU_LOST = 15

_NAMES = {
    1: "not initialised",
    2: "invalid argument",
    3: "not supported",
    NO_PERMISSION: "no permission",
    NOT_FOUND: "not found",
    8: "insufficient power",
    9: "driver not loaded",
    10: "timeout",
    12: "library not found",
    NO_SUCH_FUNCTION: "function not in this driver",
    GPU_LOST: "GPU is lost",
    16: "reset required",
    17: "operating system",
    18: "library and driver differ in version",
    999: "unknown",
}


class NvmlError(MeterUnavailable):
    """NVML refused; `status` is its number."""

    def __init__(self, status: int, call: str = "NVML") -> None:
        super().__init__(f"{call}: {_NAMES.get(status, f'error {status}')}")
        self.status = status
