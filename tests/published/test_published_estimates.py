"""What papers printed of training runs lies within our bands, made from hardware and hours alone."""

from __future__ import annotations

import pytest

from joulewise.compare.estimating import Choices, estimate
from joulewise.compare.four_ms import PUBLISHED, Changes, Situation, what_if
from joulewise.core.figures import REPORTED, exact
from joulewise.core.units import j_from_kwh, j_from_mwh


def given(value: float, unit: str = "1"):
    return exact(value, unit, REPORTED)


HOURS = {
    # name: hardware, hours, PUE, printed MWh, source
    "GPT-3": ("V100:10000", 14.8 * 24, 1.10, 1_287.0, "Patterson et al. 2021, table 4"),
    "Evolved Transformer NAS": ("TPU v2:200", 6.8 * 24, 1.10, 7.5, "Patterson et al. 2021, table 4"),
    "GShard-600B": ("TPU v3:1024", 3.1 * 24, 1.09, 24.1, "Patterson et al. 2021, table 4"),
    "Transformer big, P100": ("P100:8", 3.5 * 24, 1.59, 0.316, "Patterson et al. 2021, table 1"),
    "Transformer big, TPU v2": ("TPU v2:8", 0.81 * 24, 1.11, 0.040, "Patterson et al. 2021, table 1"),
    "Transformer base": ("P100:8", 12, 1.58, 0.027, "Strubell et al. 2019, table 3"),
    "ELMo": ("P100:3", 336, 1.58, 0.275, "Strubell et al. 2019, table 3: 517.66 W"),
    "BERT base": ("V100:64", 79.2, 1.58, 1.507, "Strubell et al. 2019, table 3"),
    "LLaMA 13B": ("A100:1", 135_168, 1.10, 59.0, "Touvron et al. 2023, table 15"),
    "LLaMA 33B": ("A100:1", 530_432, 1.10, 233.0, "Touvron et al. 2023, table 15"),
    "Llama 2 7B": ("A100:1", 184_320, 1.10, 81.0, "Morrison et al. 2025, table 2"),
    "BLOOM": ("A100:1", 1_082_990, 1.0, 433.196, "Luccioni et al. 2022, table 3"),
    "BERT fine-tuning": ("V100:4", 6, 1.0, 0.0031, "Dodge et al. 2022, table 2"),
    "BERT pre-training": ("V100:8", 36, 1.0, 0.0373, "Dodge et al. 2022, table 2"),
    "DenseNet 201": ("P40:1", 0.4, 1.0, 0.00004, "Dodge et al. 2022, table 2"),
    "ViT small": ("V100:1", 19, 1.0, 0.0022, "Dodge et al. 2022, table 2"),
    "ViT huge": ("V100:4", 216, 1.0, 0.2376, "Dodge et al. 2022, table 2"),
    "6B transformer": ("A100:256", 192, 1.0, 13.8124, "Dodge et al. 2022, table 2"),
}


DODGE_GPU_ONLY = Choices(host=exact(1.0, "1"))
"""Dodge et al. metered the GPUs alone: no share of the host is in their table 2."""


@pytest.mark.parametrize("name", HOURS)
def test_a_printed_energy_lies_within_the_band_of_its_hardware_and_hours(name):
    hardware, hours, pue, printed_mwh, source = HOURS[name]
    choices = DODGE_GPU_ONLY if source.startswith("Dodge") else None
    found = estimate(hardware=hardware, hours=hours, pue=given(pue), choices=choices)

    assert found.facility_energy.low <= j_from_mwh(printed_mwh) <= found.facility_energy.high
    assert found.facility_energy.high / found.facility_energy.low < 8


def test_gpt3_s_carbon_lies_within_the_band():
    """552.1 t gross, at 0.429 kg/kWh: Patterson et al. 2021, table 4."""
    found = estimate(hardware="V100:10000", hours=14.8 * 24, pue=given(1.1), intensity=given(429.0, "g/kWh"))

    assert found.emissions.low <= 552.1e6 <= found.emissions.high


