"""Shorter texts for encoders: padding that no row of the batch needs is cut off, or all rows at one length."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import LOOSE, Guard
from joulewise.shrink.transforms.feeding import calibration_feeds, tensors
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, read_model, write_model

IDS, MASK = "input_ids", "attention_mask"
SHARES = (0.95, 0.9)
"""Shares of the calibration rows that are kept whole when all rows are cut at one length."""


class Sequence(Recipe):
    """`length` "longest" cuts each batch to its longest row, which changes no answer (padding must stand on the right);
    a number cuts every row there."""

    name = "sequence"
    formats = ("onnx",)
    distribution = "onnx"
    modules = ("onnx",)
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        names = {entry["name"] for entry in artifact.facts.get("inputs", ())}
        return "" if {IDS, MASK} <= names else f"the model has no inputs {IDS} and {MASK}"

    def choices(self, artifact: Artifact, materials: Materials) -> Ordered[Settings]:
        import numpy as np

        mask = calibration_feeds(materials, tensors(artifact.facts))[MASK]
        lengths = mask.sum(axis=1)
        found: list[Settings] = [{"length": "longest"}] if lengths.mean() < mask.shape[1] else []
        for share in SHARES:
            length = int(-(-np.quantile(lengths, share) // 8) * 8)
            if length < min(mask.shape[1], lengths.max()) and {"length": length} not in found:
                found.append({"length": length})
        return tuple(found)

    def guard(self, settings: Settings) -> Guard:
        return LOOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        length = settings.get("length", "longest")
        if length != "longest" and (not isinstance(length, int) or length < 1):
            raise ModelError(f'length is "longest" or a number of tokens, got {length!r}')
        model = read_model(artifact.path)
        _cut(model, None if length == "longest" else int(length))
        return onnx_artifact(artifact, write_model(model, folder))


def _cut(model: Any, length: int | None) -> None:
    """Slices in front of every use of the token inputs; the inputs themselves stay as they are."""
    import numpy as np
    import onnx

    graph, make = model.graph, onnx.helper.make_node
    inputs = [value.name for value in graph.input if len(value.type.tensor_type.shape.dim) == 2]
    constants = {"cut_zero": [0], "cut_one": [1], "cut_length": [length or 0]}
    graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(value, dtype=np.int64), name) for name, value in constants.items()
    )
    nodes = _longest() if length is None else []
    for name in inputs:
        for node in graph.node:
            node.input[:] = [f"{name}_cut" if text == name else text for text in node.input]
        nodes.append(
            make("Slice", [name, "cut_zero", "cut_end" if length is None else "cut_length", "cut_one"], [f"{name}_cut"])
        )
    old = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *old])


def _longest() -> list[Any]:
    """The number of tokens of the longest row: the greatest sum of the mask, at least one."""
    import onnx

    make = onnx.helper.make_node
    return [
        make("ReduceSum", [MASK, "cut_one"], ["cut_lengths"], keepdims=0),
        make("Cast", ["cut_lengths"], ["cut_lengths_int"], to=onnx.TensorProto.INT64),
        make("TopK", ["cut_lengths_int", "cut_one"], ["cut_longest", "cut_row"], axis=0),
        make("Max", ["cut_longest", "cut_one"], ["cut_end"]),
    ]
