"""Thresholds of histogram-boosted trees in ONNX: they are float64, and a nearest float32 can let a row flip.

With float32 inputs the largest float32 that is not above the threshold decides every row as the float64 one does. With
float64 inputs the thresholds are kept as they are, in tensors of doubles.
"""

from __future__ import annotations

from typing import Any


def exact_thresholds(model: Any, predictor: Any, precision: str) -> None:
    """Replace the thresholds of a converted histogram booster; other models stay as they are."""
    trees = _histogram_trees(predictor)
    if trees is None:
        return
    for node in model.graph.node:
        if node.op_type.startswith("TreeEnsemble"):
            values = _thresholds(node, trees)
            _write_doubles(node, values) if precision == "float64" else _write_floats(node, values)
    if precision == "float64":
        _allow_doubles(model)


def _allow_doubles(model: Any) -> None:
    """Tensors of doubles came with version 3 of the classical operators; a classifier's scores stay float32."""
    import onnx

    for entry in model.opset_import:
        if entry.domain == "ai.onnx.ml":
            entry.version = max(entry.version, 3)
    floats = {node.output[1] for node in model.graph.node if node.op_type == "TreeEnsembleClassifier"}
    floats |= {node.output[0] for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"}
    for value in (*model.graph.output, *model.graph.value_info):
        if value.name in floats:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT


def round_down(values: Any) -> Any:
    """The largest float32 at or below each float64."""
    import numpy as np

    nearest = values.astype(np.float32)
    return np.where(nearest.astype(np.float64) > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _histogram_trees(predictor: Any) -> list[Any] | None:
    if not hasattr(predictor, "_predictors"):
        return None
    return [tree for iteration in predictor._predictors for tree in iteration]


def _thresholds(node: Any, trees: list[Any]) -> Any:
    import numpy as np

    attributes = {attribute.name: attribute for attribute in node.attribute}
    where = zip(attributes["nodes_treeids"].ints, attributes["nodes_nodeids"].ints, strict=True)
    leaf = [mode == b"LEAF" for mode in attributes["nodes_modes"].strings]
    found = [
        0.0 if end else float(trees[tree].nodes[number]["num_threshold"])
        for (tree, number), end in zip(where, leaf, strict=True)
    ]
    return np.asarray(found, dtype=np.float64)


def _write_floats(node: Any, values: Any) -> None:
    attribute = next(attribute for attribute in node.attribute if attribute.name == "nodes_values")
    del attribute.floats[:]
    attribute.floats.extend(float(value) for value in round_down(values))


def _write_doubles(node: Any, values: Any) -> None:
    """Doubles stand in attributes of their own, and the weights of the leaves must then be doubles too."""
    import numpy as np
    import onnx

    weights = next(attribute for attribute in node.attribute if attribute.name in ("class_weights", "target_weights"))
    tensors = {"nodes_values": values, weights.name: np.asarray(weights.floats, dtype=np.float64)}
    start = next((attribute for attribute in node.attribute if attribute.name == "base_values"), None)
    if start is not None:
        tensors["base_values"] = np.asarray(start.floats, dtype=np.float64)
    kept = [attribute for attribute in node.attribute if attribute.name not in (*tensors, "nodes_hitrates")]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(
        onnx.helper.make_attribute(f"{name}_as_tensor", onnx.numpy_helper.from_array(array, f"{name}_as_tensor"))
        for name, array in tensors.items()
    )
