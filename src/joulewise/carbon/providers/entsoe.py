"""European grids by hours: generation by type from the ENTSO-E Transparency Platform, with our fuel factors. CC BY 4.0.

Reads:  documentType A75, processType A16 (actual generation per type), at most 30 days a question.
Traps:  curveType A03 leaves out positions whose value repeats the last one, in A01 they are gaps; slots are 15, 30 or
        60 minutes; series with an outBiddingZone are the consumption of storage, not generation; "no matching data" may
        come with status 200 or 400; the name space changes with the document's version; types arrive with different
        delays.
Needs:  JOULEWISE_ENTSOE_TOKEN (free, by request), or entsoe_token in the keyring.
Source: ENTSO-E Transparency Platform RESTful API user guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from joulewise.carbon.codes import Code, code_of
from joulewise.carbon.mix import STORAGE, UNKNOWN
from joulewise.carbon.providers.answers import ceiled, floored, in_order, moment_of, number_of, stretches
from joulewise.carbon.providers.context import AddressedSource
from joulewise.carbon.providers.generation import signals_of
from joulewise.core.errors import ProviderUnavailable
from joulewise.core.signals import Signal

_WHO = "ENTSO-E"
_MOST = timedelta(days=30)
_LEAST = timedelta(days=1)
_HOUR = timedelta(hours=1)
_STEPS = {"PT15M": timedelta(minutes=15), "PT30M": timedelta(minutes=30), "PT60M": _HOUR, "PT1H": _HOUR}
_FUELS = {
    "B01": "biomass",
    "B02": "coal",
    "B03": "coal",
    "B04": "gas",
    "B05": "coal",
    "B06": "oil",
    "B07": "coal",
    "B08": "coal",
    "B09": "geothermal",
    "B10": STORAGE,
    "B11": "hydro",
    "B12": "hydro",
    "B13": "marine",
    "B14": "nuclear",
    "B16": "solar",
    "B18": "wind",
    "B19": "wind",
    "B25": STORAGE,
}

Slots = dict[datetime, dict[str, float]]
"""Start of a quarter-hour to type of plant to power, MW."""
_QUARTER = timedelta(minutes=15)


class Entsoe(AddressedSource):
    """See the module."""

    name = "entsoe"
    public = "https://web-api.tp.entsoe.eu/api"
    kinds = ("average",)

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Hours that overlap [start, end); see the Protocol."""
        code = code_of(self.name, zone)
        slots: Slots = {}
        for first, last in stretches(floored(start), ceiled(min(end, self._context.now())), _MOST):
            self._fetch(code, first, last, slots)
        return in_order(signals_of(zone, code, _hours(slots), "ENTSO-E", "CC BY 4.0"), start, end)

    def _fetch(self, code: Code, start: datetime, end: datetime, slots: Slots) -> None:
        token = self._context.key(self.name, "token").reveal()
        answer = self._context.web.get(
            self._url,
            [
                ("securityToken", token),
                ("documentType", "A75"),
                ("processType", "A16"),
                ("in_Domain", code.code),
                ("periodStart", start.strftime("%Y%m%d%H%M")),
                ("periodEnd", end.strftime("%Y%m%d%H%M")),
            ],
            secrets=(token,),
            accept=(200, 400),
        )
        document = _document(answer.body)
        if _local(document) == "GL_MarketDocument":
            _read(document, slots)
            return
        reason = " ".join(_text(document, "text").split())
        if "exceeds" in reason and end - start > _LEAST:
            middle = floored(start + (end - start) / 2)
            self._fetch(code, start, middle, slots)
            self._fetch(code, middle, end, slots)
        elif "No matching data" not in reason:
            raise ProviderUnavailable(f"ENTSO-E refuses: {reason.replace(token, '...')[:160] or 'no reason given'}")


def _document(body: bytes) -> Any:
    from xml.etree import ElementTree  # a DTD is refused, so that no entity is ever expanded

    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise ProviderUnavailable("ENTSO-E answers with something that is no market document")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise ProviderUnavailable("ENTSO-E answers with something that is no XML") from None


def _local(element: Any) -> str:
    """The tag without its name space, which changes with the document's version."""
    return str(element.tag).rpartition("}")[2]


def _all(element: Any, name: str) -> Iterator[Any]:
    return (one for one in element.iter() if _local(one) == name)


def _text(element: Any, name: str) -> str:
    return next(((one.text or "").strip() for one in _all(element, name)), "")


def _read(document: Any, slots: Slots) -> None:
    for series in _all(document, "TimeSeries"):
        if _text(series, "outBiddingZone_Domain.mRID"):
            continue
        plant = _text(series, "psrType")
        repeats = _text(series, "curveType") == "A03"
        for period in _all(series, "Period"):
            for start, power_mw in _points(period, repeats):
                slots.setdefault(start, {})[plant] = power_mw


def _points(period: Any, repeats: bool) -> Iterator[tuple[datetime, float]]:
    """(start of a quarter-hour, MW) for each quarter-hour that the period tells."""
    start, end = moment_of(_text(period, "start"), _WHO), moment_of(_text(period, "end"), _WHO)
    step = _STEPS.get(_text(period, "resolution"))
    if step is None or not start < end:
        raise ProviderUnavailable(f"ENTSO-E answers in steps of {_text(period, 'resolution')[:20]!r}")
    told = {}
    for point in _all(period, "Point"):
        position, power_mw = number_of(_text(point, "position")), number_of(_text(point, "quantity"))
        if position is not None and power_mw is not None:
            told[int(position)] = max(0.0, power_mw)
    last: float | None = None
    for index in range(int((end - start) / step)):
        last = told.get(index + 1, last if repeats else None)
        if last is not None:
            for quarter in range(int(step / _QUARTER)):
                yield start + index * step + quarter * _QUARTER, last


def _hours(slots: Slots) -> dict[datetime, dict[str, float | None]]:
    """Mean power by fuel and hour; None for a type of plant that lacks a quarter of the hour."""
    plants = sorted({plant for mix in slots.values() for plant in mix})
    hours: dict[datetime, dict[str, float | None]] = {}
    for start in sorted({floored(slot) for slot in slots}):
        quarters = [slots.get(start + index * _QUARTER, {}) for index in range(4)]
        mix = hours.setdefault(start, {})
        for plant in plants:
            fuel = _FUELS.get(plant, UNKNOWN)
            powers = [quarter.get(plant) for quarter in quarters]
            known = [power for power in powers if power is not None]
            before = mix.get(fuel, 0.0)
            mix[fuel] = None if len(known) < 4 or before is None else before + sum(known) / 4
    return hours
