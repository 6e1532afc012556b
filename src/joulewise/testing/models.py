"""Makers of small real models of every format, trained on the data sets that come with scikit-learn.

Each maker writes into a folder and returns a MadeModel: the path, 50 rows that it was not trained on, and what the
library itself answers to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeModel:
    """A model with rows and the library's own answer. `text` is what the user would type; `tolerance` is absolute."""

    text: str
    feeds: Mapping[str, Any]
    answers: Mapping[str, Any]
    task: str
    runtimes: tuple[str, ...]
    classes: tuple[Any, ...] = ()
    trust: bool = False
    tolerance: float = 1e-5
    nan: str = "refused"
    """What NaN in the rows leads to: refused (DataError), or answered."""
    facts: Mapping[str, Any] = field(default_factory=dict)


Maker = Callable[[Path], MadeModel]


@lru_cache(maxsize=8)
def real_rows(name: str) -> tuple[Any, Any, Any, Any]:
    """x to train, y to train, 50 rows that judge, their y: breast_cancer, diabetes, digits, iris or wine."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(4).permutation(len(x))
    x, y = x[order], y[order]
    return x[ROWS:], y[ROWS:], x[:ROWS], y[:ROWS]


def _scored(model: Any, rows: Any) -> dict[str, Any]:
    return {"labels": model.predict(rows), "scores": model.predict_proba(rows)}


def sklearn_classifier(folder: Path) -> MadeModel:
    """Trees over wine, as a joblib file."""
    import joblib
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y, rows, _ = real_rows("wine")
    model = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(x, y)
    joblib.dump(model, folder / "hgb.joblib")
    return _made(folder / "hgb.joblib", rows, _scored(model, rows), ("sklearn",), (0, 1, 2), trust=True, nan="answered")


def sklearn_text_labels(folder: Path) -> MadeModel:
    """A scaled logistic regression whose classes are words; skops, so that nobody need trust it."""
    from skops.io import dump
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, rows, _ = real_rows("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, names[y])
    dump(model, folder / "words.skops")
    return _made(folder / "words.skops", rows, _scored(model, rows), ("sklearn",), tuple(names.tolist()))


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

    encode = ColumnTransformer([("words", OneHotEncoder(), ["size"]), ("numbers", StandardScaler(), ["sepal", "petal"])])
    table = frame(rows)
    model = make_pipeline(encode, LogisticRegression()).fit(frame(x), y)
    joblib.dump(model, folder / "mixed.joblib")
    feeds = {name: table[name].to_numpy(object if name == "size" else float) for name in table.columns}
    return MadeModel(
        text=str(folder / "mixed.joblib"),
        feeds=feeds,
        answers=_scored(model, table),
        task="classification",
        runtimes=("sklearn",),
        classes=(0, 1, 2),
        trust=True,
    )


def sklearn_regressor(folder: Path) -> MadeModel:
    """A forest over diabetes, as a plain pickle."""
    import pickle

    from sklearn.ensemble import RandomForestRegressor

    x, y, rows, _ = real_rows("diabetes")
    model = RandomForestRegressor(10, max_depth=6, random_state=0).fit(x, y)
    (folder / "forest.pkl").write_bytes(pickle.dumps(model))
    values = {"values": model.predict(rows)}
    return _made(folder / "forest.pkl", rows, values, ("sklearn",), trust=True, nan="answered", task="regression")


def onnx_zipmap(folder: Path) -> MadeModel:
    """skl2onnx as it comes, with dictionaries for scores."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    x, y, rows, _ = real_rows("wine")
    model = LogisticRegression(max_iter=5000).fit(x, y)
    (folder / "zipmap.onnx").write_bytes(to_onnx(model, x[:1].astype(np.float32)).SerializeToString())
    found = _scored(model, rows)
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
    found = _scored(model, rows)
    return MadeModel(
        text=str(folder / "doubles.onnx"),
        feeds={"X": rows},
        answers={"label": found["labels"], "probabilities": found["scores"]},
        task="classification",
        runtimes=("onnxruntime",),
        classes=("benign", "malignant"),
        nan="answered",
    )


