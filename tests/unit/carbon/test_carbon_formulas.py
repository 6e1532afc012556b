"""Every formula: its page, its ranges, and that it refuses what has no figure."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path

import pytest

from joulewise.carbon import formulas
from joulewise.core import formulas as core_formulas
from joulewise.core.errors import OutOfRange, UndefinedFigure
from joulewise.core.figures import Figure, exact
from joulewise.core.formulas import Formula

_PAGES = Path(__file__).parents[3] / "docs" / "explanation" / "equations"


def _ours() -> Iterator[Formula]:
    yield from (one for one in core_formulas.all_formulas() if one.id.startswith("carbon."))


OURS = [pytest.param(one, id=one.id) for one in _ours()]


def test_all_names_every_formula() -> None:
    assert sorted(formulas.__all__) == sorted(one.function.__name__ for one in _ours())
    assert all(one.id == f"carbon.{one.function.__name__}" for one in _ours())


@pytest.mark.parametrize("formula", OURS)
def test_a_formula_has_a_page_with_its_expression_variables_and_source(formula: Formula) -> None:
    page = (_PAGES / f"{formula.page}.md").read_text()
    assert formula.expression in page
    assert formula.source in page
    assert f"`{formula.id}`, version {formula.version}" in page
    names = [
        name
        for name, parameter in inspect.signature(formula.function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    assert all(f"| `{name}` |" in page for name in names)


@pytest.mark.parametrize("formula", OURS)
def test_the_worked_example_of_a_page_gives_what_it_says(formula: Formula) -> None:
    tests = doctest.DocTestParser().get_doctest(
        (_PAGES / f"{formula.page}.md").read_text().replace("```", ""), {}, formula.id, None, 0
    )
    results = doctest.DocTestRunner().run(tests)
    assert results.attempted >= 2
    assert results.failed == 0


def test_no_page_is_left_of_a_formula_that_is_gone() -> None:
    pages = {path.stem for path in _PAGES.glob("carbon-*.md")}
    assert pages == {one.page for one in _ours()}


def _first_values(formula: Formula) -> dict[str, float]:
    """Arguments that every formula accepts: 1, and where order matters the least and the most."""
    special = {"above_percent": 2.0, "lifespan_s": 2.0, "total_count": 2.0, "most_j": 2.0, "least_j": 0.0}
    if formula.id == "carbon.pue":
        special["facility_energy_j"] = 1.5
    if formula.id == "carbon.accuracy_pp_per_kwh":
        special["reference_energy_j"] = 0.5
    return {name: special.get(name, 1.0) for name in inspect.signature(formula.function).parameters}


FIXED = [
    pytest.param(one, id=one.id)
    for one in _ours()
    if not any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD
        for parameter in inspect.signature(one.function).parameters.values()
    )
]


@pytest.mark.parametrize("formula", FIXED)
@pytest.mark.parametrize("bad", [nan, inf])
def test_a_formula_refuses_what_is_not_finite(formula: Formula, bad: float) -> None:
    values = _first_values(formula)
    assert formula(**values) >= 0
    for name in values:
        with pytest.raises((OutOfRange, UndefinedFigure)):
            formula(**{**values, name: bad})


@pytest.mark.parametrize("formula", FIXED)
def test_a_formula_refuses_a_negative_amount(formula: Formula) -> None:
    values = _first_values(formula)
    loose = {
        "carbon.difference_pp": set(values),
        "carbon.accuracy_pp_per_kwh": set(values),
    }
    for name in values.keys() - loose.get(formula.id, set()):
        with pytest.raises((OutOfRange, UndefinedFigure)):
            formula(**{**values, name: -1.0})


@pytest.mark.parametrize("pue", [0.0, 0.999, nan, inf])
def test_pue_below_one_is_refused_wherever_it_enters(pue: float) -> None:
    for formula in (one for one in _ours() if "pue" in inspect.signature(one.function).parameters):
        with pytest.raises(OutOfRange, match="pue"):
            formula(**{**_first_values(formula), "pue": pue})


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        (formulas.sci_g_per_unit, {"emissions_g": 1.0, "unit_count": 0.0}),
        (formulas.energy_j_per_unit, {"energy_j": 1.0, "unit_count": 0.0}),
        (formulas.implied_intensity_g_per_kwh, {"emissions_g": 1.0, "energy_j": 0.0}),
        (formulas.weighted_intensity_g_per_kwh, {"energy_0_j": 0.0, "intensity_0_g_per_kwh": 1.0}),
        (formulas.matched_share, {"load_0_j": 0.0, "clean_0_j": 1.0}),
        (formulas.ratio, {"amount": 1.0, "reference_amount": 0.0}),
    ],
)
def test_a_ratio_to_nothing_is_undefined(formula: Formula, values: dict[str, float]) -> None:
    with pytest.raises(UndefinedFigure):
        formula(**values)


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        (formulas.embodied_g, {"total_g": 1.0, "reserved_s": 3.0, "lifespan_s": 2.0, "resource_share": 1.0}),
        (formulas.embodied_g, {"total_g": 1.0, "reserved_s": 1.0, "lifespan_s": 2.0, "resource_share": 1.1}),
        (formulas.resource_share, {"reserved_count": 3.0, "total_count": 2.0}),
        (formulas.ref_share, {"renewable_energy_j": 2.0, "facility_energy_j": 1.0}),
        (formulas.erf_share, {"reused_energy_j": 2.0, "facility_energy_j": 1.0}),
        (formulas.pue, {"facility_energy_j": 1.0, "it_energy_j": 2.0}),
        (formulas.star_by_range, {"energy_j": 3.0, "least_j": 1.0, "most_j": 2.0}),
        (formulas.star_by_rank, {"rank": 0.0, "model_count": 5.0}),
        (
            formulas.interpolated_load_ratio,
            {"load_percent": 60, "below_percent": 10, "below_ratio": 0.3, "above_percent": 50, "above_ratio": 0.8},
        ),
        (formulas.weighted_intensity_g_per_kwh, {"energy_0_j": 1.0}),
        (formulas.weighted_intensity_g_per_kwh, {}),
    ],
)
def test_what_leaves_its_range_is_refused(formula: Formula, values: dict[str, float]) -> None:
    with pytest.raises(OutOfRange):
        formula(**values)


def test_an_unknown_input_raises_rather_than_being_ignored() -> None:
    with pytest.raises(TypeError):
        formulas.embodied_g(total_g=1.0, reserved_s=1.0, lifespan_s=2.0, resource_share=1.0, lifespan_years=4.0)


def test_stars_fall_from_five_to_one() -> None:
    by_range = [formulas.star_by_range(energy_j=joules, least_j=0, most_j=100) for joules in (0, 19, 20, 59, 80, 100)]
    by_rank = [formulas.star_by_rank(rank=rank, model_count=10) for rank in (1, 2, 3, 8, 9, 10)]
    assert by_range == [5, 5, 4, 3, 1, 1]
    assert by_rank == [5, 5, 4, 2, 1, 1]
    assert formulas.star_by_range(energy_j=7, least_j=7, most_j=7) == 5


def test_hours_that_vary_together_keep_their_band() -> None:
    """24 hours with +-30 % each are +-30 % together, not 6 %: the bias of a factor does not average out."""
    hour = Figure(value=400, low=280, high=520, unit="g/kWh", method="reported")
    inputs = {f"energy_{index}_j": exact(1000.0, "J") for index in range(24)}
    inputs |= {f"intensity_{index}_g_per_kwh": hour for index in range(24)}
    figure = formulas.weighted_intensity_g_per_kwh.figure(inputs)
    assert (figure.low, figure.value, figure.high) == pytest.approx((280, 400, 520))


def test_wide_bounds_never_make_a_mass_negative() -> None:
    wide = Figure(value=1.0, low=0.01, high=3.0, unit="J", method="default")
    dim = Figure(value=400.0, low=4.0, high=900.0, unit="g/kWh", method="default")
    figure = formulas.operational_g.figure({"energy_j": wide, "intensity_g_per_kwh": dim})
    assert figure.low == pytest.approx(0.01 * 4.0 / 3.6e6)
    assert figure.value < figure.high < 3.0 * 900.0 / 3.6e6