def test_patterson_s_own_way_gives_patterson_s_figure():
    """1,287 MWh, within the rounding of days, watts and PUE that they print (0.94 %)."""
    found = estimate(hardware="V100:10000", hours=14.8 * 24, pue=given(1.1))
    theirs = next(one for one in found.others if one.name == "patterson")

    assert theirs.figure.value == pytest.approx(j_from_mwh(1_287.0), rel=0.0094)


def test_gpt3_s_flop_by_6nd_and_its_energy_by_flop():
    """3.14e23 FLOP; 1,287 MWh though its utilisation, 24.6 of 125 TFLOP/s, was low: Patterson et al. 2021, table 4."""
    found = estimate(hardware="V100:10000", model_spec="parameters=175B tokens=300B", pue=given(1.1))

    assert found.flop.value == pytest.approx(3.14e23, rel=0.01)
    assert found.facility_energy.low <= j_from_mwh(1_287.0) <= found.facility_energy.high


def test_with_the_utilisation_that_they_measured_the_time_is_theirs():
    known = Choices(mfu=given(24.6 / 125.0))
    found = estimate(hardware="V100:10000", model_spec="parameters=175B tokens=300B", choices=known)

    assert found.device_time.value == pytest.approx(10_000 * 14.8 * 86_400, rel=0.012)


def test_lacoste_s_calculator_gives_its_own_worked_example():
    """100 hours of a 300 W device at 500 g/kWh are 15 kg: Luccioni et al. 2023, section 2."""
    found = estimate(hardware="V100", hours=100)
    theirs = next(one for one in found.others if one.name == "mlco2")

    assert theirs.figure.value == j_from_kwh(30.0)


def test_strubell_s_table_is_above_the_pue_free_figures():
    """The tools disagree by design: Strubell's PUE of 1.58 alone is 58 %."""
    found = estimate(hardware="P100:8", hours=12)
    by_name = {one.name: one.figure.value for one in found.others}

    assert by_name["strubell"] / by_name["mlco2"] == pytest.approx(1.58)


def test_the_four_ms_multiply_to_a_hundred_and_a_thousand():
    """Model 10, machine 5, mechanization 2 (100 times less energy), map 10 (1000 times less carbon): Patterson 2022."""
    base = Situation(energy=given(1e12, "J"), pue=given(2.2), intensity=given(500.0, "g/kWh"))
    changes = Changes(model=given(0.1), machine=given(0.2), pue=given(1.1), intensity=given(50.0, "g/kWh"))
    found = what_if(base, changes)

    assert found.before.value / found.after.value == pytest.approx(1_000)
    energy = what_if(
        Situation(energy=base.energy, pue=base.pue), Changes(model=given(0.1), machine=given(0.2), pue=given(1.1))
    )
    assert energy.before.value / energy.after.value == pytest.approx(100)
    assert found.notices == ()
    assert {name: most for name, (_, most) in PUBLISHED.items()} == {
        "model": 10.0, "machine": 5.0, "mechanization": 2.0, "map": 10.0,
    }  # fmt: skip


def test_a_better_building_is_worth_its_pue_and_no_more():
    """1.58 to 1.10 is a factor of 1.436, not the cloud's whole advantage."""
    base = Situation(energy=given(1e9, "J"), pue=given(1.58))
    (part,) = what_if(base, Changes(pue=given(1.10))).parts

    assert 1 / part.factor.value == pytest.approx(1.436, abs=5e-4)


def test_glam_against_gpt3():
    """552.1 t to 40.2 t is about 14 times; the parts tell where from: Patterson et al. 2022."""
    base = Situation(energy=given(j_from_mwh(1_287 / 1.10), "J"), pue=given(1.10), intensity=given(429.0, "g/kWh"))
    glam = Changes(model=given(456 / 1.11 / (1_287 / 1.10)), pue=given(1.11), intensity=given(88.0, "g/kWh"))

    assert 1 / what_if(base, glam).factor.value == pytest.approx(13.73, rel=0.02)
