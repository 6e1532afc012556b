"""Whole numbers in a list: 1,32."""

from __future__ import annotations

from joulewise.core.errors import UsageError


def counts_of(option: str, text: str) -> tuple[int, ...]:
    """The numbers, all at least 1. Raises UsageError that names the option."""
    try:
        found = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise UsageError(f"{option} can't be {text!r}", hint=f"{option} 1 or {option} 1,32")
    return found
