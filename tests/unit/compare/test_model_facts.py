"""What models say of themselves, and how readers refuse what they can't read: with the file, the reason, the cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of
from joulewise.compare.artifacts import facts_of
from joulewise.compare.facts import estimators
from joulewise.core.errors import ModelError, UntrustedModel

pytest.importorskip("sklearn")


def hugging_face(folder: Path, config: Any, **files: Any) -> Path:
    """A folder of JSON files, with weights that nobody reads; `pooling__config` is pooling/config.json."""
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"")
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def of(folder: Path, config: Any, trust: bool = False, **files: Any) -> dict[str, Any]:
    return facts_of(hugging_face(folder, config, **files), "hf", trust=trust)


BERT = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 8, "type_vocab_size": 2}


def test_an_encoder_pools_by_the_mean_where_nobody_says_how_and_tells_that(tmp_path: Path) -> None:
    facts = of(tmp_path, BERT)
    assert (facts["task"], facts["outputs"][0]["shape"]) == ("embedding", ["batch", 8])
    assert (facts["pooling"], facts["normalise"], facts["pooling_assumed"]) == ("mean", False, True)
    assert [each["name"] for each in facts["inputs"]] == ["input_ids", "attention_mask"]
    assert facts["optional_inputs"] == ["token_type_ids"]
    assert facts["max_length"] == 512


def test_an_encoder_without_segments_is_given_none(tmp_path: Path) -> None:
    assert of(tmp_path, {**BERT, "model_type": "mpnet"})["optional_inputs"] == []
    assert of(tmp_path, {**BERT, "type_vocab_size": 1})["optional_inputs"] == []


PARTS = [{"type": f"sentence_transformers.models.{name}", "path": name} for name in ("Transformer", "Pooling")]


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({}, "mean"),
    ],
)
def test_pooling_is_as_sentence_transformers_wrote_it(tmp_path: Path, settings: dict[str, Any], mode: str) -> None:
    facts = of(tmp_path, BERT, modules=PARTS, Pooling__config=settings, sentence_bert_config={"max_seq_length": 128})
    assert (facts["pooling"], facts["normalise"], facts["max_length"]) == (mode, False, 128)
    assert "pooling_assumed" not in facts
    normalised = [*PARTS, {"type": "sentence_transformers.models.Normalize"}]
    assert of(tmp_path, BERT, modules=normalised)["normalise"] is True


def test_pooling_that_we_do_not_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pools by 'weightedmean', which we don't do") as refused:
        of(tmp_path, BERT, modules=PARTS, Pooling__config={"pooling_mode": "weightedmean"})
    assert refused.value.hint == "export it to ONNX"
    with pytest.raises(ModelError, match="modules that we don't run: Dense"):
        of(tmp_path, BERT, modules=[*PARTS, {"type": "sentence_transformers.models.Dense"}])


def test_a_classifier_of_texts_names_its_classes_unless_the_names_say_nothing(tmp_path: Path) -> None:
    head = {**BERT, "architectures": ["BertForSequenceClassification"]}
    named = of(tmp_path, {**head, "id2label": {"1": "bad", "0": "good"}})
    assert (named["task"], named["classes"], named["outputs"][0]["shape"]) == (
        "classification", ["good", "bad"], ["batch", 2],
    )  # fmt: skip
    assert of(tmp_path, {**head, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}})["classes"] == [0, 1]
    assert of(tmp_path, {**head, "num_labels": 3})["classes"] == [0, 1, 2]
    for more in ({"problem_type": "regression", "num_labels": 2}, {"id2label": {"0": "LABEL_0"}}):
        assert of(tmp_path, {**head, **more})["roles"] == {"values": "values"}


def test_folders_that_have_no_answer_a_row_or_bring_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"generates text \(GPT2LMHeadModel\)") as refused:
        of(tmp_path, {"architectures": ["GPT2LMHeadModel"]})
    assert "bench it by tokens" in refused.value.hint
    code = {**BERT, "auto_map": {"AutoModel": "mine.Model"}}
    with pytest.raises(UntrustedModel, match="brings its own Python code"):
        of(tmp_path, code)
    assert of(tmp_path, code, trust=True)["trusted"] is True


@pytest.mark.parametrize(("content", "said"), [("{", "can't be read"), ("[1]", "is no JSON object")])
def test_torn_json_of_a_folder_is_named(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ModelError, match=f"config.json {said}") as refused:
        of(tmp_path, content)
    assert refused.value.hint == "download the whole folder again"


def dumped(path: Path, model: Any) -> Path:
    import joblib

    joblib.dump(model, path)
    return path


def test_what_neither_predicts_nor_transforms_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds a dict, which neither predicts nor transforms") as refused:
        estimators.load(dumped(tmp_path / "m.joblib", {"model": 1}), "sklearn", True)
    assert "joblib.dump(model, 'model.joblib')" in refused.value.hint


def test_a_pickle_of_an_absent_module_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04cno_such_package_of_ours\nModel\n.")
    with pytest.raises(ModelError, match="needs the package no_such_package_of_ours") as refused:
        estimators.load(tmp_path / "m.pkl", "sklearn", True)
    assert refused.value.hint == "pip install no_such_package_of_ours"


def test_types_that_skops_does_not_know_want_trust(tmp_path: Path) -> None:
    io = pytest.importorskip("skops.io")
    from sklearn.preprocessing import FunctionTransformer

    io.dump(FunctionTransformer(np.linalg.norm), tmp_path / "m.skops")
    with pytest.raises(UntrustedModel, match="brings types that skops does not know: numpy") as refused:
        artifact_of(tmp_path / "m.skops")
    assert "--trust" in refused.value.hint
    assert hasattr(estimators.load(tmp_path / "m.skops", "skops", True), "transform")


def facts_from(model: Any, tmp_path: Path) -> dict[str, Any]:
    return facts_of(dumped(tmp_path / "m.joblib", model), "sklearn", trust=True)


X = np.random.default_rng(0).normal(size=(40, 3))


def test_kinds_of_estimators_say_what_they_answer(tmp_path: Path) -> None:
    from sklearn.cluster import KMeans
    from sklearn.ensemble import IsolationForest
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import LinearSVC

    outliers = facts_from(IsolationForest(n_estimators=2, random_state=0).fit(X), tmp_path)
    assert (outliers["task"], outliers["classes"], outliers["roles"]) == (
        "classification",
        [-1, 1],
        {"labels": "labels"},
    )
    clusters = facts_from(KMeans(2, n_init=1, random_state=0).fit(X), tmp_path)
    assert clusters["task"] == "unknown"
    assert "classes" not in clusters
    no_scores = facts_from(LinearSVC().fit(X, X[:, 0] > 0), tmp_path)
    assert [each["name"] for each in no_scores["outputs"]] == ["labels"]
    several = facts_from(LinearRegression().fit(X, X[:, :2]), tmp_path)
    assert several["outputs"][0]["shape"] == ["batch", 2]
    search = GridSearchCV(LinearRegression(), {"fit_intercept": [True]}, cv=2).fit(X, X[:, 0])
    assert facts_from(search, tmp_path)["estimator"] == "LinearRegression"


def test_a_classifier_of_several_outputs_is_refused(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(max_depth=1).fit(X, X[:, :2] > 0)
    with pytest.raises(ModelError, match="several outputs has no single answer") as refused:
        facts_from(model, tmp_path)
    assert refused.value.hint == "bench one output at a time"


@pytest.mark.parametrize("columns", [["size"], "size", [1], slice(1, 2), [False, True, False]], ids=repr)
def test_a_column_of_text_is_found_however_the_pipeline_names_it(tmp_path: Path, columns: Any) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pandas.DataFrame({"a": X[:, 0], "size": ["s", "l"] * 20, "b": X[:, 1]})
    wanted = ["size"] if columns == "size" else columns
    encode = ColumnTransformer([("text", OneHotEncoder(), wanted)], remainder="passthrough")
    facts = facts_from(make_pipeline(encode, LogisticRegression()).fit(frame, X[:, 0] > 0), tmp_path)
    assert facts["columns"] == ["a", "size", "b"]
    assert [each["dtype"] for each in facts["inputs"]] == ["float64", "object", "float64"]


@pytest.mark.parametrize(
    ("name", "content", "said", "hint"),
    [
        ("m.json", b'{"learner": {}}', "XGBoost can't read", "save_model('model.json') anew"),
        ("m.txt", b"tree\nversion=v4\nbroken", "LightGBM can't read", "save_model('model.txt') anew"),
        ("m.cbm", b"CBM1 and no more", "CatBoost can't read", "save_model('model.cbm') anew"),
        ("m.onnx", b"\x08\x08\x12\x07pytorch\x3a\xff\x01", "is torn", "copy or export it again"),
    ],
)
def test_torn_files_of_libraries_are_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, said: str, hint: str
) -> None:
    library = {"m.json": "xgboost", "m.txt": "lightgbm", "m.cbm": "catboost", "m.onnx": "onnx"}[name]
    pytest.importorskip(library)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=said) as refused:
        facts_of(tmp_path / name, library)
    assert hint in refused.value.hint
    assert "\n" not in refused.value.message.strip()


def test_named_features_of_boosted_trees_become_columns(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    catboost = pytest.importorskip("catboost")
    data = lightgbm.Dataset(X, X[:, 0] > 0, feature_name=["a", "b", "c"])
    told = {"objective": "binary", "verbose": -1, "num_threads": 1}
    lightgbm.train(told, data, num_boost_round=1).save_model(str(tmp_path / "m.txt"))
    binary = facts_of(tmp_path / "m.txt", "lightgbm")
    assert (binary["columns"], binary["classes"]) == (["a", "b", "c"], [0, 1])
    table = [[value, "sl"[at % 2]] for at, value in enumerate(X[:, 0])]
    settings = {"iterations": 1, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    catboost.CatBoostRegressor(**settings, cat_features=[1]).fit(table, X[:, 1]).save_model(str(tmp_path / "m.cbm"))
    mixed = facts_of(tmp_path / "m.cbm", "catboost")
    assert [(each["name"], each["dtype"]) for each in mixed["inputs"]] == [("0", "float32"), ("1", "object")]
    assert mixed["columns"] == ["0", "1"]


def test_xgboost_with_several_targets_answers_as_many(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    xgboost.XGBRegressor(n_estimators=1, n_jobs=1).fit(X, X[:, :2]).save_model(tmp_path / "m.ubj")
    assert facts_of(tmp_path / "m.ubj", "xgboost")["outputs"][0]["shape"] == ["batch", 2]


def test_treelite_says_two_classes_by_its_task_or_its_sigmoid(tmp_path: Path) -> None:
    treelite = pytest.importorskip("treelite")
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor

    boosted = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, X[:, 0] > 0)
    treelite.sklearn.import_model(boosted).serialize(str(tmp_path / "b.tl"))
    assert facts_of(tmp_path / "b.tl", "treelite")["classes"] == [0, 1]
    several = RandomForestRegressor(2, max_depth=2, random_state=0).fit(X, X[:, :2])
    treelite.sklearn.import_model(several).serialize(str(tmp_path / "r.tl"))
    found = facts_of(tmp_path / "r.tl", "treelite")
    assert (found["task"], found["outputs"][0]["shape"]) == ("regression", ["batch", 2])
