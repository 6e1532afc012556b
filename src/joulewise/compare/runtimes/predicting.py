"""What the predictors of all runtimes share: they check what goes in, answer by name, and can be closed twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from joulewise.compare.facts import tensors
from joulewise.compare.feeding import Gate
from joulewise.core.errors import DataError, ModelError
from joulewise.core.runtimes import Artifact, Tensor

_CURES = (
    (re.compile(r"\bnan\b|infinit|missing|null", re.I), "impute or drop such rows, as in training"),
    (re.compile(r"unknown categor", re.I), "drop such rows, or train it to ignore unknown ones (handle_unknown)"),
    (
        re.compile(r"out of (data )?bounds|out of range", re.I),
        "are the ids of this model's own tokenizer or vocabulary, and not longer than it takes?",
    ),
)
_ANY_CURE = "give rows as at training: the same columns, types and ranges"
Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class CheckedPredictor:
    """Calls `answer` with feeds that passed the gate; `close` lets the answer, and the model that it holds, go."""

    def __init__(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], answer: Answer) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._gate = Gate(inputs)
        self._answer: Answer | None = answer

    def predict(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arrays by output name. Raises DataError for feeds that don't fit, ModelError after `close`."""
        if self._answer is None:
            raise ModelError("the predictor was closed", hint="open the model again")
        return self._answer(self._gate.check(feeds))

    def close(self) -> None:
        """Let go of the model."""
        self._answer = None


def predictor_of(artifact: Artifact, answer: Answer) -> CheckedPredictor:
    """A predictor with the signature that the artifact's facts give."""
    return CheckedPredictor(tensors(artifact.facts["inputs"]), tensors(artifact.facts["outputs"]), answer)


def as_data_error(error: Exception, library: str) -> DataError:
    """What a library says about rows that it refuses (NaN, unknown categories), as our error."""
    said = first_line(error)
    hint = next((hint for words, hint in _CURES if words.search(said)), _ANY_CURE)
    return DataError(f"{library} refuses the rows: {said}", hint=hint)


def first_line(error: Exception) -> str:
    """What a library says first, without the lines that say where in it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def scores_answer(scores: Any, classes: Any) -> dict[str, Any]:
    """Scores (n, k), and the label of the highest. A single column of binary scores becomes two."""
    found = np.asarray(scores)
    if found.ndim == 1 or found.shape[1] == 1:
        positive = found.reshape(-1)
        found = np.stack((1 - positive, positive), axis=1)
    return {"labels": classes[found.argmax(axis=1)], "scores": found}


def class_array(classes: Any) -> Any:
    """Classes as an array that keeps text as text."""
    found = np.asarray(list(classes))
    return found.astype(object) if found.dtype.kind in "US" else found
