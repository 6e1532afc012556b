"""Models that a transform must refuse or get right: other links, fixed batches, few rows, wide answers, boosters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from joulewise.compare import Prediction, artifact_of
from joulewise.core.errors import DataError, ModelError
from joulewise.core.runtimes import Artifact, Materials, Tensor
from joulewise.shrink.transforms.checking import EXACT, _many_off
from joulewise.shrink.transforms.distill import Distill
from joulewise.shrink.transforms.feeding import whole_batches
from joulewise.shrink.transforms.int8_dynamic import Int8Dynamic
from joulewise.shrink.transforms.int8_static import Int8Static
from joulewise.shrink.transforms.making import Recipe
from joulewise.shrink.transforms.optimise import Optimise
from joulewise.shrink.transforms.to_linear import ToLinear
from joulewise.shrink.transforms.to_onnx import ToOnnx
from joulewise.shrink.transforms.to_treelite import ToTreelite, widened
from joulewise.shrink.transforms.trim_trees import TrimTrees
from joulewise.testing.transforms import answers

pytestmark = pytest.mark.filterwarnings("ignore")


def rows_in(folder: Path, features: Any, target: Any = None) -> Materials:
    np.savez(folder / "rows.npz", x=features, **({} if target is None else {"y": target}))
    return Materials(calibration=folder / "rows.npz", training=folder / "rows.npz")


def dumped(folder: Path, model: Any, features: Any, target: Any) -> tuple[Artifact, Materials]:
    joblib.dump(model.fit(features, target), folder / "model.joblib")
    return artifact_of(folder / "model.joblib", trust=True), rows_in(folder, features, target)


def cancer(folder: Path, model: Any, names: Any = (0, 1)) -> tuple[Artifact, Materials]:
    features, target = load_breast_cancer(return_X_y=True)
    return dumped(folder, model, features[:200], np.asarray(names)[target[:200]])


@pytest.mark.parametrize(
    ("transform", "model"),
    [
        (ToTreelite(), GradientBoostingClassifier(n_estimators=5, loss="exponential", random_state=0)),
        (ToOnnx(), LinearDiscriminantAnalysis()),
    ],
    ids=["treelite-exponential", "onnx-lda"],
)
def test_other_scores_are_wrong_though_the_labels_stay(tmp_path: Path, transform: Recipe, model: Any) -> None:
    for module in transform.modules:
        pytest.importorskip(module)
    artifact, materials = cancer(tmp_path, model)
    with pytest.raises(ModelError, match="scores are off"):
        transform.apply(artifact, transform.offers(artifact, materials)[0], materials, tmp_path / "made")


def test_one_row_of_many_may_fall_to_the_other_side_of_a_threshold() -> None:
    values = np.linspace(0, 1, 16)
    few, many = values.copy(), values.copy()
    few[3] += 0.5
    many[3:6] += 0.5
    old, one, three = (Prediction(task="regression", values=array) for array in (values, few, many))
    assert _many_off(old, one, EXACT) == ""
    assert "19% of the values" in _many_off(old, three, EXACT)


def test_probabilities_that_are_no_sigmoid_are_not_written_down(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", random_state=0))
    artifact, materials = cancer(tmp_path, model)
    with pytest.raises(ModelError, match="probabilities of SGDClassifier"):
        ToLinear().apply(artifact, {}, materials, tmp_path / "made")


def test_forests_in_treelite_decide_doubles_as_float32(tmp_path: Path) -> None:
    """Doubles just above a threshold that is itself a float32 fall onto it in scikit-learn."""
    pytest.importorskip("treelite")
    features, target = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(10, random_state=0)
    artifact, materials = dumped(tmp_path, model, features, target)
    made = ToTreelite().apply(artifact, {}, materials, tmp_path / "made")
    assert np.allclose(answers(made, materials)["values"], model.predict(features), atol=1e-3)


def test_widened_thresholds_decide_as_the_rounded_row_does() -> None:
    random = np.random.default_rng(0)
    thresholds = np.concatenate([random.normal(size=500), random.normal(size=500).astype(np.float32), [0.0, 1.0, -2.0]])
    wide = widened(thresholds)
    for rows in (wide, np.nextafter(wide, np.inf), np.nextafter(wide, -np.inf), thresholds):
        assert np.array_equal(rows <= wide, rows.astype(np.float32) <= thresholds)


def test_a_linear_classifier_without_probabilities_goes_to_onnx(tmp_path: Path) -> None:
    artifact, materials = cancer(tmp_path, make_pipeline(StandardScaler(), LinearSVC()), ("good", "bad"))
    made = ToOnnx().apply(artifact, {}, materials, tmp_path / "made")
    found = answers(made, materials)[made.facts["roles"]["labels"]]
    assert found.tolist() == answers(artifact, materials)["labels"].tolist()


def test_a_small_network_of_two_classes_is_quantized(tmp_path: Path) -> None:
    """Behind operators of classical machine learning shape inference can't tell the types."""
    network = MLPClassifier((16,), max_iter=60, random_state=0)
    artifact, materials = cancer(tmp_path, make_pipeline(StandardScaler(), network), ("good", "bad"))
    graph = ToOnnx().apply(artifact, {}, materials, tmp_path / "graph")
    made = Int8Dynamic().apply(graph, Int8Dynamic().offers(graph, materials)[0], materials, tmp_path / "made")
    assert made.facts["classes"] == ["bad", "good"]


