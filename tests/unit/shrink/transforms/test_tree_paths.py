"""Trees and students on less trodden ways: boosters behind scikit-learn's face, other objectives, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from joulewise.compare import artifact_of
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.distill import Distill
from joulewise.shrink.transforms.loading import estimator_of, feature_count
from joulewise.shrink.transforms.onnx_boosters import input_name
from joulewise.shrink.transforms.to_onnx import ToOnnx
from joulewise.shrink.transforms.trim_features import TrimFeatures
from joulewise.shrink.transforms.trim_trees import TrimTrees
from joulewise.testing.transforms import answers

pytestmark = pytest.mark.filterwarnings("ignore")
CANCER, WINE, DIABETES = (load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_diabetes))


def given(folder: Path, data: Any, *, target: bool = True) -> Materials:
    x, y = data
    arrays = {"x": x, "y": y} if target else {"x": x}
    np.savez(folder / "rows.npz", **arrays)
    return Materials(calibration=folder / "rows.npz", training=folder / "rows.npz")


def dumped(folder: Path, model: Any, data: Any, **more: Any) -> tuple[Artifact, Materials]:
    joblib.dump(model.fit(*data), folder / "model.joblib")
    return artifact_of(folder / "model.joblib", trust=True), given(folder, data, **more)


def booster(name: str, kind: str) -> Any:
    library = pytest.importorskip(name)
    quiet = {"verbose": -1} if name == "lightgbm" else {}
    face = {"xgboost": "XGB", "lightgbm": "LGBM"}[name]
    return getattr(library, f"{face}{kind}")(n_estimators=40, max_depth=3, n_jobs=1, **quiet)


# Boosters behind scikit-learn's face


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_wrapped_booster_is_trimmed_and_stays_what_it_was(tmp_path: Path, library: str, scaled: bool) -> None:
    model = booster(library, "Classifier")
    artifact, materials = dumped(tmp_path, make_pipeline(StandardScaler(), model) if scaled else model, CANCER)
    made = TrimTrees().apply(artifact, {"keep": 0.5, "rescale": True}, materials, tmp_path / "made")
    again, before = joblib.load(made.path), estimator_of(artifact)
    last = again[-1] if scaled else again

    assert type(last) is type(model)
    assert last.n_estimators == 20
    assert (again.predict(CANCER[0]) == before.predict(CANCER[0])).mean() > 0.95
    assert (before[-1] if scaled else before).n_estimators == 40, "the original is not touched"


def test_rescaling_brings_a_cut_booster_nearer_to_the_whole_one(tmp_path: Path) -> None:
    artifact, materials = dumped(tmp_path, booster("xgboost", "Classifier"), CANCER)
    whole = estimator_of(artifact).predict_proba(CANCER[0])
    off = {
        rescale: np.abs(
            joblib.load(
                TrimTrees().apply(artifact, {"keep": 0.25, "rescale": rescale}, materials, tmp_path / str(rescale)).path
            ).predict_proba(CANCER[0])
            - whole
        ).mean()
        for rescale in (True, False)
    }

    assert off[True] < off[False]


@pytest.mark.parametrize("objective", ["count:poisson", "binary:logistic", "reg:squarederror"])
def test_the_start_of_a_booster_is_not_scaled_with_its_trees(tmp_path: Path, objective: str) -> None:
    """Counts begin at the logarithm of their mean, chances at its log odds: scaled along, all answers would shift."""
    xgboost = pytest.importorskip("xgboost")
    x, y = CANCER if objective.startswith("binary") else DIABETES
    data = xgboost.DMatrix(x.astype(np.float32), label=y)
    model = xgboost.train({"objective": objective, "eta": 0.3, "max_depth": 3, "nthread": 1}, data, 60)
    model.save_model(tmp_path / "model.json")
    artifact, materials = artifact_of(tmp_path / "model.json"), given(tmp_path, (x, y))
    made = TrimTrees().apply(artifact, {"keep": 0.7, "rescale": True}, materials, tmp_path / "made")
    again = xgboost.Booster(model_file=str(made.path))

    assert again.num_boosted_rounds() == 42
    assert again.predict(data).mean() == pytest.approx(model.predict(data).mean(), rel=0.05)


def test_a_lightgbm_booster_that_is_only_cut_is_the_first_rounds_exactly(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    x, y = DIABETES
    model = lightgbm.LGBMRegressor(n_estimators=30, n_jobs=1, verbose=-1).fit(x, y).booster_
    model.save_model(tmp_path / "model.txt")
    artifact, materials = artifact_of(tmp_path / "model.txt"), given(tmp_path, DIABETES)
    made = TrimTrees().apply(artifact, {"keep": 0.5, "rescale": False}, materials, tmp_path / "made")

    assert lightgbm.Booster(model_file=str(made.path)).predict(x) == pytest.approx(model.predict(x, num_iteration=15))


def test_an_ensemble_whose_members_are_weighted_is_not_cut(tmp_path: Path) -> None:
    artifact, materials = dumped(tmp_path, AdaBoostClassifier(n_estimators=5), WINE)
    with pytest.raises(ModelError, match="no trees that can be left out"):
        TrimTrees().apply(artifact, {"keep": 0.5}, materials, tmp_path / "made")


def test_categories_of_catboost_are_refused_for_onnx_with_the_cure(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"kind": random.choice(["a", "b"], 60), "size": random.normal(size=60)})
    model = catboost.CatBoostClassifier(iterations=3, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(frame, (frame["kind"] == "a").astype(int), cat_features=["kind"]).save_model(str(tmp_path / "model.cbm"))
    np.savez(tmp_path / "rows.npz", kind=frame["kind"].to_numpy(str), size=frame["size"].to_numpy())
    artifact, materials = artifact_of(tmp_path / "model.cbm"), Materials(calibration=tmp_path / "rows.npz")

    with pytest.raises(ModelError, match="no categorical features") as caught:
        ToOnnx().apply(artifact, {}, materials, tmp_path / "made")
    assert "encode them before" in caught.value.hint


def test_a_booster_of_several_inputs_has_no_converter() -> None:
    inputs = [{"name": name, "dtype": "float32", "shape": ["batch", 1]} for name in "ab"]
    with pytest.raises(ModelError, match="only one matrix"):
        input_name(Artifact(path=Path("m"), format="xgboost", facts={"inputs": inputs}))
    assert input_name(Artifact(path=Path("m"), format="xgboost")) == "x"


# Students


@pytest.mark.parametrize("student", ["trees", "mlp", "linear"])
@pytest.mark.parametrize(
    ("teacher", "data"),
    [(RandomForestClassifier(20, random_state=0), WINE), (LinearRegression(), DIABETES)],
    ids=["classes", "values"],
)
def test_every_student_learns_what_the_teacher_answers(tmp_path: Path, student: str, teacher: Any, data: Any) -> None:
    x, y = data
    scaled = (x - x.mean(axis=0)) / x.std(axis=0), y
    artifact, materials = dumped(tmp_path, teacher, scaled)
    made = Distill().apply(artifact, {"student": student}, materials, tmp_path / "made")
    before, after = answers(artifact, materials), answers(made, materials)

    assert made.facts["task"] == artifact.facts["task"]
    if "labels" in before:
        assert (np.asarray(after["labels"]) == np.asarray(before["labels"])).mean() > 0.9
    else:
        assert np.corrcoef(np.ravel(after["values"]), np.ravel(before["values"]))[0, 1] > 0.9


def test_labels_alone_teach_no_scores(tmp_path: Path) -> None:
    artifact, materials = dumped(tmp_path, LinearSVC(), WINE)
    with pytest.raises(ModelError, match="nothing to distil from"):
        Distill().apply(artifact, {"student": "linear"}, materials, tmp_path / "made")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"task": "embedding"}, "only classifiers and regressions"),
        ({"task": "regression", "inputs": [{"name": "x", "dtype": "object", "shape": ["n"]}]}, "text columns"),
    ],
)
def test_why_there_is_no_student_is_said(facts: dict[str, Any], why: str) -> None:
    artifact = Artifact(path=Path("m"), format="sklearn", facts=facts)
    assert why in Distill().why_not(artifact, Materials(calibration=Path("c"), training=Path("t")))


# Features


def test_columns_with_names_are_left_to_the_model_and_training_rows_are_wanted() -> None:
    matrix = [{"name": "x", "dtype": "float64", "shape": ["batch", 2]}]
    named = Artifact(path=Path("m"), format="sklearn", facts={"inputs": matrix, "columns": ["a", "b"]})
    plain = Artifact(path=Path("m"), format="sklearn", facts={"inputs": matrix})

    assert "without column names" in TrimFeatures().why_not(named, Materials(calibration=Path("c")))
    assert "--training" in TrimFeatures().why_not(plain, Materials(calibration=Path("c")))


def test_a_model_is_not_fitted_again_without_targets(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    x[:, 1] = 1.0  # changes nothing, so that it can go
    artifact, materials = dumped(tmp_path, LogisticRegression(), (x, x[:, 0] > 0), target=False)
    with pytest.raises(ModelError, match="training rows with targets"):
        TrimFeatures().apply(artifact, {"lost": 0.0}, materials, tmp_path / "made")


def test_a_trimmed_model_still_takes_whole_rows(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    x[:, 1] = 1.0
    artifact, materials = dumped(tmp_path, LogisticRegression(), (x, (x[:, 0] > 0).astype(int)))
    made = TrimFeatures().apply(artifact, {"lost": 0.0}, materials, tmp_path / "made")
    again = joblib.load(made.path)

    assert again.n_features_in_ == 3
    assert again[-1].n_features_in_ == 2
    assert made.facts["inputs"] == artifact.facts["inputs"]


# Estimators behind artifacts


def test_a_format_without_an_estimator_is_refused() -> None:
    with pytest.raises(ModelError, match="onnx holds no scikit-learn object"):
        estimator_of(Artifact(path=Path("m.onnx"), format="onnx"))


def test_an_estimator_that_does_not_know_its_features_is_refused_with_the_cure() -> None:
    class Old:
        pass

    class Fitted:
        n_features_in_ = 7

    bare = Artifact(path=Path("m"), format="sklearn", facts={})
    assert feature_count(bare, Fitted()) == 7
    with pytest.raises(ModelError, match="how many features") as caught:
        feature_count(bare, Old())
    assert "current scikit-learn" in caught.value.hint
