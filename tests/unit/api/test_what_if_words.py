"""What would change, in the user's words: each M once, numbers above zero, machines and places by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import joulewise
from joulewise.api.estimating import EstimateRequest, estimate
from joulewise.api.what_ifs import changes_of, what_if_words
from joulewise.carbon import FactorSet
from joulewise.compare.hardware import hardware_of
from joulewise.core.errors import DataError, FactorError, NotFound, OutOfRange, UsageError
from joulewise.core.settings import Settings

FACTORS = FactorSet.bundled()
A100 = hardware_of("A100")[0]


def changes(today=None, **words):
    return changes_of(words, today, FACTORS)


def test_several_in_one_text_or_one_in_each_are_the_same():
    assert what_if_words(["model=0.5 region=SE"]) == what_if_words(["model=0.5", "region=SE"])
    assert what_if_words(["model=0.5,region=SE"]) == {"model": "0.5", "region": "SE"}


@pytest.mark.parametrize("text", ["model", "=0.5", "model=", "model 0.5"])
def test_what_is_no_change_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        what_if_words([text])
    assert "--what-if" in caught.value.hint


def test_nothing_named_changes_nothing():
    found = changes()
    assert (found.model, found.machine, found.pue, found.intensity) == (None, None, None, None)


@pytest.mark.parametrize(("word", "field"), [("mechanization", "pue"), ("PUE", "pue"), ("map", "intensity")])
def test_other_words_for_the_same_m(word, field):
    found = changes_of({word: 1.2 if field == "pue" else 300}, None, FACTORS)
    assert getattr(found, field).value == (1.2 if field == "pue" else 300)


@pytest.mark.parametrize("words", [{"weather": "1"}, {"pue": "1.1", "mechanization": "1.2"}])
def test_an_unknown_m_or_one_twice_is_refused(words):
    with pytest.raises(UsageError, match=r"knows no .* or has it twice"):
        changes_of(words, None, FACTORS)


@given(st.floats(max_value=0) | st.sampled_from([float("nan"), float("inf")]))
def test_a_factor_that_is_none_is_refused(value):
    for name in ("model", "machine", "pue"):
        with pytest.raises(OutOfRange):
            changes(**{name: value})


def test_a_word_where_a_number_is_wanted_is_refused():
    with pytest.raises(UsageError, match="model=half is no number"):
        changes(model="half")


def test_a_machine_by_name_is_a_modelled_ratio_with_doubt_on_both_sides():
    found = changes(A100, machine="H100").machine

    assert found.method == "modelled"
    assert found.low < found.value < found.high
    assert found.value < 1, "a newer machine does more for a joule"
    assert changes(A100, machine="A100").machine.value == pytest.approx(1.0)


def test_there_and_back_again_is_no_change():
    h100 = hardware_of("H100")[0]
    assert changes(A100, machine="H100").machine.value * changes(h100, machine="A100").machine.value == pytest.approx(1)


def test_a_machine_by_name_wants_to_know_todays():
    with pytest.raises(NotFound, match="what machine is it today") as caught:
        changes(machine="H100")
    assert "machine=0.5" in caught.value.hint


def test_an_unknown_machine_or_place_is_told():
    with pytest.raises(NotFound):
        changes(A100, machine="Abacus 3000")
    with pytest.raises(FactorError):
        changes(region="Atlantis")


# The estimate around it


def job(**more):
    return estimate(settings=Settings(), **{"hardware": "A100:8", "hours": 24.0, "region": "SE", **more})


@given(model=st.floats(0.05, 5.0), pue=st.floats(1.0, 2.0), region=st.sampled_from(["DE", "SE", "PL"]))
def test_the_steps_of_the_waterfall_add_up_to_what_is_left(model, pue, region):
    """Conservation: today and all steps together are then, and the factors multiply."""
    told = job(what_if={"model": model, "pue": pue, "region": region}).document()["what_if"]
    steps = [one for one in told if one["kind"] == "step"]

    assert told[0]["value"] + sum(one["value"] for one in steps) == pytest.approx(told[-1]["value"], rel=1e-9, abs=1e-6)
    product = np.prod([one["factor_ratio"] for one in steps])
    assert told[0]["value"] * product == pytest.approx(told[-1]["value"], rel=1e-9)


def test_without_a_what_if_there_is_no_waterfall():
    assert job().document()["what_if"] is None
    assert job().waterfall is None


@pytest.mark.parametrize("what_if", [{"pue": 0.5}, {"map": -5}])
def test_a_pue_below_one_and_a_grid_that_takes_carbon_in_are_refused(what_if):
    with pytest.raises(OutOfRange, match="want"):
        job(what_if=what_if)


@pytest.mark.parametrize(
    ("more", "fault", "why"),
    [
        ({"sizes": 3}, UsageError, "knows no 'sizes'"),
        ({"drawn": 0.0}, OutOfRange, "--drawn"),
        ({"drawn": 1.5}, OutOfRange, "--drawn"),
        ({"mfu": -0.1}, OutOfRange, "--mfu"),
        ({"model_spec": "parameters=7e9", "parameters": 7e9}, UsageError, "described twice"),
        ({"model_spec": "/nowhere/model.toml"}, DataError, "can't read the model's description"),
    ],
)
def test_what_can_not_be_estimated_is_refused_with_its_cure(more, fault, why):
    with pytest.raises(fault, match=why) as caught:
        job(**more)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model.toml", 'parameters = "7e9"\ntokens = "1e9"\n'),
        ("model.json", '{"parameters": "7e9", "tokens": "1e9"}'),
        ("model.txt", "parameters=7e9 tokens=1e9"),
    ],
)
def test_a_model_is_described_alike_in_any_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    told = EstimateRequest(model_spec=str(tmp_path / name)).spec()

    assert told == EstimateRequest(parameters="7e9", tokens="1e9").spec() == "parameters=7e9 tokens=1e9"


def test_a_file_that_is_no_table_is_told(tmp_path):
    for name, text in (("model.json", "[1, 2]"), ("model.toml", "= 7"), ("model.json", "{")):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match="can't read the model's description"):
            EstimateRequest(model_spec=str(tmp_path / name)).spec()


def test_without_a_place_there_is_energy_and_no_carbon():
    """Law 1: no zone is no intensity, never a world average."""
    found = estimate(settings=Settings(), hardware="A100:8", hours=24.0)

    assert found.energy is not None
    assert found.emissions is None


def test_what_the_user_knows_better_comes_before_the_factors():
    dear, cheap = (
        estimate(settings=Settings(pue=pue), hardware="A100:8", hours=24.0, region="SE").energy for pue in (2.0, 1.0)
    )
    assert dear.value == pytest.approx(2 * cheap.value)


def test_runs_to_compare_are_given_first_not_by_name():
    with pytest.raises(UsageError, match="knows no 'runs'") as caught:
        joulewise.compare_runs(runs=["latest"])
    assert caught.value.hint.startswith("runs come first")