def product(folder: Path, batch: int | str) -> Artifact:
    """x (batch, 8) by a random matrix."""
    make = onnx.helper.make_tensor_value_info
    weight = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("MatMul", ["x", "w"], ["middle"]),
            onnx.helper.make_node("Relu", ["middle"], ["vector"]),
        ],
        "graph",
        [make("x", onnx.TensorProto.FLOAT, [batch, 8])],
        [make("vector", onnx.TensorProto.FLOAT, [batch, 4])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    return artifact_of(folder / "model.onnx")


def some_rows(folder: Path, count: int) -> Materials:
    return rows_in(folder, np.random.default_rng(2).normal(size=(count, 8)).astype(np.float32))


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("transform", [Optimise(), Int8Dynamic(), Int8Static()], ids=lambda one: one.name)
def test_a_fixed_batch_is_asked_batch_by_batch(tmp_path: Path, batch: int, transform: Recipe) -> None:
    artifact, materials = product(tmp_path, batch), some_rows(tmp_path, 22)
    made = transform.apply(artifact, transform.offers(artifact, materials)[0], materials, tmp_path / "made")
    assert made.facts["inputs"][0]["shape"][0] == batch
    assert len(answers(made, materials)["vector"]) == 22 // batch * batch


@pytest.mark.parametrize("rows", [1, 2, 22])
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_ranges_are_found_on_any_number_of_rows(tmp_path: Path, rows: int, method: str) -> None:
    artifact, materials = product(tmp_path, "batch"), some_rows(tmp_path, rows)
    made = Int8Static().apply(artifact, {"method": method}, materials, tmp_path / "made")
    assert made.steps[-1].options == {"method": method}


def test_a_batch_larger_than_all_rows_is_an_error_that_says_so() -> None:
    fixed = (Tensor(name="x", dtype="float32", shape=(8, 2)),)
    with pytest.raises(DataError, match="8 rows at once, and there are 5"):
        whole_batches({"x": np.zeros((5, 2))}, fixed)


def test_no_booster_is_offered_for_several_values_a_row(tmp_path: Path) -> None:
    features, target = load_diabetes(return_X_y=True)
    artifact, materials = dumped(tmp_path, LinearRegression(), features, np.c_[target, -target])
    assert [each["student"] for each in Distill().offers(artifact, materials)] == ["mlp", "linear"]
    made = Distill().apply(artifact, {"student": "linear"}, materials, tmp_path / "made")
    assert answers(made, materials)["values"].shape == (len(features), 2)


@pytest.mark.parametrize("kind", ["dart", "gblinear"])
def test_a_booster_of_another_kind_is_named(tmp_path: Path, kind: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    features, target = load_diabetes(return_X_y=True)
    model = xgboost.XGBRegressor(n_estimators=4, booster=kind, n_jobs=1).fit(features, target)
    model.save_model(tmp_path / "model.json")
    artifact, materials = artifact_of(tmp_path / "model.json"), rows_in(tmp_path, features, target)
    for transform, settings in ((ToOnnx(), {}), (TrimTrees(), {"keep": 0.5})):
        with pytest.raises(ModelError, match=f"booster {kind}"):
            transform.apply(artifact, settings, materials, tmp_path / transform.name)
