"""Great Britain by half-hours, from NESO's Carbon Intensity API. Free, no key, CC BY 4.0.

Reads:  /intensity/{from}/{to} (at most 14 days), /intensity/{from}/fw48h.
Traps:  direct CO2 only, imports and losses included; `actual` is null for the newest half-hours and in gaps: a value
        of the near past then is the last forecast, flagged `estimated`; the API does not say when it forecast, so
        `issued_at` is when we asked; the answer begins with the half-hour that ends at `from`.
Source: carbon-intensity/api-definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from joulewise.carbon.codes import code_of
from joulewise.carbon.providers.answers import (
    band,
    ceiled,
    floored,
    in_order,
    intensity_of,
    json_of,
    moment_of,
    rows_of,
    stretches,
)
from joulewise.carbon.providers.context import AddressedSource
from joulewise.core.signals import Signal

_WHO = "the UK Carbon Intensity API"
_MOST = timedelta(days=13)
_FRESH = timedelta(hours=6)
"""So long after a half-hour its forecast may stand in for the actual value; an older gap stays one."""
_ACTUAL_SHARE = 0.1
_FORECAST_G = 60.0
"""95 % of the forecasts of 2026 lie within so much of the actual value: mean absolute error 24, sd of it 20 g/kWh."""


class UkIntensity(AddressedSource):
    """See the module."""

    name = "uk"
    public = "https://api.carbonintensity.org.uk"
    kinds = ("average",)

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Half-hours that overlap [start, end); see the Protocol."""
        code_of(self.name, zone)
        now = self._context.now()
        found = []
        for first, last in stretches(floored(start, 30), ceiled(min(end, now), 30), _MOST):
            for row in self._rows(f"/intensity/{_text(first)}/{_text(last)}"):
                found.append(_past(zone, row, now))
        return in_order([one for one in found if one is not None], start, end)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """The next 48 hours."""
        code_of(self.name, zone)
        now = self._context.now()
        rows = self._rows(f"/intensity/{_text(floored(now, 30))}/fw48h")
        return in_order([one for row in rows if (one := _ahead(zone, row, now)) is not None], start, end)

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return rows_of(json_of(self._context.web.get(self._url + path).body, _WHO), "data", _WHO)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def _past(zone: str, row: dict[str, Any], now: datetime) -> Signal | None:
    actual = intensity_of(_of(row, "actual"), _WHO)
    if actual is not None:
        return _signal(zone, row, actual, band(actual, _ACTUAL_SHARE), "measured")
    guess = intensity_of(_of(row, "forecast"), _WHO)
    if guess is None or now - moment_of(row.get("to"), _WHO) > _FRESH:
        return None
    return _signal(zone, row, guess, band(guess, 0.0, _FORECAST_G), "estimated")


def _ahead(zone: str, row: dict[str, Any], now: datetime) -> Signal | None:
    value = intensity_of(_of(row, "forecast"), _WHO)
    return None if value is None else _signal(zone, row, value, band(value, 0.0, _FORECAST_G), "forecast", now)


def _of(row: dict[str, Any], name: str) -> Any:
    intensity = row.get("intensity")
    return intensity.get(name) if isinstance(intensity, dict) else None


def _signal(
    zone: str,
    row: dict[str, Any],
    value: float,
    bounds: tuple[float, float],
    status: str,
    issued_at: datetime | None = None,
) -> Signal:
    return Signal(
        zone=zone,
        start=moment_of(row.get("from"), _WHO),
        end=moment_of(row.get("to"), _WHO),
        intensity_g_per_kwh=value,
        low_g_per_kwh=bounds[0],
        high_g_per_kwh=bounds[1],
        kind="average",
        basis="direct",
        scope="consumption",
        status=status,
        source="NESO Carbon Intensity API",
        licence="CC BY 4.0",
        issued_at=issued_at,
    )
