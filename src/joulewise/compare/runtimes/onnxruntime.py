"""ONNX Runtime: threads that don't spin unless told to, one inter-op thread, ZipMap's dictionaries as one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime

from joulewise.compare.facts import tensors
from joulewise.compare.runtimes.predicting import CheckedPredictor, as_data_error
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, RunOptions

_LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


class OnnxRuntime:
    """Runs .onnx files on the CPU. `more`: "graph" (all, extended, basic, none), any other key is a session entry."""

    name = "onnxruntime"
    formats = ("onnx",)

    @property
    def version(self) -> str:
        return str(onnxruntime.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises ModelError with the cure for opsets that are too new, operators that are unknown, torn files."""
        try:
            session = onnxruntime.InferenceSession(
                str(artifact.path), _session_options(options), providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _model_error(artifact, error) from error
        inputs = tensors(artifact.facts["inputs"])
        answer = _Answer(session, artifact.facts)
        return CheckedPredictor(inputs, tensors(artifact.facts["outputs"]), answer)


def _session_options(options: RunOptions) -> Any:
    chosen = onnxruntime.SessionOptions()
    more = dict(options.more)
    level = more.pop("graph", "all")
    if level not in _LEVELS:
        raise ModelError(f"no graph optimisation {level!r}", hint=f"one of {', '.join(_LEVELS)}")
    chosen.graph_optimization_level = _LEVELS[level]
    chosen.intra_op_num_threads = options.threads
    chosen.inter_op_num_threads = 1
    chosen.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    chosen.log_severity_level = 3
    spinning = "1" if options.spinning else "0"
    chosen.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    chosen.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    for key, value in more.items():
        chosen.add_session_config_entry(str(key), str(value))
    return chosen


class _Answer:
    def __init__(self, session: Any, facts: Mapping[str, Any]) -> None:
        self._run = session.run
        self._names = [output.name for output in session.get_outputs()]
        kinds = [output.type for output in session.get_outputs()]
        self._maps = [name for name, kind in zip(self._names, kinds, strict=True) if kind.startswith("seq(map")]
        self._classes = list(facts.get("classes") or ())

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = dict(zip(self._names, self._run(self._names, feeds), strict=True))
        except Exception as error:
            raise as_data_error(error, "ONNX Runtime") from error
        for name in self._maps:
            found[name] = self._flat(found[name])
        return found

    def _flat(self, rows: Sequence[Mapping[Any, float]]) -> Any:
        """ZipMap's list of dictionaries as (n, k) in the order of the classes."""
        order = self._classes or (list(rows[0]) if rows else [])
        flat = np.fromiter((row[label] for row in rows for label in order), np.float32, len(rows) * len(order))
        return flat.reshape(len(rows), len(order))


def _model_error(artifact: Artifact, error: Exception) -> ModelError:
    said = " ".join(str(error).split())
    ours = onnxruntime.__version__
    if "under development" in said or "IR version" in said:
        needs = [f"{domain} {version}" for domain, version in artifact.facts.get("opsets", {}).items()]
        needs.append(f"IR {artifact.facts.get('ir_version')}")
        return ModelError(
            f"{artifact.path.name} is too new for ONNX Runtime {ours}: opset {', '.join(needs)}",
            hint="pip install -U onnxruntime, or export it with an older opset (opset_version=17)",
        )
    if any(words in said for words in ("NOT_IMPLEMENTED", "not a registered function", "No Op registered")):
        return ModelError(f"ONNX Runtime {ours} has no operator for it: {said[-300:]}", hint="try another runtime")
    return ModelError(f"ONNX Runtime {ours} can't load {artifact.path}: {said[-300:]}", hint="export the model again")
