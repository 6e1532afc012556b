"""ONNX graphs: signature, opsets, classes, and which output is what. Weights outside the file are not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from joulewise.compare.facts import BATCH, entry
from joulewise.core.errors import ModelError, PluginMissing

EMBEDDING_NAMES = ("embedding", "pooled", "pooler", "last_hidden_state", "feature", "vector")
SCORE_NAMES = ("logit", "prob", "score", "softmax", "class")
_TOKEN_INPUTS = ("input_ids",)


def describe(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of an .onnx file: also opsets, IR version, and where its external data lie."""
    del form, trust  # plain data
    model = load(path)
    stored = {item.key: item.value for item in model.metadata_props}
    domains = sorted({node.domain or "ai.onnx" for node in model.graph.node})
    facts: dict[str, Any] = {
        "opsets": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "ir_version": model.ir_version,
        "domains": domains,
        **_signature(model.graph),
    }
    if not (facts["inputs"] and facts["outputs"]):
        lacks = "inputs" if facts["outputs"] else "outputs"
        raise ModelError(f"{path} has no {lacks}", hint="export it again, with what goes in and what comes out")
    external = sorted(set(external_files(model)))
    outside = [name for name in external if not _is_inside(path.parent, name)]
    if outside:
        raise ModelError(
            f"{path} wants its weights from {outside[0]!r}, outside its own folder: we read no file in its name",
            hint="save it beside its weights: onnx.save(model, path, save_as_external_data=True, location='w.bin')",
        )
    missing = [name for name in external if not (path.parent / name).is_file()]
    if missing:
        raise ModelError(
            f"{path} keeps its weights in {', '.join(missing)}, which is not beside it",
            hint="copy all files of the model into one folder, under their names",
        )
    if external:
        facts["external"] = external
    return facts | _task(model, facts, stored.get("joulewise.task", ""))


def _is_inside(folder: Path, name: str) -> bool:
    return bool(name) and (folder / name).resolve().is_relative_to(folder.resolve())


def load(path: Path) -> Any:
    """The ModelProto without its external weights. Raises ModelError for a torn file."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise PluginMissing(f"{path} needs onnx", hint="pip install 'joulewise[onnx]'") from error
    try:
        return onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ModelError(f"{path} is torn: {error}", hint="copy or export it again") from error


def external_files(model: Any) -> Iterator[str]:
    """Names of the files that hold weights, relative to the model."""
    for weights in initializers(model.graph):
        if weights.data_location == weights.EXTERNAL:
            yield next((item.value for item in weights.external_data if item.key == "location"), "")


def initializers(graph: Any) -> Iterator[Any]:
    """All stored tensors of a graph and of the graphs inside its nodes (If, Loop)."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and node.op_type == "Constant":
                yield attribute.t
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from initializers(inner)


def _signature(graph: Any) -> dict[str, Any]:
    stored = {weights.name for weights in graph.initializer}
    maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    return {
        "inputs": [_entry(value) for value in graph.input if value.name not in stored],
        "outputs": [_zipped(maps[v.name]) if v.name in maps else _entry(v) for v in graph.output],
    }


def _entry(value: Any) -> dict[str, Any]:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return entry(value.name, "object", (BATCH,))
    return entry(value.name, dtype_name(tensor.elem_type), _shape(tensor))


def dtype_name(elem_type: int) -> str:
    """ONNX's element type as NumPy names it; "object" for text."""
    import onnx

    if elem_type == onnx.TensorProto.STRING:
        return "object"
    if elem_type == onnx.TensorProto.UNDEFINED:
        return "float32"
    return str(onnx.helper.tensor_dtype_to_np_dtype(elem_type))


def _shape(tensor: Any) -> list[int | str]:
    if not tensor.HasField("shape"):
        return [BATCH, "..."]
    found: list[int | str] = []
    for axis, dimension in enumerate(tensor.shape.dim):
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            found.append(dimension.dim_value)
        else:
            found.append(BATCH if axis == 0 else dimension.dim_param or f"free_{axis}")
    return found


def _zipped(node: Any) -> dict[str, Any]:
    return entry(node.output[0], "float32", (BATCH, len(_labels(node)) or "classes"))


def _labels(node: Any) -> list[Any]:
    for attribute in node.attribute:
        if attribute.name.startswith("classlabels_") or attribute.name == "classlabels":
            return list(attribute.ints) or [text.decode() for text in attribute.strings]
    return []


def _classes(model: Any) -> list[Any]:
    """From ZipMap or a classifier's labels, else from the array that an ArrayFeatureExtractor picks its label of."""
    nodes = sorted(model.graph.node, key=lambda node: node.op_type != "ZipMap")
    for node in nodes:
        if labels := _labels(node):
            return labels
    stored = {weights.name: weights for weights in model.graph.initializer}
    last = {name: node for node in nodes for name in node.output}
    for output in model.graph.output:
        node = last.get(output.name)
        while node is not None and node.op_type in ("Cast", "Reshape", "Identity"):
            node = last.get(node.input[0])
        if node is not None and node.op_type == "ArrayFeatureExtractor" and node.input[0] in stored:
            return _values(stored[node.input[0]])
    return []


def _values(weights: Any) -> list[Any]:
    import onnx

    return [each.decode() if isinstance(each, bytes) else each for each in onnx.numpy_helper.to_array(weights).tolist()]


def _task(model: Any, facts: dict[str, Any], declared: str) -> dict[str, Any]:
    """What the model does: as it declares, else by its classes, else guessed from names and shapes, which is said."""
    outputs = facts["outputs"]
    classes = _classes(model)
    if classes and not declared:
        return {"task": "classification", "classes": classes, "roles": _class_roles(outputs)}
    main = _main(outputs)
    task = declared or _guess(model, facts["inputs"], main)
    known = {"classes": classes} if classes else {}
    return {"task": task, "roles": roles_for(task, outputs), **known} | ({} if declared else {"task_guessed": True})


def _class_roles(outputs: list[dict[str, Any]]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for each in outputs:
        is_label = each["dtype"] in ("int64", "int32", "object") and len(each["shape"]) < 3
        roles.setdefault("labels" if is_label else "scores", each["name"])
    return roles


def _main(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    for wanted in (*SCORE_NAMES, "sentence_embedding", *EMBEDDING_NAMES):
        for each in outputs:
            if wanted in each["name"].lower():
                return each
    return outputs[0]


def _guess(model: Any, inputs: list[dict[str, Any]], main: dict[str, Any]) -> str:
    name, shape = main["name"].lower(), main["shape"]
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    maker = makers.get(main["name"], "")
    if any(wanted in name for wanted in EMBEDDING_NAMES) or maker in ("LpNormalization", "ReduceL2"):
        return "embedding"
    if any(wanted in name for wanted in SCORE_NAMES) or maker in ("Softmax", "LogSoftmax", "Sigmoid"):
        return "classification"
    if len(shape) == 3 and any(each["name"] in _TOKEN_INPUTS for each in inputs):
        return "embedding"
    if not main["dtype"].startswith("float") or len(shape) > 2:
        return "unknown"
    if len(shape) == 1 or shape[1] == 1:
        return "regression"
    return "classification"


def roles_for(task: str, outputs: list[dict[str, Any]]) -> dict[str, str]:
    """Which output is what, once the task is known."""
    if task == "classification":
        return _class_roles([_main(outputs)] if len(outputs) == 1 else outputs)
    role = {"regression": "values", "embedding": "vectors"}.get(task)
    return {role: _main(outputs)["name"]} if role else {}
