"""Laws of comparing: a model against itself saves nothing, units don't matter, more rounds say more."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from joulewise.compare.blocks import Block
from joulewise.compare.paired import MIX_LOG_RATIO, ratio_of
from joulewise.compare.statistics import (
    bca,
    mcnemar,
    mean_interval,
    quantile_interval,
    ratio_interval,
    tango,
    wilson,
)
from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.figures import Figure

costs = st.floats(1e-6, 1e3)


def blocks_of(costs_s, energies_j=None, method="modelled") -> list[Block]:
    return [
        Block(
            calls=10,
            rows=10,
            wall_s=cost,
            cpu_s=cost,
            latencies_s=np.full(10, cost / 10),
            round=index,
            energy=None
            if energies_j is None
            else Figure(value=energies_j[index], low=0, high=9e9, unit="J", method=method),
        )
        for index, cost in enumerate(costs_s)
    ]


def noisy(generator, rounds, mean=1.0):
    """Costs of rounds that drift together, as those of a shared machine do, with noise of their own."""
    drift = np.exp(generator.normal(scale=0.2, size=rounds))
    return [mean * drift * np.exp(generator.normal(scale=0.05, size=rounds)) for _ in range(2)]


@pytest.mark.parametrize("rounds", [2, 4, 6, 10, 20])
def test_a_model_against_itself_saves_nothing_in_95_of_100_seeds(rounds):
    held = 0
    for seed in range(400):
        new, base = noisy(np.random.default_rng(seed), rounds)
        _, low, high = ratio_interval(new, base)
        held += low <= 1 <= high
    assert 0.92 <= held / 400 <= 0.99  # 95 % +- three standard errors of 400 seeds


def test_more_rounds_narrow_the_interval():
    widths = []
    for rounds in (4, 16, 64):
        found = []
        for seed in range(30):
            _, low, high = ratio_interval(*noisy(np.random.default_rng(seed), rounds))
            found.append(high - low)
        widths.append(float(np.mean(found)))
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


@given(st.lists(st.tuples(costs, costs), min_size=2, max_size=20), st.sampled_from([2.0**-10, 0.5, 4.0, 1024.0]))
@settings(max_examples=50, deadline=None)
def test_units_scale_and_sides_do_not_matter(pairs, factor):
    new, base = (np.array(side) for side in zip(*pairs, strict=True))
    value, low, high = ratio_interval(new, base)
    assert low <= value <= high
    assert ratio_interval(new * factor, base * factor) == pytest.approx((value, low, high), rel=1e-9)
    assert ratio_interval(new * factor, base) == pytest.approx((value * factor, low * factor, high * factor), rel=1e-9)
    # Student's interval of the logarithm turns over exactly
    assert ratio_interval(base, new) == pytest.approx((1 / value, 1 / high, 1 / low), rel=1e-6)


@pytest.mark.parametrize("rounds", [4, 8, 16, 30])
def test_a_ratio_is_held_where_a_neighbour_disturbs_a_block_now_and_then(rounds):
    held = 0
    for seed in range(600):
        generator = np.random.default_rng(seed)
        quiet = np.exp(generator.normal(scale=0.02, size=(2, rounds)))
        new, base = quiet * (1 + (generator.random((2, rounds)) < 0.15) * generator.exponential(0.5, (2, rounds)))
        _, low, high = ratio_interval(new, base)
        held += low <= 1 <= high
    assert held / 600 >= 0.935  # 95 % less two standard errors; a bootstrap of so few blocks holds 91 to 92 %


def test_a_ratio_pairs_rounds_and_refuses_too_few():
    new, base = blocks_of([1.0, 2.0, 3.0]), blocks_of([2.0, 4.0, 6.0])
    figure = ratio_of(new, base)
    assert (figure.value, figure.low, figure.high) == pytest.approx((0.5, 0.5, 0.5))
    assert ratio_of(new[::-1], base).value == pytest.approx(0.5)
    with pytest.raises(UndefinedFigure, match="2 common rounds"):
        ratio_of(new, base[:1])
    with pytest.raises(UndefinedFigure, match="no energy"):
        ratio_of(new, base, "energy_j")
    with pytest.raises(OutOfRange, match="no ratio of 'joy'"):
        ratio_of(new, base, "joy")
    with pytest.raises(OutOfRange, match="several conditions"):
        ratio_of(new, [*base, replace(base[0], batch=2)])


def test_a_modelled_ratio_states_what_the_model_cannot_see():
    costs_s = [1.0, 1.1, 0.9]
    modelled = ratio_of(blocks_of(costs_s, [1, 1.1, 0.9]), blocks_of(costs_s, [2, 2.2, 1.8]), "energy_j")
    counted = ratio_of(
        blocks_of(costs_s, [1, 1.1, 0.9], "measured"), blocks_of(costs_s, [2, 2.2, 1.8], "measured"), "energy_j"
    )
    assert modelled.value == pytest.approx(counted.value) == pytest.approx(0.5)
    assert (counted.method, modelled.method) == ("measured", "modelled")
    assert counted.high == pytest.approx(0.5)  # the meter's own error cancels
    assert (modelled.low, modelled.high) == pytest.approx((0.5 * np.exp(-MIX_LOG_RATIO), 0.5 * np.exp(MIX_LOG_RATIO)))
    assert "Pereira" in modelled.source


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_tangos_interval_and_mcnemars_score_test_agree(lost, won, same):
    n = lost + won + same
    assume(n > 0 and lost + won > 0)
    low, high = tango(lost, won, n)
    assert -1 <= low <= (won - lost) / n <= high <= 1
    z = abs(won - lost) / sqrt(lost + won)
    if abs(z - 1.959964) > 1e-3:
        assert (low > 0 or high < 0) == (z > 1.959964)
    mirrored = tango(won, lost, n)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high), abs=1e-9)
    assert 0 < mcnemar(lost, won) == mcnemar(won, lost) <= 1


@given(st.integers(1, 2000), st.data())
@settings(max_examples=100, deadline=None)
def test_wilson_holds_its_share_and_turns_over(n, data):
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_a_mean_is_held_in_95_of_100_seeds_also_for_skewed_rows():
    held = 0
    for seed in range(300):
        values = np.random.default_rng(seed).exponential(size=60)
        low, high = mean_interval(values, seed)
        held += low <= 1 <= high
    assert 0.90 <= held / 300 <= 0.985


def test_latency_quantiles_hold_the_truth_and_say_when_calls_are_few():
    generator = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        blocks = [generator.exponential(size=400) for _ in range(6)]
        value, low, high = quantile_interval(blocks, 0.5, seed)
        assert low <= value <= high
        held += low <= np.log(2) <= high
    assert held >= 93
    few = [np.arange(1.0, 21.0)]
    value, low, high = quantile_interval(few, 0.99, 0)
    assert high == 20
    assert low < value
    with pytest.raises(UndefinedFigure):
        quantile_interval([np.empty(0)], 0.5, 0)


def test_an_interval_of_undefined_resamples_is_refused():
    with pytest.raises(UndefinedFigure):
        bca(1.0, np.array([1.0, np.nan]), None, 10)
    with pytest.raises(UndefinedFigure):
        mean_interval(np.ones(1), 0)
    with pytest.raises(UndefinedFigure, match="above zero"):
        ratio_interval(np.zeros(3), np.ones(3))
