"""What runtimes answer, against the formula: layers of ours, pooling of encoders, columns of text, and their faults."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from joulewise.compare import artifact_of
from joulewise.compare.facts import BATCH, answers, entry
from joulewise.compare.linear_files import read_linear, write_linear
from joulewise.compare.opening import open_model
from joulewise.core.errors import DataError, ModelError
from joulewise.core.runtimes import Artifact, RunOptions

X = np.random.default_rng(0).normal(size=(5, 3))
W = np.random.default_rng(1).normal(size=(3, 2))
B = np.array([0.5, -1.0])


def softmax(z: Any) -> Any:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


FORMULAS: dict[str, Any] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "softmax": softmax,
}


def linear(folder: Path, steps: list[dict[str, Any]], dtype: str = "float64", **more: Any) -> Any:
    facts = {"inputs": [entry("x", dtype, (BATCH, 3))], **answers(**{"task": "regression", "width": 2, **more})}
    path = write_linear(folder / "model", steps, facts)
    return open_model(Artifact(path=path, format="linear", facts=facts), options=RunOptions())


@pytest.mark.parametrize("activation", FORMULAS)
@pytest.mark.parametrize("bias", [B, None], ids=["bias", "no bias"])
def test_a_dense_layer_is_its_formula(tmp_path: Path, activation: str, bias: Any) -> None:
    model = linear(tmp_path, [{"op": "dense", "weight": W, "bias": bias, "activation": activation}])
    wanted = FORMULAS[activation](X @ W + (0 if bias is None else bias))
    np.testing.assert_allclose(model.predict({"x": X})["values"], wanted, rtol=1e-12)


@pytest.mark.parametrize("shift", [np.array([1.0, 2.0, 3.0]), None], ids=["shift", "no shift"])
@pytest.mark.parametrize("factor", [np.array([0.5, 2.0, 4.0]), None], ids=["factor", "no factor"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_scale_is_its_formula_also_where_it_goes_into_the_weights(
    tmp_path: Path, shift: Any, factor: Any, dtype: str
) -> None:
    if shift is None and factor is None:
        return
    steps = [{"op": "scale", "shift": shift, "factor": factor}, {"op": "dense", "weight": W.astype(dtype), "bias": B}]
    if dtype == "float32":
        steps = [{key: value.astype(dtype) if hasattr(value, "astype") else value for key, value in step.items()}
                 for step in steps]  # fmt: skip
    found = linear(tmp_path, steps, dtype).predict({"x": X.astype(dtype)})["values"]
    scaled = (X - (0 if shift is None else shift)) * (1 if factor is None else factor)
    np.testing.assert_allclose(found, scaled @ W + B, rtol=1e-10 if dtype == "float64" else 1e-4, atol=1e-5)
    assert found.dtype == dtype


def test_a_column_of_log_odds_becomes_two_shares_that_sum_to_one(tmp_path: Path) -> None:
    steps = [{"op": "dense", "weight": W[:, :1] * 50, "activation": "logistic"}]
    found = linear(tmp_path, steps, task="classification", classes=["no", "yes"], width=None).predict({"x": X})
    odds = X @ W[:, 0] * 50
    np.testing.assert_allclose(found["scores"][:, 1], 1 / (1 + np.exp(-odds)), atol=1e-12)
    np.testing.assert_allclose(found["scores"].sum(axis=1), 1)
    assert found["labels"].tolist() == ["yes" if odd > 0 else "no" for odd in odds]


def test_a_linear_folder_that_is_torn_newer_or_strange_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no step 'sparse'") as refused:
        write_linear(tmp_path / "m", [{"op": "sparse"}], {})
    assert refused.value.hint == "one of scale, dense"
    with pytest.raises(ModelError, match="no activation 'sine'"):
        write_linear(tmp_path / "m", [{"op": "dense", "weight": W, "activation": "sine"}], {})
    path = write_linear(tmp_path / "m", [{"op": "dense", "weight": W}], {})
    text = (path / "linear.json").read_text()
    (path / "linear.json").write_text(text.replace('"version": 1', '"version": 2'))
    with pytest.raises(ModelError, match="is of version 2") as refused:
        read_linear(path)
    assert refused.value.hint == "upgrade joulewise"
    (path / "linear.json").write_text(text[:20])
    with pytest.raises(ModelError, match="is torn") as refused:
        read_linear(path)
    assert refused.value.hint == "write it again"


@pytest.mark.parametrize("pooling", ["cls", "max", "mean"])
@pytest.mark.parametrize("normalise", [False, True])
def test_an_encoder_pools_over_the_tokens_that_count(pooling: str, normalise: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from joulewise.compare.runtimes.hf_modules import Encoder

    hidden = np.array([[[1.0, 4.0], [3.0, 2.0], [100.0, 100.0]], [[5.0, 0.0], [9.0, 9.0], [9.0, 9.0]]])
    mask = np.array([[1, 1, 0], [1, 0, 0]])

    class Told(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            return SimpleNamespace(last_hidden_state=torch.from_numpy(hidden))

    encoder = Encoder(Told(), pooling, normalise)
    found = encoder(torch.zeros(2, 3), torch.from_numpy(mask)).numpy()
    wanted = {"cls": [[1, 4], [5, 0]], "max": [[3, 4], [5, 0]], "mean": [[2, 3], [5, 0]]}[pooling]
    lengths = np.linalg.norm(wanted, axis=1, keepdims=True) if normalise else 1
    np.testing.assert_allclose(found, np.array(wanted) / lengths)


def test_a_folder_that_transformers_does_not_know_says_what_it_said(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from joulewise.compare.runtimes.hf_modules import module_of_folder

    (tmp_path / "config.json").write_text('{"model_type": "of-the-future"}')
    with pytest.raises(ModelError, match=r"transformers .* can't load .*of-the-future") as refused:
        module_of_folder(Artifact(path=tmp_path, format="hf", facts={}))
    assert "pip install -U transformers" in refused.value.hint


def test_texts_become_padded_tokens_cut_at_the_models_limit(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from joulewise.compare.runtimes.hf import tokens

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nsave\nenergy\n")
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(str(tmp_path))
    artifact = Artifact(path=tmp_path, format="hf", facts={"max_length": 5})
    found = tokens(artifact, ["save", "save energy save energy"])
    assert found["input_ids"].tolist() == [[2, 5, 3, 0, 0], [2, 5, 6, 5, 3]]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert found["input_ids"].dtype == np.int64
    assert tokens(artifact, ["save"], length=8)["input_ids"].shape == (1, 8)


def test_faults_of_pytorch_are_told_by_their_cause(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from joulewise.compare.runtimes.torch import answer_of

    facts = {"inputs": [{"name": "x"}], "outputs": [{"name": "y"}]}
    artifact = Artifact(path=tmp_path, format="torch-module", facts=facts)

    def failing(text: str) -> Any:
        def module(_rows: Any) -> Any:
            raise RuntimeError(text)

        return answer_of(module, artifact)

    with pytest.raises(ModelError, match="PyTorch ran out of memory") as refused:
        failing("DefaultCPUAllocator: can't allocate memory")({"x": X})
    assert refused.value.hint == "a smaller batch"
    with pytest.raises(DataError, match="PyTorch refuses the rows: sizes differ"):
        failing("sizes differ\nand more")({"x": X})
    with pytest.raises(DataError, match="PyTorch can't take an array of object"):
        answer_of(lambda rows: rows, artifact)({"x": X.astype(object)})
    frozen = X.copy()
    frozen.flags.writeable = False
    half = answer_of(lambda rows: {"other": rows.to(torch.bfloat16)}, artifact)({"x": frozen})
    assert half["y"].dtype == np.float32  # NumPy has no bfloat16; the model's own name of its output gives way


def test_a_tree_model_with_columns_of_text_is_fed_by_name(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    table = [[float(at), "sl"[at % 2]] for at in range(40)]
    settings = {"iterations": 3, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoostRegressor(**settings, cat_features=[1]).fit(table, [len(row[1]) + row[0] for row in table])
    model.save_model(str(tmp_path / "m.cbm"))
    facts = {
        "inputs": [entry("0", "float32", (BATCH,)), entry("1", "object", (BATCH,))], **answers("regression"),
    }  # fmt: skip
    opened = open_model(Artifact(path=tmp_path / "m.cbm", format="catboost", facts=facts))
    feeds = {"0": np.arange(4, dtype=np.float32), "1": np.array(["s", "l", "s", "l"], dtype=object)}
    np.testing.assert_allclose(opened.predict(feeds)["values"], model.predict(table[:4]))
    opened.close()
    with pytest.raises(ModelError, match="the predictor was closed") as refused:
        opened.predict(feeds)
    assert refused.value.hint == "open the model again"


def test_a_format_that_a_runtime_does_not_take_is_refused_with_those_that_do(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m", [{"op": "dense", "weight": W}], {})
    artifact = Artifact(path=path, format="linear", facts={"task": "regression", "inputs": [], "outputs": []})
    with pytest.raises(ModelError, match="sklearn does not run linear models") as refused:
        open_model(artifact, "sklearn")
    assert refused.value.hint == "one of: numpy; or convert it first"


def test_a_catboost_model_in_a_joblib_file_is_told_its_own_format(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    joblib = pytest.importorskip("joblib")
    settings = {"iterations": 2, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    joblib.dump(catboost.CatBoostRegressor(**settings).fit(X, X[:, 0]), tmp_path / "m.joblib")
    artifact = artifact_of(tmp_path / "m.joblib", trust=True)

    with pytest.raises(ModelError, match="threads of CatBoostRegressor") as caught:
        open_model(artifact, options=RunOptions(threads=1))
    assert "model.cbm" in caught.value.hint


def test_a_regressor_of_catboost_in_a_joblib_file_answers_with_values(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    joblib = pytest.importorskip("joblib")
    model = catboost.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False).fit(X, X[:, 0])
    joblib.dump(model, tmp_path / "m.joblib")
    artifact = artifact_of(tmp_path / "m.joblib", trust=True)

    assert artifact.facts["task"] == "regression"
    found = open_model(artifact, options=RunOptions(threads=1)).predict({"x": X})
    assert found["values"] == pytest.approx(model.predict(X))
