"""The clock that people in a grid zone live by. Inside, times are UTC; this is for the edge, where people read them."""

from __future__ import annotations

import csv
import os
from datetime import UTC, tzinfo
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from joulewise.core.errors import NotFound

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "time_zones.tsv")


def time_zone_of(zone: str) -> tzinfo:
    """The time zone of a grid zone, or of the nearest that contains it and has one; UTC where none is known."""
    table = _table()
    parts = zone.split("-")
    for count in range(len(parts), 0, -1):
        name = table.get("-".join(parts[:count]))
        if name is not None:
            return _loaded(name) or UTC
    return UTC


def time_zone(text: str) -> tzinfo:
    """The time zone of that IANA name ("Europe/Berlin", "UTC"). Raises NotFound with close names as the cure."""
    found = UTC if text.upper() == "UTC" else _loaded(text)
    if found is None:
        close = get_close_matches(text, available_timezones(), n=3, cutoff=0.5)
        raise NotFound(f"unknown time zone {text!r}", hint=", ".join(close) or "Europe/Berlin, America/New_York, UTC")
    return found


def _loaded(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, no name at all, or no tz database on this machine
        return None


@cache
def _table() -> dict[str, str]:
    with open(_PATH, encoding="utf-8", newline="") as file:
        return {row["zone"]: row["time_zone"] for row in csv.DictReader(file, delimiter="\t")}
