"""Carbon-intensity signals: typed intervals, so that unlike things are never added.

Source of the distinctions: GHG Protocol Scope 2 Guidance (2015), chapters 4 and 6; SCI 1.1 (ISO/IEC 21031), section I.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import inf

from joulewise.core.errors import OutOfRange, SignalMismatch

KINDS = ("average", "marginal")
BASES = ("lifecycle", "direct")
SCOPES = ("consumption", "production")
STATUSES = ("measured", "estimated", "forecast", "climatology", "annual")
GRADES = ("live", "cache", "shape", "annual", "country", "world")
"""Where a chain of providers found a signal, best first: asked now, asked earlier, typical hours of the zone's own
record scaled to its annual factor, the zone's annual factor, its country's, the world's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Intensity of one zone in [start, end), gCO2e per kWh at the plug, with its 95 % interval.

    `issued_at` is when a forecast was made. `grade` is one of GRADES, "" outside a chain of providers.
    """

    zone: str
    start: datetime
    end: datetime
    intensity_g_per_kwh: float
    low_g_per_kwh: float
    high_g_per_kwh: float
    kind: str
    basis: str
    scope: str
    status: str
    source: str
    licence: str
    issued_at: datetime | None = None
    grade: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low_g_per_kwh <= self.intensity_g_per_kwh <= self.high_g_per_kwh < inf:
            raise OutOfRange(f"want 0 <= low <= intensity <= high < inf for {self.zone}")
        if self.start.utcoffset() is None or self.end.utcoffset() is None or not self.start < self.end:
            raise OutOfRange(f"want an aware, non-empty interval, got [{self.start}, {self.end})")
        for value, allowed in (
            (self.kind, KINDS),
            (self.basis, BASES),
            (self.scope, SCOPES),
            (self.status, STATUSES),
            (self.grade, ("", *GRADES)),
        ):
            if value not in allowed:
                raise OutOfRange(f"{value!r} is not one of {', '.join(allowed)}")

    @property
    def type(self) -> tuple[str, str, str]:
        """(kind, basis, scope): signals are only ever combined within one type."""
        return self.kind, self.basis, self.scope


def require_one_type(signals: Iterable[Signal]) -> None:
    """Raise SignalMismatch if the signals differ in kind, basis or scope."""
    types = {signal.type for signal in signals}
    if len(types) > 1:
        raise SignalMismatch(
            "can't combine signals of different kinds: " + " and ".join("/".join(one) for one in sorted(types)),
            hint="choose one kind, one basis and one scope",
        )
