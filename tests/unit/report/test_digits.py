"""Digits follow the bounds: never more than the interval supports, and bounds still hold as they are shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.figures import Figure, exact
from joulewise.report.digits import number, rescaled, share, shown, supported_decimals


def figure(value, low, high, unit="J"):
    return Figure(value=value, low=low, high=high, unit=unit, method="measured")


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (5161.8, 4476.2, 6095.3, "J", "1.43 Wh (1.24 – 1.70)"),
        (4431.2, 3000, 9000, "J", "1.2 Wh (0.8 – 2.5)"),
        (5_400_000, 5_399_000, 5_401_000, "J", "1.50000 kWh (1.49972 – 1.50028)"),
        (1.23, 0.04, 2.5, "J", "1.2 J (0.04 – 2.5)"),
        (1234, 600, 1800, "g", "1.2 kg CO2e (0.6 – 1.8)"),
        (0.77, 0.53, 1.03, "gCO2e", "770 mg CO2e (530 – 1,030)"),
        (344, 310, 378, "g/kWh", "344 g CO2e/kWh (310 – 378)"),
        (6.57e-5, 4.4e-5, 9.6e-5, "g/inference", "66 µg CO2e/inference (44 – 96)"),
        (0.000693, 0.00048, 0.00092, "EUR", "0.00069 EUR (0.00048 – 0.00092)"),
        (1.5, 1.1, 2.0, "ratio", "1.5 (1.1 – 2.0)"),
        (0, 0, 5, "J", "0.0 J (0.0 – 5.0)"),
        (126_144_000, 94_608_000, 189_216_000, "s", "4.0 years (3.0 – 6.0)"),
        (0.00425, 0.0016, 0.009, "L", "4 mL (1 – 9)"),
    ],
)
def test_a_figure_shows_what_its_interval_supports(value, low, high, unit, text):
    assert shown(figure(value, low, high, unit)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (84.2137, "s", "84.2137 s"),
        (1_234_567.0, "inference", "1,234,567 inference"),
        (0.0, "J", "0 J"),
        (0.31, "EUR/kWh", "0.31 EUR/kWh"),
        (359.0, "J", "359 J"),
        (360.0, "J", "0.1 Wh"),
        (100.0, "EUR", "100 EUR"),
        (3 * 86_400.0, "s", "3 d"),
    ],
)
def test_an_exact_figure_has_no_interval(value, unit, text):
    assert shown(exact(value, unit)) == text


def test_grams_of_something_else_are_not_co2e():
    assert shown(exact(5.0, "g"), co2e=False) == "5 g"


def test_a_table_keeps_one_unit():
    whole = figure(7200, 7000, 7400)

    assert shown(figure(120, 104, 142), size_of=whole) == "0.033 Wh (0.028 – 0.040)"


finite = st.floats(min_value=1e-6, max_value=1e12)


@given(st.tuples(finite, finite, finite).map(sorted), st.sampled_from(["J", "g", "L", "EUR", "1", "s"]))
def test_the_bounds_as_shown_still_hold(three, unit):
    low, value, high = three
    text = shown(figure(value, low, high, unit))
    ratio = rescaled(figure(value, low, high, unit), figure(value, low, high, unit))[0] / value
    numbers = [float(part.replace(",", "")) for part in re.findall(r"[\d,]*\d(?:\.\d+)?", text.replace("CO2e", ""))]

    if len(numbers) == 3:
        assert numbers[1] <= low * ratio * (1 + 1e-9)
        assert numbers[2] >= high * ratio * (1 - 1e-9)


@given(st.tuples(finite, finite, finite).map(sorted))
def test_the_last_digit_is_never_finer_than_a_twentieth_of_the_interval(three):
    low, value, high = three
    decimals = supported_decimals(value, low, high)
    if high - low > 1e-6 * high and 10.0**-decimals < value / 10:
        assert 10.0**-decimals >= (high - low) / 2 / 36


@given(finite)
def test_nothing_small_turns_into_zero(value):
    assert float(shown(figure(value, 0, value * 1e3)).split()[0].replace(",", "")) > 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.99999, "99.9 %"),
        (1.0, "100 %"),
        (0.5, "50 %"),
        (0.0, "0 %"),
        (0.994, "99.4 %"),
    ],
)
def test_a_share_is_whole_only_if_it_is(value, text):
    assert share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(123456.789, "123,457"), (1e-7, "0.0000001"), (float("nan"), "nan"), (3, "3")]
)
def test_a_plain_number_has_six_digits(value, text):
    assert number(value) == text
