"""Trimming native XGBoost, LightGBM and CatBoost models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact
from joulewise.shrink.transforms.loading import tree_booster
from joulewise.shrink.transforms.trimming import factor, kept


def trim_booster(artifact: Artifact, share: float, rescale: bool, rows: Any, folder: Path) -> Artifact:
    """The booster file with fewer rounds."""
    work: Callable[..., Path] = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}[artifact.format]
    path = work(artifact, share, rescale, rows, folder)
    return Artifact(path=path, format=artifact.format, facts=artifact.facts, steps=artifact.steps)


def trim_xgboost(booster: Any, share: float, rescale: bool, rows: Any) -> Any:
    """The first rounds of an XGBoost booster, leaves rescaled in its JSON."""
    import numpy as np
    import xgboost

    tree_booster(booster)
    data = xgboost.DMatrix(np.asarray(rows, dtype=np.float32), feature_names=booster.feature_names)
    part = booster[: kept(booster.num_boosted_rounds(), share)]
    if rescale:
        whole, less = (each.predict(data, output_margin=True) for each in (booster, part))
        start = _xgboost_start(booster, less.shape)
        _scale_xgboost(part, factor(whole - start, less - start))
    return part


def _xgboost_start(booster: Any, shape: tuple[int, ...]) -> Any:
    """The raw score before the first tree: what a booster without trees answers."""
    import numpy as np

    text = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    score = np.asarray(json.loads(text) if text.startswith("[") else [float(text)], dtype=np.float64)
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective in ("binary:logistic", "reg:logistic", "binary:logitraw"):
        score = np.log(score / (1 - score))
    elif objective in ("count:poisson", "reg:gamma", "reg:tweedie"):
        score = np.log(score)
    return np.broadcast_to(score if score.size in (1, shape[-1]) else score[:1], shape)


def _scale_xgboost(booster: Any, scale: float) -> None:
    content = json.loads(bytes(booster.save_raw("json")))
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        for place, child in enumerate(tree["left_children"]):
            if child == -1:
                tree["split_conditions"][place] *= scale
                tree["base_weights"][place] *= scale
    booster.load_model(bytearray(json.dumps(content).encode()))


def trim_lightgbm(booster: Any, share: float, rescale: bool, rows: Any) -> Any:
    """The first rounds of a LightGBM booster, leaves rescaled. Its start value sits in the first trees."""
    import lightgbm

    count = kept(booster.current_iteration(), share)
    part = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=count))
    if not rescale:
        return part
    whole, less = (each.predict(rows, raw_score=True) for each in (booster, part))
    middle = less.mean(axis=0)
    scale = factor(whole - whole.mean(axis=0), less - middle)
    for tree, content in enumerate(part.dump_model()["tree_info"]):
        leaves = _leaf_values(content["tree_structure"])
        _scale_tree(part, tree, leaves, scale, first=tree < part.num_model_per_iteration())
    return part


def _scale_tree(booster: Any, tree: int, leaves: dict[int, tuple[float, int]], scale: float, *, first: bool) -> None:
    """The first trees carry the start value: their mean over the training rows stays where it is."""
    rows = max(1, sum(count for _, count in leaves.values()))
    middle = sum(value * count for value, count in leaves.values()) / rows if first else 0.0
    for leaf, (value, _) in leaves.items():
        booster.set_leaf_output(tree, leaf, middle + (value - middle) * scale)


def _leaf_values(structure: dict[str, Any]) -> dict[int, tuple[float, int]]:
    """Value and training rows of each leaf."""
    found: dict[int, tuple[float, int]] = {}
    queue = [structure]
    while queue:
        node = queue.pop()
        if "leaf_value" in node:
            found[int(node.get("leaf_index", 0))] = (float(node["leaf_value"]), int(node.get("leaf_count", 1)))
        else:
            queue += [node["left_child"], node["right_child"]]
    return found


def _xgboost(artifact: Artifact, share: float, rescale: bool, rows: Any, folder: Path) -> Path:
    import xgboost

    path = folder / "model.json"
    trim_xgboost(xgboost.Booster(model_file=str(artifact.path)), share, rescale, rows).save_model(str(path))
    return path


def _lightgbm(artifact: Artifact, share: float, rescale: bool, rows: Any, folder: Path) -> Path:
    import lightgbm

    path = folder / "model.txt"
    trim_lightgbm(lightgbm.Booster(model_file=str(artifact.path)), share, rescale, rows).save_model(str(path))
    return path


def _catboost(artifact: Artifact, share: float, rescale: bool, rows: Any, folder: Path) -> Path:
    import catboost
    import numpy as np

    model = catboost.CatBoost()
    model.load_model(str(artifact.path))
    whole = model.predict(rows, prediction_type="RawFormulaVal")
    old_scale, bias = model.get_scale_and_bias()
    model.shrink(kept(model.tree_count_, share))
    if rescale:
        less = model.predict(rows, prediction_type="RawFormulaVal")
        start = np.asarray(bias)
        model.set_scale_and_bias(old_scale * factor(whole - start, less - start), bias)
    path = folder / "model.cbm"
    model.save_model(str(path))
    return path
