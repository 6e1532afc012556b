"""What a bench says of answers: their quality, and whether one batch size says what another does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.class_matching import guessed_classes
from joulewise.compare.outputs import Prediction
from joulewise.compare.quality import metric_of, quality_of
from joulewise.compare.rows import Rows
from joulewise.core.errors import DataError, JoulewiseError
from joulewise.core.variants import Observation

TOLERANCE = 1e-3
"""Between batch sizes only the order of sums changes: more than this, over the spread of answers, is another answer."""


def default_metric(prediction: Prediction, rows: Rows) -> str:
    """accuracy, r2 or cosine, by the task; "" where nothing can judge."""
    if prediction.task == "embedding":
        return "cosine"
    if rows.target is None:
        return ""
    return "accuracy" if prediction.labels is not None else "r2"


def judged(
    prediction: Prediction, rows: Rows, metric_name: str, reference: Prediction | None, seed: int
) -> tuple[list[Observation], list[str]]:
    """The quality observation, or a note that says why there is none. The reference is the first deployment."""
    name = metric_name or default_metric(prediction, rows)
    if not name:
        return [], ["no target, so no quality: name it with --target"]
    try:
        figure = quality_of(metric_of(name), prediction, rows.target, reference, seed)
    except JoulewiseError as error:
        return [], [f"no {name}: {error.message}" + (f" ({error.hint})" if error.hint else "")]
    return [Observation(quantity=name, figure=figure, n=len(rows))], _guesses(prediction, rows)


def _guesses(prediction: Prediction, rows: Rows) -> list[str]:
    if prediction.labels is None or rows.target is None:
        return []
    try:
        told = guessed_classes(prediction, rows.target)
    except DataError:  # a metric of the user's own may judge what has no classes
        return []
    return [told] if told else []


def agreement_notes(batched: Prediction, singly: Prediction, batch: int) -> list[str]:
    """What differs between the answers to a batch and those one by one."""
    if batch == 1:
        return []
    notes = []
    for name in ("scores", "values", "vectors"):
        one, other = getattr(batched, name), getattr(singly, name)
        if one is not None and other is not None:
            off = _apart(one, other)
            if off > TOLERANCE:
                notes.append(f"{name} at batch {batch} differ from those at batch 1 by up to {off:.2g} of their spread")
    if batched.labels is not None and singly.labels is not None:
        differ = int(np.sum(batched.labels.astype(str) != singly.labels.astype(str)))
        if differ:
            notes.append(f"{differ} of {len(singly)} labels at batch {batch} differ from those at batch 1")
    return notes


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    if one.shape != other.shape:
        return float("inf")
    spread = float(np.ptp(one.astype(np.float64))) or 1.0
    return float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)), initial=0.0)) / spread
