"""US balancing areas by hours: generation by fuel from the EIA's API v2, with our fuel factors. Public domain.

Reads:  /electricity/rto/fuel-type-data/data, in pages of 5,000 rows.
Traps:  `period` is UTC, and the END of the hour except where grid_codes.csv says otherwise (PJM); `value` is a number,
        a text or null, `total` a number or a text; a little negative solar is a plant's own use; fuels arrive about a
        day late and not all at once.
Needs:  JOULEWISE_EIA_KEY (free), or eia_key in the keyring.
Source: EIA API v2 documentation; EIA-930 instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from joulewise.carbon.codes import Code, code_of
from joulewise.carbon.mix import STORAGE, UNKNOWN
from joulewise.carbon.providers.answers import ceiled, floored, in_order, json_of, number_of, rows_of, stretches
from joulewise.carbon.providers.context import AddressedSource
from joulewise.carbon.providers.generation import signals_of
from joulewise.core.errors import ProviderUnavailable
from joulewise.core.signals import Signal

LICENCE = "US Government work (public domain)"
PAGE_ROWS = 5_000
_WHO = "EIA"
_MOST = timedelta(days=31)
_MOST_PAGES = 20
_HOUR = timedelta(hours=1)
_FUELS = {
    "BAT": STORAGE,
    "COL": "coal",
    "GEO": "geothermal",
    "NG": "gas",
    "NUC": "nuclear",
    "OIL": "oil",
    "PS": STORAGE,
    "SNB": "solar",
    "SUN": "solar",
    "UES": STORAGE,
    "WAT": "hydro",
    "WND": "wind",
    "WNB": "wind",
}

Told = dict[tuple[datetime, str], float | None]


class Eia(AddressedSource):
    """See the module."""

    name = "eia"
    public = "https://api.eia.gov/v2"
    kinds = ("average",)

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Hours that overlap [start, end); see the Protocol."""
        code = code_of(self.name, zone)
        told: Told = {}
        for first, last in stretches(floored(start), ceiled(min(end, self._context.now())), _MOST):
            for row in self._rows(code, first, last):
                told[_place(code, row)] = number_of(row.get("value"))
        return in_order(
            signals_of(zone, code, _hours(told), "EIA-930", "US Government work (public domain)"), start, end
        )

    def _rows(self, code: Code, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """All pages of the hours that begin in [start, end)."""
        shift = _HOUR if code.hour == "end" else timedelta()
        rows: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            page, total = self._page(code, start + shift, end + shift - _HOUR, len(rows))
            rows += page
            if not page or len(rows) >= total:
                return rows
        raise ProviderUnavailable("EIA answers with more pages than the hours asked for can fill")

    def _page(self, code: Code, first: datetime, last: datetime, offset: int) -> tuple[list[dict[str, Any]], int]:
        key = self._context.key(self.name, "key").reveal()
        answer = self._context.web.get(
            f"{self._url}/electricity/rto/fuel-type-data/data/",
            [
                ("api_key", key),
                ("frequency", "hourly"),
                ("data[0]", "value"),
                ("facets[respondent][]", code.code),
                ("start", first.strftime("%Y-%m-%dT%H")),
                ("end", last.strftime("%Y-%m-%dT%H")),
                ("sort[0][column]", "period"),
                ("sort[0][direction]", "asc"),
                ("offset", str(offset)),
                ("length", str(PAGE_ROWS)),
            ],
            secrets=(key,),
        )
        found = json_of(answer.body, _WHO)
        response = found.get("response") if isinstance(found, dict) else None
        rows = rows_of(response, "data", _WHO)
        total = number_of(response.get("total")) if isinstance(response, dict) else None
        return rows, len(rows) + offset if total is None else int(total)


def _place(code: Code, row: dict[str, Any]) -> tuple[datetime, str]:
    """Start of the hour, and the fuel as EIA names it; a row that comes twice (a revision) counts once."""
    try:
        period = datetime.strptime(str(row.get("period")), "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        raise ProviderUnavailable(f"EIA answers with an unreadable period {str(row.get('period'))[:40]!r}") from None
    return period - _HOUR if code.hour == "end" else period, str(row.get("fueltype"))


def _hours(told: Told) -> dict[datetime, dict[str, float | None]]:
    hours: dict[datetime, dict[str, float | None]] = {}
    for (start, name), power_mw in told.items():
        fuel = _FUELS.get(name, UNKNOWN)
        mix = hours.setdefault(start, {})
        before = mix.get(fuel, 0.0)
        mix[fuel] = None if power_mw is None or before is None else before + max(0.0, power_mw)
    return hours