def _digits_module(folder: Path) -> tuple[Any, Any, Any]:
    """A small convolutional network, trained for a moment on digits, and 50 images."""
    import torch

    torch.manual_seed(0)
    x, y, rows, _ = real_rows("digits")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(128, 10),
    )
    images = torch.from_numpy((x / 16).astype(np.float32)).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(y)
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for at in range(0, len(images), 64):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(images[at : at + 64]), labels[at : at + 64]).backward()
        optimiser.step()
    module.eval()
    judged = (rows / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    with torch.inference_mode():
        answer = module(torch.from_numpy(judged)).numpy()
    del folder
    return module, judged, answer


def _network(path: Path | str, images: Any, answer: Any, name: str, out: str, runtimes: tuple[str, ...], **more: Any) -> Any:
    known: dict[str, Any] = {"task": "classification", "tolerance": 1e-4, "nan": "answered"}
    return MadeModel(
        text=str(path), feeds={name: images}, answers={out: answer}, runtimes=runtimes, **{**known, **more}
    )


def onnx_network(folder: Path) -> MadeModel:
    """A network exported by PyTorch with a free batch; ONNX Runtime and OpenVINO both run it."""
    module, images, answer = _digits_module(folder)
    export_network(module, images, folder / "network.onnx")
    return _network(folder / "network.onnx", images, answer, "image", "logits", ("onnxruntime", "openvino"))


def onnx_external(folder: Path) -> MadeModel:
    """The same with its weights in a second file."""
    import onnx

    made = onnx_network(folder)
    model = onnx.load(made.text)
    path = folder / "outside.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="outside.bin", size_threshold=1024)
    images, answer = made.feeds["image"], made.answers["logits"]
    return _network(path, images, answer, "image", "logits", ("onnxruntime", "openvino"))


def export_network(module: Any, images: Any, path: Path) -> None:
    """ONNX with a free batch, by the exporter that PyTorch recommends."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            module,
            (torch.from_numpy(images[:2]),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=({0: batch},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def torch_export(folder: Path) -> MadeModel:
    """A torch.export archive with a free batch."""
    import torch

    module, images, answer = _digits_module(folder)
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.from_numpy(images[:2]),), dynamic_shapes=({0: batch},))
    torch.export.save(program, str(folder / "digits.pt2"))
    return _network(folder / "digits.pt2", images, answer, "input", "output", ("torch",))


def torchscript(folder: Path) -> MadeModel:
    """A traced module."""
    import warnings

    import torch

    module, images, answer = _digits_module(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module, torch.from_numpy(images[:2])).save(str(folder / "digits.pt"))
    return _network(folder / "digits.pt", images, answer, "input", "output", ("torch",))


def openvino_ir(folder: Path) -> MadeModel:
    """The network converted to OpenVINO's own files."""
    import openvino

    made = onnx_network(folder)
    path = folder / "network.xml"
    openvino.save_model(openvino.Core().read_model(made.text), str(path), compress_to_fp16=False)
    return _network(path, made.feeds["image"], made.answers["logits"], "image", "logits", ("openvino",))


def xgboost_classifier(folder: Path) -> MadeModel:
    """Three classes, XGBoost's JSON."""
    import xgboost

    x, y, rows, _ = real_rows("wine")
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "wine.json")
    return _single(folder / "wine.json", rows, _scored(model, rows), ("xgboost",), (0, 1, 2))


def xgboost_binary(folder: Path) -> MadeModel:
    """Two classes, UBJSON."""
    import xgboost

    x, y, rows, _ = real_rows("breast_cancer")
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "cancer.ubj")
    return _single(folder / "cancer.ubj", rows, _scored(model, rows), ("xgboost",), (0, 1))


def xgboost_regressor(folder: Path) -> MadeModel:
    import xgboost

    x, y, rows, _ = real_rows("diabetes")
    model = xgboost.XGBRegressor(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "diabetes.ubj")
    return _single(folder / "diabetes.ubj", rows, {"values": model.predict(rows)}, ("xgboost",), tolerance=1e-3)


def lightgbm_classifier(folder: Path) -> MadeModel:
    import lightgbm

    x, y, rows, _ = real_rows("wine")
    data = lightgbm.Dataset(x, y)
    told = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(told, data, num_boost_round=10)
    model.save_model(str(folder / "wine.txt"))
    scores = model.predict(rows)
    answers = {"labels": scores.argmax(axis=1), "scores": scores}
    return _made(folder / "wine.txt", rows, answers, ("lightgbm",), (0, 1, 2), nan="answered")


