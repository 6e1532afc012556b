"""Every transform on every small real model that it takes: answers alike, keeps the facts, repeats itself, refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from joulewise.compare import artifact_of
from joulewise.compare.compiled_trees import compiler
from joulewise.core import plugins
from joulewise.core.runtimes import Artifact, Materials
from joulewise.testing.transforms import PlayedTransform, TransformContract, digit_images

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")

Made = tuple[Artifact, Materials]


def rows(folder: Path, features: Any, target: Any) -> Materials:
    """Half the rows calibrate, the other half trains."""
    for name, part in (("calibration", slice(0, None, 2)), ("training", slice(1, None, 2))):
        np.savez(folder / f"{name}.npz", x=features[part], y=target[part])
    return Materials(calibration=folder / "calibration.npz", training=folder / "training.npz")


def dumped(folder: Path, estimator: Any, data: Any, scale: float = 1.0) -> Made:
    features, target = data(return_X_y=True)
    joblib.dump(estimator.fit(features / scale, target), folder / "model.joblib")
    return artifact_of(folder / "model.joblib", trust=True), rows(folder, features / scale, target)


def pipeline(folder: Path) -> Made:
    return dumped(folder, make_pipeline(StandardScaler(), LogisticRegression()), load_breast_cancer)


def network(folder: Path) -> Made:
    model = MLPClassifier(hidden_layer_sizes=(64,), max_iter=300, tol=0.02, random_state=0)
    return dumped(folder, model, load_digits, 16.0)


def forest(folder: Path) -> Made:
    return dumped(folder, RandomForestClassifier(12, random_state=0), load_wine)


def histogram(folder: Path) -> Made:
    return dumped(folder, HistGradientBoostingClassifier(max_iter=15, random_state=0), load_breast_cancer)


def xgboosted(folder: Path) -> Made:
    xgboost = pytest.importorskip("xgboost")
    features, target = load_diabetes(return_X_y=True)
    xgboost.XGBRegressor(n_estimators=15, max_depth=3, n_jobs=1).fit(features, target).save_model(folder / "model.json")
    return artifact_of(folder / "model.json"), rows(folder, features, target)


def lightgbm_boosted(folder: Path) -> Made:
    lightgbm = pytest.importorskip("lightgbm")
    features, target = load_digits(return_X_y=True)
    model = lightgbm.LGBMClassifier(n_estimators=5, num_leaves=15, n_jobs=1, verbose=-1).fit(features, target)
    model.booster_.save_model(folder / "model.txt")
    return artifact_of(folder / "model.txt"), rows(folder, features, target)


def catboosted(folder: Path) -> Made:
    catboost = pytest.importorskip("catboost")
    features, target = load_diabetes(return_X_y=True)
    model = catboost.CatBoostRegressor(iterations=15, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(features, target).save_model(str(folder / "model.cbm"))
    return artifact_of(folder / "model.cbm"), rows(folder, features, target)


def convolutional(folder: Path) -> Made:
    pytest.importorskip("torch")
    images, labels = digit_images()
    return artifact_of("joulewise.testing.transforms:make_cnn", trust=True), rows(folder, images[:600], labels[:600])


def scripted(folder: Path) -> Made:
    torch = pytest.importorskip("torch")
    artifact, materials = convolutional(folder)
    from joulewise.shrink.transforms.torch_modules import export_module, module_of

    del torch
    return export_module(module_of(artifact), artifact, materials, folder), materials


def converted(make: Callable[[Path], Made], name: str, library: str) -> Callable[[Path], Made]:
    def build(folder: Path) -> Made:
        pytest.importorskip(library)
        artifact, materials = make(folder)
        transform = plugins.load("transforms", name)()
        return transform.apply(artifact, {}, materials, folder / library), materials

    return build


def in_onnx(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    return converted(make, "to-onnx", "onnxruntime")


def in_treelite(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
    return converted(make, "to-treelite", "treelite")


MODELS: dict[str, Callable[[Path], Made]] = {
    "catboost": catboosted,
    "cnn": convolutional,
    "cnn-export": scripted,
    "cnn-onnx": in_onnx(convolutional),
    "forest": forest,
    "forest-treelite": in_treelite(forest),
    "histogram": histogram,
    "histogram-treelite": in_treelite(histogram),
    "lightgbm": lightgbm_boosted,
    "network": network,
    "network-onnx": in_onnx(network),
    "pipeline": pipeline,
    "xgboost": xgboosted,
    "xgboost-treelite": in_treelite(xgboosted),
}
EXACT: dict[str, float] = {}
LESS = {"agreement": 0.9, "likeness": 0.9}
CASES: list[tuple[str, str, dict[str, float]]] = [
    *(("to-onnx", name, EXACT) for name in MODELS if not name.endswith(("-onnx", "-treelite"))),
    *(("to-linear", name, EXACT) for name in ("pipeline", "network")),
    *(("to-treelite", name, EXACT) for name in ("forest", "histogram", "xgboost", "lightgbm")),
    *(("compile-trees", f"{name}-treelite", EXACT) for name in ("forest", "histogram", "xgboost")),
    *(("trim-trees", name, LESS) for name in ("forest", "histogram", "xgboost", "lightgbm", "catboost")),
    *(("distill", name, LESS) for name in ("forest", "histogram", "network")),
    ("distill", "cnn", {"agreement": 0.8}),
    *(("distill", name, {"likeness": 0.8}) for name in ("xgboost", "catboost")),
    ("trim-features", "pipeline", LESS),
    ("prune", "cnn", {"agreement": 0.8}),
    ("torchao", "cnn", LESS),
    *(("optimise", name, EXACT) for name in ("cnn-onnx", "network-onnx")),
    *(("int8-dynamic", name, LESS) for name in ("cnn-onnx", "network-onnx")),
    *(("int8-static", name, LESS) for name in ("cnn-onnx", "network-onnx")),
    ("to-openvino", "cnn-onnx", EXACT),
    ("int8-openvino", "cnn-onnx", LESS),
]
SETTINGS: dict[tuple[str, str], dict[str, float]] = {
    ("distill", "cnn"): {"width": 0.5, "epochs": 30},
    ("prune", "cnn"): {"share": 0.3, "epochs": 6},
    ("trim-features", "pipeline"): {"lost": 0.1},
}
"""Where the first offer takes longer than a test may, or would change nothing."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    known: dict[str, Made] = {}

    def find(name: str) -> Made:
        if name not in known:
            known[name] = MODELS[name](tmp_path_factory.mktemp(name))
        return known[name]

    return find


