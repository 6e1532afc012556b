"""Make us the one to whom orphans of our descendants are re-parented (Linux child subreaper)."""

from __future__ import annotations

import ctypes

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper(wanted: bool = True) -> bool:
    """Adopt orphans from now on, or no longer. False where the kernel has no such thing; nothing changes then."""
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "prctl") and libc.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) == 0