def lightgbm_regressor(folder: Path) -> MadeModel:
    import lightgbm

    x, y, rows, _ = real_rows("diabetes")
    told = {"objective": "regression", "verbose": -1, "num_threads": 1}
    model = lightgbm.train(told, lightgbm.Dataset(x, y), num_boost_round=10)
    model.save_model(str(folder / "diabetes.txt"))
    return _made(folder / "diabetes.txt", rows, {"values": model.predict(rows)}, ("lightgbm",), nan="answered")


def catboost_classifier(folder: Path) -> MadeModel:
    import catboost

    x, y, rows, _ = real_rows("wine")
    names = np.array(["barolo", "grignolino", "barbera"])
    told = {"iterations": 10, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(**told).fit(x, names[y])
    model.save_model(str(folder / "wine.cbm"))
    narrow = rows.astype(np.float32)
    answers = {"labels": model.predict(narrow).reshape(-1), "scores": model.predict_proba(narrow)}
    return _single(folder / "wine.cbm", rows, answers, ("catboost",), ("barbera", "barolo", "grignolino"))


def catboost_regressor(folder: Path) -> MadeModel:
    import catboost

    x, y, rows, _ = real_rows("diabetes")
    told = {"iterations": 10, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoostRegressor(**told).fit(x, y)
    model.save_model(str(folder / "diabetes.cbm"))
    values = {"values": model.predict(rows.astype(np.float32))}
    return _single(folder / "diabetes.cbm", rows, values, ("catboost",))


def treelite_checkpoint(folder: Path) -> MadeModel:
    import treelite
    from sklearn.ensemble import RandomForestClassifier

    x, y, rows, _ = real_rows("breast_cancer")
    model = RandomForestClassifier(10, random_state=0).fit(x, y)
    treelite.sklearn.import_model(model).serialize(str(folder / "forest.tl"))
    return _made(folder / "forest.tl", rows, _scored(model, rows), ("treelite",), (0, 1), nan="answered")


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
    return _made(path, rows, _scored(model, scaler.transform(rows)), ("numpy",), (0, 1), nan="answered")


def _made(
    path: Path, rows: Any, answers: Mapping[str, Any], runtimes: tuple[str, ...], classes: Any = (), **more: Any
) -> MadeModel:
    known = {"task": "classification" if classes else "regression", **more}
    return MadeModel(
        text=str(path), feeds={"x": rows}, answers=answers, runtimes=runtimes, classes=classes, **known
    )


def _single(path: Path, rows: Any, answers: Any, runtimes: tuple[str, ...], classes: Any = (), **more: Any) -> MadeModel:
    """A library that reads 32-bit floats."""
    return _made(path, rows.astype(np.float32), answers, runtimes, classes, **{"nan": "answered", **more})


MAKERS: dict[str, tuple[str, Maker]] = {
    "catboost-classifier": ("catboost", catboost_classifier),
    "catboost-regressor": ("catboost", catboost_regressor),
    "lightgbm-classifier": ("lightgbm", lightgbm_classifier),
    "lightgbm-regressor": ("lightgbm", lightgbm_regressor),
    "linear": ("sklearn", linear_folder),
    "onnx-doubles": ("skl2onnx", onnx_trees_in_doubles),
    "onnx-external": ("onnxscript", onnx_external),
    "onnx-network": ("onnxscript", onnx_network),
    "onnx-zipmap": ("skl2onnx", onnx_zipmap),
    "openvino": ("openvino", openvino_ir),
    "sklearn-classifier": ("sklearn", sklearn_classifier),
    "sklearn-mixed": ("pandas", sklearn_mixed_columns),
    "sklearn-regressor": ("sklearn", sklearn_regressor),
    "skops-words": ("skops", sklearn_text_labels),
    "torch-export": ("torch", torch_export),
    "torchscript": ("torch", torchscript),
    "treelite": ("treelite", treelite_checkpoint),
    "xgboost-binary": ("xgboost", xgboost_binary),
    "xgboost-classifier": ("xgboost", xgboost_classifier),
    "xgboost-regressor": ("xgboost", xgboost_regressor),
}
"""By name: the package without which the maker can't work, and the maker."""
