"""Half-precision weights and arithmetic: bfloat16 or float16, where the processor computes in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek, read_model, write_model
from joulewise.shrink.transforms.processor import has_bfloat16, has_float16

_HEAVY = {"Conv", "MatMul", "Gemm"}


class Float16(Recipe):
    """`kind` float16 rewrites an ONNX graph (inputs and outputs stay float32), bfloat16 a torch module.

    Where the processor only converts between the formats and computes in float32, every operator pays for two
    conversions, so that nothing is offered there.
    """

    name = "float16"
    formats = ("onnx", "torch-module", "torch-export")
    distribution = "onnxruntime"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if artifact.format == "onnx":
            if not has_float16():
                return "this processor has no float16 arithmetic: float32 is faster here"
            return "" if peek(artifact.path) & _HEAVY else "the graph has no MatMul or convolution"
        return "" if has_bfloat16() else "this processor has no bfloat16 arithmetic: float32 is faster here"

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return ({"kind": "float16" if artifact.format == "onnx" else "bfloat16"},)

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        kind = settings.get("kind", "float16" if artifact.format == "onnx" else "bfloat16")
        if artifact.format == "onnx" and kind == "float16":
            from onnxruntime.transformers.float16 import convert_float_to_float16

            model = convert_float_to_float16(read_model(artifact.path), keep_io_types=True)
            return onnx_artifact(artifact, write_model(model, folder))
        if artifact.format != "onnx" and kind == "bfloat16":
            return _as_bfloat16(artifact, materials, folder)
        raise ModelError(f"{kind} of a model of format {artifact.format} is not known", hint="float16 for onnx")


def _as_bfloat16(artifact: Artifact, materials: Materials, folder: Path) -> Artifact:
    import torch

    from joulewise.shrink.transforms.torch_modules import export_module, module_of

    inner = module_of(artifact).to(torch.bfloat16)

    class Cast(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x.to(torch.bfloat16)).float()

    return export_module(Cast(), artifact, materials, folder)
