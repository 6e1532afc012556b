"""How much memory a candidate may take where nobody says: what this machine can spare, shared by those at once."""

from __future__ import annotations

from pathlib import Path

_SHARE = 0.7


def spare_bytes(at_once: int = 1, root: Path = Path("/")) -> int | None:
    """A share of the memory that is free now, within the container's limit; None where the kernel does not say."""
    found = [one for one in (_available(root), _left_in_container(root)) if one is not None]
    return int(_SHARE * min(found) / max(1, at_once)) if found else None


def _available(root: Path) -> int | None:
    try:
        lines = (root / "proc" / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _left_in_container(root: Path) -> int | None:
    """Of control groups version 2; "max" is no limit."""
    place = root / "sys" / "fs" / "cgroup"
    try:
        limit, used = ((place / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return None
