"""Big weight matrices of an ONNX graph as products of two thin ones, by truncated singular value decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek, read_model, weight_shapes, write_model

SMALLEST_SIDE = 64
"""Matrices with a shorter side than this gain nothing from a second operator."""
WORTH = 0.75
"""The share of the multiplications that may be left, so that it pays."""


class LowRank(Recipe):
    """`energy` is the share of the squared singular values that is kept in each matrix; a matrix that would not become
    at least a quarter cheaper stays whole."""

    name = "low-rank"
    formats = ("onnx",)
    distribution = "numpy"
    modules = ("onnx", "numpy")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if not peek(artifact.path) & {"MatMul", "Gemm"}:
            return "the graph has no MatMul or Gemm"
        if not any(len(shape) == 2 and min(shape) >= SMALLEST_SIDE for shape in weight_shapes(artifact)):
            return f"no weight matrix has both sides of {SMALLEST_SIDE} or more"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return tuple({"energy": energy} for energy in (0.95, 0.9, 0.8))

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        model = read_model(artifact.path)
        if not split_matrices(model, float(settings.get("energy", 0.9))):
            raise ModelError(
                "no matrix becomes a quarter cheaper at this energy: their singular values fall too slowly",
                hint="a lower energy, or distillation",
            )
        return onnx_artifact(artifact, write_model(model, folder))


def split_matrices(model: Any, energy: float) -> int:
    """Replace what pays; how many matrices were split."""
    import onnx

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[Any] = []
    split = 0
    for node in graph.node:
        weight = weights.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        parts = _thin(onnx.numpy_helper.to_array(weight), node, energy) if weight is not None else None
        if parts is None:
            nodes.append(node)
            continue
        split += 1
        nodes += _two_nodes(graph, node, parts, split)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    return split


def _thin(weight: Any, node: Any, energy: float) -> tuple[Any, Any] | None:
    """Two factors (in, rank) and (rank, out), None where that does not pay."""
    import numpy as np

    attributes = {attribute.name: attribute for attribute in node.attribute}
    if weight.ndim != 2 or min(weight.shape) < SMALLEST_SIDE or ("transA" in attributes and attributes["transA"].i):
        return None
    matrix = weight.T if "transB" in attributes and attributes["transB"].i else weight
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    kept = np.cumsum(values**2) / np.sum(values**2)
    rank = int(np.searchsorted(kept, energy)) + 1
    if rank * sum(matrix.shape) > WORTH * matrix.size:
        return None
    return (left[:, :rank] * values[:rank]).astype(weight.dtype), right[:rank].astype(weight.dtype)


def _two_nodes(graph: Any, node: Any, parts: tuple[Any, Any], number: int) -> list[Any]:
    import onnx

    names = [f"low_rank_{number}_{side}" for side in ("left", "right")]
    graph.initializer.extend(onnx.numpy_helper.from_array(part, name) for part, name in zip(parts, names, strict=True))
    middle = f"low_rank_{number}_middle"
    first = onnx.helper.make_node("MatMul", [node.input[0], names[0]], [middle], name=f"low_rank_{number}_first")
    second = onnx.NodeProto()
    second.CopyFrom(node)
    second.input[0], second.input[1] = middle, names[1]
    for attribute in second.attribute:
        if attribute.name == "transB":
            attribute.i = 0
    return [first, second]


def _drop_unused(graph: Any) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
