"""Curves: interpolation, sums, and busy time that is finer than the kernel's clock."""

from itertools import pairwise

import pytest

from joulewise.measure.timeline import Curve, added, monotone, rises, smoothed_busy


def test_a_curve_is_flat_outside_and_linear_inside():
    curve = Curve([(0, 0.0), (10, 5.0), (20, 5.0)])
    assert [curve.at(time) for time in (-5, 0, 4, 10, 15, 99)] == [0.0, 0.0, 2.0, 5.0, 5.0, 5.0]
    assert curve.between(4, 99) == 3.0
    assert curve.spans(0, 20)
    assert not curve.spans(-1, 20)


def test_an_empty_curve_has_no_rise():
    assert Curve([]).at(3) == 0.0
    assert not Curve([]).spans(0, 0)
    assert rises([]).points == []
    assert smoothed_busy(Curve([]), Curve([]), []).points == []


def test_monotone_never_falls_and_keeps_the_first_of_equal_times():
    assert monotone([(2, 7), (0, 5), (1, 9), (1, 3)]) == [(0, 5.0), (1, 5.0), (2, 7.0)]


def test_added_counts_each_rank_from_its_own_start():
    total = added([Curve([(0, 0.0), (10, 10.0)]), Curve([(5, 0.0), (10, 5.0)])])
    assert total.at(5) == 5.0
    assert total.at(10) == 15.0


def test_busy_time_is_never_less_than_ours_at_any_moment():
    # the kernel's 10 ms steps lag behind our exact clock
    times = [0, 3_000, 6_000, 300_000, 303_000, 900_000]
    mine = Curve([(0, 0.0), (3_000, 3_000.0), (6_000, 6_000.0), (900_000, 400_000.0)])
    busy = Curve([(0, 0.0), (3_000, 0.0), (6_000, 10_000.0), (300_000, 150_000.0), (900_000, 500_000.0)])
    smooth = smoothed_busy(mine, busy, times)
    for before, after in pairwise(times):
        assert smooth.between(before, after) >= mine.between(before, after) - 1e-6
    assert smooth.at(900_000) == pytest.approx(500_000, rel=0.01)
