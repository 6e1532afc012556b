"""INT8 by NNCF on OpenVINO models: ranges from calibration rows, biases corrected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms import quiet_nncf
from joulewise.shrink.transforms.checking import CLOSE, Guard
from joulewise.shrink.transforms.feeding import batches, calibration_feeds, tensors, whole_batches
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.optimise import is_transformer
from joulewise.shrink.transforms.processor import has_vnni
from joulewise.shrink.transforms.to_openvino import openvino_refuses, read_openvino, write_openvino

CALIBRATION_ROWS = 256


class Int8OpenVino(Recipe):
    """`preset` performance is symmetric, mixed gives activations their own zero point; `transformer` spares what
    attention is sensitive to."""

    name = "int8-openvino"
    formats = ("onnx", "openvino")
    distribution = "nncf"
    modules = ("openvino", "nncf")
    extra = "openvino"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        if any(step.transform.startswith(("int8", "weights-only")) for step in artifact.steps):
            return "the model is quantized already"
        return openvino_refuses(artifact.path) if artifact.format == "onnx" else ""

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        if artifact.format == "onnx" and is_transformer(artifact):
            return ({"preset": "mixed", "transformer": True}, {"preset": "performance", "transformer": True})
        return ({"preset": "performance"}, {"preset": "mixed"})

    def guard(self, settings: Settings) -> Guard:
        return CLOSE

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        nncf = quiet_nncf.nncf()
        model = read_openvino(artifact)
        inputs = tensors(artifact.facts)
        found = list(batches(*whole_batches(calibration_feeds(materials, inputs, CALIBRATION_ROWS), inputs, 1)))
        quantized = nncf.quantize(
            model,
            nncf.Dataset(found),
            preset=nncf.QuantizationPreset[str(settings.get("preset", "performance")).upper()],
            model_type=nncf.ModelType.TRANSFORMER if settings.get("transformer") else None,
            subset_size=len(found),
            advanced_parameters=None if has_vnni() else _half_range(),
        )
        return write_openvino(quantized, artifact, folder)


def _half_range() -> Any:
    """Weights in 7 bits: the sums of 8-bit products saturate on processors without VNNI."""
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    return AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)
