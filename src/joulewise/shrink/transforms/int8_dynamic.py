"""INT8 weights, activations quantized as they come: no calibration; best for MatMul and Gemm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek
from joulewise.shrink.transforms.preparing import UNTOLD, prepared
from joulewise.shrink.transforms.processor import has_vnni

_QUANTIZED = {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "MatMulNBits"}


class Int8Dynamic(Recipe):
    """Per channel, on MatMul and Gemm; convolutions only with `convolutions` (they got slower wherever we measured).

    `weights` is s8 or u8. On CPUs without VNNI the sum of two u8 x s8 products saturates at 16 bits: there
    `reduce_range` keeps weights in 7 bits, and u8 weights take another path that does not saturate.
    """

    name = "int8-dynamic"
    formats = ("onnx",)
    distribution = "onnxruntime"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        kinds = peek(artifact.path)
        if kinds & _QUANTIZED:
            return "the graph is quantized already"
        if "Attention" in kinds:
            return "a fused transformer got slower in 8 bits wherever we measured: quantize the plain graph"
        if not kinds & {"MatMul", "Gemm"}:
            return "the graph has no MatMul or Gemm to quantize"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        narrow = {"weights": "s8", "per_channel": True, "reduce_range": True}
        full = {"weights": "s8", "per_channel": True, "reduce_range": False}
        unsigned = {"weights": "u8", "per_channel": True, "reduce_range": False}
        return (full, unsigned) if has_vnni() else (narrow, unsigned, full)

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        path = folder / "model.onnx"
        kinds = ["MatMul", "Gemm", "Attention", *(["Conv"] if settings.get("convolutions") else [])]
        with prepared(artifact) as source:
            quantize_dynamic(
                source,
                path,
                op_types_to_quantize=kinds,
                per_channel=bool(settings.get("per_channel", True)),
                reduce_range=bool(settings.get("reduce_range", not has_vnni())),
                weight_type=QuantType.QUInt8 if settings.get("weights") == "u8" else QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": UNTOLD},
            )
        return onnx_artifact(artifact, path)
