"""What users get wrong, and what gets torn: each a message with the cure, or the right figure."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of
from joulewise.compare.images import read_folder
from joulewise.compare.judging import judged
from joulewise.compare.outputs import Prediction, canonical
from joulewise.compare.row_feeds import feeds_of
from joulewise.compare.rows import Rows, read_rows
from joulewise.compare.runtimes.predicting import as_data_error
from joulewise.core.errors import DataError, ModelError
from joulewise.core.runtimes import Tensor

IDS = np.arange(12).reshape(3, 4)
TOKENS = [Tensor(name=name, dtype="int64", shape=("n", "s")) for name in ("input_ids", "token_type_ids")]


# --- rows ---


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("decimal.csv", "a;y\n14,23;0\n1;1\n", "decimal points"),
        ("decimal.tsv", "a\ty\n-1,5e3\t0\n", "decimal points"),
    ],
)
def test_numbers_with_decimal_commas_are_told(tmp_path: Path, name: str, text: str, hint: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="numbers with commas") as caught:
        read_rows(tmp_path / name, "y")
    assert hint in caught.value.hint


def test_text_with_commas_stays_text_and_bars_part_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a|y\nx, z|0\n1,5|1\n")
    rows = read_rows(tmp_path / "a.csv", "y")
    assert rows.features["a"].tolist() == ["x, z", "1,5"]


def test_token_types_of_lone_texts_are_zeros() -> None:
    feeds = feeds_of({"input_ids": IDS}, TOKENS, 1, 3)
    assert feeds["token_type_ids"].tolist() == np.zeros((2, 4)).tolist()
    given = feeds_of({"input_ids": IDS, "token_type_ids": IDS % 2}, TOKENS, 0, 3)
    assert given["token_type_ids"].tolist() == (IDS % 2).tolist()


@pytest.mark.parametrize(
    ("rows", "inputs", "told"),
    [
        ({"text": np.array(["a", "b"], object)}, TOKENS, "takes tokens, the data have text"),
        ({"attention_mask": IDS}, TOKENS, "no rows for the model's input 'input_ids'"),
        (
            {"a": np.array(["a"], object), "b": np.array(["b"], object)},
            [Tensor(name="x", dtype="object", shape=("n",))],
            "one text a row, the data have 2 columns",
        ),
        ({"x": IDS}, [Tensor(name="x", dtype="bfloat16", shape=("n", 4))], "which NumPy does not have"),
        ({"x": IDS}, [Tensor(name="x", dtype="complex64", shape=("n", 4))], "which NumPy does not have"),
        ({"x": IDS / 2}, [Tensor(name="x", dtype="object", shape=("n", 4))], "takes text"),
    ],
)
def test_rows_of_another_kind_are_told(rows: dict[str, Any], inputs: list[Tensor], told: str) -> None:
    with pytest.raises(DataError, match=told):
        feeds_of(rows, inputs, 0, 1)


def test_codes_of_digits_are_text_where_the_model_takes_text() -> None:
    found = feeds_of({"zip": np.array([150, 5003])}, [Tensor(name="zip", dtype="object", shape=("n",))], 0, 2)
    assert found["zip"].tolist() == ["150", "5003"]


def test_tokens_keep_their_name_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", input_ids=IDS)
    assert read_rows(tmp_path / "t.npz").columns == ("input_ids",)


@pytest.mark.parametrize("places", [["train/cat", "train/dog"], ["a/cat", "b/dog"]])
def test_classes_that_lie_too_deep_are_no_classes(tmp_path: Path, places: list[str]) -> None:
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        np.save(tmp_path / place / "1.npy", IDS)
    with pytest.raises(DataError, match="folders of folders"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Input X contains NaN.\nmore", "impute"),
        ("Found unknown categories ['Paris'] in column 0", "handle_unknown"),
        ("indices element out of data bounds, idx=137", "tokenizer"),
        ("index out of range in self", "tokenizer"),
        ("", "as at training"),
    ],
)
def test_a_librarys_refusal_comes_with_its_own_cure(said: str, hint: str) -> None:
    assert hint in as_data_error(ValueError(said), "a library").hint


# --- classes ---


def answers(labels: list[Any], classes: tuple[Any, ...]) -> Prediction:
    return Prediction(task="classification", labels=np.array(labels), classes=classes)


@pytest.mark.parametrize(
    ("labels", "classes", "target", "note"),
    [
        ([0, 1, 1, 0], (0, 1), [0, 1, 1, 0], ""),
        ([0, 1, 1, 0], (0, 1), ["no", "yes", "yes", "no"], "taken in their order: 'no' for 0, 'yes' for 1"),
        ([0, 1, 1, 0], (0, 1, 2), [1, 2, 2, 1], "does the target count its classes from 1"),
        ([1, 2, 2, 1], (0, 1, 2), [0, 1, 1, 0], "does the model count its classes from 1"),
        (["b", "a"], ("a", "b"), [1, 0], "0 for 'a', 1 for 'b'"),
    ],
)
def test_what_was_guessed_of_the_classes_is_told(
    labels: list[Any], classes: tuple[Any, ...], target: list[Any], note: str
) -> None:
    rows = Rows(features={"x": np.zeros((len(target), 1))}, target=np.array(target))
    observed, notes = judged(answers(labels, classes), rows, "accuracy", None, 0)
    assert observed
    assert [note in one for one in notes] == ([True] if note else [])


def test_a_target_that_counts_from_one_is_told_to_shift() -> None:
    rows = Rows(features={"x": np.zeros((3, 1))}, target=np.array([1, 2, 3]))
    observed, notes = judged(answers([0, 1, 2], (0, 1, 2)), rows, "accuracy", None, 0)
    assert not observed
    assert "the target counts from 1, the model from 0: shift the target" in notes[0]


# --- models ---


def _joblib(path: Path, model: Any) -> Path:
    joblib = pytest.importorskip("joblib")
    joblib.dump(model, path)
    return path


def _label_encoder() -> Any:
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(["a", "b"])


def _of_many_labels() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    return OneVsRestClassifier(LogisticRegression()).fit(np.eye(4), np.array([[0, 1], [1, 0], [1, 1], [0, 0]]))


@pytest.mark.parametrize(("make", "told"), [(_label_encoder, "encodes targets"), (_of_many_labels, "several outputs")])
def test_what_has_no_single_answer_is_no_model(tmp_path: Path, make: Callable[[], Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        artifact_of(_joblib(tmp_path / "m.joblib", make()), trust=True)


def test_a_model_that_was_never_trained_says_so(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    from joulewise.compare import open_model

    predictor = open_model(artifact_of(_joblib(tmp_path / "m.joblib", LogisticRegression()), trust=True))
    with pytest.raises(ModelError, match="not trained"):
        predictor.predict({"x": np.zeros((2, 3))})


def test_the_numbers_of_clusters_are_not_judged_as_classes(tmp_path: Path) -> None:
    from sklearn.cluster import KMeans

    from joulewise.compare import open_model

    x = np.array([[0.0], [0.1], [5.0], [5.1]])
    artifact = artifact_of(_joblib(tmp_path / "m.joblib", KMeans(2, n_init=2, random_state=0).fit(x)), trust=True)
    found = canonical(open_model(artifact).predict({"x": x}), artifact.facts)
    assert found.labels is None
    assert judged(found, Rows(features={"x": x}, target=np.array([0, 0, 1, 1])), "accuracy", None, 0)[0] == []


def test_a_missing_text_is_missing_where_the_model_knows_gaps(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from joulewise.compare import open_model

    frame = pandas.DataFrame(
        {
            "gap": ["a", np.nan, "b", "a", np.nan, "b"],
            "filled": ["c", "c", np.nan, "d", "c", "d"],
            "empty": ["", "e", "e", "", "e", ""],
        }
    ).astype(object)
    encode = OneHotEncoder(handle_unknown="ignore")
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    parts = make_column_transformer((encode, ["gap", "empty"]), (filled, ["filled"]))
    model = make_pipeline(parts, LogisticRegression()).fit(frame, [0, 1, 0, 0, 1, 0])
    artifact = artifact_of(_joblib(tmp_path / "m.joblib", model), trust=True)
    assert artifact.facts["gaps"] == ["filled", "gap"]
    feeds = {name: np.array([cell if isinstance(cell, str) else "" for cell in frame[name]], object) for name in frame}
    np.testing.assert_allclose(open_model(artifact).predict(feeds)["scores"], model.predict_proba(frame))


@pytest.fixture
def boosted(tmp_path: Path) -> Path:
    lightgbm = pytest.importorskip("lightgbm")
    x = np.random.default_rng(0).normal(size=(200, 3))
    data = lightgbm.Dataset(x, (x[:, 0] > 0).astype(int))
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5)
    booster.save_model(tmp_path / "m.txt")
    return tmp_path / "m.txt"


@pytest.mark.parametrize(
    "tear",
    [
        lambda data: data[: data.index(b"Tree=2") + 20],
        lambda data: data.replace(b"num_leaves=", b"num_lea\xffes=", 3),
        lambda data: data.replace(b"Tree=3", b"Tree=33"),
        lambda data: data.replace(b"tree_sizes=", b"tree_sizes=x"),
        lambda data: data.replace(b"Tree=0", b"Bush=0"),
        lambda data: data.replace(b"leaf_value=", b"leaf_value=<html>"),
    ],
)
def test_a_torn_lightgbm_file_does_not_end_the_process(boosted: Path, tear: Callable[[bytes], bytes]) -> None:
    """LightGBM would call abort()."""
    assert artifact_of(boosted).format == "lightgbm"
    boosted.write_bytes(tear(boosted.read_bytes()))
    with pytest.raises(ModelError, match="not as its head says"):
        artifact_of(boosted)


@pytest.mark.parametrize("content", [b'{"learner":{', b'{"learner":\xff{"version":[3,1,0]}}'])
def test_a_torn_xgboost_file_is_a_model_error(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("xgboost")
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(ModelError, match="can't read"):
        artifact_of(tmp_path / "m.json")


def test_xgboost_with_many_labels_is_refused(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1)
    model.fit(np.eye(4), np.array([[0, 1], [1, 0], [1, 1], [0, 0]])).save_model(tmp_path / "m.json")
    with pytest.raises(ModelError, match="several outputs"):
        artifact_of(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("def make(): raise KeyError('weights')", "KeyError: 'weights'"),
        ("def make(): raise SystemExit(3)", "SystemExit: 3"),
        ("def make(name): pass", "TypeError"),
        ("def make(: pass", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_factory_that_fails_is_a_model_error(tmp_path: Path, body: str, told: str) -> None:
    pytest.importorskip("torch")
    name = f"factory_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(body)
    with pytest.raises(ModelError, match=told):
        artifact_of(f"{tmp_path / name}.py:make", trust=True)


# --- ONNX ---


def _onnx(path: Path, place: str | None = None, lacking: str = "") -> Path:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    if place is not None:
        weight = onnx.TensorProto(name="w", dims=[3, 2], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
        weight.external_data.add(key="location", value=place)
    ends = {
        "inputs": [helper.make_tensor_value_info("x", 1, ["n", 3])],
        "outputs": [helper.make_tensor_value_info("y", 1, ["n", 2])],
    }
    if lacking:
        ends[lacking] = []
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", *ends.values(), [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path


@pytest.mark.parametrize("place", ["../w.bin", "/etc/passwd", "", "link.bin"])
def test_weights_outside_the_folder_are_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(24))
    (tmp_path / "m" / "link.bin").symlink_to(tmp_path / "w.bin")
    with pytest.raises(ModelError, match="outside its own folder"):
        artifact_of(_onnx(tmp_path / "m" / "m.onnx", place))


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_weights_that_are_no_file_are_not_there(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "w.bin")
    with pytest.raises(ModelError, match="not beside it"):
        artifact_of(_onnx(tmp_path / "m.onnx", "w.bin"))


@pytest.mark.parametrize("lacking", ["inputs", "outputs"])
def test_a_graph_without_ends_is_told(tmp_path: Path, lacking: str) -> None:
    with pytest.raises(ModelError, match=f"has no {lacking}"):
        artifact_of(_onnx(tmp_path / "m.onnx", lacking=lacking))
