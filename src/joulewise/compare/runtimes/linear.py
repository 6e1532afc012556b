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
        ThreadpoolController().limit(limits=options.threads)
        facts = artifact.facts
        classes = class_array(facts["classes"]) if facts["task"] == "classification" else None
        steps = _folded(read_linear(artifact.path), scores=classes is not None)
        return predictor_of(artifact, _answer([_layer(step) for step in steps], classes))


def _answer(layers: Sequence[Layer], classes: Any) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def scores_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        found = feeds["x"]
        for layer in layers:
            found = layer(found)
        return {"labels": classes[found.argmax(1)], "scores": found}

    def values_of(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        found = feeds["x"]
        for layer in layers:
            found = layer(found)
        return {"values": found[:, 0] if found.shape[1] == 1 else found}

    return values_of if classes is None else scores_of


def _folded(steps: Sequence[Mapping[str, Any]], *, scores: bool) -> list[dict[str, Any]]:
    """The same arithmetic in fewer calls, which is what one row costs.

    A scale in doubles goes into the weights after it (in 32 bits that could round too much), and a single column of
    logistic scores becomes two: logistic(z) = (1 + tanh(z / 2)) / 2, for -z and z at once.
    """
    found: list[dict[str, Any]] = []
    for step in steps:
        last = found[-1] if found else None
        if step["op"] == "dense" and last and last["op"] == "scale" and step["weight"].dtype == np.float64:
            found[-1] = _scaled(last, step)
        else:
            found.append(dict(step))
    end = found[-1]
    if scores and end.get("activation") == "logistic" and end["weight"].shape[1] == 1:
        weight, bias = end["weight"] / 2, 0.0 if end["bias"] is None else end["bias"] / 2
        both = np.concatenate((-weight, weight), axis=1)
        found[-1] = {**end, "weight": both, "bias": np.array([-1, 1], both.dtype) * bias, "activation": "half-tanh"}
    return found


def _scaled(scale: Mapping[str, Any], dense: Mapping[str, Any]) -> dict[str, Any]:
    weight = dense["weight"] if scale["factor"] is None else scale["factor"][:, None] * dense["weight"]
    moved = 0.0 if scale["shift"] is None else scale["shift"] @ weight
    bias = np.zeros(weight.shape[1]) if dense["bias"] is None else dense["bias"]
    return {**dense, "weight": np.ascontiguousarray(weight), "bias": bias - moved}


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
        return lambda rows: finish(rows.dot(weight))

    def layer(rows: Any) -> Any:
        found = rows.dot(weight)
        found += bias
        return finish(found)

    return layer


def _relu(found: Any) -> Any:
    return np.maximum(found, 0, out=found)


def _logistic(found: Any) -> Any:
    """1 / (1 + exp(-x)) by tanh, which neither overflows nor warns."""
    found *= 0.5
    return _half_tanh(found)


def _half_tanh(found: Any) -> Any:
    np.tanh(found, out=found)
    found *= 0.5
    found += 0.5
    return found


def _softmax(found: Any) -> Any:
    found -= np.maximum.reduce(found, axis=1, keepdims=True)
    np.exp(found, out=found)
    found /= np.add.reduce(found, axis=1, keepdims=True)
    return found


_FINISH: dict[str, Layer] = {
    "identity": lambda found: found,
    "relu": _relu,
    "half-tanh": _half_tanh,
    "tanh": lambda found: np.tanh(found, out=found),
    "logistic": _logistic,
    "softmax": _softmax,
}
