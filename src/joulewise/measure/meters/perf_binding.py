"""The system call perf_event_open by ctypes; imported only where the kernel offers RAPL events.

Source: perf_event_open(2); linux/perf_event.h, struct perf_event_attr.
"""

from __future__ import annotations

import ctypes
import os

_NUMBERS = {"x86_64": 298, "i686": 336, "aarch64": 241}
_FD_CLOEXEC = 8
_ATTR_SIZE = 112  # PERF_ATTR_SIZE_VER5: old kernels take a shorter one, none needs more


class PerfEvents:
    """Opens and reads counting events of one CPU, all processes."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def open(self, kind: int, config: int, cpu: int) -> int:
        """A file descriptor of the event. Raises OSError (EACCES, EPERM, EINVAL, ENOSYS)."""
        number = _NUMBERS.get(os.uname().machine)
        if number is None:
            raise OSError(38, "perf_event_open has no number here")
        attr = ctypes.create_string_buffer(_ATTR_SIZE)
        ctypes.c_uint32.from_buffer(attr, 0).value = kind
        ctypes.c_uint32.from_buffer(attr, 4).value = _ATTR_SIZE
        ctypes.c_uint64.from_buffer(attr, 8).value = config
        fd: int = self._libc.syscall(number, attr, -1, cpu, -1, ctypes.c_ulong(_FD_CLOEXEC))
        if fd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return fd

    def read(self, fd: int) -> int:
        """The count. Raises OSError."""
        raw = os.read(fd, 8)
        if len(raw) != 8:
            raise OSError(5, "a short read of a perf event")
        return int.from_bytes(raw, "little", signed=True)

    def close(self, fd: int) -> None:
        os.close(fd)
