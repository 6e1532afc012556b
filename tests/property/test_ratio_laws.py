"""The ratio of two models' costs: whoever is base, whatever the unit or order, and true as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.compare.blocks import Block
from joulewise.compare.paired import ratio_of
from joulewise.core.figures import MEASURED, Figure

costs = st.floats(1e-4, 1e3)
rounds = st.lists(st.tuples(costs, costs, st.integers(1, 1000), st.integers(1, 1000)), min_size=2, max_size=12)


def block(index: int, cost: float, rows: int, energy_j: float | None = None) -> Block:
    energy = None
    if energy_j is not None:
        energy = Figure(value=energy_j, low=energy_j / 2, high=energy_j * 2, unit="J", method=MEASURED)
    return Block(
        calls=rows, rows=rows, wall_s=cost, cpu_s=cost, latencies_s=np.ones(1), round=index, name="m", energy=energy
    )


def sides(pairs) -> tuple[list[Block], list[Block]]:
    new = [block(at, one[0], one[2], one[0] * 3) for at, one in enumerate(pairs)]
    base = [block(at, one[1], one[3], one[1] * 3) for at, one in enumerate(pairs)]
    return new, base


def ends(figure: Figure) -> tuple[float, float, float]:
    return figure.low, figure.value, figure.high


@given(rounds, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_blocks_and_rounds_without_a_partner_change_nothing(pairs, shuffler):
    new, base = sides(pairs)
    found = ends(ratio_of(new, base))
    lone = replace(base[0], round=len(pairs) + 5)
    shuffler.shuffle(new)
    shuffler.shuffle(base)
    assert ends(ratio_of(new, [*base, lone])) == pytest.approx(found)


@given(rounds)
@settings(max_examples=40, deadline=None)
def test_the_base_and_the_new_one_turn_over(pairs):
    new, base = sides(pairs)
    one, other = ratio_of(new, base), ratio_of(base, new)
    assert ends(one) == pytest.approx((1 / other.high, 1 / other.value, 1 / other.low), rel=1e-6)


@given(rounds, st.sampled_from([2.0**-12, 0.25, 2.0, 4096.0]))
@settings(max_examples=40, deadline=None)
def test_a_meter_that_errs_by_a_factor_errs_on_both_sides_alike(pairs, factor):
    new, base = sides(pairs)

    def misread(blocks):
        return [block(one.round, one.cpu_s, one.rows, one.energy.value * factor) for one in blocks]

    found = ratio_of(new, base, "energy_j")
    assert ends(ratio_of(misread(new), misread(base), "energy_j")) == pytest.approx(ends(found), rel=1e-9)
    assert ends(found) == pytest.approx(ends(ratio_of(new, base)), rel=1e-9)  # 3 J/s at each side: the CPU's ratio
    assert found.method == MEASURED


@given(rounds, st.integers(2, 50))
@settings(max_examples=40, deadline=None)
def test_a_ratio_is_of_one_row_whatever_the_rows_of_a_block(pairs, times):
    new, base = sides(pairs)
    longer = [replace(one, rows=one.rows * times, cpu_s=one.cpu_s * times) for one in new]
    assert ends(ratio_of(longer, base)) == pytest.approx(ends(ratio_of(new, base)), rel=1e-9)


@pytest.mark.parametrize("truth", [0.2, 0.97, 6.0])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says_where_the_machine_drifts(truth):
    """Six rounds; the machine's pace wanders by 30 % from round to round, each block has 4 % of its own."""
    held = 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        pace = np.exp(np.cumsum(generator.normal(scale=0.3, size=6)))
        noise = np.exp(generator.normal(scale=0.04, size=(2, 6)))
        new = [block(at, truth * pace[at] * noise[0, at], 100) for at in range(6)]
        base = [block(at, pace[at] * noise[1, at], 100) for at in range(6)]
        figure = ratio_of(new, base)
        held += figure.low <= truth <= figure.high
    assert 0.92 <= held / 400 <= 0.99


def test_pairing_is_what_makes_a_ratio_sure():
    """The same blocks, paired with the wrong rounds, know far less."""
    generator = np.random.default_rng(1)
    pace = np.exp(generator.normal(scale=0.5, size=8))
    noise = np.exp(generator.normal(scale=0.02, size=(2, 8)))
    new = [block(at, pace[at] * noise[0, at], 10) for at in range(8)]
    base = [block(at, 2 * pace[at] * noise[1, at], 10) for at in range(8)]
    wrong = [replace(one, round=(one.round + 3) % 8) for one in base]
    paired, unpaired = ratio_of(new, base), ratio_of(new, wrong)
    assert paired.value == pytest.approx(unpaired.value)
    assert (paired.high - paired.low) * 4 < unpaired.high - unpaired.low
