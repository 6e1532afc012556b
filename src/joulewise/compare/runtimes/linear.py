"""Plain NumPy: linear and logistic models with their scaler, and small networks, in the model's own dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from joulewise.compare.linear_files import read_linear
from joulewise.compare.runtimes.predicting import CheckedPredictor, class_array, predictor_of
from joulewise.core.runtimes import Artifact, RunOptions

Layer = Callable[[Any], Any]


class NumPyLinear:
    """Runs folders of `linear_files.write_linear`."""

    name = "numpy"
    formats = ("linear",)

    @property
    def version(self) -> str:
        return np.__version__

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        layers = [_layer(step) for step in read_linear(artifact.path)]
        ThreadpoolController().limit(limits=options.threads)
        facts = artifact.facts
        classes = class_array(facts["classes"]) if facts["task"] == "classification" else None
        return predictor_of(artifact, _answer(layers, classes))


def _answer(layers: Sequence[Layer], classes: Any) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def scores_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        found = feeds["x"]
        for layer in layers:
            found = layer(found)
        if found.shape[1] > 1:
            return {"labels": classes[found.argmax(axis=1)], "scores": found}
        both = np.empty((found.shape[0], 2), found.dtype)
        both[:, 1:] = found
        np.subtract(1, found, out=both[:, :1])
        return {"labels": classes[(both[:, 1] > both[:, 0]).view(np.int8)], "scores": both}

    def values_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        found = feeds["x"]
        for layer in layers:
            found = layer(found)
        return {"values": found[:, 0] if found.shape[1] == 1 else found}

    return values_of if classes is None else scores_of


def _layer(step: Mapping[str, Any]) -> Layer:
    return _scale(step["shift"], step["factor"]) if step["op"] == "scale" else _dense(step)


def _scale(shift: Any, factor: Any) -> Layer:
    if shift is None:
        return lambda rows: rows * factor
    if factor is None:
        return lambda rows: rows - shift
    return lambda rows: (rows - shift) * factor


def _dense(step: Mapping[str, Any]) -> Layer:
    weight, bias = step["weight"], step["bias"]
    finish = _FINISH[step.get("activation", "identity")]
    if bias is None:
        return lambda rows: finish(rows @ weight)

    def layer(rows: Any) -> Any:
        found = rows @ weight
        found += bias
        return finish(found)

    return layer


def _relu(found: Any) -> Any:
    return np.maximum(found, 0, out=found)


def _logistic(found: Any) -> Any:
    """1 / (1 + exp(-x)) by tanh, which neither overflows nor warns."""
    found *= 0.5
    np.tanh(found, out=found)
    found += 1
    found *= 0.5
    return found


def _softmax(found: Any) -> Any:
    found -= found.max(axis=1, keepdims=True)
    np.exp(found, out=found)
    found /= found.sum(axis=1, keepdims=True)
    return found


_FINISH: dict[str, Layer] = {
    "identity": lambda found: found,
    "relu": _relu,
    "tanh": lambda found: np.tanh(found, out=found),
    "logistic": _logistic,
    "softmax": _softmax,
}
