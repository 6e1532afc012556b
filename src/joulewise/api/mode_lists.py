"""A bench as others tell energy: MLPerf Power's scenarios and the AI Energy Score, from the measured blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from joulewise.api.bench_request import ENERGY_SCORE, OFFLINE, SINGLE_STREAM
from joulewise.compare import energy_score, mlperf
from joulewise.compare.blocks import Block, by_condition, column
from joulewise.compare.condition_figures import energy_figure
from joulewise.compare.statistics import ratio_interval
from joulewise.core.figures import MEASURED, Figure, total
from joulewise.core.variants import SATURATED
from joulewise.report.efficiency_view import stars_list
from joulewise.report.mode_lists import power_list

if TYPE_CHECKING:
    from joulewise.compare import Measured
    from joulewise.compare.mlperf import PowerResult
    from joulewise.report.listing import Listing


def mode_lists(mode: str, measured: Sequence[Measured], boundary: str) -> Iterator[Listing]:
    """The list of a mode; nothing without one. Models without energy are left out."""
    makers: Mapping[str, Callable[[Sequence[Measured], str], Listing]] = {
        OFFLINE: _offline,
        SINGLE_STREAM: _single_stream,
        ENERGY_SCORE: _energy_score,
    }
    if mode:
        yield makers[mode](measured, boundary)


def _offline(measured: Sequence[Measured], boundary: str) -> Listing:
    """At the largest batch, without a pause."""
    found: dict[str, PowerResult] = {}
    for one in measured:
        blocks = _saturated(one, largest=True)
        power = _power(blocks)
        if power is not None:
            pace = _figure(ratio_interval(column(blocks, "rows"), column(blocks, "wall_s")), "1/s")
            found[one.deployment.name] = mlperf.offline(pace, power, boundary)
    return power_list(found, mlperf.SCENARIOS[0])


def _single_stream(measured: Sequence[Measured], boundary: str) -> Listing:
    """One query after the other."""
    found: dict[str, PowerResult] = {}
    for one in measured:
        blocks = [block for block in _saturated(one, largest=False) if block.calls]
        power = _power(blocks)
        if power is not None:
            spent = np.array([float(block.latencies_s.sum()) for block in blocks])
            latency = _figure(ratio_interval(spent, column(blocks, "calls")), "s")
            found[one.deployment.name] = mlperf.single_stream(latency, power, boundary)
    return power_list(found, mlperf.SCENARIOS[1])


def _energy_score(measured: Sequence[Measured], _boundary: str) -> Listing:
    """At the smallest batch, which is 1 unless the user says otherwise."""
    energies = {one.deployment.name: energy_figure(_saturated(one, largest=False)) for one in measured}
    known = {name: figure for name, figure in energies.items() if figure is not None}
    return replace(stars_list(energy_score.stars(known) if known else ()), header="AI Energy Score mode")


def _saturated(one: Measured, *, largest: bool) -> list[Block]:
    found = {batch: blocks for (batch, _, load), blocks in by_condition(one.blocks).items() if load == SATURATED}
    return found[(max if largest else min)(found)] if found and one.ok else []


def _power(blocks: Sequence[Block]) -> Figure | None:
    """Mean watts of the blocks: all joules over all seconds; None where one has no energy."""
    energies = [block.energy for block in blocks if block.energy is not None]
    wall_s = sum(block.wall_s for block in blocks)
    if not energies or len(energies) < len(blocks) or wall_s <= 0:
        return None
    joules = total(energies)
    value, low, high = (one / wall_s for one in (joules.value, joules.low, joules.high))
    return Figure(value=value, low=low, high=high, unit="W", method=joules.method, source=joules.source)


def _figure(interval: tuple[float, float, float], unit: str) -> Figure:
    value, low, high = interval
    return Figure(value=value, low=min(low, value), high=max(high, value), unit=unit, method=MEASURED)
