"""Hourly consumption-based intensities of about 350 zones, from the Electricity Maps API.

Reads:  /carbon-intensity/history (last 24 h), /past-range (at most 10 days a question), /forecast. The version is part
        of the address: intensity_urls = electricitymaps=https://api.electricitymaps.com/v4.
Traps:  carbonIntensity may be null (a gap); isEstimated marks values that no source backs; a plan may cover the last
        day only, so a refused past-range falls back to what history has; values are labelled by the start of the hour;
        the terms forbid passing the data on.
Needs:  JOULEWISE_ELECTRICITYMAPS_TOKEN, or electricitymaps_token in the keyring.
Source: Electricity Maps API reference, v3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from joulewise.carbon.codes import Code, code_of
from joulewise.carbon.providers.answers import (
    band,
    ceiled,
    floored,
    in_order,
    intensity_of,
    json_of,
    moment_of,
    rows_of,
    step_of,
    stretches,
)
from joulewise.carbon.providers.context import AddressedSource, SourceContext
from joulewise.core.errors import ProviderUnavailable
from joulewise.core.signals import BASES, Signal

_WHO = "Electricity Maps"
_MOST = timedelta(days=10)
_DAY = timedelta(hours=24)
_HORIZONS_H = (6, 24, 48, 72)
_SHARE = {"measured": 0.25, "estimated": 0.5, "forecast": 0.4}
"""95 % band as a share of the value, judgement from published errors: live values are within 5 to 24 % (mean) of the
consolidated ones by zone, estimated ones and forecasts further off."""


class ElectricityMaps(AddressedSource):
    """See the module. `basis` is lifecycle, as theirs is unless asked otherwise."""

    name = "electricitymaps"
    public = "https://api.electricitymaps.com/v3"
    kinds = ("average",)

    def __init__(self, context: SourceContext | None = None, basis: str = "lifecycle") -> None:
        super().__init__(context)
        self._basis = basis

    @property
    def identity(self) -> str:
        """What tells its answers from those of another address or basis."""
        return f"{super().identity} {self._basis}"

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Hours that overlap [start, end); see the Protocol."""
        code = code_of(self.name, zone)
        now = self._context.now()
        if start >= now - _DAY:
            rows = self._rows("history", code, "history")
        else:
            rows = self._past(code, floored(start), ceiled(min(end, now)), now)
        return in_order(_signals(zone, code, rows, self._basis), start, end)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """As many hours as the plan allows, at most 72."""
        code = code_of(self.name, zone)
        ahead_h = (end - self._context.now()) / timedelta(hours=1)
        horizon_h = next((one for one in _HORIZONS_H if one >= ahead_h), _HORIZONS_H[-1])
        answer = self._ask("forecast", code, ("horizonHours", str(horizon_h)))
        rows = rows_of(answer, "forecast", _WHO)
        issued_at = moment_of(answer["updatedAt"], _WHO) if answer.get("updatedAt") else self._context.now()
        return in_order(_signals(zone, code, rows, self._basis, issued_at), start, end)

    def _past(self, code: Code, start: datetime, end: datetime, now: datetime) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        try:
            for first, last in stretches(start, end, _MOST):
                rows += self._rows("past-range", code, "data", ("start", _text(first)), ("end", _text(last)))
        except ProviderUnavailable:
            if end <= now - _DAY:
                raise
            rows += self._rows("history", code, "history")
        return rows

    def _rows(self, path: str, code: Code, name: str, *query: tuple[str, str]) -> list[dict[str, Any]]:
        return rows_of(self._ask(path, code, *query), name, _WHO)

    def _ask(self, path: str, code: Code, *query: tuple[str, str]) -> Any:
        token = self._context.key(self.name, "token").reveal()
        answer = self._context.web.get(
            f"{self._url}/carbon-intensity/{path}",
            [("zone", code.code), ("emissionFactorType", self._basis), ("temporalGranularity", "hourly"), *query],
            headers={"auth-token": token},
            secrets=(token,),
        )
        return json_of(answer.body, _WHO)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signals(
    zone: str, code: Code, rows: Sequence[dict[str, Any]], basis: str, issued_at: datetime | None = None
) -> list[Signal]:
    moments = [moment_of(row.get("datetime"), _WHO) for row in rows]
    step = step_of(moments)
    found = []
    for row, moment in zip(rows, moments, strict=True):
        value = intensity_of(row.get("carbonIntensity"), _WHO)
        if value is None:
            continue
        status = "forecast" if issued_at else "estimated" if row.get("isEstimated") else "measured"
        low, high = code.widened(*band(value, _SHARE[status]))
        found.append(
            Signal(
                zone=zone,
                start=moment,
                end=moment + step,
                intensity_g_per_kwh=value,
                low_g_per_kwh=low,
                high_g_per_kwh=high,
                kind="average",
                basis=_basis_of(row, basis),
                scope="consumption",
                status=status,
                source=f"Electricity Maps {code.code}",
                licence="Electricity Maps API terms: not to be passed on",
                issued_at=issued_at,
            )
        )
    return found


def _basis_of(row: dict[str, Any], asked: str) -> str:
    said = row.get("emissionFactorType")
    return said if said in BASES else asked
