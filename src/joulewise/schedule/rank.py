"""Cloud regions in order: by average intensity, by marginal, with PUE, by price.

Average and marginal disagree in kind, lifecycle and direct in what they count: each list is of one kind and one basis.
A region without the figure that a list is sorted by is listed last and has no rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from joulewise.carbon import FactorSet
from joulewise.carbon.tables import table
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import REPORTED, Figure, propagate, weakest
from joulewise.schedule.places import list_prices

ORDERS = ("average", "marginal", "adjusted", "price", "egress")
"""What a list can be sorted by; "adjusted" is average x PUE: gCO2e per kWh of the IT equipment."""
LIST_BASES = ("lifecycle", "direct")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRegion:
    """A cloud region with all that it can be ranked by. `rank` counts from 1, alike for equals; None if unknown.

    `average`, `adjusted` and `marginal` are gCO2e/kWh, of consumption at the plug; `basis` is that of the first two,
    marginal is direct. `stand_in` is the larger zone whose figure is used ("US"), "" if it is the region's own.
    `price_per_hour` is what the user gave, `egress_per_gb` the usual list price in USD of data to another region.
    """

    region: str
    location: str
    zone: str
    basis: str
    average: Figure | None
    adjusted: Figure | None
    marginal: Figure | None
    pue: Figure | None
    stand_in: str = ""
    price_per_hour: float | None = None
    egress_per_gb: float | None = None
    rank: int | None = None


def rank_regions(
    by: str = "average",
    *,
    basis: str = "lifecycle",
    prices: Mapping[str, float] | None = None,
    provider: str = "",
    factors: FactorSet | None = None,
) -> list[RankedRegion]:
    """All bundled cloud regions (of one `provider`: aws, azure, gcp), cleanest or cheapest first.

    `prices` are per machine-hour, by region. Raises UsageError for an unknown order, basis or provider, or for an
    order by price without prices; OutOfRange for a price that is no number; FactorError for an unknown region in it.
    """
    factors = factors or FactorSet.bundled()
    given = {factors.resolve(name).region or name: price for name, price in (prices or {}).items()}
    _check(by, basis, given)
    found = [
        _region(row, basis, given.get(row["region"]), factors)
        for row in table("cloud_regions").rows
        if row["region"].startswith(f"{provider}:" if provider else "")
    ]
    if not found:
        raise UsageError(f"there is no provider {provider!r}", hint="aws, azure, gcp")
    return _ranked(found, _SORT[by])


def _check(by: str, basis: str, prices: Mapping[str, float]) -> None:
    if by not in ORDERS:
        raise UsageError(f"can't rank by {by!r}", hint=f"one of {', '.join(ORDERS)}")
    if basis not in LIST_BASES:
        raise UsageError(f"unknown basis {basis!r}", hint=f"one of {', '.join(LIST_BASES)}")
    for region, price in prices.items():
        if not isfinite(price):
            raise OutOfRange(f"the price of {region} is not a finite number", hint="--price REGION=2.5")
    if by == "price" and not prices:
        raise UsageError("to rank by price, give prices", hint="--price aws:eu-north-1=2.5; or rank by egress")


def _region(row: Mapping[str, str], basis: str, price_per_hour: float | None, factors: FactorSet) -> RankedRegion:
    average, stand_in = _average(row["zone"], basis, factors)
    pue_factor = factors.get("pue", row["region"])
    pue = pue_factor.as_figure() if pue_factor else None
    return RankedRegion(
        region=row["region"],
        location=row["location"],
        zone=row["zone"],
        basis=basis,
        average=average,
        adjusted=_adjusted(average, pue),
        marginal=marginal_of(row["zone"]),
        pue=pue,
        stand_in=stand_in,
        price_per_hour=price_per_hour,
        egress_per_gb=_egress(row["region"]),
    )


def _average(zone: str, basis: str, factors: FactorSet) -> tuple[Figure | None, str]:
    """The zone's newest annual average of that basis, else that of the country that it is a part of."""
    for name in dict.fromkeys((zone, zone.partition("-")[0])):
        factor = factors.get("intensity", name)
        if factor is not None and factor.basis == basis:
            return factor.as_figure(), "" if name == zone else name
    return None, ""


def marginal_of(zone: str) -> Figure | None:
    """Non-baseload output rate of a US subregion (eGRID), g/kWh, direct: a stand-in for the marginal intensity.

    None elsewhere: no open marginal data are bundled. Its band is the relative band of the subregion's average.
    """
    row = next((one for one in table("us_subregions").rows if one["zone"] == zone), None)
    if row is None:
        return None
    value = float(row["nonbaseload_g_per_kwh"])
    return Figure(
        value=value,
        low=value * min(1.0, float(row["low_ratio"])),
        high=value * max(1.0, float(row["high_ratio"])),
        unit="g/kWh",
        method=REPORTED,
        source=f"US EPA eGRID{row['year']}, non-baseload output rate",
    )


def _adjusted(average: Figure | None, pue: Figure | None) -> Figure | None:
    if average is None or pue is None:
        return None
    value, low, high = propagate(lambda average, pue: average * pue, {"average": average, "pue": pue})
    method = weakest((average.method, pue.method))
    source = f"{average.source}; {pue.source}"
    return Figure(value=value, low=low, high=high, unit=average.unit, method=method, source=source)


def _egress(region: str) -> float | None:
    prices = list_prices(region)
    return prices.get(f"{region.partition(':')[0]}:*") if prices else None


def _value(figure: Figure | None) -> float | None:
    return figure.value if figure else None


_SORT: Mapping[str, Callable[[RankedRegion], float | None]] = {
    "average": lambda one: _value(one.average),
    "marginal": lambda one: _value(one.marginal),
    "adjusted": lambda one: _value(one.adjusted),
    "price": lambda one: one.price_per_hour,
    "egress": lambda one: one.egress_per_gb,
}


def _ranked(found: Sequence[RankedRegion], key: Callable[[RankedRegion], float | None]) -> list[RankedRegion]:
    known = sorted((one for one in found if key(one) is not None), key=lambda one: (key(one), one.region))
    values = [key(one) for one in known]
    ranked = [replace(one, rank=values.index(key(one)) + 1) for one in known]
    return [*ranked, *sorted((one for one in found if key(one) is None), key=lambda one: one.region)]
