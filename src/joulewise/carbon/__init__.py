"""Joules to gCO2e, water and money, with the factors, their sources and the place.

Other rooms use the names below; they load on first use, since a measured process needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joulewise.carbon.accounting import Account, Work, account
    from joulewise.carbon.chain import Chain
    from joulewise.carbon.cloud import CloudMetadata
    from joulewise.carbon.equivalents import Equivalent, equivalents_of
    from joulewise.carbon.factors import FactorChange, FactorSet, read_file
    from joulewise.carbon.forecast import forecast_from
    from joulewise.carbon.gazetteer import places
    from joulewise.carbon.intensity import BundledAnnual, factor_of, spread_energy
    from joulewise.carbon.location import Location, locate
    from joulewise.carbon.revising import (
        Known,
        Revision,
        filed_operational,
        is_better,
        known_of_run,
        known_of_signals,
        revise,
    )
    from joulewise.carbon.shapes import BundledShapes
    from joulewise.carbon.sheet import recompute
    from joulewise.carbon.sources import chain_of, check_sources
    from joulewise.carbon.time_zones import time_zone, time_zone_of
    from joulewise.carbon.zones import Zone, resolve

_HOME = {
    "Account": "accounting",
    "BundledAnnual": "intensity",
    "Chain": "chain",
    "BundledShapes": "shapes",
    "CloudMetadata": "cloud",
    "Equivalent": "equivalents",
    "FactorChange": "factors",
    "FactorSet": "factors",
    "Known": "revising",
    "Location": "location",
    "Revision": "revising",
    "Work": "accounting",
    "Zone": "zones",
    "account": "accounting",
    "chain_of": "sources",
    "check_sources": "sources",
    "equivalents_of": "equivalents",
    "factor_of": "intensity",
    "filed_operational": "revising",
    "forecast_from": "forecast",
    "is_better": "revising",
    "known_of_run": "revising",
    "known_of_signals": "revising",
    "locate": "location",
    "places": "gazetteer",
    "read_file": "factors",
    "recompute": "sheet",
    "resolve": "zones",
    "revise": "revising",
    "spread_energy": "intensity",
    "time_zone": "time_zones",
    "time_zone_of": "time_zones",
}

__all__ = [
    "Account",
    "BundledAnnual",
    "BundledShapes",
    "Chain",
    "CloudMetadata",
    "Equivalent",
    "FactorChange",
    "FactorSet",
    "Known",
    "Location",
    "Revision",
    "Work",
    "Zone",
    "account",
    "chain_of",
    "check_sources",
    "equivalents_of",
    "factor_of",
    "filed_operational",
    "forecast_from",
    "is_better",
    "known_of_run",
    "known_of_signals",
    "locate",
    "places",
    "read_file",
    "recompute",
    "resolve",
    "revise",
    "spread_energy",
    "time_zone",
    "time_zone_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"joulewise.carbon.{_HOME[name]}"), name)
