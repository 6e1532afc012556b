"""ONNX models as transforms need them: read, written, tidied, and their signature put into facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact

IR_VERSION = 10
"""Newest file version that we write: runtimes of the last two years read it."""
LIMIT_BYTES = 2**31 - 1
"""Protocol buffers end here; weights of larger models lie in a file beside."""
FILE = "model.onnx"


def read_model(path: Path) -> Any:
    """The model with its weights. Raises ModelError for what can't be read."""
    import onnx

    try:
        return onnx.load(str(path))
    except Exception as error:
        raise ModelError(f"{path} can't be read as ONNX: {error}", hint="export it again") from error


def write_model(model: Any, folder: Path, name: str = FILE) -> Path:
    """Write it, with the weights in a file beside where it is too large for one; the path of the model."""
    import onnx

    path = folder / name
    model.ir_version = min(model.ir_version, IR_VERSION)
    if model.ByteSize() < LIMIT_BYTES:
        onnx.save(model, str(path))
    else:
        onnx.save(model, str(path), save_as_external_data=True, location=f"{name}.data")
    return path


def operators(model: Any) -> set[str]:
    """The kinds of operators in the main graph and its subgraphs."""
    return {node.op_type for node in every_node(model.graph)}


def every_node(graph: Any) -> list[Any]:
    """All nodes, those of subgraphs too."""
    found = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g,) if attribute.HasField("g") else attribute.graphs:
                found.extend(every_node(inner))
    return found


def peek(path: Path) -> set[str]:
    """The kinds of operators, without reading weights that lie beside; empty for a file that can't be read."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return operators(onnx.load(str(path), load_external_data=False))
    except (DecodeError, OSError, ValueError):
        return set()


def weight_shapes(artifact: Artifact, kinds: tuple[str, ...] = ("MatMul", "Gemm")) -> list[tuple[int, ...]]:
    """Shapes of the constant weights of some kinds of operators."""
    import onnx

    model = onnx.load(str(artifact.path), load_external_data=False)
    shapes = {tensor.name: tuple(int(size) for size in tensor.dims) for tensor in model.graph.initializer}
    return [
        shapes[name] for node in model.graph.node if node.op_type in kinds for name in node.input[1:2] if name in shapes
    ]


def strip_zipmaps(model: Any) -> None:
    """Take out operators that turn scores into lists of dictionaries; their input becomes the output."""
    import onnx

    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "ZipMap"]:
        value = next(value for value in graph.output if value.name == node.output[0])
        graph.node.remove(node)
        value.CopyFrom(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, ["batch", None]))
        _rename_source(graph, node.input[0], node.output[0])


def _rename_source(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def free_batch(model: Any) -> None:
    """Name the first dimension of inputs and outputs "batch": some converters leave 1 there, which is wrong."""
    for value in (*model.graph.input, *model.graph.output):
        shape = value.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].ClearField("dim_value")
            shape.dim[0].dim_param = "batch"


def onnx_artifact(artifact: Artifact, path: Path) -> Artifact:
    """The artifact of a graph made of another model: what the graph says of itself, under what was known before.

    Raises ModelError where an output that has a role is gone.
    """
    from joulewise.compare.artifacts import facts_of
    from joulewise.compare.facts.graphs import roles_for

    fresh = facts_of(path, "onnx")
    known = {name: value for name, value in artifact.facts.items() if name not in _OF_THE_FILE}
    facts = {**known, **{name: fresh[name] for name in _OF_THE_FILE if name in fresh}}
    facts.setdefault("task", fresh.get("task", "unknown"))
    names = {entry["name"] for entry in facts["outputs"]}
    roles = dict(artifact.facts.get("roles", {}))
    if artifact.format != "onnx" and not set(roles.values()) <= names:
        roles = roles_for(facts["task"], facts["outputs"])
    lost = [name for name in roles.values() if name not in names]
    if lost:
        raise ModelError(f"the outputs {', '.join(lost)} are gone from the graph")
    return Artifact(path=path, format="onnx", facts={**facts, "roles": roles}, steps=artifact.steps)


_OF_THE_FILE = ("inputs", "outputs", "opsets", "ir_version", "external", "domains")
