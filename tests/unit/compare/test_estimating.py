"""Estimates: hardware x hours and FLOP x hardware, each step marked modelled, nothing made up where one is missing."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from joulewise.compare.estimating import Choices, estimate
from joulewise.compare.hardware import PRECISIONS, catalogue, hardware_of
from joulewise.compare.model_spec import ModelSpec, spec_of
from joulewise.core.errors import NotFound, OutOfRange, UndefinedFigure, UsageError
from joulewise.core.figures import MEASURED, MODELLED, Figure, exact

PUE, GRID = exact(1.2, "1"), exact(100.0, "g/kWh")


def test_hours_of_hardware_become_energy_and_carbon():
    found = estimate(hardware="A100:8", hours=24, region="eu-north-1", pue=PUE, intensity=GRID)

    assert found.title == "Estimate: 8 x A100 SXM 80GB in eu-north-1"
    assert found.device_time.value == 8 * 24 * 3_600
    power_w = 400 * 0.75 * 1.345
    assert found.energy.value == pytest.approx(8 * 24 * 3_600 * power_w)
    assert found.facility_energy.value == pytest.approx(found.energy.value * 1.2)
    assert found.emissions.value == pytest.approx(found.facility_energy.value / 3.6e6 * 100)
    assert found.emissions.low < found.emissions.value / 2


def test_each_step_is_modelled_and_names_its_formula():
    found = estimate(hardware="A100:8", hours=24, pue=PUE, intensity=GRID)
    made = [term for term in (*found.terms, *found.others) if term.formula]

    assert {term.figure.method for term in made} == {MODELLED}
    assert all(term.figure.source.startswith(term.formula.id) for term in made)
    assert [term.name for term in made[:5]] == ["device_time", "power", "energy", "facility_energy", "emissions"]


def test_the_same_job_by_others_has_its_spread():
    found = estimate(hardware="V100:2", hours=1, pue=PUE)
    by_name = {term.name: term.figure.value for term in found.others}

    assert by_name["mlco2"] == 2 * 300 * 3_600
    assert by_name["green_algorithms"] == pytest.approx(2 * 300 * 3_600 * 1.2)
    assert by_name["patterson"] == pytest.approx(2 * 330 * 3_600 * 1.2)
    assert by_name["strubell"] == pytest.approx(2 * 300 * 3_600 * 1.58)


def test_without_pue_there_is_no_carbon_and_it_is_told():
    found = estimate(hardware="T4", hours=1)

    assert found.energy is not None
    assert (found.facility_energy, found.emissions) == (None, None)
    assert any("PUE is not known" in notice for notice in found.notices)
    assert [term.name for term in found.others] == ["mlco2", "strubell"]


def test_without_an_intensity_there_is_energy_but_no_carbon():
    found = estimate(hardware="T4", hours=1, pue=PUE)

    assert found.facility_energy is not None
    assert found.emissions is None
    assert any("intensity" in notice for notice in found.notices)


def test_what_the_user_knows_replaces_the_defaults():
    known = Choices(drawn=exact(1.0, "1"), host=exact(1.0, "1"))
    found = estimate(hardware="V100", hours=10, choices=known)

    assert found.energy.low == found.energy.value == found.energy.high == 300 * 36_000


def test_flop_take_time_on_hardware():
    found = estimate(hardware="A100", model_spec="parameters=1B,tokens=20B")
    flop = 6 * 1e9 * 20e9

    assert found.flop.value == flop
    assert found.device_time.value == pytest.approx(flop / (312e12 * 0.35))
    assert found.energy.high > 5 * found.energy.low


def test_flop_alone_are_never_joules():
    found = estimate(model_spec="parameters=7B tokens=2T", pue=PUE, intensity=GRID)

    assert found.flop.value == pytest.approx(8.4e22)
    assert (found.energy, found.facility_energy, found.emissions) == (None, None, None)
    assert any("FLOP alone are no joules" in notice for notice in found.notices)


def test_measured_joules_per_flop_are_joules():
    per_flop = Figure(value=2e-12, low=1.8e-12, high=2.2e-12, unit="J/FLOP", method=MEASURED)
    found = estimate(model_spec="flop=1e15", choices=Choices(energy_per_flop=per_flop))

    assert found.energy.value == pytest.approx(2_000.0)
    with pytest.raises(OutOfRange, match="must be measured"):
        estimate(model_spec="flop=1e15", choices=Choices(energy_per_flop=exact(2e-12, "J/FLOP", MODELLED)))


def test_inference_is_two_flop_a_parameter_and_token_and_has_ecologits_beside_it():
    found = estimate(hardware="H100", model_spec="parameters=70B tokens=400 stage=inference", pue=PUE)

    assert found.flop.value == 2 * 70e9 * 400
    assert "ecologits" in [term.name for term in found.others]
    assert "3 GPUs" in found.others[-1].label


def test_active_parameters_count_in_a_mixture_of_experts():
    found = estimate(hardware="H100", model_spec="parameters=47B active=13B tokens=1000 stage=infer")

    assert found.flop.value == 2 * 13e9 * 1000
    assert any("mixture of experts" in notice for notice in found.notices)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "neither hours nor a model"),
        ({"hours": 3}, "hours of what"),
        ({"hardware": "A100:0", "hours": 1}, "no device at all"),
        ({"hardware": "A100", "hours": -1}, "hours >= 0"),
        ({"hardware": " ", "hours": 1}, "no hardware"),
        ({"hardware": "A100", "hours": 1, "choices": Choices(drawn=exact(1.5, "1"))}, "share of TDP"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, why):
    with pytest.raises(UsageError, match=why):
        estimate(**arguments)


def test_a_peak_that_nobody_printed_is_not_made_up():
    with pytest.raises(UndefinedFigure, match="fp16"):
        estimate(hardware="P40", model_spec="parameters=1B tokens=1B")


# Hardware


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("A100:8", "A100 SXM 80GB", 8),
        ("nvidia a100-80gb", "A100 SXM 80GB", 1),
        ("Tesla V100", "V100 SXM2", 1),
        ("h100 : 2", "H100 SXM", 2),
        ("AMD EPYC 7763:2", "EPYC 7763", 2),
        ("TPUv3:1024", "TPU v3", 1024),
    ],
)
def test_hardware_is_found_by_any_of_its_names(text, name, count):
    device, found = hardware_of(text)

    assert (device.name, found) == (name, count)


def test_unknown_hardware_names_the_near_ones():
    with pytest.raises(NotFound, match="A100") as caught:
        hardware_of("A1000:8")
    assert "near:" in caught.value.hint
    with pytest.raises(NotFound, match="hardware list"):
        hardware_of("qqqqqq")


def test_every_row_has_its_source_address_and_licence():
    for device in catalogue():
        assert device.source, device.name
        assert device.url.startswith("https://"), device.name
        assert device.licence, device.name
        assert device.version, device.name
        assert device.checked, device.name
        assert device.tdp.value > 0
        assert device.idle is None or device.idle.value < device.tdp.value
        assert device.mean is None or device.mean.source


def test_no_two_rows_share_a_name_or_alias():
    text = files("joulewise.compare").joinpath("data/hardware.csv").read_text(encoding="utf-8")
    names = [
        key
        for row in csv.DictReader(text.splitlines())
        for key in {
            one.casefold().replace(" ", "").replace("-", "") for one in (row["name"], *row["aliases"].split(";"))
        }
        if key
    ]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_narrower_numbers_are_never_slower():
    order = [name for name in PRECISIONS if name != "int8"]
    for device in catalogue():
        peaks = [device.peak[name].value for name in order if name in device.peak]
        assert peaks == sorted(peaks), device.name


def test_bf16_has_the_peak_of_fp16():
    device, _ = hardware_of("A100")

    assert device.peak_of("bf16") == device.peak_of("fp16")


# A model in a line


def test_a_model_is_read_from_a_line():
    found = spec_of("params=1.3e9, tokens=26B stage=train precision=BF16")

    assert (found.parameters.value, found.tokens.value) == (1.3e9, 26e9)
    assert (found.stage, found.precision) == ("training", "bf16")


@pytest.mark.parametrize(
    "text", ["", "parameters=7B", "7B", "parameters=many tokens=1", "parameters=0 tokens=1", "size=7B tokens=1",
             "tokens=1 tokens=2 parameters=1", "parameters=1B tokens=1B stage=dreaming"]
)  # fmt: skip
def test_a_line_that_says_too_little_is_refused(text):
    with pytest.raises(UsageError):
        spec_of(text)


def test_flop_need_no_parameters():
    assert ModelSpec(flop=exact(1e20, "FLOP")).parameters is None
