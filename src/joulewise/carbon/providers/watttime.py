"""Marginal intensities by five minutes, from the WattTime API v3. Used where marginal signals are asked for, only.

Reads:  /login (Basic, a token for 30 min), /v3/historical (at most 32 days), /v3/forecast (at most 72 h).
Traps:  a 401 means a new login; values are lb/MWh, and the index of another path is a percentile: the unit is checked;
        point_time is the start of its period; values are modelled and may be revised; the terms forbid passing them on.
Needs:  JOULEWISE_WATTTIME_USER and JOULEWISE_WATTTIME_PASSWORD, or watttime_user and watttime_password in the keyring.
Source: WattTime API documentation, v3 (co2_moer).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from joulewise.carbon.codes import Code, code_of
from joulewise.carbon.keys import Key
from joulewise.carbon.providers.answers import (
    band,
    in_order,
    intensity_of,
    json_of,
    moment_of,
    number_of,
    rows_of,
    stretches,
)
from joulewise.carbon.providers.context import AddressedSource, SourceContext
from joulewise.core.errors import ProviderUnavailable
from joulewise.core.signals import Signal
from joulewise.core.units import g_from_lb

UNIT = "lbs_co2_per_mwh"
_WHO = "WattTime"
_MOST = timedelta(days=31)
_SHARE = 0.4
"""95 % band as a share of the value, judgement: marginal rates can't be metered, and models differ by so much."""


class WattTime(AddressedSource):
    """See the module."""

    name = "watttime"
    public = "https://api.watttime.org"
    kinds = ("marginal",)

    def __init__(self, context: SourceContext | None = None) -> None:
        super().__init__(context)
        self._token: Key | None = None

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Five-minute periods that overlap [start, end); see the Protocol."""
        code = code_of(self.name, zone)
        found: list[Signal] = []
        for first, last in stretches(start, min(end, self._context.now()), _MOST):
            answer = self._ask("historical", code, ("start", first.isoformat()), ("end", last.isoformat()))
            found += _signals(zone, code, answer)
        return in_order(found, start, end)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """At most 72 hours."""
        code = code_of(self.name, zone)
        ahead_h = -((self._context.now() - end) // timedelta(hours=1))
        answer = self._ask("forecast", code, ("horizon_hours", str(min(72, max(1, ahead_h)))))
        meta = answer.get("meta")
        made = meta.get("generated_at") if isinstance(meta, dict) else None
        issued_at = moment_of(made, _WHO) if made else self._context.now()
        return in_order(_signals(zone, code, answer, issued_at), start, end)

    def _ask(self, path: str, code: Code, *query: tuple[str, str]) -> Any:
        for fresh in (self._token is None, True):
            if fresh or self._token is None:
                self._token = self._log_in()
            token = self._token.reveal()
            answer = self._context.web.get(
                f"{self._url}/v3/{path}",
                [("region", code.code), ("signal_type", "co2_moer"), *query],
                headers={"Authorization": f"Bearer {token}"},
                secrets=(token,),
                accept=(200,) if fresh else (200, 401),
            )
            if answer.status == 200:
                return json_of(answer.body, _WHO)
        raise AssertionError("unreachable")

    def _log_in(self) -> Key:
        user, password = (self._context.key(self.name, field).reveal() for field in ("user", "password"))
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        answer = self._context.web.get(
            f"{self._url}/login", headers={"Authorization": f"Basic {pair}"}, secrets=(password, pair)
        )
        said = json_of(answer.body, _WHO)
        token = said.get("token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise ProviderUnavailable("WattTime logs us in without a token")
        return Key(token)


def _signals(zone: str, code: Code, answer: Any, issued_at: datetime | None = None) -> list[Signal]:
    rows = rows_of(answer, "data", _WHO)
    meta = answer.get("meta") if isinstance(answer.get("meta"), dict) else {}
    if meta.get("units") != UNIT:
        raise ProviderUnavailable(f"WattTime answers in {str(meta.get('units'))[:40]!r}, not in {UNIT}")
    step = timedelta(seconds=number_of(meta.get("data_point_period_seconds")) or 300)
    found = []
    for row in rows:
        rate = number_of(row.get("value"))
        value = None if rate is None else intensity_of(g_from_lb(rate) / 1000, _WHO)  # lb/MWh: a thousandth per kWh
        if value is None:
            continue
        start = moment_of(row.get("point_time"), _WHO)
        low, high = code.widened(*band(value, _SHARE))
        found.append(
            Signal(
                zone=zone,
                start=start,
                end=start + step,
                intensity_g_per_kwh=value,
                low_g_per_kwh=low,
                high_g_per_kwh=high,
                kind="marginal",
                basis="direct",
                scope="production",
                status="forecast" if issued_at else "estimated",
                source=f"WattTime co2_moer {code.code}",
                licence="WattTime API terms: not to be passed on",
                issued_at=issued_at,
            )
        )
    return found
