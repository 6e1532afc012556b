"""PyTorch modules, exported programs and Hugging Face encoders to ONNX, with the batch left free."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.feeding import calibration_feeds, tensors
from joulewise.shrink.transforms.torch_modules import free_axes, module_of

OPSET = 18
_log = logging.getLogger(__name__)


def convert_module(artifact: Artifact, materials: Materials) -> Any:
    """An ONNX model of a torch artifact, inputs and outputs named as its facts have them."""
    import torch

    module = module_of(artifact)
    inputs = tensors(artifact.facts)
    if not inputs:
        raise ModelError("the model's inputs are not known", hint="load it with artifact_of, which finds them")
    feeds = calibration_feeds(materials, inputs, 2)
    arguments = tuple(torch.from_numpy(feeds[tensor.name]) for tensor in inputs)
    names = [tensor.name for tensor in inputs], [entry["name"] for entry in artifact.facts.get("outputs", ())]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _export(module, arguments, names, free_axes(inputs))


def _export(
    module: Any, arguments: tuple[Any, ...], names: tuple[list[str], list[str]], axes: list[dict[int, str]]
) -> Any:
    """By torch.export first; by tracing (TorchScript) where that gives up."""
    import torch

    if not isinstance(module, torch.jit.ScriptModule):
        try:
            return _by_dynamo(module, arguments, names, axes)
        except Exception:  # noqa: BLE001 - Data-dependent control flow and odd operators: tracing takes many of them.
            _log.info("torch.export could not take the module, tracing it instead", exc_info=True)
    return _by_tracing(module, arguments, names, axes)


def _by_dynamo(
    module: Any, arguments: tuple[Any, ...], names: tuple[list[str], list[str]], axes: list[dict[int, str]]
) -> Any:
    import torch

    # AUTO, since an exact range that the trace would narrow is refused; the names come back afterwards.
    shapes = tuple(dict.fromkeys(found, torch.export.Dim.AUTO) for found in axes)
    program = torch.onnx.export(
        module,
        arguments,
        dynamo=True,
        dynamic_shapes=shapes if not _takes_star(module) else (shapes,),
        input_names=names[0],
        output_names=names[1] or None,
        opset_version=OPSET,
        optimize=True,
        verbose=False,
    )
    model = program.model_proto
    _named_axes(model, names[0], axes)
    return model


def _takes_star(module: Any) -> bool:
    """True where forward takes *args: dynamic shapes then nest once more."""
    import inspect

    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    return bool(kinds) and kinds[0] is inspect.Parameter.VAR_POSITIONAL


def _named_axes(model: Any, names: list[str], axes: list[dict[int, str]]) -> None:
    """Free axes under the names that the facts give them, in the outputs too.

    Raises ModelError where the export has fixed one.
    """
    known, graph = dict(zip(names, axes, strict=True)), model.graph
    renamed: dict[str, str] = {}
    for value in graph.input:
        for axis, name in known.get(value.name, {}).items():
            size = value.type.tensor_type.shape.dim[axis]
            if size.HasField("dim_value"):
                raise ModelError(
                    f"the export fixed axis {axis} of {value.name}", hint="keep fixed sizes out of forward"
                )
            renamed[size.dim_param] = name
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param in renamed:
                size.dim_param = renamed[size.dim_param]


def _by_tracing(
    module: Any, arguments: tuple[Any, ...], names: tuple[list[str], list[str]], axes: list[dict[int, str]]
) -> Any:
    import onnx
    import torch

    with tempfile.TemporaryDirectory(prefix="joulewise-") as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            module,
            arguments,
            str(path),
            dynamo=False,
            input_names=names[0],
            output_names=names[1] or None,
            dynamic_axes={**dict(zip(names[0], axes, strict=True)), **{name: {0: "batch"} for name in names[1]}},
            opset_version=OPSET,
        )
        return onnx.load(str(path))
