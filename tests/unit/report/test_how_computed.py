"""`How computed` goes from a figure down to the raw counters, and names what is missing."""

from __future__ import annotations

from dataclasses import replace

from joulewise.core.channels import Channel
from joulewise.report import view
from joulewise.report.how import Explainer, channels_of, factor_step, meter_keys
from joulewise.testing.bundles import CHANNELS, example_bundle, example_factors


def steps(bundle, key):
    row = next(row for row in view(bundle).rows() if row.key == key)
    return list(row.how.walk())


def test_sci_reaches_down_to_the_counters():
    found = steps(example_bundle(), "sci_g_per_unit.location")
    channels = [step for _, step in found if step.kind == "channel"]

    assert {step.name for step in channels} == {"channel model:cpu", "channel nvml:GPU-5f1e"}
    assert "first count: 88,120,455" in channels[1].details
    assert [depth for depth, step in found if step.kind == "channel"] == [6, 6]


def test_a_factor_shows_source_validity_and_licence():
    intensity = next(step for _, step in steps(example_bundle(), "operational_g.location") if step.kind == "factor"
                     and "intensity" in step.name)  # fmt: skip

    assert intensity.details[0] == "source: Example Grid Statistics <https://example.org/grid>"
    assert intensity.details[1] == "valid from 2025-01-01 to 2026-12-31, year, AR5; licence CC-BY-4.0"


def test_an_open_validity_is_said_to_be_open():
    factor = replace(example_factors()[0], valid_from="", valid_to="", resolution="")

    assert factor_step(factor).details[1].startswith("valid from ever to further notice, AR5")


def test_a_setting_is_named_as_the_origin():
    found = [step for _, step in steps(example_bundle(), "embodied_g") if step.kind == "given"]

    assert "setting lifespan_years" in [step.text for step in found]


def test_the_known_formula_speaks():
    expression = steps(example_bundle(), "operational_g.location")[0][1].text

    assert "E" in expression
    assert "unknown to this version" not in expression


def test_a_formula_of_another_version_is_named():
    full = example_bundle()
    strange = tuple(replace(one, formula_version=99) for one in full.calculations)
    found = steps(replace(full, calculations=strange), "cost")

    assert "unknown to this version of joulewise" in found[0][1].text


def test_a_missing_reference_is_named():
    full = example_bundle()
    found = steps(replace(full, factors=()), "operational_g.location")

    assert any(step.kind == "missing" and "is not in this bundle" in step.text for _, step in found)


def test_a_circle_ends():
    full = example_bundle()
    one = next(calculation for calculation in full.calculations if calculation.name == "cost")
    circle = replace(one, inputs={"energy_j": {"calculation": one.id, "value": 1.0, "unit": "J", "method": "measured"}})
    found = steps(replace(full, calculations=(circle,)), "cost")

    assert found[-1][1].kind == "calculation" or "refers to itself" in found[-1][1].text
    assert len(found) < 5


def test_a_total_rests_on_the_channels_that_its_meter_names():
    full = example_bundle()
    total = next(one for one in full.measurements if one.component == "total" and one.attribution == "machine")
    step = Explainer(full).measurement(total)

    assert [part.name for part in step.inputs] == ["energy_j.machine.cpu", "energy_j.machine.gpu"]
    assert "sum of the parts" in step.text


def test_an_input_without_a_value_is_a_question_mark():
    full = example_bundle()
    odd = replace(full.calculations[0], inputs={"energy_j": {"setting": "x"}})

    assert Explainer(full).calculation(odd).inputs[0].name == "energy_j = ?"


def test_channels_come_as_a_list_a_mapping_or_records():
    record = Channel(
        key="a", component="cpu", device="cpu", quantity="energy", scale=1.0, method="measured", source="s"
    )

    assert channels_of({"channels": CHANNELS}).keys() == {"model:cpu", "model:dram", "nvml:GPU-5f1e"}
    assert channels_of({"channels": {"a": {"scale": 1}}}) == {"a": {"scale": 1}}
    assert channels_of({"channels": [record]})["a"]["component"] == "cpu"
    assert channels_of({"channels": "nonsense"}) == {}
    assert channels_of({"channels": [7]}) == {}
    assert channels_of({}) == {}


def test_meter_keys_of_a_total():
    assert meter_keys("rapl:0:package+nvml:GPU-1") == ["rapl:0:package", "nvml:GPU-1"]
    assert meter_keys("") == []
