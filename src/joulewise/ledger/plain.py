"""Records as what JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any


def plain(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Mappings, lists and records as mappings and lists, all that stands in them by way of `leaf`."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner, leaf) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner, leaf) for inner in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: plain(getattr(value, field.name), leaf) for field in fields(value)}
    return leaf(value)
