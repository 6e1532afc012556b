"""Makers of small real models of every format, trained on the data sets that come with scikit-learn.

Each maker writes into a folder and returns a MadeModel: the path, 50 rows that it was not trained on, and what the
library itself answers to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from joulewise.testing import keras_models, network_models, text_models, tree_models
from joulewise.testing.made import MadeModel, Maker, made, real_rows, scored


def sklearn_classifier(folder: Path) -> MadeModel:
    """Trees over wine, as a joblib file."""
    import joblib
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y, rows, _ = real_rows("wine")
    model = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(x, y)
    joblib.dump(model, folder / "hgb.joblib")
    return made(folder / "hgb.joblib", rows, scored(model, rows), ("sklearn",), (0, 1, 2), trust=True, nan="answered")


def sklearn_text_labels(folder: Path) -> MadeModel:
    """A scaled logistic regression whose classes are words; skops, so that nobody need trust it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skops.io import dump

    x, y, rows, _ = real_rows("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, names[y])
    dump(model, folder / "words.skops")
    return made(folder / "words.skops", rows, scored(model, rows), ("sklearn",), tuple(names.tolist()))


def sklearn_mixed_columns(folder: Path) -> MadeModel:
    """A pipeline over a DataFrame with text and numbers, with a label encoder's work inside."""
    import joblib
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, y, rows, _ = real_rows("iris")
    words = np.array(["short", "middle", "long"], dtype=object)

    def frame(values: Any) -> Any:
        found = pandas.DataFrame(values[:, :3], columns=["sepal", "width", "petal"])
        found["size"] = words[np.digitize(values[:, 3], [0.8, 1.6])]
        return found

    encode = ColumnTransformer(
        [("words", OneHotEncoder(), ["size"]), ("numbers", StandardScaler(), ["sepal", "petal"])]
    )
    table = frame(rows)
    model = make_pipeline(encode, LogisticRegression()).fit(frame(x), y)
    joblib.dump(model, folder / "mixed.joblib")
    feeds = {name: table[name].to_numpy(object if name == "size" else float) for name in table.columns}
    return MadeModel(
        text=str(folder / "mixed.joblib"),
        feeds=feeds,
        answers=scored(model, table),
        task="classification",
        runtimes=("sklearn",),
        classes=(0, 1, 2),
        trust=True,
    )


def onnx_strings(folder: Path) -> MadeModel:
    """The pipeline over text and numbers, converted: one input a column, two axes each, text among them."""
    import joblib
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    mixed = sklearn_mixed_columns(folder)
    kinds = {name: StringTensorType if name == "size" else FloatTensorType for name in mixed.feeds}
    types = [(name, kind([None, 1])) for name, kind in kinds.items()]
    model = joblib.load(mixed.text)
    proto = to_onnx(model, initial_types=types, options={"zipmap": False})
    (folder / "mixed.onnx").write_bytes(proto.SerializeToString())
    columns = {name: values.reshape(-1, 1) for name, values in mixed.feeds.items()}
    used = {each.name for each in proto.graph.input}
    feeds = {n: v if n == "size" else v.astype(np.float32) for n, v in columns.items() if n in used}
    return MadeModel(
        text=str(folder / "mixed.onnx"),
        feeds=feeds,
        answers={"label": mixed.answers["labels"], "probabilities": mixed.answers["scores"]},
        task="classification",
        runtimes=("onnxruntime",),
        classes=(0, 1, 2),
        tolerance=1e-4,
        nan="answered",
    )


def sklearn_network(folder: Path) -> MadeModel:
    """A small network over digits, which refuses NaN."""
    import joblib
    from sklearn.neural_network import MLPClassifier

    x, y, rows, _ = real_rows("digits")
    model = MLPClassifier((16,), max_iter=300, random_state=0, tol=1e-2).fit(x[:400] / 16, y[:400])
    joblib.dump(model, folder / "network.joblib", compress=3)
    answer = scored(model, rows / 16)
    return made(folder / "network.joblib", rows / 16, answer, ("sklearn",), tuple(range(10)), trust=True)


def sklearn_vectors(folder: Path) -> MadeModel:
    """A transformer: rows to shorter vectors."""
    import joblib
    from sklearn.decomposition import PCA

    x, _, rows, _ = real_rows("digits")
    model = PCA(8, random_state=0).fit(x)
    joblib.dump(model, folder / "vectors.joblib")
    answer = {"vectors": model.transform(rows)}
    return made(folder / "vectors.joblib", rows, answer, ("sklearn",), trust=True, task="embedding")


def sklearn_regressor(folder: Path) -> MadeModel:
    """A forest over diabetes, as a plain pickle."""
    import pickle

    from sklearn.ensemble import RandomForestRegressor

    x, y, rows, _ = real_rows("diabetes")
    model = RandomForestRegressor(10, max_depth=6, random_state=0).fit(x, y)
    (folder / "forest.pkl").write_bytes(pickle.dumps(model))
    values = {"values": model.predict(rows)}
    return made(folder / "forest.pkl", rows, values, ("sklearn",), trust=True, nan="answered", task="regression")


def onnx_zipmap(folder: Path) -> MadeModel:
    """skl2onnx as it comes, with dictionaries for scores."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    x, y, rows, _ = real_rows("wine")
    model = LogisticRegression(max_iter=5000).fit(x, y)
    (folder / "zipmap.onnx").write_bytes(to_onnx(model, x[:1].astype(np.float32)).SerializeToString())
    found = scored(model, rows)
    answers = {"output_label": found["labels"], "output_probability": found["scores"]}
    return MadeModel(
        text=str(folder / "zipmap.onnx"),
        feeds={"X": rows.astype(np.float32)},
        answers=answers,
        task="classification",
        runtimes=("onnxruntime",),
        classes=(0, 1, 2),
        tolerance=1e-4,
        nan="answered",
    )


def onnx_trees_in_doubles(folder: Path) -> MadeModel:
    """A tree ensemble with float64 inputs and text labels."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier

    x, y, rows, _ = real_rows("breast_cancer")
    names = np.array(["malignant", "benign"])
    model = RandomForestClassifier(10, random_state=0).fit(x, names[y])
    proto = to_onnx(model, x[:1], options={"zipmap": False})
    (folder / "doubles.onnx").write_bytes(proto.SerializeToString())
    found = scored(model, rows)
    return MadeModel(
        text=str(folder / "doubles.onnx"),
        feeds={"X": rows},
        answers={"label": found["labels"], "probabilities": found["scores"]},
        task="classification",
        runtimes=("onnxruntime",),
        classes=("benign", "malignant"),
        nan="answered",
    )


def linear_folder(folder: Path) -> MadeModel:
    """A scaled logistic regression in our own format."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from joulewise.compare.facts import BATCH, answers, entry
    from joulewise.compare.linear_files import write_linear

    x, y, rows, _ = real_rows("breast_cancer")
    scaler = StandardScaler().fit(x)
    model = LogisticRegression().fit(scaler.transform(x), y)
    steps = [
        {"op": "scale", "shift": scaler.mean_, "factor": 1 / scaler.scale_},
        {"op": "dense", "weight": model.coef_.T, "bias": model.intercept_, "activation": "logistic"},
    ]
    facts = {"inputs": [entry("x", "float64", (BATCH, 30))], **answers("classification", classes=[0, 1])}
    path = write_linear(folder / "cancer-linear", steps, facts)
    return made(path, rows, scored(model, scaler.transform(rows)), ("numpy",), (0, 1), nan="answered")


MAKERS: dict[str, tuple[str, Maker]] = {
    "catboost-classifier": ("catboost", tree_models.catboost_classifier),
    "catboost-regressor": ("catboost", tree_models.catboost_regressor),
    "compiled-trees": ("tl2cgen", tree_models.compiled_forest),
    "compiled-trees-regressor": ("tl2cgen", tree_models.compiled_regressor),
    "compiled-trees-words": ("tl2cgen", tree_models.compiled_boosted),
    "hf-classifier": ("transformers", text_models.hf_classifier),
    "hf-encoder": ("transformers", text_models.hf_encoder),
    "keras": ("tensorflow", keras_models.keras_file),
    "lightgbm-classifier": ("lightgbm", tree_models.lightgbm_classifier),
    "lightgbm-regressor": ("lightgbm", tree_models.lightgbm_regressor),
    "linear": ("sklearn", linear_folder),
    "onnx-doubles": ("skl2onnx", onnx_trees_in_doubles),
    "onnx-external": ("onnxscript", network_models.onnx_external),
    "onnx-network": ("onnxscript", network_models.onnx_network),
    "onnx-strings": ("skl2onnx", onnx_strings),
    "onnx-zipmap": ("skl2onnx", onnx_zipmap),
    "openvino": ("openvino", network_models.openvino_ir),
    "saved-model": ("tensorflow", keras_models.saved_model),
    "sklearn-classifier": ("sklearn", sklearn_classifier),
    "sklearn-mixed": ("pandas", sklearn_mixed_columns),
    "sklearn-regressor": ("sklearn", sklearn_regressor),
    "sklearn-strict": ("sklearn", sklearn_network),
    "sklearn-text": ("sklearn", text_models.sklearn_text),
    "sklearn-vectors": ("sklearn", sklearn_vectors),
    "skops-words": ("skops", sklearn_text_labels),
    "torch-export": ("torch", network_models.torch_export),
    "torch-module": ("torch", network_models.torch_module),
    "torchscript": ("torch", network_models.torchscript),
    "treelite": ("treelite", tree_models.treelite_checkpoint),
    "treelite-regressor": ("treelite", tree_models.treelite_regressor),
    "xgboost-binary": ("xgboost", tree_models.xgboost_binary),
    "xgboost-classifier": ("xgboost", tree_models.xgboost_classifier),
    "xgboost-regressor": ("xgboost", tree_models.xgboost_regressor),
}
"""By name: the package without which the maker can't work, and the maker."""
