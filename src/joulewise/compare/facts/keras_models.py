"""SavedModels and Keras files: signatures, and how they are loaded."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from joulewise.compare.facts import BATCH, entry
from joulewise.compare.facts.programs import guess_task
from joulewise.core.errors import ModelError, PluginMissing, UntrustedModel

FACTS_THREADS = 1
_SCORING = ("softmax", "sigmoid")


def describe(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a SavedModel's serving signature, or of a Keras model."""
    if form == "saved-model":
        signature = load_saved(path, FACTS_THREADS)[1]
        inputs = [_entry(name, spec) for name, spec in sorted(signature.structured_input_signature[1].items())]
        outputs = [_entry(name, spec) for name, spec in sorted(signature.structured_outputs.items())]
        return {"inputs": inputs, "outputs": outputs, **_task(inputs, outputs)}
    model = load_keras(path, trust, FACTS_THREADS)
    inputs = [_entry(each.name, each) for each in model.inputs]
    outputs = [
        _entry("scores" if len(model.outputs) == 1 else f"output_{at}", each) for at, each in enumerate(model.outputs)
    ]
    facts = {"inputs": inputs, "outputs": outputs, "trusted": trust, **_task(inputs, outputs)}
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "")
    if activation in _SCORING and len(outputs) == 1:
        facts |= {"task": "classification", "roles": {"scores": "scores"}}
        facts.pop("task_guessed", None)
    elif facts["task"] != "classification" and len(outputs) == 1:
        outputs[0]["name"] = "values"
        facts["roles"] = {"values": "values"} if facts["task"] == "regression" else {}
    return facts


def _task(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return guess_task(inputs, outputs)


def _tensorflow(path: Path, threads: int | None) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its start fills the screen otherwise
    try:
        import tensorflow
    except ImportError as error:
        raise PluginMissing(f"{path} needs TensorFlow", hint="pip install 'joulewise[tensorflow]'") from error
    if threads is not None:
        limit_threads(tensorflow, threads)
    return tensorflow


def limit_threads(tensorflow: Any, threads: int) -> int:
    """Ask for a number of threads, and return what TensorFlow will have: its first use fixes that for the process."""
    config = tensorflow.config.threading
    try:
        config.set_intra_op_parallelism_threads(threads)
        config.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # already in use: reading a model's facts is a use
        return int(config.get_intra_op_parallelism_threads())
    return threads


def load_saved(path: Path, threads: int | None = None) -> tuple[Any, Any]:
    """The loaded object, which must live as long as its signature, and the serving signature.

    `threads` None: as many as somebody has asked for before.
    """
    tensorflow = _tensorflow(path, threads)
    try:
        loaded = tensorflow.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, tensorflow.errors.OpError) as error:
        raise ModelError(f"TensorFlow can't read {path}: {str(error)[:200]}", hint="save it anew") from error
    signatures = loaded.signatures
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), "")
    if not name:
        raise ModelError(f"{path} has no signature to call", hint="model.export('folder') writes one")
    return loaded, signatures[name]


def load_keras(path: Path, trust: bool, threads: int | None = None) -> Any:
    """A Keras model; `threads` as for `load_saved`. Lambda layers and the old HDF5 format can hold code: they want
    trust before they are loaded."""
    if path.suffix != ".keras" and not trust and not zipfile.is_zipfile(path):
        raise UntrustedModel(f"{path} is an old HDF5 file, which can hold code", hint="--trust, or save it as .keras")
    if not trust and _has_lambda(path):
        raise UntrustedModel(f"{path} has Lambda layers, which are code", hint="--trust (in Python: trust=True)")
    tensorflow = _tensorflow(path, threads)
    try:
        return tensorflow.keras.models.load_model(str(path), compile=False, safe_mode=not trust)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"Keras can't read {path}: {str(error)[:200]}", hint="save it anew with this version"
        ) from error


def _has_lambda(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        try:
            told = json.loads(archive.read("config.json"))
        except ValueError as error:
            raise ModelError(f"{path} is torn: its config.json is no JSON", hint="save it anew") from error
    return '"class_name": "Lambda"' in json.dumps(told)


def _entry(name: str, spec: Any) -> dict[str, Any]:
    dtype = getattr(spec.dtype, "name", str(spec.dtype))
    shape: list[int | str] = [BATCH if axis == 0 else f"free_{axis}" if size is None else int(size)
                              for axis, size in enumerate(spec.shape)]  # fmt: skip
    return entry(name, "object" if dtype == "string" else dtype, shape)
