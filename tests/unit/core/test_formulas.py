from __future__ import annotations

import pytest

from joulewise.core import formulas
from joulewise.core.errors import NotFound, UsageError
from joulewise.core.figures import DEFAULT, MEASURED, MODELLED, Figure, exact


@formulas.formula(
    "test.mean_power_w", version=1, unit="W", expression="P = E / t", source="definition of the watt", page=""
)
def mean_power_w(energy_j: float, duration_s: float) -> float:
    return energy_j / duration_s


@formulas.formula("test.sum_j", version=1, unit="J", expression="a + b", source="-", correlated=True)
def sum_j(a_j: float, b_j: float) -> float:
    return a_j + b_j


ENERGY = Figure(value=100.0, low=90.0, high=120.0, unit="J", method=MODELLED)


def test_a_formula_is_a_function_of_floats():
    assert mean_power_w(energy_j=100.0, duration_s=20.0) == 5.0


def test_a_formula_of_figures_has_their_bounds_and_weakest_method():
    power = mean_power_w.figure({"energy_j": ENERGY, "duration_s": exact(20.0, "s", MEASURED)})

    assert (power.low, power.value, power.high) == pytest.approx((4.5, 5.0, 6.0))
    assert (power.unit, power.method, power.source) == ("W", MODELLED, "test.mean_power_w v1")


def test_the_caller_may_say_a_weaker_method():
    power = mean_power_w.figure({"energy_j": ENERGY, "duration_s": exact(20.0, "s")}, method=DEFAULT)

    assert power.method == DEFAULT


def test_correlated_errors_do_not_shrink():
    both = sum_j.figure({"a_j": ENERGY, "b_j": ENERGY})

    assert (both.low, both.value, both.high) == pytest.approx((180.0, 200.0, 240.0))


def test_found_by_id_and_version():
    assert formulas.find("test.mean_power_w", 1) is mean_power_w
    assert mean_power_w in formulas.all_formulas()
    assert mean_power_w.page == "test-mean-power-w"


def test_formulas_are_listed_in_order():
    listed = [(one.id, one.version) for one in formulas.all_formulas()]

    assert listed == sorted(listed)


def test_an_unknown_version_is_not_found():
    with pytest.raises(NotFound, match=r"test\.mean_power_w v9"):
        formulas.find("test.mean_power_w", 9)


def test_an_id_and_version_is_taken_once():
    with pytest.raises(UsageError, match="registered twice"):
        formulas.formula("test.mean_power_w", version=1, unit="W", expression="", source="")(lambda energy_j: energy_j)
