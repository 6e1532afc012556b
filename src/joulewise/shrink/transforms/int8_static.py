"""INT8 weights and activations with ranges found on calibration rows (QDQ, per channel): best for convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.feeding import batches, calibration_feeds, tensors, whole_batches
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek
from joulewise.shrink.transforms.preparing import UNTOLD, prepared
from joulewise.shrink.transforms.processor import has_vnni

CALIBRATION_ROWS, BATCH_ROWS = 256, 16
"""Batches of one size: percentiles and entropy are found over arrays of the same shape."""
_METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
_QUANTIZED = {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "MatMulNBits"}


class Int8Static(Recipe):
    """`method` finds the ranges: minmax, entropy or percentile. `operators` is all or matmul, by
    which transformers lose less.

    `activations` is u8 or s8; `reduce_range` keeps weights in 7 bits for CPUs without VNNI.
    """

    name = "int8-static"
    formats = ("onnx",)
    distribution = "onnxruntime"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        kinds = peek(artifact.path)
        if kinds & _QUANTIZED:
            return "the graph is quantized already"
        if not kinds & {"Conv", "MatMul", "Gemm"}:
            return "the graph has no convolution, MatMul or Gemm to quantize"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        narrow = not has_vnni()
        methods = ("minmax", "percentile", "entropy") if "Conv" in peek(artifact.path) else ("minmax", "percentile")
        found = [{"method": method, "activations": "u8", "reduce_range": narrow} for method in methods]
        if "Softmax" in peek(artifact.path) and "MatMul" in peek(artifact.path):
            found.insert(0, {**found[0], "operators": "matmul"})
        return tuple(found)

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

        path = folder / "model.onnx"
        inputs = tensors(artifact.facts)
        feeds = calibration_feeds(materials, inputs, CALIBRATION_ROWS)
        unsigned = settings.get("activations", "u8") == "u8"
        with prepared(artifact) as source:
            quantize_static(
                source,
                path,
                _Reader(batches(*whole_batches(feeds, inputs, BATCH_ROWS))),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["MatMul", "Gemm"] if settings.get("operators") == "matmul" else None,
                per_channel=True,
                reduce_range=bool(settings.get("reduce_range", not has_vnni())),
                activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=getattr(CalibrationMethod, _METHODS[str(settings.get("method", "minmax"))]),
                extra_options={
                    "ActivationSymmetric": not unsigned,
                    "WeightSymmetric": True,
                    "DefaultTensorType": UNTOLD,
                },
            )
        return onnx_artifact(artifact, path)


class _Reader:
    """Batches of calibration rows, as ONNX Runtime asks for them one by one."""

    def __init__(self, found: Iterator[Mapping[str, Any]]) -> None:
        self._batches = list(found)
        self._left = iter(self._batches)

    def get_next(self) -> Mapping[str, Any] | None:
        return next(self._left, None)

    def __len__(self) -> int:
        return len(self._batches)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = islice(self._batches, start_index, end_index)
