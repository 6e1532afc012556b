"""What a worker starts with, and what it holds: environment variables of threads, memory seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from os import sysconf

from joulewise.compare.silence import SILENT
from joulewise.core.runtimes import RunOptions

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "ORT_NUM_THREADS",
)
_PAGE_BYTES = sysconf("SC_PAGE_SIZE")


def environment(options: RunOptions, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the worker: libraries read them on import, so they stand before any is loaded."""
    threads = dict.fromkeys(_THREADS, str(options.threads))
    waiting = (
        {"OMP_WAIT_POLICY": "ACTIVE"}
        if options.spinning
        else {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "GOMP_SPINCOUNT": "0"}
    )
    steady = {"OMP_DYNAMIC": "FALSE", "MKL_DYNAMIC": "FALSE", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0"}
    return {**environ, **threads, **waiting, **steady, **SILENT, "PYTHONUNBUFFERED": "1"}


def resident_bytes(pid: int) -> int:
    """Memory that a process and its children hold now; 0 once it is gone."""
    total = 0
    waiting, seen = [pid], set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            with open(f"/proc/{one}/statm", encoding="ascii") as file:
                resident, shared = (int(number) for number in file.read().split()[1:3])
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as file:
                waiting += [int(child) for child in file.read().split()]
        except (OSError, ValueError):
            continue
        total += (resident if one == pid else resident - shared) * _PAGE_BYTES
    return total
