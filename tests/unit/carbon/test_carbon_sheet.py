"""Inputs and calculations as records, and a damaged record."""

from __future__ import annotations

from dataclasses import replace

import pytest

import joulewise.carbon
from joulewise.carbon import formulas
from joulewise.carbon.sheet import Sheet, figure_of, given, recompute
from joulewise.core.errors import NotFound, OutOfRange
from joulewise.core.figures import exact


def _sheet() -> Sheet:
    sheet = Sheet("01JABCDEFGHJKMNPQRSTVWXYZ0")
    energy = given("measurement", "m1", exact(3.6e6, "J"))
    pue = given("setting", "pue", exact(1.2, "1", "reported"))
    sheet.add("facility_energy_j", formulas.facility_energy_j, {"it_energy_j": energy, "pue": pue})
    return sheet


def test_an_input_keeps_its_figure_and_names_its_origin() -> None:
    figure = exact(1.2, "1", "reported", "flag")
    assert figure_of(given("setting", "pue", figure)) == figure
    with pytest.raises(OutOfRange, match="guess"):
        given("guess", "pue", figure)


def test_a_changed_input_shows_in_the_recomputation() -> None:
    [stored] = _sheet().calculations
    assert recompute(stored) == stored.figure
    changed = {**stored.inputs, "pue": {**stored.inputs["pue"], "value": 1.3, "high": 1.3}}
    assert recompute(replace(stored, inputs=changed)) != stored.figure


def test_a_calculation_of_an_unknown_version_is_not_found() -> None:
    [stored] = _sheet().calculations
    with pytest.raises(NotFound):
        recompute(replace(stored, formula_version=99))


def test_what_can_not_be_calculated_is_a_notice_once() -> None:
    sheet = Sheet("run")
    energy = given("measurement", "m1", exact(1.0, "J"))
    none = given("run", "run", exact(0.0, "inference"))
    for _ in range(2):
        assert (
            sheet.add("energy_j_per_unit", formulas.energy_j_per_unit, {"energy_j": energy, "unit_count": none}) is None
        )
    assert sheet.calculations == []
    assert sheet.notices == ["no energy_j_per_unit: unit_count is 0, so there is no ratio"]


def test_the_room_names_what_others_may_use() -> None:
    assert all(getattr(joulewise.carbon, name) is not None for name in joulewise.carbon.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        joulewise.carbon.nothing  # noqa: B018


def test_an_input_that_stores_only_a_part_of_a_figure_is_refused():
    with pytest.raises(OutOfRange, match="without its low, high, method, source"):
        figure_of({"measurement": "energy", "value": 1.0, "unit": "J"})
