"""A recipe's faults reach the user with their cure, and a result that answers otherwise is no result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare.linear_files import write_linear
from joulewise.core.errors import DataError, ModelError, PluginMissing
from joulewise.core.runtimes import Artifact, Materials, Tensor
from joulewise.shrink.transforms.checking import CLOSE, EXACT, Guard, check
from joulewise.shrink.transforms.feeding import calibration_feeds
from joulewise.shrink.transforms.making import Recipe

MATERIALS = Materials(calibration=Path("rows.npz"))
ARTIFACT = Artifact(path=Path("m.onnx"), format="onnx")


class Empty(Recipe):
    name, formats, distribution, modules, extra = "empty", ("onnx",), "no-such-distribution", (), "onnx"


class Raising(Empty):
    name, distribution = "raising", "numpy"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def make(self, *given: Any) -> Artifact:
        raise self.error


def test_the_version_of_an_absent_library_is_no_version() -> None:
    with pytest.raises(PluginMissing, match="no-such-distribution") as caught:
        _ = Empty().version
    assert "joulewise[onnx]" in caught.value.hint


def test_a_plug_in_that_is_missing_further_down_keeps_its_own_cure(tmp_path: Path) -> None:
    """PluginMissing is an ImportError, too: it must not be told as another library's want."""
    missing = PluginMissing("openvino is absent", hint="pip install 'joulewise[openvino]'")
    with pytest.raises(PluginMissing) as caught:
        Raising(missing).apply(ARTIFACT, {}, MATERIALS, tmp_path)
    assert caught.value is missing


def test_a_long_complaint_of_a_library_is_cut(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        Raising(ValueError("x" * 5000)).apply(ARTIFACT, {}, MATERIALS, tmp_path)
    assert len(caught.value.message) < 600
    assert caught.value.message.endswith(" ...")


def test_a_recipe_that_makes_nothing_is_told_as_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="empty failed: NotImplementedError"):
        Empty().apply(ARTIFACT, {}, MATERIALS, tmp_path)


# Answers that moved


def linear(folder: Path, weight: Any, **facts: Any) -> Artifact:
    """values = x @ weight; with classes, their labels and scores."""
    width, answers = np.shape(weight)
    told = {
        "task": "regression",
        "inputs": [{"name": "x", "dtype": "float64", "shape": ["batch", width]}],
        "outputs": [{"name": "values", "dtype": "float64", "shape": ["batch", answers]}],
        "roles": {"values": "values"},
    } | facts
    write_linear(folder, [{"op": "dense", "weight": np.asarray(weight, float), "bias": np.zeros(answers)}], told)
    return Artifact(path=folder, format="linear", facts=told)


def classifier(folder: Path, weight: Any) -> Artifact:
    outputs = [{"name": "labels", "dtype": "int64", "shape": ["batch"]},
               {"name": "scores", "dtype": "float64", "shape": ["batch", 3]}]  # fmt: skip
    return linear(
        folder, weight, task="classification", classes=[0, 1, 2], outputs=outputs,
        roles={"labels": "labels", "scores": "scores"},
    )  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path) -> Materials:
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).normal(size=(40, 3)))
    return Materials(calibration=tmp_path / "rows.npz")


ONE, OTHER = np.array([[1.0], [2.0], [3.0]]), np.array([[3.0], [-2.0], [1.0]])


def test_the_same_answers_pass_every_guard(tmp_path: Path, rows: Materials) -> None:
    before = linear(tmp_path / "a", ONE)

    assert check(before, before, EXACT, rows) == {"difference": 0.0, "likeness": 1.0}


@pytest.mark.parametrize(("guard", "scale"), [(EXACT, 1.01), (Guard(tolerance=0.05, agreement=0.9, likeness=0.9), 1.3)])
def test_values_that_grew_are_off_though_they_are_alike(
    tmp_path: Path, rows: Materials, guard: Guard, scale: float
) -> None:
    """Their correlation is 1: only the tolerance sees it."""
    before, after = linear(tmp_path / "a", ONE), linear(tmp_path / "b", ONE * scale)

    with pytest.raises(ModelError, match="answers differently") as caught:
        check(before, after, guard, rows)
    assert caught.value.hint
    assert check(before, after, CLOSE, rows)["likeness"] == 1.0


def test_values_that_say_something_else_are_unlike(tmp_path: Path, rows: Materials) -> None:
    with pytest.raises(ModelError, match=r"likeness -?0\.\d+, 0\.900 asked"):
        check(linear(tmp_path / "a", ONE), linear(tmp_path / "b", OTHER), CLOSE, rows)


def test_labels_that_flipped_are_counted(tmp_path: Path, rows: Materials) -> None:
    before, after = classifier(tmp_path / "a", np.eye(3)), classifier(tmp_path / "b", np.roll(np.eye(3), 1, axis=1))

    with pytest.raises(ModelError, match="of the labels agree, 75% asked"):
        check(before, after, CLOSE, rows)
    assert check(before, before, EXACT, rows)["agreement"] == 1.0


def test_values_that_never_move_are_alike_if_they_still_do_not(tmp_path: Path, rows: Materials) -> None:
    constant = linear(tmp_path / "a", np.zeros((3, 1)))

    assert check(constant, constant, EXACT, rows) == {"difference": 0.0, "likeness": 1.0}


def test_vectors_are_compared_by_their_direction(tmp_path: Path, rows: Materials) -> None:
    wide = np.random.default_rng(1).normal(size=(3, 4))
    before, longer = linear(tmp_path / "a", wide), linear(tmp_path / "b", 5 * wide)

    assert check(before, longer, CLOSE, rows)["likeness"] == pytest.approx(1.0)
    with pytest.raises(ModelError, match="likeness"):
        check(before, linear(tmp_path / "c", -wide), CLOSE, rows)


def test_rows_that_do_not_fit_the_model_are_told(rows: Materials) -> None:
    with pytest.raises(DataError) as caught:
        calibration_feeds(rows, (Tensor(name="x", dtype="float64", shape=("batch", 7)),))
    assert "7" in str(caught.value)
