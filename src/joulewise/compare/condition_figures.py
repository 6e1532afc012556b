"""From blocks to figures: what one inference costs under each condition, with 95 % intervals over blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import hypot

import numpy as np

from joulewise.compare.blocks import Block, by_condition, column
from joulewise.compare.statistics import quantile_interval, ratio_interval
from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import MEASURED, Figure, weakest
from joulewise.core.variants import Observation

LATENCIES = (("latency_s_p50", 0.5), ("latency_s_p99", 0.99))


def observations_of(blocks: Iterable[Block], seed: int = 0) -> list[Observation]:
    """CPU time, energy where it is known, latency and throughput of each condition. One block alone has no interval."""
    found: list[Observation] = []
    for part in by_condition(blocks).values():
        if len(part) > 1:
            found += _of_condition(part, seed)
    return found


def _of_condition(blocks: Sequence[Block], seed: int) -> Iterator[Observation]:
    first = blocks[0]
    rows, calls = column(blocks, "rows"), int(column(blocks, "calls").sum())

    def seen(quantity: str, figure: Figure, n: int) -> Observation:
        return Observation(
            quantity=quantity, figure=figure, batch=first.batch, threads=first.threads, load=first.load, n=n
        )

    over = f"ratio of sums over {len(blocks)} blocks"
    cpu = _figure(ratio_interval(column(blocks, "cpu_s"), rows), "s", f"the process's CPU clock, {over}")
    yield seen("cpu_s_per_inference", cpu, int(rows.sum()))
    energy = energy_figure(blocks)
    if energy is not None:
        yield seen("energy_j_per_inference", energy, int(rows.sum()))
    pace = _figure(ratio_interval(rows, column(blocks, "wall_s")), "1/s", f"rows over time, {over}")
    yield seen("throughput_per_s", pace, int(rows.sum()))
    for quantity, share in LATENCIES:
        interval = quantile_interval([block.latencies_s for block in blocks if block.calls], share, seed)
        yield seen(quantity, _figure(interval, "s", _latency_source(blocks, calls)), calls)


def _latency_source(blocks: Sequence[Block], calls: int) -> str:
    unserved = sum(block.unserved for block in blocks)
    told = f"{calls} calls in {len(blocks)} blocks"
    return f"{told}; {unserved} more were due and not served: the load is too high" if unserved else told


def energy_figure(blocks: Sequence[Block]) -> Figure | None:
    """Energy per row, J; None where a block has none. The meter's error is one for all, and joins in quadrature."""
    energies = [block.energy for block in blocks if block.energy is not None and block.energy.value > 0]
    if len(energies) < len(blocks) or len(blocks) < 2:
        return None
    joules = np.array([energy.value for energy in energies])
    value, low, high = ratio_interval(joules, column(blocks, "rows"))
    down = 1 - sum(energy.low for energy in energies) / joules.sum()
    up = sum(energy.high for energy in energies) / joules.sum() - 1
    return Figure(
        value=value,
        low=max(0.0, value - hypot(value - low, value * down)),
        high=value + hypot(high - value, value * up),
        unit="J",
        method=weakest(energy.method for energy in energies),
        source=f"{energies[0].source}, ratio of sums over {len(blocks)} blocks",
    )


def start_figures(cold_starts_s: Sequence[float], peaks_bytes: Sequence[int]) -> list[Observation]:
    """Cold start and peak memory over the processes that were started."""
    found: list[Observation] = []
    if len(cold_starts_s) > 1:
        try:
            starts = ratio_interval(np.array(cold_starts_s), np.ones(len(cold_starts_s)))
        except UndefinedFigure:
            return found
        told = f"{len(cold_starts_s)} processes, from their start to the first answer; files in the page cache"
        found.append(Observation(quantity="cold_start_s", figure=_figure(starts, "s", told), n=len(cold_starts_s)))
    if peaks_bytes:
        peak = float(max(peaks_bytes))
        memory = Figure(
            value=peak,
            low=float(min(peaks_bytes)),
            high=peak,
            unit="bytes",
            method=MEASURED,
            source=f"VmHWM without the rows, the most of {len(peaks_bytes)} processes",
        )
        found.append(Observation(quantity="memory_bytes_peak", figure=memory, n=len(peaks_bytes)))
    return found


def _figure(interval: tuple[float, float, float], unit: str, source: str) -> Figure:
    value, low, high = interval
    return Figure(value=value, low=min(low, value), high=max(high, value), unit=unit, method=MEASURED, source=source)
