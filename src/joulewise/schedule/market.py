"""The saving by supply contracts, market-based: it stands beside the location-based one and is never added to it."""

from __future__ import annotations

from collections.abc import Mapping

from joulewise.core.figures import MODELLED, Figure, propagate
from joulewise.core.units import kwh_from_j
from joulewise.schedule.emitting import NETWORK, Pair, World


def market_saved(sides: Pair, world: World, contracts: Mapping[str, Figure]) -> Figure | None:
    """Grams by the contracts' g/kWh; None unless one is known for every place that was used or compared with.

    Moved data are left out: the network's contract is nobody's here.
    """
    saved_kwh: dict[str, float] = {}
    for side, weights in ((1.0, sides.counterfactual_by), (-1.0, sides.realised_by)):
        for (region, _), energy_j in weights.items():
            if region != NETWORK:
                saved_kwh[region] = saved_kwh.get(region, 0.0) + side * kwh_from_j(energy_j)
    if not saved_kwh or not saved_kwh.keys() <= contracts.keys():
        return None
    inputs = {f"contract {one}": contracts[one] for one in saved_kwh}
    inputs |= {f"pue {one}": world.pue[one] for one in saved_kwh}

    def saved_g(**values: float) -> float:
        parts = (saved_kwh[one] * values[f"pue {one}"] * values[f"contract {one}"] for one in saved_kwh)
        return values["meter"] * sum(parts)

    value, low, high = propagate(saved_g, {**inputs, "meter": _relative(world.energy)})
    return Figure(value=value, low=low, high=high, unit="g", method=MODELLED, source="supply contracts, market-based")


def _relative(energy: Figure) -> Figure:
    """The meter's error as a factor about one."""
    low, high = (bound / energy.value if energy.value else 1.0 for bound in (energy.low, energy.high))
    return Figure(value=1.0, low=low, high=high, unit="1", method=energy.method)
