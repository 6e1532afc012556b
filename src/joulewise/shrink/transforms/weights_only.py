"""Weights of MatMul in 8 or 4 bits, arithmetic in float32: less memory and traffic, for large models of few rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import onnx_artifact, peek, read_model, weight_shapes, write_model

SMALLEST_WEIGHTS = 250_000
"""Below that many numbers in MatMul weights everything stays in the cache, and unpacking only costs."""
_QUANTIZED = {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "MatMulNBits"}


class WeightsOnly(Recipe):
    """`bits` 8 or 4, `block` how many weights share a scale; `accuracy_level` 4 lets activations be 8 bits as well."""

    name = "weights-only"
    formats = ("onnx",)
    distribution = "onnxruntime"
    modules = ("onnx", "onnxruntime")
    extra = "onnx"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        kinds = peek(artifact.path)
        if kinds & _QUANTIZED:
            return "the graph is quantized already"
        if "MatMul" not in kinds:
            return "the graph has no MatMul"
        weights = sum(prod(shape) for shape in weight_shapes(artifact, ("MatMul",)))
        if weights < SMALLEST_WEIGHTS:
            return f"{weights} weights in MatMul fit into the cache: nothing to win"
        return ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return tuple({"bits": bits, "block": 32, "accuracy_level": 4} for bits in (8, 4))

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            read_model(artifact.path),
            bits=int(settings.get("bits", 8)),
            block_size=int(settings.get("block", 32)),
            is_symmetric=True,
            accuracy_level=int(settings.get("accuracy_level", 4)),
        )
        quantizer.process()
        return onnx_artifact(artifact, write_model(quantizer.model.model, folder))
