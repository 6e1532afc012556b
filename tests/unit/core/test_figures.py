from __future__ import annotations

from math import inf, nan

import pytest

from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.figures import (
    DEFAULT,
    MEASURED,
    MODELLED,
    REPORTED,
    Figure,
    exact,
    propagate,
    scaled,
    total,
    weakest,
)


def figure(low: float, value: float, high: float, unit: str = "J", method: str = MEASURED, source: str = "") -> Figure:
    return Figure(value=value, low=low, high=high, unit=unit, method=method, source=source)


@pytest.mark.parametrize("bounds", [(2, 1, 3), (0, 4, 3), (0, nan, 3), (nan, 1, 3), (0, 1, inf), (-inf, 1, 2)])
def test_bounds_that_do_not_hold_are_refused(bounds):
    with pytest.raises(OutOfRange, match="low <= value <= high"):
        figure(*bounds)


def test_an_unknown_method_is_refused():
    with pytest.raises(OutOfRange, match="guessed"):
        figure(0, 1, 2, method="guessed")


def test_relative_width():
    assert figure(8, 10, 14).relative_width == pytest.approx(0.6)
    assert figure(-14, -10, -8).relative_width == pytest.approx(0.6)


def test_zero_has_no_relative_width():
    with pytest.raises(UndefinedFigure):
        _ = figure(-1, 0, 1).relative_width


@pytest.mark.parametrize(
    ("low", "high", "tie"), [(0, 1, False), (0, 2, True), (3, 9, True), (5, 6, True), (7, 8, False)]
)
def test_intervals_that_touch_are_a_tie(low, high, tie):
    assert figure(2, 4, 6).overlaps(figure(low, low, high)) is tie


def test_joules_are_not_compared_with_grams():
    with pytest.raises(OutOfRange, match="J with g"):
        figure(0, 1, 2).overlaps(figure(0, 1, 2, unit="g"))


def test_exact_has_no_doubt():
    count = exact(3.0, "inference", source="counted")

    assert (count.low, count.value, count.high, count.method) == (3.0, 3.0, 3.0, MEASURED)


def test_the_weakest_method_wins():
    assert weakest([MEASURED, DEFAULT, MODELLED]) == DEFAULT
    assert weakest([REPORTED, MEASURED]) == REPORTED


@pytest.mark.parametrize("nothing", [lambda: weakest([]), lambda: total([])])
def test_nothing_has_no_figure(nothing):
    with pytest.raises(UndefinedFigure):
        nothing()


def test_errors_of_one_meter_add_up():
    summed = total([figure(9, 10, 12, source="rapl:0"), figure(16, 20, 22, "J", MODELLED, "model")])

    assert (summed.low, summed.value, summed.high) == pytest.approx((25, 30, 34))
    assert (summed.method, summed.source) == (MODELLED, "rapl:0; model")


def test_independent_errors_add_in_quadrature():
    summed = total([figure(7, 10, 13), figure(16, 20, 24)], correlated=False)

    assert (summed.low, summed.value, summed.high) == pytest.approx((25, 30, 35))


def test_joules_and_grams_do_not_add():
    with pytest.raises(OutOfRange, match="J and g"):
        total([figure(0, 1, 2), figure(0, 1, 2, unit="g")])


def test_scaled_keeps_the_doubt():
    kwh = scaled(figure(1, 2, 3), 0.5, "kWh")

    assert (kwh.low, kwh.value, kwh.high, kwh.unit) == (0.5, 1.0, 1.5, "kWh")
    assert scaled(kwh, 2.0).unit == "kWh"


@pytest.mark.parametrize("by", [-1.0, inf, nan])
def test_a_factor_is_finite_and_not_negative(by):
    with pytest.raises(OutOfRange):
        scaled(figure(1, 2, 3), by)


def test_a_quotient_turns_the_bounds_around():
    value, low, high = propagate(lambda a, b: a / b, {"a": exact(8, "J"), "b": figure(2, 4, 8, "s")})

    assert (low, value, high) == pytest.approx((1, 2, 4))


def test_shifts_combine_in_quadrature_but_never_leave_what_is_possible():
    wide = {"a": figure(0, 1, 2), "b": figure(0, 1, 2)}

    assert propagate(lambda a, b: a * b, wide) == pytest.approx((1, 0, 1 + 2**0.5))
    assert propagate(lambda a, b: a + b, wide) == pytest.approx((2, 2 - 2**0.5, 2 + 2**0.5))