@pytest.fixture(
    params=sorted(CASES, key=lambda case: case[1]), ids=lambda case: f"{case[1]}-by-{case[0]}", scope="module"
)
def played(models: Callable[[str], Made], request: pytest.FixtureRequest) -> PlayedTransform:
    """Of the module, and sorted by model, so that a worker makes few models and loads few libraries."""
    name, model, promises = request.param
    artifact, materials = models(model)
    transform = plugins.load("transforms", name)()
    for module in transform.modules:
        pytest.importorskip(module)
    if name == "compile-trees" and not compiler():
        pytest.skip("needs a C compiler")
    return PlayedTransform(
        transform=transform, artifact=artifact, materials=materials, settings=SETTINGS.get((name, model)), **promises
    )


@pytest.mark.slow
class TestTransforms(TransformContract):
    """See the contract."""


@pytest.mark.parametrize("name", plugins.names("transforms"))
def test_every_transform_says_what_it_is(name: str) -> None:
    transform = plugins.load("transforms", name)()
    assert transform.name == name
    assert transform.formats
    assert transform.why_not(Artifact(path=Path("x"), format="none"), Materials(calibration=Path("y")))


def test_every_transform_is_tried_on_a_model_or_has_its_own_tests() -> None:
    elsewhere = {"float16", "low-rank", "sequence", "weights-only"}
    assert {case[0] for case in CASES} | elsewhere == set(plugins.names("transforms"))
