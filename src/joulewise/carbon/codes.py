"""Our zones in the codes of the providers, from a bundled table with a source per row.

A row for the zone "*" says that a provider uses ISO 3166-1 alpha-2 codes as we do. `fit` is "whole" where the code
covers our zone, "part" where the areas differ: bands are then widened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from joulewise.carbon.tables import table
from joulewise.core.errors import FactorError

PART_LOW, PART_HIGH = 0.7, 1.4
"""Band of a neighbouring area's value for ours, judgement: eGRID subregions of one market differ by so much."""


@dataclass(frozen=True, slots=True)
class Code:
    """`code` of the provider, `whole` if it covers our zone, `hour` "end" where its hours are labelled by their end."""

    code: str
    whole: bool = True
    hour: str = "start"

    def widened(self, low: float, high: float) -> tuple[float, float]:
        """The band for our zone."""
        return (low, high) if self.whole else (low * PART_LOW, high * PART_HIGH)


def code_of(provider: str, zone: str) -> Code:
    """The provider's code of our zone. Raises FactorError if it has none."""
    codes = _codes(provider)
    if zone in codes:
        return codes[zone]
    if "*" in codes and len(zone) == 2 and zone != "EU":
        return Code(zone)
    raise FactorError(f"{provider} has no data for {zone}", hint="another source in the setting intensity")


@cache
def _codes(provider: str) -> dict[str, Code]:
    return {
        row["zone"]: Code(row["code"], row["fit"] == "whole", row["hour"] or "start")
        for row in table("grid_codes").rows
        if row["provider"] == provider
    }
