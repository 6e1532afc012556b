"""Trained numbers of a model: weights and biases of a network or linear model, thresholds and leaves of trees."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from joulewise.core.errors import PluginMissing
from joulewise.core.runtimes import Artifact


def parameters_of(artifact: Artifact) -> int | None:
    """The count, or None where nobody can tell: an unknown estimator, an absent library."""
    count = _COUNTERS.get(artifact.format)
    if count is None:
        return None
    try:
        return count(artifact)
    except PluginMissing:
        return None


def _onnx(artifact: Artifact) -> int | None:
    """Stored tensors of floats and quantised weights, and the numbers that the tree and linear operators carry."""
    from joulewise.compare.facts.graphs import initializers, load

    graph = load(artifact.path).graph
    stored = {each.name: each for each in initializers(graph)}
    count = sum(prod(each.dims) for name, each in stored.items() if _is_weight(each.data_type, each.dims, name))
    for node in graph.node:
        if node.domain == "ai.onnx.ml":
            count += sum(_carried(attribute) for attribute in node.attribute)
    return count or None


_FLOATS = (1, 10, 11, 16)
_PACKED = (2, 3, 17, 18, 19, 20, 21, 22)


def _is_weight(data_type: int, dims: Any, name: str) -> bool:
    """Floats, and arrays (not scalars) of small integers, which are quantised weights; zero points are not."""
    return (data_type in _FLOATS and "scale" not in name) or (data_type in _PACKED and len(dims) > 1)


def _carried(attribute: Any) -> int:
    if attribute.name in ("nodes_values", "class_weights", "target_weights", "coefficients", "intercepts"):
        return len(attribute.floats)
    if attribute.name.endswith("_as_tensor") and attribute.name.startswith(("nodes_values", "class_w", "target_w")):
        return prod(attribute.t.dims)
    return 0


def _torch(artifact: Artifact) -> int | None:
    from joulewise.compare.runtimes.torch import module_of

    count = sum(weights.numel() for weights in module_of(artifact).parameters())
    return int(count) or None


def _safetensors(artifact: Artifact) -> int | None:
    """From the heads of safetensors files; a folder of pickled weights has to be loaded."""
    files = sorted(artifact.path.glob("*.safetensors"))
    if not files:
        return _torch(artifact)
    return sum(prod(each["shape"]) for file in files for each in _stored(file)) or None


def _stored(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        head = json.loads(file.read(length))
    stored = [each for name, each in head.items() if name != "__metadata__"]
    yield from (each for each in stored if each["dtype"].startswith(("F", "BF")))


def _linear(artifact: Artifact) -> int | None:
    from joulewise.compare.linear_files import OPS, read_linear

    return sum(
        int(np.size(step[name]))
        for step in read_linear(artifact.path)
        for name in OPS[step["op"]]
        if step[name] is not None
    )


def _estimator(artifact: Artifact) -> int | None:
    from joulewise.compare.facts import estimators

    model = estimators.load(artifact.path, artifact.format, bool(artifact.facts.get("trusted")))
    counts = [estimator_parameters(step) for step in steps_of(model)]
    return None if any(count is None for count in counts) else sum(count or 0 for count in counts) or None


def steps_of(model: Any) -> list[Any]:
    """A pipeline's steps, opened to the bottom; an estimator alone."""
    if hasattr(model, "best_estimator_"):
        return steps_of(model.best_estimator_)
    if hasattr(model, "steps"):
        return [inner for _, step in model.steps for inner in steps_of(step)]
    if hasattr(model, "transformers_"):
        return [inner for _, step, _ in model.transformers_ for inner in steps_of(step)]
    return [] if _passes_on(model) else [model]


def _passes_on(step: Any) -> bool:
    """A step that drops columns or hands them on. Once it is fitted, scikit-learn's "passthrough" is a
    FunctionTransformer without a function."""
    return step is None or isinstance(step, str) or getattr(step, "func", "") is None


