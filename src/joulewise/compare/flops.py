"""Arithmetic of one row in FLOP (1 multiply-accumulate = 2 FLOP), with the share of the operators that was counted.

Comparisons of trees are not floating-point operations in this sense: a tree model has no FLOP figure, and its
comparisons a row are told in the details.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from joulewise.compare.counting import Counted, counted
from joulewise.core.errors import PluginMissing
from joulewise.core.runtimes import Artifact


def flops_of(artifact: Artifact) -> Counted | None:
    """The count for one row, None where nobody can tell."""
    count = _COUNTERS.get(artifact.format)
    if count is None:
        return None
    try:
        return count(artifact)
    except PluginMissing:
        return None


def _onnx(artifact: Artifact) -> Counted | None:
    from joulewise.compare.flops_onnx import count_graph

    return count_graph(artifact)


def _torch(artifact: Artifact) -> Counted | None:
    from joulewise.compare.flops_torch import count_module

    return count_module(artifact)


def _linear(artifact: Artifact) -> Counted:
    """2 x weights for the products, one each for bias, shift and factor; activations as one a value."""
    from joulewise.compare.linear_files import read_linear

    flop = 0
    for step in read_linear(artifact.path):
        flop += sum(int(np.size(step[name])) for name in ("shift", "factor", "bias") if step.get(name) is not None)
        if step["op"] == "dense":
            flop += 2 * int(np.size(step["weight"]))
            flop += int(np.shape(step["weight"])[1]) if step.get("activation", "identity") != "identity" else 0
    return counted(flop, 1.0, "closed form of dense layers")


def _estimator(artifact: Artifact) -> Counted | None:
    from joulewise.compare.facts import estimators
    from joulewise.compare.parameters import steps_of

    model = estimators.load(artifact.path, artifact.format, bool(artifact.facts.get("trusted")))
    steps = steps_of(model)
    known = [each for each in map(_step_flop, steps) if each is not None]
    if not known:
        return None
    return counted(sum(known), len(known) / len(steps), "closed form of the pipeline's steps")


def _step_flop(step: Any) -> int | None:
    if hasattr(step, "coefs_"):
        weights = sum(array.size for array in step.coefs_)
        return int(2 * weights + 2 * sum(array.size for array in step.intercepts_))
    if hasattr(step, "coef_") and not hasattr(step, "support_vectors_"):
        rows = int(np.size(getattr(step, "intercept_", 1)))
        return 2 * int(np.size(step.coef_)) + rows * (2 if hasattr(step, "classes_") else 1)
    if hasattr(step, "scale_") and hasattr(step, "transform"):
        return 2 * int(np.size(step.scale_))
    return 0 if hasattr(step, "categories_") or hasattr(step, "statistics_") else None


_COUNTERS: dict[str, Callable[[Artifact], Counted | None]] = {
    "hf": _torch,
    "linear": _linear,
    "onnx": _onnx,
    "sklearn": _estimator,
    "skops": _estimator,
    "torch-export": _torch,
    "torch-module": _torch,
    "torchscript": _torch,
}
