"""Where a job can run: the grid zone, PUE, prices, and what it costs to take data along.

Egress prices: data/egress.csv, derived from the providers' list prices by tools/derive_egress.py, in USD per GB.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite

from joulewise.carbon import FactorSet
from joulewise.core.errors import FactorError, OutOfRange
from joulewise.core.figures import DEFAULT, REPORTED, Figure, exact
from joulewise.core.settings import Settings

NETWORK_KWH_PER_GB = Figure(
    value=0.0077,
    low=0.001,
    high=0.06,
    unit="kWh/GB",
    method=DEFAULT,
    source="low: Cloud Carbon Footprint; high: SustainCluster 2025; value: their geometric mean",
)
"""Electricity of moving a gigabyte between regions; the published figures are 60 times apart, so both bounds count."""

LIST_CURRENCY = "USD"
_ANY = "*"
_TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "egress.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`region` is a cloud region ("aws:eu-north-1") or the grid zone itself, `zone` its grid zone.

    `price_per_hour` is of the machine, `price_per_kwh` of electricity where it is paid apart, `egress_per_gb` of data
    that leave this place, by the region they go to ("*" is any); all in `currency`. None or absent is unknown.
    Prices may be negative (spot markets for electricity are at times). Raises OutOfRange for one that is not finite.
    """

    region: str
    zone: str
    pue: Figure
    price_per_hour: float | None = None
    price_per_kwh: float | None = None
    currency: str = "EUR"
    egress_per_gb: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        prices = (self.price_per_hour, self.price_per_kwh, *(self.egress_per_gb or {}).values())
        if any(price is not None and not isfinite(price) for price in prices):
            raise OutOfRange(f"a price in {self.region} is not a finite number", hint="--price REGION=2.5")
        if not self.pue.low >= 1:
            raise OutOfRange(f"PUE is at least 1, got {self.pue.low} in {self.region}")

    def egress_to(self, region: str) -> float | None:
        """Price of a gigabyte to another region, in `currency`; None if unknown."""
        prices = self.egress_per_gb or {}
        names = (region, f"{region.partition(':')[0]}:{_ANY}", _ANY)
        return next((prices[name] for name in names if name in prices), None)


def place_of(
    text: str, settings: Settings, *, price_per_hour: float | None = None, factors: FactorSet | None = None
) -> Place:
    """The place that people call `text`: a zone or a cloud region.

    The setting `pue` is taken for a bare zone, where the building is yours; a cloud region has its own. Egress comes
    from the list prices if the currency is theirs. Raises FactorError with close names.
    """
    factors = factors or FactorSet.bundled()
    found = factors.resolve(text)
    return Place(
        region=found.region or found.zone,
        zone=found.zone,
        pue=_pue(found.region, settings, factors),
        price_per_hour=price_per_hour,
        price_per_kwh=settings.price_per_kwh if not found.region else None,
        currency=settings.currency,
        egress_per_gb=list_prices(found.region) if settings.currency == LIST_CURRENCY else None,
    )


def _pue(region: str, settings: Settings, factors: FactorSet) -> Figure:
    own = factors.get("pue", region) if region else None
    if own is not None:
        return own.as_figure()
    if settings.pue is not None:
        return exact(settings.pue, "1", REPORTED, settings.origins.get("pue") or "setting pue")
    default = factors.get("pue", settings.device_class or "unknown")
    if default is None:
        raise FactorError(f"no PUE is known for {region or 'this place'}", hint="--pue 1.2")
    return default.as_figure()


def list_prices(region: str) -> Mapping[str, float] | None:
    """USD per GB of data that leave a cloud region, by the region they go to; None if nobody collected them."""
    return _egress().get(region)


@cache
def _egress() -> Mapping[str, Mapping[str, float]]:
    """The usual price of a region ("*" in the table) holds within its provider only."""
    found: dict[str, dict[str, float]] = {}
    with open(_TABLE, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            provider = row["from_region"].partition(":")[0]
            target = row["to_region"].replace(_ANY, f"{provider}:{_ANY}")
            found.setdefault(row["from_region"], {})[target] = float(row["usd_per_gb"])
    return found
