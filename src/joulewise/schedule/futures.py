"""Many ways in which a forecast may turn out: paths of intensity with the forecast's own error band.

Errors of neighbouring hours go together, and so do those of the same hour on the next day (a cloudy week is misjudged
every noon): an error path is a seasonal autoregressive process, not white noise, which would flatter every plan. Both
correlations are those of real forecasts (181 forecasts of 96 h by CarbonCast, California 2021: 0.89 after an hour, 0.31
after six, 0.62 after a day, 0.38 after two).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulewise.core.figures import MODELLED, Figure
from joulewise.core.units import j_from_kwh
from joulewise.schedule.places import NETWORK_KWH_PER_GB, Place
from joulewise.schedule.slots import Floats, Slots
from joulewise.schedule.usage import Usage

HOURLY_CORRELATION, DAILY_CORRELATION = 0.88, 0.62
DAY_S = 86_400.0
LEVEL_SHARE = 0.5
"""The band of an annual factor is for an hour or for a part of the zone: half its variance lasts through the window."""
MOST_PATHS, MOST_NUMBERS = 200, 12_000_000
"""Paths of a plan: as many as fit into some hundred megabytes."""
Z_95 = 1.959964
"""Standard deviations from the middle of a normal distribution to the edge of its 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Futures:
    """Draws of all that is uncertain: `intensity_g_per_kwh` (paths, places, slots), `pue` (paths, places),
    `network_kwh_per_gb` (paths,). A path holds for every way to run the job, so differences are paired."""

    intensity_g_per_kwh: Floats
    pue: Floats
    network_kwh_per_gb: Floats

    @property
    def count(self) -> int:
        """Number of paths."""
        return len(self.pue)

    def emissions_g(self, usage: Usage) -> Floats:
        """gCO2e of a way to run the job on each path, shape (paths,)."""
        return emitted_g(usage, self.intensity_g_per_kwh, self.pue, self.network_kwh_per_gb)

    def energy_j(self, usage: Usage) -> Floats:
        """Joules on each path, PUE and network included, shape (paths,)."""
        return used_j(usage, self.pue, self.network_kwh_per_gb)


def emitted_g(usage: Usage, intensity_g_per_kwh: Floats, pue: Floats, network_kwh_per_gb: Floats) -> Floats:
    """Sum over places and slots of (IT energy x PUE + network energy of the data) x intensity; leading axes remain."""
    by_place_g = np.einsum("...rt,rt->...r", intensity_g_per_kwh, usage.it_kwh)
    network_g = np.einsum("...rt,rt->...", intensity_g_per_kwh, usage.moved_gb) * network_kwh_per_gb
    return np.asarray((by_place_g * pue).sum(axis=-1) + network_g)


def used_j(usage: Usage, pue: Floats, network_kwh_per_gb: Floats) -> Floats:
    """IT energy x PUE + network energy of the data, J."""
    used_kwh = pue @ usage.it_kwh.sum(axis=1) + network_kwh_per_gb * usage.moved_gb.sum()
    return np.asarray(j_from_kwh(1.0) * used_kwh)