def estimator_parameters(step: Any) -> int | None:
    """Learned numbers of one estimator of scikit-learn; None for a kind that we don't know."""
    if hasattr(step, "coefs_"):
        return int(sum(array.size for array in (*step.coefs_, *step.intercepts_)))
    if hasattr(step, "coef_") and not hasattr(step, "support_vectors_"):
        return int(np.size(step.coef_) + np.size(getattr(step, "intercept_", ())))
    if hasattr(step, "scale_") and hasattr(step, "transform"):
        shift = getattr(step, "mean_", getattr(step, "min_", getattr(step, "center_", None)))
        return sum(int(np.size(array)) for array in (step.scale_, shift) if array is not None)
    if hasattr(step, "categories_"):
        return sum(len(values) for values in step.categories_)
    if hasattr(step, "statistics_"):
        return int(np.size(step.statistics_))
    trees = list(sklearn_trees(step))
    return sum(int(tree) for tree in trees) or None


def sklearn_trees(step: Any) -> Iterator[int]:
    """Thresholds and leaf values of each tree."""
    for round_ in getattr(step, "_predictors", ()):  # histogram boosting
        for tree in round_:
            yield len(tree.nodes)
    found = getattr(step, "estimators_", None)
    inner = [step] if hasattr(step, "tree_") else np.ravel(np.asarray(found, dtype=object)) if found is not None else []
    for each in inner:
        if hasattr(each, "tree_"):
            tree = each.tree_
            leaves = int((tree.children_left == -1).sum())
            yield tree.node_count - leaves + leaves * int(np.prod(tree.value.shape[1:]))


def _xgboost(artifact: Artifact) -> int | None:
    from joulewise.compare.facts.trees import load_xgboost

    booster = load_xgboost(artifact.path)
    lines = booster.get_dump()
    if "gblinear" in booster.save_config():
        return None
    return sum(text.count("[") + text.count("leaf=") for text in lines) or None


def _lightgbm(artifact: Artifact) -> int | None:
    """A tree with n leaves has n - 1 thresholds."""
    leaves = 0
    trees = 0
    with artifact.path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("num_leaves="):
                leaves += int(line.partition("=")[2])
                trees += 1
    return 2 * leaves - trees or None


def _treelite(artifact: Artifact) -> int | None:
    from joulewise.compare.facts.trees import load_treelite

    model = load_treelite(artifact.path)
    count = 0
    for at in range(model.num_tree):
        tree = model.get_tree_accessor(at)
        vector = np.size(tree.get_field("leaf_vector"))
        is_leaf = np.asarray(tree.get_field("cleft")) < 0
        count += int((~is_leaf).sum()) + int(vector or is_leaf.sum())
    return count or None


def _catboost(artifact: Artifact) -> int | None:
    from joulewise.compare.facts.trees import load_catboost

    model = load_catboost(artifact.path)
    leaves = int(np.size(model.get_leaf_values()))
    per_tree = model.get_tree_leaf_counts()
    depth = sum(int(np.log2(max(1, count))) for count in per_tree)  # symmetric trees: one threshold a level
    return int(leaves + depth) or None


def _compiled(artifact: Artifact) -> int | None:
    from joulewise.compare.compiled_trees import read_about

    found: int | None = read_about(artifact.path)["shape"].get("parameters")
    return found


def _openvino(artifact: Artifact) -> int | None:
    """Constants of floats, and arrays of small integers, which are quantised weights."""
    from joulewise.compare.facts.folders import load_openvino

    count = 0
    for each in load_openvino(artifact.path).get_ops():
        if each.get_type_name() == "Constant":
            shape, kind = each.get_output_shape(0), each.get_output_element_type(0)
            small = kind.size == 1 and len(shape) > 1
            count += prod(shape) if (kind.is_real() and prod(shape) > 1) or small else 0
    return int(count) or None


_COUNTERS: dict[str, Callable[[Artifact], int | None]] = {
    "catboost": _catboost,
    "compiled-trees": _compiled,
    "hf": _safetensors,
    "lightgbm": _lightgbm,
    "linear": _linear,
    "onnx": _onnx,
    "openvino": _openvino,
    "sklearn": _estimator,
    "skops": _estimator,
    "torch-export": _torch,
    "torch-module": _torch,
    "torchscript": _torch,
    "treelite": _treelite,
    "xgboost": _xgboost,
}
