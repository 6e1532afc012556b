"""Native XGBoost, LightGBM and CatBoost models to ONNX, each by the converter made for it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact
from joulewise.shrink.transforms.loading import tree_booster
from joulewise.shrink.transforms.onnx_graphs import strip_zipmaps

INPUT = "x"


def convert_booster(artifact: Artifact) -> Any:
    """An ONNX model of an artifact of format xgboost, lightgbm or catboost."""
    model = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}[artifact.format](artifact)
    strip_zipmaps(model)
    return model


def input_name(artifact: Artifact) -> str:
    inputs = artifact.facts.get("inputs") or [{"name": INPUT}]
    if len(inputs) > 1:
        raise ModelError("the booster takes several inputs, its converter only one matrix of numbers")
    return str(inputs[0]["name"])


def _xgboost(artifact: Artifact) -> Any:
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = xgboost.Booster()
    booster.load_model(str(artifact.path))
    tree_booster(booster)
    names = booster.feature_names
    count = booster.num_features()
    booster.feature_names = None  # The converter wants f0, f1, ...
    try:
        return convert_xgboost(booster, initial_types=[(input_name(artifact), FloatTensorType([None, count]))])
    finally:
        booster.feature_names = names


def _lightgbm(artifact: Artifact) -> Any:
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = lightgbm.Booster(model_file=str(artifact.path))
    kinds = [(input_name(artifact), FloatTensorType([None, booster.num_feature()]))]
    return convert_lightgbm(booster, initial_types=kinds, zipmap=False)


def _catboost(artifact: Artifact) -> Any:
    import catboost
    import onnx

    model = catboost.CatBoost()
    model.load_model(str(artifact.path))
    if model.get_cat_feature_indices():
        raise ModelError(
            "CatBoost exports no categorical features to ONNX", hint="keep the catboost runtime, or encode them before"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.save_model(str(path), format="onnx")
        converted = onnx.load(str(path))
    _rename_input(converted, input_name(artifact))
    return converted


def _rename_input(model: Any, name: str) -> None:
    old = model.graph.input[0].name
    model.graph.input[0].name = name
    for node in model.graph.node:
        for place, text in enumerate(node.input):
            if text == old:
                node.input[place] = name