def draw_futures(slots: Slots, places: Sequence[Place], seed: int, count: int | None = None) -> Futures:
    """Draw what may come; `places` in the order of the slots' rows. The same seed gives the same futures."""
    size = len(places) * slots.count
    count = count or max(20, min(MOST_PATHS, MOST_NUMBERS // max(1, size)))
    pue = draws([place.pue for place in places], count, seed + 1)
    network = draws([NETWORK_KWH_PER_GB], count, seed + 2)[:, 0]
    return Futures(
        intensity_g_per_kwh=intensity_paths(slots, count, seed),
        pue=np.maximum(pue, 1.0),
        network_kwh_per_gb=np.maximum(network, 0.0),
    )


def metered(futures: Futures, low_ratio: float, high_ratio: float, seed: int) -> Futures:
    """The same futures with the error of the meter that the job's power is from: one factor a path, for all places.

    It stands in the PUE, which multiplies the same energy. Figures take it, choices don't: a factor on all energy makes
    no way better than another.
    """
    if low_ratio == high_ratio:
        return futures
    error = Figure(value=1.0, low=low_ratio, high=high_ratio, unit="1", method=MODELLED, source="the meter's error")
    factor = np.maximum(draws([error], futures.count, seed + 3), 0.0)
    return replace(futures, pue=futures.pue * factor)


def intensity_paths(slots: Slots, count: int, seed: int) -> Floats:
    """`count` paths of intensity in g/kWh, shape (count, places, slots).

    Places of one zone share a path. Below the forecast the error has the spread of the lower bound, above it that of
    the upper (a split normal distribution); no path goes below zero.
    """
    generator = np.random.default_rng(seed)
    zones = list(dict.fromkeys(slots.zones))
    rows = [zones.index(zone) for zone in slots.zones]
    hourly = seasonal(
        autoregressive(generator.standard_normal((count, len(zones), slots.count)), slots.slot_s), slots.slot_s
    )
    level = generator.standard_normal((count, len(zones), 1))
    share = LEVEL_SHARE * slots.annual_share[:, None]
    scores = np.sqrt(1 - share) * hourly[:, rows, :] + np.sqrt(share) * level[:, rows, :]
    return np.clip(split_normal(scores, slots.intensity_g_per_kwh, slots.low_g_per_kwh, slots.high_g_per_kwh), 0, None)


def autoregressive(white: Floats, slot_s: float, hourly: float = HOURLY_CORRELATION) -> Floats:
    """White noise (last axis is time) made into AR(1) noise of variance one; `hourly` is the correlation over an hour.

    x[0] = w[0], x[t] = rho x[t-1] + sqrt(1 - rho^2) w[t], with rho = hourly ** (slot_s / 3600).
    """
    rho = hourly ** (slot_s / 3_600.0)
    fresh = (1.0 - rho * rho) ** 0.5
    paths = np.empty_like(white)
    paths[..., 0] = white[..., 0]
    for slot in range(1, white.shape[-1]):
        paths[..., slot] = rho * paths[..., slot - 1] + fresh * white[..., slot]
    return paths


def seasonal(paths: Floats, slot_s: float, daily: float = DAILY_CORRELATION) -> Floats:
    """Noise of variance one (last axis is time) that repeats itself in part a day later.

    y[t] = x[t] on the first day, then y[t] = daily y[t - a day] + sqrt(1 - daily^2) x[t].
    """
    lag = max(1, round(DAY_S / slot_s))
    fresh = (1.0 - daily * daily) ** 0.5
    found = paths.copy()
    for slot in range(lag, paths.shape[-1]):
        found[..., slot] = daily * found[..., slot - lag] + fresh * paths[..., slot]
    return found


def split_normal(scores: Floats, value: Floats, low: Floats, high: Floats) -> Floats:
    """Standard scores as values around `value`, with 95 % of them between `low` and `high`."""
    spread = np.where(scores < 0, value - low, high - value) / Z_95
    return np.asarray(value + scores * spread)


def draws(figures: Sequence[Figure], count: int, seed: int) -> Floats:
    """Draws of independent figures, shape (count, figures); figures of one source are one draw: the same building."""
    generator = np.random.default_rng(seed)
    sources = list(dict.fromkeys(figure.source for figure in figures))
    scores = generator.standard_normal((count, len(sources)))
    columns = [
        split_normal(
            scores[:, sources.index(figure.source)],
            np.asarray(figure.value),
            np.asarray(figure.low),
            np.asarray(figure.high),
        )
        for figure in figures
    ]
    return np.stack(columns, axis=1)


def interval(value: float, drawn: Floats, unit: str, source: str) -> Figure:
    """A modelled figure with the 95 % of the draws as bounds; they always hold the value itself."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(
        value=value, low=min(float(low), value), high=max(float(high), value), unit=unit, method=MODELLED, source=source
    )
