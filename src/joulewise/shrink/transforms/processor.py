"""What the processor can do with small numbers. Where it can't be known (no /proc), nothing is assumed."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path


@cache
def flags(root: Path = Path("/")) -> frozenset[str]:
    """The processor's features as Linux lists them; empty elsewhere."""
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    lines = (line for line in text.splitlines() if line.startswith(("flags", "Features")))
    return frozenset(next(lines, "").partition(":")[2].split())


def has_vnni(root: Path = Path("/")) -> bool:
    """True where products of 8-bit numbers are summed in 32 bits at once: VNNI on x86, the dot product on ARM."""
    return bool(flags(root) & {"avx512_vnni", "avx_vnni", "asimddp", "amx_int8"}) or platform.machine() == "arm64"


def has_bfloat16(root: Path = Path("/")) -> bool:
    """True where the processor multiplies bfloat16 natively."""
    return bool(flags(root) & {"avx512_bf16", "amx_bf16", "bf16"})


def has_float16(root: Path = Path("/")) -> bool:
    """True where the processor multiplies float16 natively (f16c only converts)."""
    return bool(flags(root) & {"avx512_fp16", "asimdhp", "amx_fp16"})
