"""Trained numbers, counted by hand: thresholds and leaves of trees, weights of layers, and no guess where unknown."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of
from joulewise.compare.parameters import estimator_parameters, parameters_of, sklearn_trees, steps_of
from joulewise.core.runtimes import Artifact

pytest.importorskip("sklearn")
LINE = np.arange(40.0).reshape(-1, 1)
STEP = (LINE[:, 0] > 19).astype(np.int64)


def count(path: Path, **more: Any) -> int | None:
    return parameters_of(artifact_of(path, **more))


def test_a_stump_of_xgboost_has_a_threshold_and_two_leaves(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    told = {"max_depth": 1, "nthread": 1}
    xgboost.train(told, xgboost.DMatrix(LINE, STEP), num_boost_round=3).save_model(tmp_path / "m.json")
    assert count(tmp_path / "m.json") == 3 * 3


def test_a_linear_booster_of_xgboost_has_no_trees_to_count(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    told = {"booster": "gblinear", "nthread": 1}
    xgboost.train(told, xgboost.DMatrix(LINE, STEP), num_boost_round=2).save_model(tmp_path / "m.json")
    artifact = Artifact(path=tmp_path / "m.json", format="xgboost", facts={})
    assert parameters_of(artifact) is None


def test_a_tree_of_lightgbm_has_one_threshold_less_than_leaves(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    told = {"num_leaves": 2, "min_data_in_leaf": 1, "verbose": -1, "num_threads": 1, "objective": "binary"}
    lightgbm.train(told, lightgbm.Dataset(LINE, STEP), num_boost_round=4).save_model(str(tmp_path / "m.txt"))
    assert count(tmp_path / "m.txt") == 4 * (2 + 1)


def test_a_symmetric_tree_of_catboost_has_one_threshold_a_level(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    told = {"iterations": 2, "depth": 2, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    x = np.stack((np.arange(40.0) % 7, np.arange(40.0) % 5), axis=1)
    catboost.CatBoostRegressor(**told).fit(x, x[:, 0] * x[:, 1]).save_model(str(tmp_path / "m.cbm"))
    assert count(tmp_path / "m.cbm") == 2 * (4 + 2)


def test_leaves_of_treelite_count_as_many_numbers_as_they_hold(tmp_path: Path) -> None:
    treelite = pytest.importorskip("treelite")
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    stumps = {"n_estimators": 2, "max_depth": 1, "random_state": 0}
    values = RandomForestRegressor(**stumps).fit(LINE, LINE[:, 0])
    treelite.sklearn.import_model(values).serialize(str(tmp_path / "r.tl"))
    assert count(tmp_path / "r.tl") == 2 * (1 + 2)
    classes = RandomForestClassifier(**stumps).fit(LINE, np.arange(40) // 14)
    treelite.sklearn.import_model(classes).serialize(str(tmp_path / "c.tl"))
    assert count(tmp_path / "c.tl") == 2 * (1 + 2 * 3)


def test_constants_of_openvino_count_and_its_shapes_do_not(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    onnx = pytest.importorskip("onnx")
    weights = [onnx.numpy_helper.from_array(np.ones(dims, np.float32), name) for name, dims in
               {"w": (3, 2), "b": (2,)}.items()]  # fmt: skip
    shape = onnx.numpy_helper.from_array(np.array([-1, 2, 1]), "s")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["m"]),
        onnx.helper.make_node("Add", ["m", "b"], ["a"]),
        onnx.helper.make_node("Reshape", ["a", "s"], ["y"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info("x", 1, ["n", 3]),
        onnx.helper.make_tensor_value_info("y", 1, ["n", 2, 1]),
    ]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [*weights, shape])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    read = openvino.Core().read_model(str(tmp_path / "m.onnx"))
    openvino.save_model(read, str(tmp_path / "m.xml"), compress_to_fp16=False)
    assert count(tmp_path / "m.xml") == 6 + 2
    assert count(tmp_path / "m.onnx") == 6 + 2


def safetensors(path: Path, **tensors: tuple[str, list[int]]) -> None:
    """A file with the head alone: its weights are never read."""
    head = {name: {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]} for name, (dtype, shape) in tensors.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **head}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def test_floats_of_safetensors_count_over_all_files_masks_and_positions_do_not(tmp_path: Path) -> None:
    safetensors(tmp_path / "a.safetensors", w=("F32", [3, 4]), b=("BF16", [4]), small=("F8_E4M3", [2]))
    safetensors(tmp_path / "b.safetensors", v=("F16", [5]), positions=("I64", [512]), mask=("BOOL", [32, 32]))
    assert parameters_of(Artifact(path=tmp_path, format="hf", facts={})) == 12 + 4 + 2 + 5


def test_a_folder_of_integers_alone_has_no_known_count(tmp_path: Path) -> None:
    safetensors(tmp_path / "a.safetensors", positions=("I64", [512]))
    assert parameters_of(Artifact(path=tmp_path, format="hf", facts={})) is None


def test_parameters_of_a_factory_are_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    (tmp_path / "seven_weights.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Linear(6, 1)\ndef flat():\n    return torch.nn.ReLU()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert parameters_of(artifact_of("seven_weights:make", trust=True)) == 7
    assert parameters_of(artifact_of("seven_weights:flat", trust=True)) is None  # nothing learned: not zero


def test_each_kind_of_step_counts_what_it_learned() -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
    from sklearn.svm import SVC

    x = np.random.default_rng(0).normal(size=(40, 3))
    assert estimator_parameters(LinearRegression().fit(x, x @ [1, 2, 3])) == 3 + 1
    assert estimator_parameters(LinearRegression(fit_intercept=False).fit(x, x @ [1, 2, 3])) in (3, 4)
    assert estimator_parameters(LogisticRegression().fit(x, np.arange(40) % 3)) == 9 + 3
    assert [estimator_parameters(one.fit(x)) for one in (StandardScaler(), MinMaxScaler(), RobustScaler())] == [6, 6, 6]
    assert estimator_parameters(StandardScaler(with_mean=False).fit(x)) in (3, 6)
    assert estimator_parameters(OneHotEncoder().fit([["a", 1], ["b", 2], ["c", 1]])) == 3 + 2
    assert estimator_parameters(SimpleImputer().fit(x)) == 3
    assert estimator_parameters(KNeighborsClassifier().fit(x, STEP)) is None
    assert estimator_parameters(SVC().fit(x, STEP)) is None


def test_trees_of_ensembles_count_thresholds_and_leaf_values() -> None:
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )

    stump: dict[str, Any] = {"max_depth": 1, "random_state": 0}
    assert list(sklearn_trees(RandomForestRegressor(2, **stump).fit(LINE, LINE[:, 0]))) == [1 + 2] * 2
    assert list(sklearn_trees(RandomForestClassifier(2, **stump).fit(LINE, np.arange(40) // 14))) == [1 + 2 * 3] * 2
    assert list(sklearn_trees(GradientBoostingClassifier(n_estimators=2, **stump).fit(LINE, STEP))) == [3, 3]
    boosted = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=2, **stump).fit(LINE, LINE[:, 0])
    assert list(sklearn_trees(boosted)) == [3, 3]


def test_pipelines_searches_and_column_transformers_are_opened_to_the_bottom() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    columns = ColumnTransformer([("s", StandardScaler(), [0]), ("k", "passthrough", [1]), ("d", "drop", [2])])
    inner = make_pipeline(columns, MinMaxScaler())
    pipeline = Pipeline([("inner", inner), ("nothing", "passthrough"), ("model", Ridge())])
    search = GridSearchCV(pipeline, {"model__alpha": [1.0]}, cv=2)
    x = np.random.default_rng(0).normal(size=(20, 3))
    search.fit(x, x[:, 0])
    assert [type(step).__name__ for step in steps_of(search)] == ["StandardScaler", "MinMaxScaler", "Ridge"]


def test_one_unknown_step_makes_the_whole_unknown(tmp_path: Path) -> None:
    import joblib
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(LINE, STEP)
    joblib.dump(model, tmp_path / "m.joblib")
    assert count(tmp_path / "m.joblib", trust=True) is None
