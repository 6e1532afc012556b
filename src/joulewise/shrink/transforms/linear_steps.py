"""Estimators as scale and dense steps: what scikit-learn computes, written down as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from joulewise.core.errors import ModelError
from joulewise.shrink.transforms.loading import unwrapped

Step = dict[str, Any]


def steps_of(estimator: Any) -> list[Step]:
    """The steps of an estimator or pipeline, scalers folded into the layer after them.

    Raises ModelError for a part that is neither linear nor a network of dense layers.
    """
    whole = unwrapped(estimator)
    parts = [part for _, part in whole.steps] if hasattr(whole, "steps") else [whole]
    found = [step for part in parts[:-1] for step in _before(part)] + _predictor(parts[-1])
    return folded(found)


def folded(steps: list[Step]) -> list[Step]:
    """One dense step for each run of scalers and linear steps: ((x - s) f) W + b = x (f W) + (b - s f W)."""
    found: list[Step] = []
    for step in steps:
        if found and step["op"] == "dense" and found[-1].get("activation", "identity") == "identity":
            found[-1] = _joined(found[-1], step)
        elif found and step["op"] == "scale" and found[-1]["op"] == "dense":
            raise ModelError("a scaler after a network layer is not known")
        elif found and step["op"] == "scale":
            found[-1] = _joined_scales(found[-1], step)
        else:
            found.append(step)
    return found


def _joined(first: Step, second: Step) -> Step:
    weight, bias = second["weight"], second["bias"]
    if first["op"] == "scale":
        scaled = first["factor"][:, None] * weight
        return {**second, "weight": scaled, "bias": bias - first["shift"] @ scaled}
    return {**second, "weight": first["weight"] @ weight, "bias": first["bias"] @ weight + bias}


def _joined_scales(first: Step, second: Step) -> Step:
    shift = first["shift"] + second["shift"] / first["factor"]
    return {"op": "scale", "shift": shift, "factor": first["factor"] * second["factor"]}


def _before(part: Any) -> Iterator[Step]:
    """Steps of a transformer that only shifts, scales, selects or projects."""
    name = type(part).__name__
    if part is None or part == "passthrough":
        return
    if name in ("StandardScaler", "RobustScaler", "MinMaxScaler", "MaxAbsScaler"):
        yield _scaler(part, name)
    elif name == "PCA":
        components = part.components_ / np.sqrt(part.explained_variance_)[:, None] if part.whiten else part.components_
        yield _dense(components.T, -part.mean_ @ components.T)
    elif name in ("VarianceThreshold", "SelectKBest", "SelectFromModel", "SelectPercentile"):
        chosen = part.get_support()
        yield _dense(np.eye(len(chosen))[:, chosen], np.zeros(int(chosen.sum())))
    else:
        raise ModelError(f"{name} is not a linear step", hint="to-onnx takes whole pipelines")


def _scaler(part: Any, name: str) -> Step:
    count = part.n_features_in_
    zeros, ones = np.zeros(count), np.ones(count)
    if name == "MinMaxScaler":
        if part.clip:
            raise ModelError("a MinMaxScaler that clips is not linear")
        return {"op": "scale", "shift": -part.min_ / part.scale_, "factor": part.scale_}
    centre = getattr(part, "mean_", getattr(part, "center_", None))
    shift = (
        centre if centre is not None and getattr(part, "with_mean", getattr(part, "with_centering", True)) else zeros
    )
    scale = part.scale_ if part.scale_ is not None else ones
    return {"op": "scale", "shift": np.asarray(shift, dtype=np.float64), "factor": 1.0 / np.asarray(scale)}


def _predictor(part: Any) -> list[Step]:
    if hasattr(part, "coefs_") and hasattr(part, "out_activation_"):
        return _network(part)
    coefficients = getattr(part, "coef_", None)
    if coefficients is None or not hasattr(part, "intercept_") or hasattr(part, "support_vectors_"):
        raise ModelError(f"{type(part).__name__} is not linear, nor a network of dense layers", hint="to-onnx")
    weight = np.atleast_2d(np.asarray(coefficients, dtype=np.float64)).T
    bias = np.broadcast_to(np.asarray(part.intercept_, dtype=np.float64), (weight.shape[1],))
    return [_dense(weight, bias, _finish(part))]


def _finish(part: Any) -> str:
    """What scikit-learn makes of the linear scores. Raises ModelError where that is neither logistic nor softmax."""
    if not hasattr(part, "classes_"):
        link = type(getattr(part, "_base_loss", None)).__name__
        if link not in ("NoneType", "HalfSquaredError"):
            raise ModelError(f"the link of {type(part).__name__} is not known to plain arrays")
        return "identity"
    if len(part.classes_) == 2 and _is_logistic(part):
        return "logistic"
    if type(part).__name__ in ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"):
        return "softmax"
    if not hasattr(part, "predict_proba"):
        return "identity"  # labels only: the highest score wins
    raise ModelError(f"the probabilities of {type(part).__name__} are normalised in a way that plain arrays don't know")


def _is_logistic(part: Any) -> bool:
    """True where the sigmoid of the score is the probability, or where there is no probability but a threshold at 0."""
    return not hasattr(part, "predict_proba") or getattr(part, "loss", "log_loss") == "log_loss"


def _network(part: Any) -> list[Step]:
    activations = [part.activation] * (len(part.coefs_) - 1) + [part.out_activation_]
    layers = zip(part.coefs_, part.intercepts_, activations, strict=True)
    return [_dense(weight, bias, activation) for weight, bias, activation in layers]


def _dense(weight: Any, bias: Any, activation: str = "identity") -> Step:
    return {"op": "dense", "weight": np.asarray(weight), "bias": np.asarray(bias), "activation": activation}
