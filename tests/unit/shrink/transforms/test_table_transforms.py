"""Transforms of models for tables: float64 thresholds, trimmed trees, folded scalers, columns of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from joulewise.compare import artifact_of
from joulewise.core.errors import ModelError, UntrustedModel
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.distill import Distill
from joulewise.shrink.transforms.linear_steps import steps_of
from joulewise.shrink.transforms.to_linear import ToLinear
from joulewise.shrink.transforms.to_onnx import ToOnnx
from joulewise.shrink.transforms.to_treelite import ToTreelite
from joulewise.shrink.transforms.trim_features import kept_columns
from joulewise.shrink.transforms.trim_trees import TrimTrees
from joulewise.shrink.transforms.trimming import factor, kept
from joulewise.testing.transforms import answers

pytestmark = pytest.mark.filterwarnings("ignore")


def dumped(folder: Path, estimator: Any, features: Any, *, trust: bool = True) -> tuple[Artifact, Materials]:
    joblib.dump(estimator, folder / "model.joblib")
    np.savez(folder / "rows.npz", x=features)
    return artifact_of(folder / "model.joblib", trust=trust), Materials(calibration=folder / "rows.npz")


def test_float64_inputs_follow_float64_thresholds(tmp_path: Path) -> None:
    """Rows a hair beside the thresholds: float32 can't tell them apart, float64 trees must."""
    features, target = load_breast_cancer(return_X_y=True)
    model = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(features, target)
    node = model._predictors[0][0].nodes[0]
    close = np.repeat(features[:1], 8, axis=0)
    close[:, node["feature_idx"]] = node["num_threshold"] * (1 + np.linspace(-1e-9, 1e-9, 8))
    artifact, materials = dumped(tmp_path, model, np.concatenate([features[:200], close]))
    made = ToOnnx().apply(artifact, {"precision": "float64"}, materials, tmp_path / "made")
    assert made.facts["checks"]["to-onnx"] == {"difference": 0.0, "agreement": 1.0, "flipped": 0, "flipped_of": 208}
    assert made.facts["inputs"][0]["dtype"] == "float64"
    rough = ToOnnx().apply(artifact, {"precision": "float32"}, materials, tmp_path / "rough")
    assert rough.facts["checks"]["to-onnx"]["flipped"] > 0, "the rows beside the threshold must be counted"


def test_doubles_are_not_offered_for_trees_that_compare_in_float32(tmp_path: Path) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    artifact, materials = dumped(tmp_path, RandomForestClassifier(3).fit(features, target), features)
    assert [each["precision"] for each in ToOnnx().offers(artifact, materials)] == ["float32"]


def test_text_columns_go_into_the_graph_one_by_one(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"colour": random.choice(["red", "green"], 80), "size": random.normal(size=80)})
    target = np.where((frame["colour"] == "red") & (frame["size"] > 0), "yes", "no")
    encode = ColumnTransformer([("text", OneHotEncoder(), ["colour"]), ("number", StandardScaler(), ["size"])])
    joblib.dump(make_pipeline(encode, LogisticRegression()).fit(frame, target), tmp_path / "model.joblib")
    np.savez(tmp_path / "rows.npz", colour=frame["colour"].to_numpy(dtype=str), size=frame["size"].to_numpy())
    artifact = artifact_of(tmp_path / "model.joblib", trust=True)
    materials = Materials(calibration=tmp_path / "rows.npz")
    made = ToOnnx().apply(artifact, {}, materials, tmp_path / "made")
    assert made.facts["classes"] == ["no", "yes"]
    assert {entry["name"] for entry in made.facts["inputs"]} == {"colour", "size"}
    found = answers(made, materials)[made.facts["roles"]["labels"]]
    assert found.tolist() == answers(artifact, materials)["labels"].tolist()


def test_named_columns_of_numbers_stay_one_matrix(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame(random.normal(size=(60, 3)), columns=["a", "b", "c"])
    scale = ColumnTransformer([("one", StandardScaler(), ["c", "a"]), ("two", MinMaxScaler(), ["b"])])
    model = make_pipeline(scale, LogisticRegression()).fit(frame, frame["c"] > frame["b"])
    artifact, materials = dumped(tmp_path, model, frame.to_numpy())
    made = ToOnnx().apply(artifact, {}, materials, tmp_path / "made")
    assert [entry["shape"][1] for entry in made.facts["inputs"]] == [3]
    assert made.facts["columns"] == ["a", "b", "c"]


def test_an_untrusted_pickle_is_not_loaded(tmp_path: Path) -> None:
    artifact, materials = dumped(tmp_path, LinearRegression().fit([[0.0], [1.0]], [0, 1]), np.zeros((4, 1)))
    stranger = Artifact(path=artifact.path, format="sklearn", facts={**artifact.facts, "trusted": False})
    with pytest.raises(UntrustedModel):
        ToLinear().apply(stranger, {}, materials, tmp_path / "made")


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()], ids=str)
def test_scalers_are_folded_into_one_layer(scaler: Any) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(3, 5, size=(50, 4))
    model = make_pipeline(scaler, StandardScaler(), Ridge()).fit(rows, rows @ [1, 2, 3, 4])
    [step] = steps_of(model)
    assert np.allclose(rows @ step["weight"] + step["bias"], model.predict(rows)[:, None])


