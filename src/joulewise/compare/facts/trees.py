"""Boosted trees in their own formats: XGBoost, LightGBM, CatBoost, and treelite's checkpoints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from joulewise.compare.facts import BATCH, SEVERAL, answers, entry
from joulewise.core.errors import ModelError, PluginMissing

_TREELITE_BINARY = 0  # TaskType::kBinaryClf
_TREE_LINE = re.compile(rb"(Tree=\d+|[a-z_]+=[-+\d.einfa ]*|)\r?", re.IGNORECASE)


def describe(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a file of trees."""
    del trust  # plain data in all of them
    return {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost, "treelite": _treelite}[form](path)


def _matrix(width: int, columns: list[str] | None, dtype: str = "float32") -> dict[str, Any]:
    facts: dict[str, Any] = {"inputs": [entry("x", dtype, (BATCH, width or "features"))]}
    return facts | ({"columns": columns} if columns else {})


def load_xgboost(path: Path) -> Any:
    """A Booster. Raises ModelError for a torn file."""
    try:
        import xgboost
    except ImportError as error:
        raise PluginMissing(f"{path} needs xgboost", hint="pip install 'joulewise[xgboost]'") from error
    try:
        return xgboost.Booster(model_file=str(path))
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ModelError(
            f"XGBoost can't read {path}: {_first_line(error)}", hint="save_model('model.json') anew"
        ) from error


def _xgboost(path: Path) -> dict[str, Any]:
    booster = load_xgboost(path)
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    sizes = learner["learner_model_param"]
    facts = {**_matrix(booster.num_features(), booster.feature_names), "objective": objective}
    classes = int(sizes.get("num_class") or 0)
    targets = int(sizes.get("num_target") or 1)
    if targets > 1 and objective.startswith("binary:"):
        raise ModelError(SEVERAL, hint="bench one output at a time")
    if objective.startswith("binary:") and objective != "binary:hinge":
        return facts | answers("classification", classes=[0, 1], dtype="float32")
    if objective.startswith("multi:"):
        return facts | answers("classification", classes=range(classes), dtype="float32")
    return facts | answers("regression", dtype="float32", width=targets if targets > 1 else None)


def load_lightgbm(path: Path) -> Any:
    """A Booster. Raises ModelError for a torn file."""
    try:
        import lightgbm
    except ImportError as error:
        raise PluginMissing(f"{path} needs lightgbm", hint="pip install 'joulewise[lightgbm]'") from error
    _check_lightgbm(path)
    try:
        return lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(f"LightGBM can't read {path}: {error}", hint="booster.save_model('model.txt') anew") from error


def _check_lightgbm(path: Path) -> None:
    """LightGBM reads trees in threads, where an error ends the process: torn files are told before."""
    data = path.read_bytes()
    sizes = next((line for line in data[: 1 << 20].splitlines() if line.startswith(b"tree_sizes=")), b"")
    at, end = data.find(b"\nTree=0") + 1, data.rfind(b"end of trees")
    whole = end > 0 and (at > 0 or not sizes)
    for size in sizes.partition(b"=")[2].split():
        whole = whole and size.isdigit() and data.startswith(b"Tree=", at)
        at += int(size) if size.isdigit() else 0
    if not whole or not all(_TREE_LINE.fullmatch(line) for line in data[data.find(b"\nTree=0") : end].split(b"\n")):
        raise ModelError(
            f"LightGBM can't read {path}: its trees are not as its head says",
            hint="booster.save_model('model.txt') anew",
        )


def _lightgbm(path: Path) -> dict[str, Any]:
    booster = load_lightgbm(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        head = [next(file, "").strip() for _ in range(40)]
    objective = next((line.partition("=")[2] for line in head if line.startswith("objective=")), "")
    names = booster.feature_name()
    plain = all(name == f"Column_{at}" for at, name in enumerate(names))
    facts = {**_matrix(booster.num_feature(), None if plain else names, "float64"), "objective": objective}
    if objective.startswith(("binary", "cross_entropy")):
        return facts | answers("classification", classes=[0, 1])
    if objective.startswith("multiclass"):
        return facts | answers("classification", classes=range(booster.num_model_per_iteration()))
    return facts | answers("regression")


def load_catboost(path: Path) -> Any:
    """A CatBoost model of the kind that its loss says. Raises ModelError for a torn file."""
    try:
        import catboost
    except ImportError as error:
        raise PluginMissing(f"{path} needs catboost", hint="pip install 'joulewise[catboost]'") from error
    with path.open("rb") as file:
        form = "cbm" if file.read(4) == b"CBM1" else "json"
    try:
        return catboost.CatBoost().load_model(str(path), format=form)
    except catboost.CatBoostError as error:
        raise ModelError(f"CatBoost can't read {path}: {error}", hint="save_model('model.cbm') anew") from error


def _catboost(path: Path) -> dict[str, Any]:
    model = load_catboost(path)
    names = list(model.feature_names_ or ())
    plain = all(name == str(at) for at, name in enumerate(names))
    categorical = set(model.get_cat_feature_indices()) | set(model.get_text_feature_indices())
    facts = _matrix(len(names), None if plain else names)
    if categorical:
        kinds = ["object" if at in categorical else "float32" for at in range(len(names))]
        facts["inputs"] = [entry(name, kind, (BATCH,)) for name, kind in zip(names, kinds, strict=True)]
        facts["columns"] = names
    classes = [each.item() if hasattr(each, "item") else each for each in model.classes_]
    return facts | (answers("classification", classes=classes) if classes else answers("regression"))


def load_treelite(path: Path) -> Any:
    """A treelite model. Raises ModelError for a torn file."""
    try:
        import treelite
    except ImportError as error:
        raise PluginMissing(f"{path} needs treelite", hint="pip install 'joulewise[trees]'") from error
    try:
        return treelite.Model.deserialize(str(path))
    except treelite.TreeliteError as error:
        raise ModelError(f"treelite can't read {path}: {_first_line(error)}", hint="model.serialize() anew") from error


def _treelite(path: Path) -> dict[str, Any]:
    model = load_treelite(path)
    header = model.get_header_accessor()
    classes, kind = int(header.get_field("num_class")[0]), int(header.get_field("task_type")[0])
    post, targets = str(header.get_field("postprocessor")), int(header.get_field("num_target")[0])
    dtype = str(model.input_type)
    facts = {**_matrix(model.num_feature, None, dtype), "postprocessor": post}
    if classes > 1:
        return facts | answers("classification", classes=range(classes), dtype=dtype)
    if kind == _TREELITE_BINARY or post == "sigmoid":
        return facts | answers("classification", classes=[0, 1], dtype=dtype)
    return facts | answers("regression", dtype=dtype, width=targets if targets > 1 else None)


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
