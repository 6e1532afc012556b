"""Which runtimes take a model, which one is its own, and how it is opened."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from joulewise.core import plugins
from joulewise.core.errors import ModelError, PluginMissing
from joulewise.core.runtimes import Artifact, Predictor, RunOptions

_NATIVE = {
    "keras": "tensorflow",
    "linear": "numpy",
    "onnx": "onnxruntime",
    "saved-model": "tensorflow",
    "skops": "sklearn",
    "torch-export": "torch",
    "torch-module": "torch",
    "torchscript": "torch",
}
_BUILT_IN = {
    "catboost": (("catboost",), "catboost"),
    "compiled-trees": (("compiled-trees",), "numpy"),
    "hf": (("hf",), "transformers"),
    "lightgbm": (("lightgbm",), "lightgbm"),
    "numpy": (("linear",), "numpy"),
    "onnxruntime": (("onnx",), "onnxruntime"),
    "openvino": (("onnx", "openvino"), "openvino"),
    "sklearn": (("sklearn", "skops"), "sklearn"),
    "tensorflow": (("keras", "saved-model"), "tensorflow"),
    "torch": (("torch-export", "torch-module", "torchscript"), "torch"),
    "torch-compile": (("hf", "torch-export", "torch-module"), "torch"),
    "treelite": (("treelite",), "treelite"),
    "xgboost": (("xgboost",), "xgboost"),
}
"""Formats and library by runtime, so that a question about one model does not import every library there is."""
_EXTRAS = {
    "compiled-trees": "compare",
    "numpy": "compare",
    "onnxruntime": "onnx",
    "sklearn": "compare",
    "torch-compile": "torch",
    "treelite": "trees",
}


def runtime_of(name: str) -> Any:
    """The runtime plug-in of a name. Raises PluginMissing with the cure if its library is absent, NotFound."""
    try:
        return plugins.load("runtimes", name)()
    except PluginMissing as error:
        hint = f"pip install 'joulewise[{_EXTRAS.get(name, name)}]'"
        raise PluginMissing(error.message, hint=hint) from error


def runtimes_for(artifact: Artifact) -> list[str]:
    """The runtimes installed here that take the artifact, its own first."""
    native = native_runtime(artifact)
    found = [name for name in plugins.names("runtimes") if _takes(name, artifact)]
    return sorted(found, key=lambda name: (name != native, name))


def native_runtime(artifact: Artifact) -> str:
    """The runtime that the lab would use: the library that made the model. Its library may be absent."""
    return _NATIVE.get(artifact.format, artifact.format)


def open_model(artifact: Artifact, runtime: str = "", options: RunOptions | None = None) -> Predictor:
    """Load the artifact with a runtime, its own unless one is named.

    Raises PluginMissing, NotFound; ModelError for a runtime that does not take the format, or what the runtime raises.
    """
    name = runtime or native_runtime(artifact)
    chosen = runtime_of(name)
    if artifact.format not in chosen.formats:
        can = ", ".join(runtimes_for(artifact)) or "none installed"
        raise ModelError(f"{name} does not run {artifact.format} models", hint=f"one of: {can}; or convert it first")
    opened: Predictor = chosen.open(artifact, options or RunOptions())
    return opened


def _takes(name: str, artifact: Artifact) -> bool:
    formats, package = _BUILT_IN.get(name, ((artifact.format,), "joulewise"))
    if artifact.format not in formats or find_spec(package) is None:
        return False
    try:
        runtime = runtime_of(name)
    except PluginMissing:
        return False
    accepts = getattr(runtime, "accepts", None)  # a runtime may refuse some models of a format that it takes
    return artifact.format in runtime.formats and (accepts is None or bool(accepts(artifact)))
