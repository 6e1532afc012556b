"""TensorFlow: the serving signature of a SavedModel, or a Keras model called as a compiled function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow

from joulewise.compare.facts.keras_models import limit_threads, load_keras, load_saved
from joulewise.compare.runtimes.predicting import CheckedPredictor, as_data_error, predictor_of
from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact, RunOptions


class TensorFlow:
    """Runs SavedModels and Keras files. Its threads are the process's, fixed by whoever comes first."""

    name = "tensorflow"
    formats = ("keras", "saved-model")

    @property
    def version(self) -> str:
        return str(tensorflow.__version__)

    def settings(self, artifact: Artifact) -> Sequence[Mapping[str, Any]]:
        del artifact
        return [{}]

    def open(self, artifact: Artifact, options: RunOptions) -> CheckedPredictor:
        """Raises ModelError if TensorFlow already runs with another number of threads."""
        have = limit_threads(tensorflow, options.threads)
        if have != options.threads:
            hint = "open the model in a process of its own, which is told the number first"
            raise ModelError(f"TensorFlow already runs with {have or 'its own number of'} threads", hint=hint)
        if artifact.format == "saved-model":
            return predictor_of(artifact, _signature_answer(artifact))
        model = load_keras(artifact.path, bool(artifact.facts.get("trusted")))
        return predictor_of(artifact, _keras_answer(model, artifact))


def _signature_answer(artifact: Artifact) -> Any:
    loaded, signature = load_saved(artifact.path)

    def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        assert loaded is not None  # the signature holds its variables by weak references alone
        try:
            found = signature(**{name: tensorflow.constant(array) for name, array in feeds.items()})
        except (ValueError, TypeError, tensorflow.errors.OpError) as error:
            raise as_data_error(error, "TensorFlow") from error
        return {name: value.numpy() for name, value in found.items()}

    return answer


def _keras_answer(model: Any, artifact: Artifact) -> Any:
    names = [each["name"] for each in artifact.facts["inputs"]]
    outputs = [each["name"] for each in artifact.facts["outputs"]]
    call = tensorflow.function(lambda *given: model(list(given) if len(given) > 1 else given[0], training=False))

    def answer(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = call(*[tensorflow.constant(feeds[name]) for name in names])
        except (ValueError, TypeError, tensorflow.errors.OpError) as error:
            raise as_data_error(error, "TensorFlow") from error
        values = found if isinstance(found, (list, tuple)) else [found]
        return {name: value.numpy() for name, value in zip(outputs, values, strict=True)}

    return answer
