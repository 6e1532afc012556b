"""What a model says of itself: task, classes, inputs, outputs and their roles. One file a family of formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from joulewise.core.runtimes import Tensor

BATCH = "batch"
SEVERAL = "a classifier with several outputs has no single answer"


def entry(name: str, dtype: str, shape: Sequence[int | str]) -> dict[str, Any]:
    """An input or output as facts keep it."""
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def tensors(entries: Sequence[Mapping[str, Any]]) -> tuple[Tensor, ...]:
    """The inputs or outputs of facts as records."""
    return tuple(Tensor(name=each["name"], dtype=each["dtype"], shape=tuple(each["shape"])) for each in entries)


def answers(
    task: str, *, classes: Sequence[Any] | None = None, dtype: str = "float64", width: int | None = None
) -> dict[str, Any]:
    """Facts about outputs for a library that answers with labels and scores, or with values.

    `width` is the number of outputs of a regression with several, or of an embedding.
    """
    if task == "classification":
        known = list(classes or ())
        text = any(isinstance(each, str) for each in known)
        label = entry("labels", "object" if text else "int64", (BATCH,))
        score = entry("scores", dtype, (BATCH, len(known) or "classes"))
        facts = {"task": task, "outputs": [label, score], "roles": {"labels": "labels", "scores": "scores"}}
        return facts | ({"classes": known} if known else {})
    role = "vectors" if task == "embedding" else "values"
    shape: tuple[int | str, ...] = (BATCH,) if width is None else (BATCH, width)
    return {"task": task, "outputs": [entry(role, dtype, shape)], "roles": {role: role}}
