"""OpenVINO on the CPU, in 32-bit floats unless bfloat16 is asked for: by itself it changes the precision unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import openvino

from joulewise.compare.facts import folders, tensors
from joulewise.compare.runtimes.predicting import CheckedPredictor, as_data_error
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, RunOptions

_PRECISIONS = ("f32", "bf16", "f16")


class OpenVino:
    """Runs .xml with .bin, and .onnx without text and tree operators. `more`: "precision" (f32, bf16, f16)."""

    name = "openvino"
    formats = ("onnx", "openvino")

    @property
    def version(self) -> str:
        return str(openvino.__version__).split("-")[0]

    def accepts(self, artifact: Artifact) -> bool:
        """False for ONNX graphs with the classical operators (trees, ZipMap) that OpenVINO lacks."""
        domains = artifact.facts.get("domains", ())
        return "ai.onnx.ml" not in domains and all(each["dtype"] != "object" for each in artifact.facts["inputs"])

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        """bfloat16 only where the CPU computes in it."""
        del artifact
        able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return [{}, {"precision": "bf16"}] if "BF16" in able else [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises ModelError for what OpenVINO can't read."""
        if not self.accepts(artifact):
            raise ModelError("OpenVINO has no trees, ZipMap or text", hint="use the runtime onnxruntime")
        precision = options.more.get("precision", "f32")
        if precision not in _PRECISIONS:
            raise ModelError(f"no precision {precision!r}", hint=f"one of {', '.join(_PRECISIONS)}")
        model = folders.load_openvino(artifact.path)
        try:
            compiled = openvino.Core().compile_model(model, "CPU", _config(precision, options))
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-300:]
            raise ModelError(f"OpenVINO can't compile {artifact.path}: {reason}", hint="try onnxruntime") from error
        answer = _Answer(compiled, artifact.facts)
        return CheckedPredictor(tensors(artifact.facts["inputs"]), tensors(artifact.facts["outputs"]), answer)


def _config(precision: str, options: RunOptions) -> dict[str, Any]:
    """One stream, as many threads as asked for, none of them on a sibling hyper-thread or pinned to a core."""
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        "ENABLE_HYPER_THREADING": False,
        "ENABLE_CPU_PINNING": False,
    }


class _Answer:
    """Ports are called by place: OpenVINO may rename them."""

    def __init__(self, compiled: Any, facts: Mapping[str, Any]) -> None:
        self._request = compiled.create_infer_request()
        self._outputs = [each["name"] for each in facts["outputs"]]
        known = {name: at for at, port in enumerate(compiled.inputs) for name in port.get_names()}
        self._inputs = [(known.get(each["name"], at), each["name"]) for at, each in enumerate(facts["inputs"])]
        named = {name: at for at, port in enumerate(compiled.outputs) for name in port.get_names()}
        self._places = [(name, named.get(name, at)) for at, name in enumerate(self._outputs)]

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = self._request.infer({at: feeds[name] for at, name in self._inputs}, share_inputs=True)
        except RuntimeError as error:
            raise as_data_error(error, "OpenVINO") from error
        return {name: found[at] for name, at in self._places}
