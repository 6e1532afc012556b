"""Rows as the predictor at the end of a pipeline sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joulewise.core.runtimes import Artifact
from joulewise.shrink.transforms.feeding import rows_of, tensors
from joulewise.shrink.transforms.loading import before_last


def raw_rows(artifact: Artifact, path: Path) -> Any:
    """Rows of a .npz as the whole estimator takes them: a matrix, or a DataFrame where columns are text or named."""
    from joulewise.compare.facts.estimators import as_frame

    found = rows_of(path)
    inputs = tensors(artifact.facts)
    feeds = found.feeds(inputs, 0, len(found))
    if len(inputs) > 1:
        return as_frame(feeds, [tensor.name for tensor in inputs], artifact.facts.get("gaps", ()))
    matrix = feeds[inputs[0].name]
    columns = artifact.facts.get("columns")
    if columns and matrix.ndim == 2:
        return as_frame({name: matrix[:, place] for place, name in enumerate(columns)}, list(columns))
    return matrix


def model_rows(estimator: Any, artifact: Artifact, path: Path) -> Any:
    """The rows after every step of the pipeline but the last."""
    import numpy as np

    rows = raw_rows(artifact, path)
    steps = before_last(estimator)
    found = steps.transform(rows) if steps is not None else rows
    return found.toarray() if hasattr(found, "toarray") else np.asarray(found)


def targets(path: Path) -> Any:
    """The targets of a .npz, None where it has none."""
    return rows_of(path).target