def test_a_network_of_values_is_written_down(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 4))
    network = MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=20, activation="tanh", random_state=0)
    model = make_pipeline(StandardScaler(), network)
    artifact, materials = dumped(tmp_path, model.fit(rows, rows.sum(axis=1)), rows)
    made = ToLinear().apply(artifact, {"dtype": "float64"}, materials, tmp_path / "made")
    assert np.allclose(answers(made, materials)["values"], answers(artifact, materials)["values"])


def test_what_is_not_linear_is_refused_with_a_way_out(tmp_path: Path) -> None:
    features, target = load_digits(return_X_y=True)
    artifact, materials = dumped(tmp_path, KNeighborsClassifier().fit(features[:50], target[:50]), features[:20])
    assert ToLinear().offers(artifact, materials) == ()
    with pytest.raises(ModelError, match="to-onnx"):
        ToLinear().apply(artifact, {}, materials, tmp_path / "made")


def test_treelite_refuses_steps_before_the_trees(tmp_path: Path) -> None:
    pytest.importorskip("treelite")
    features, target = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(features, target)
    artifact, materials = dumped(tmp_path, model, features[:20])
    with pytest.raises(ModelError, match="steps before"):
        ToTreelite().apply(artifact, {}, materials, tmp_path / "made")


def test_a_trimmed_pipeline_keeps_its_steps(tmp_path: Path) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=20, random_state=0))
    artifact, materials = dumped(tmp_path, model.fit(features, target), features)
    made = TrimTrees().apply(artifact, {"keep": 0.5}, materials, tmp_path / "made")
    again = joblib.load(made.path)
    assert [name for name, _ in again.steps] == [name for name, _ in model.steps]
    assert len(again[-1].estimators_) == 10
    assert (again.predict(features) == model.predict(features)).mean() > 0.95


def test_rescaling_brings_the_scores_closer(tmp_path: Path) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(features, target)
    artifact, materials = dumped(tmp_path, model, features)
    off = {}
    for rescale in (True, False):
        folder = tmp_path / str(rescale)
        made = TrimTrees().apply(artifact, {"keep": 0.25, "rescale": rescale}, materials, folder)
        off[rescale] = np.abs(joblib.load(made.path).predict_proba(features) - model.predict_proba(features)).mean()
    assert off[True] < off[False]


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: float) -> None:
    features, target = load_digits(return_X_y=True)
    artifact, materials = dumped(tmp_path, RandomForestClassifier(3).fit(features, target), features[:50])
    with pytest.raises(ModelError, match="share"):
        TrimTrees().apply(artifact, {"keep": share}, materials, tmp_path / "made")


def test_one_tree_can_not_be_trimmed() -> None:
    with pytest.raises(ModelError, match="all of them"):
        kept(1, 0.5)


def test_the_factor_is_least_squares_and_bounded() -> None:
    part = np.array([1.0, 2.0, 3.0])
    assert factor(2 * part, part) == pytest.approx(2.0)
    assert factor(part, np.zeros(3)) == 1.0
    assert factor(1000 * part, part) == 10.0


def test_columns_that_change_nothing_go_first() -> None:
    matters = np.array([0.0, 0.5, 0.01, 0.49])
    assert kept_columns(matters, 0.0) == [1, 2, 3]
    assert kept_columns(matters, 0.02) == [1, 3]
    with pytest.raises(ModelError, match="every column"):
        kept_columns(np.array([1.0, 1.0]), 0.0)
    with pytest.raises(ModelError, match="no column"):
        kept_columns(np.zeros(2), 0.0)


def test_a_student_needs_training_rows(tmp_path: Path) -> None:
    features, target = load_digits(return_X_y=True)
    artifact, materials = dumped(tmp_path, RandomForestClassifier(3).fit(features, target), features)
    assert Distill().offers(artifact, materials) == ()
    assert "training" in Distill().why_not(artifact, materials)
