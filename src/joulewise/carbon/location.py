"""Where the work ran: flag > environment > configuration > cloud metadata (with consent) > unknown.

Unknown is the world average with its band and a notice, never a clean grid. A time zone is shown as a hint only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from joulewise.carbon.factors import FactorSet
from joulewise.carbon.zones import WORLD
from joulewise.core.errors import FactorError
from joulewise.core.settings import Settings

UNKNOWN = "unknown"
_CURE = "set it with --zone, JOULEWISE_ZONE or zone in [tool.joulewise], for example DE, US-CAMX or aws:eu-north-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """`zone` of the grid, cloud `region` or "", `how` it was found, and a `notice` for the user or ""."""

    zone: str
    region: str = ""
    how: str = UNKNOWN
    notice: str = ""

    @property
    def known(self) -> bool:
        """False if the world average stands in."""
        return self.how != UNKNOWN


def locate(
    settings: Settings,
    environ: Mapping[str, str],
    cloud: Callable[[], str | None] | None = None,
    factors: FactorSet | None = None,
) -> Location:
    """Find the zone. `cloud` gives a region such as "gcp:europe-west4"; by default the metadata service.

    Raises FactorError, with close names, if the zone that the user set does not exist.
    """
    factors = factors or FactorSet.bundled()
    if settings.zone:
        found = factors.resolve(settings.zone)
        return Location(zone=found.zone, region=found.region, how=settings.origins.get("zone") or "setting")
    if not settings.detect_cloud:
        return unknown(environ)
    region = (cloud or _ask_cloud)()
    if region is None:
        return unknown(environ, "no cloud metadata service answered; ")
    try:
        found = factors.resolve(region)
    except FactorError:
        return unknown(environ, f"the cloud says {region}, which the factor set does not know; ")
    return Location(zone=found.zone, region=found.region, how="cloud metadata")


def _ask_cloud() -> str | None:
    from joulewise.carbon.cloud import CloudMetadata  # an HTTP client costs more to import than all the rest

    return CloudMetadata().region()


def unknown(environ: Mapping[str, str], reason: str = "") -> Location:
    """The world average, with a notice that says how to do better."""
    notice = f"the grid is unknown: {reason}the world average with its wide band stands in; {_CURE}"
    time_zone = clock_zone(environ)
    if time_zone and "UTC" not in time_zone:
        notice += f" (this machine's clock is set to {time_zone}, which is not proof of where it stands)"
    return Location(zone=WORLD, notice=notice)


def clock_zone(environ: Mapping[str, str], root: str = "") -> str:
    """Name of the clock's time zone ("Europe/Berlin"), "" if there is none."""
    if environ.get("TZ"):
        return environ["TZ"].lstrip(":")
    try:
        target = os.readlink(f"{root}/etc/localtime")
    except OSError:  # no link, as in many containers: no hint then
        return ""
    return target.partition("zoneinfo/")[2]
