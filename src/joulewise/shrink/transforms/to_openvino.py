"""ONNX to OpenVINO's own format: a faster start than reading ONNX, and what its quantization works on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.making import Recipe, Settings
from joulewise.shrink.transforms.onnx_graphs import peek

FOREIGN = ("TreeEnsemble", "LinearClassifier", "LinearRegressor", "Scaler", "SVM", "LabelEncoder", "ArrayFeature")
"""Operators of classical machine learning, and of text, that OpenVINO does not know."""
_RUNTIME_ONLY = ("MatMulInteger", "DynamicQuantizeLinear", "MatMulNBits", "QLinear", "Attention", "BiasGelu")


def openvino_refuses(path: Path) -> str:
    """Why OpenVINO can't take an ONNX graph, as far as its operators say; empty where it can."""
    odd = sorted(kind for kind in peek(path) if kind.startswith((*FOREIGN, *_RUNTIME_ONLY)))
    return f"OpenVINO does not run {', '.join(odd[:3])}" if odd else ""


class ToOpenVino(Recipe):
    """Weights stay in float32; whether the runtime then computes in bfloat16 is the runtime's setting, not ours."""

    name = "to-openvino"
    formats = ("onnx",)
    distribution = "openvino"
    modules = ("openvino",)
    extra = "openvino"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        return openvino_refuses(artifact.path)

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        model = read_openvino(artifact)
        return write_openvino(model, artifact, folder)


def read_openvino(artifact: Artifact) -> Any:
    """The OpenVINO model of an artifact of format onnx or openvino, its outputs named as before."""
    import openvino

    model = openvino.Core().read_model(str(artifact.path))
    for port, entry in zip(model.outputs, artifact.facts.get("outputs", ()), strict=False):
        if entry["name"] not in port.get_names():
            port.get_tensor().add_names({entry["name"]})
    return model


def write_openvino(model: Any, artifact: Artifact, folder: Path) -> Artifact:
    """Write it; the facts keep names and roles, dtypes are the model's."""
    import openvino

    path = folder / "model.xml"
    openvino.save_model(model, str(path), compress_to_fp16=False)
    facts = {**artifact.facts, "inputs": _typed(model.inputs, artifact.facts["inputs"])}
    return Artifact(path=path, format="openvino", facts=facts, steps=artifact.steps)


def _typed(ports: Any, entries: Any) -> list[Mapping[str, Any]]:
    import numpy as np

    kinds = {name: str(np.dtype(port.get_element_type().to_dtype())) for port in ports for name in port.get_names()}
    return [{**entry, "dtype": kinds.get(entry["name"], entry["dtype"])} for entry in entries]
