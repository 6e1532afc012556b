"""From what a user types to what is measured: names, places and runtimes, trust asked once, no two of one name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.api.deploying import Named, baseline_first, deployments_of, named, version_of
from joulewise.core.errors import ModelError, NotFound, UntrustedModel, UsageError
from joulewise.core.runtimes import Artifact, Deployment

np = pytest.importorskip("numpy")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")
WORDS = st.text("abcdefghij0123456789_-.", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    """A pickle that wants trust, and plain arrays that don't."""
    from sklearn.linear_model import LinearRegression

    from joulewise.compare.linear_files import write_linear

    folder = tmp_path_factory.mktemp("typed")
    x = np.random.default_rng(0).normal(size=(20, 2))
    joblib.dump(LinearRegression().fit(x, x[:, 0]), folder / "model.joblib")
    facts = {
        "task": "regression",
        "inputs": [{"name": "x", "dtype": "float64", "shape": ["batch", 2]}],
        "outputs": [{"name": "values", "dtype": "float64", "shape": ["batch", 1]}],
        "roles": {"values": "values"},
    }
    write_linear(folder / "plain", [{"op": "dense", "weight": np.ones((2, 1)), "bias": np.zeros(1)}], facts)
    return folder


# Words


@given(name=WORDS, place=WORDS, runtime=WORDS)
def test_name_place_and_runtime_come_apart_again(name, place, runtime):
    assert named(f"{name}=/nowhere/{place}@{runtime}") == Named(f"/nowhere/{place}", name, runtime)
    assert named(f"/nowhere/{place}@{runtime}") == Named(f"/nowhere/{place}", "", runtime)
    assert named(f"{name}=/nowhere/{place}") == Named(f"/nowhere/{place}", name)
    assert named(f"/nowhere/{place}") == Named(f"/nowhere/{place}")


@pytest.mark.parametrize("odd", ["a=b.onnx", "m@2.onnx", "x=y@z"])
def test_what_is_there_is_a_path_whatever_letters_it_has(tmp_path, odd):
    (tmp_path / odd).write_text("")

    assert named(str(tmp_path / odd)) == Named(str(tmp_path / odd))
    assert named(f"short={tmp_path / odd}") == Named(str(tmp_path / odd), "short")


@pytest.mark.parametrize("text", ["/a=b/model.onnx", "=model.onnx", "@onnxruntime", "model@some/folder"])
def test_what_only_looks_like_parts_is_a_place(text):
    assert named(text) == Named(text)


# Models


def test_a_model_has_its_files_name_and_its_own_runtime(lab):
    [one] = deployments_of([lab / "plain"], threads=2)

    assert (one.name, one.runtime, one.options.threads) == ("plain", "numpy", 2)


def test_a_runtime_that_was_named_is_told_in_the_name_and_holds_for_its_model_alone(lab):
    found = deployments_of([f"{lab}/plain@numpy", f"own={lab}/plain@numpy"], runtimes=["all"])

    assert [one.name for one in found] == ["plain · numpy", "own"]


def test_all_runtimes_that_take_it_are_deployments_of_their_own(lab):
    assert {one.runtime for one in deployments_of([lab / "plain"], runtimes=["all"])} == {"numpy"}
    assert len(deployments_of([lab / "plain"], runtimes=["numpy", "numpy"])) == 1


def test_a_deployment_goes_through_as_it_is(lab):
    own = Deployment(name="own", artifact=Artifact(path=lab, format="linear"), runtime="numpy")

    assert deployments_of([own, lab / "plain"])[0] is own


def test_a_runtime_that_does_not_take_the_model_is_refused_with_those_that_do(lab):
    with pytest.raises(ModelError, match=r"sklearn does not run plain \(linear\)") as caught:
        deployments_of([f"{lab}/plain@sklearn"])
    assert "numpy" in caught.value.hint


def test_a_runtime_that_nobody_has_is_refused_with_those_that_there_are(lab):
    with pytest.raises(NotFound, match="no runtime 'onyx'") as caught:
        deployments_of([lab / "plain"], runtimes=["onyx"])
    assert "numpy" in caught.value.hint


def test_two_of_one_name_are_refused_since_nobody_could_tell_their_figures_apart(lab):
    with pytest.raises(UsageError, match="two models are called 'plain'") as caught:
        deployments_of([lab / "plain", lab / "plain"])
    assert "name each" in caught.value.hint
    assert len(deployments_of([lab / "plain", f"again={lab}/plain"])) == 2


# Trust


def test_trust_is_asked_once_with_the_reason(lab):
    asked: list[str] = []

    def yes(reason: str) -> bool:
        asked.append(reason)
        return True

    [one] = deployments_of([lab / "model.joblib"], trust=yes)

    assert one.artifact.facts["task"] == "regression"
    assert len(asked) == 1
    assert "model.joblib" in asked[0]


@pytest.mark.parametrize("trust", [False, lambda reason: False])
def test_without_trust_nothing_of_it_runs(lab, trust):
    with pytest.raises(UntrustedModel):
        deployments_of([lab / "model.joblib"], trust=trust)


def test_a_model_that_needs_no_trust_is_not_asked_for_it(lab):
    def never(reason: str) -> bool:
        raise AssertionError(reason)

    assert deployments_of([lab / "plain"], trust=never)


# The baseline


def three() -> list[Deployment]:
    artifact = Artifact(path=Path("m"), format="linear")
    return [Deployment(name=name, artifact=artifact, runtime="numpy") for name in ("small", "smaller", "large")]


@pytest.mark.parametrize(("wanted", "first"), [("", "small"), ("large", "large"), ("l", "large"), ("small", "small")])
def test_the_baseline_goes_in_front_and_nobody_is_lost(wanted, first):
    found = baseline_first(three(), wanted)

    assert found[0].name == first
    assert sorted(one.name for one in found) == ["large", "small", "smaller"]


@pytest.mark.parametrize("wanted", ["sma", "tiny"])
def test_a_baseline_that_is_none_or_several_is_refused_with_the_names(wanted):
    with pytest.raises(NotFound, match=wanted) as caught:
        baseline_first(three(), wanted)
    assert "small, smaller, large" in caught.value.hint


def test_a_runtime_that_can_not_tell_its_version_has_none():
    assert version_of("numpy") == np.__version__
    assert version_of("no-such-runtime") == ""
