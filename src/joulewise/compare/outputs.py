"""What a model answered, in one shape whatever runtime said it: scores, labels, values or vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.core.errors import DataError

Array = NDArray[Any]
ROLES = ("scores", "labels", "values", "vectors")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """Answers for n rows: `scores` (n, k) in the order of `classes`, `labels` (n,), `values` (n,) or (n, m), `vectors`
    (n, d); None for what the model does not say. `classes` is empty where nobody knows them.
    """

    task: str
    scores: Array | None = None
    labels: Array | None = None
    values: Array | None = None
    vectors: Array | None = None
    classes: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return next((len(one) for one in self._arrays().values()), 0)

    @property
    def probabilities(self) -> Array | None:
        """Scores as shares of one: as they are where they are such, else by softmax."""
        if self.scores is None:
            return None
        scores = self.scores.astype(np.float64)
        if _are_shares(scores):
            return np.asarray(scores / scores.sum(axis=1, keepdims=True))
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def take(self, indices: Sequence[int] | NDArray[Any]) -> Prediction:
        """The answers for these rows, in this order."""
        chosen = np.asarray(indices)
        return replace(self, **{name: array[chosen] for name, array in self._arrays().items()})

    def _arrays(self) -> dict[str, Array]:
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.name in ROLES}
        return {name: array for name, array in named.items() if array is not None}


def canonical(outputs: Mapping[str, Any], facts: Mapping[str, Any]) -> Prediction:
    """Outputs by `facts["roles"]`, or by their shape where nobody told the roles.

    Raises DataError for no usable output, outputs of different lengths, NaN among the answers.
    """
    arrays = {name: np.asarray(array) for name, array in outputs.items()}
    if not arrays:
        raise DataError("the model gave no outputs", hint="give it with its signature")
    task = str(facts.get("task") or "unknown")
    classes = tuple(facts.get("classes") or ())
    told = {role: arrays[name] for role, name in (facts.get("roles") or {}).items() if name in arrays and role in ROLES}
    if facts.get("clusters"):  # numbers that are nobody's classes: as labels they would be judged by chance
        return Prediction(task=task, vectors=arrays["labels"].reshape(-1, 1).astype(np.float64))
    found = told or _by_shape(arrays, task, classes)
    if not found:
        shapes = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in arrays.items())
        raise DataError(
            f"can't tell what the model's outputs mean: {shapes}",
            hint="export it with (rows, classes) scores, (rows,) labels or values, or (rows, width) vectors",
        )
    _check(found)
    scores = _two_columns(found["scores"]) if "scores" in found else None
    if scores is not None and classes and len(classes) != scores.shape[1]:
        raise DataError(
            f"the model scores {scores.shape[1]} classes, but names {len(classes)}: {list(classes)[:6]}",
            hint="export the model again, with its classes",
        )
    values = _flat(found["values"]) if "values" in found else None
    labels = _labels(found.get("labels"), scores, classes)
    return Prediction(
        task=task if task != "unknown" else _task(found),
        scores=scores,
        labels=labels,
        values=values,
        vectors=found.get("vectors"),
        classes=classes,
    )


def _by_shape(arrays: Mapping[str, Array], task: str, classes: tuple[Any, ...]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for array in arrays.values():
        role = _role(_flat(array), task, classes)
        if role is not None and role not in found:
            found[role] = array
    return found


def _role(array: Array, task: str, classes: tuple[Any, ...]) -> str | None:
    """What an output is by its shape: labels are whole or text, scores a column a class, values the rest."""
    if array.ndim == 1:
        if array.dtype.kind in "iubOUS":
            return "values" if task == "regression" and array.dtype.kind != "O" else "labels"
        return _role_of_floats(array, task, classes)
    if array.ndim != 2 or array.dtype.kind != "f":
        return None
    if task in ("embedding", "regression"):
        return "vectors" if task == "embedding" else "values"
    unit_length = bool(np.allclose(np.linalg.norm(array.astype(np.float64), axis=1), 1, atol=1e-3))
    if task == "unknown" and not classes and unit_length and not _are_shares(array):
        return "vectors"
    return "scores"


def _role_of_floats(array: Array, task: str, classes: tuple[Any, ...]) -> str:
    if task != "classification" and len(classes) != 2:
        return "vectors" if task == "embedding" else "values"
    whole = bool(np.all(array == np.floor(array)))
    keys = {key_of(one) for one in np.unique(array)} if whole else set()
    numbers = bool(array.size) and array.min() >= 0 and array.max() < (len(classes) or np.inf)
    return "labels" if whole and (keys <= {key_of(one) for one in classes} or numbers) else "scores"


def _check(found: Mapping[str, Array]) -> None:
    lengths = {role: len(array) if array.ndim else -1 for role, array in found.items()}
    if len(set(lengths.values())) > 1 or -1 in lengths.values():
        raise DataError(f"the model's outputs have different numbers of rows: {lengths}", hint="rows first in each")
    for role, array in found.items():
        if array.dtype.kind == "f":
            bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
            if bad.any():
                raise DataError(
                    f"the model answers NaN or infinity for {int(bad.sum())} of {len(array)} rows ({role}), "
                    f"the first is row {int(np.argmax(bad)) + 1}",
                    hint="missing values in the data? Fill them as at training; low precision? Keep it higher",
                )


def _flat(array: Array) -> Array:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _two_columns(scores: Array) -> Array:
    """Scores of (n, k); a single column is the second of two classes, as share or as log odds."""
    flat = _flat(scores)
    if flat.ndim == 2:
        return flat
    if flat.ndim != 1:
        raise DataError(f"scores of shape {list(scores.shape)} are not one a class", hint="(rows, classes)")
    flat = flat.astype(np.float64)
    if flat.size and flat.min() >= 0 and flat.max() <= 1:
        return np.stack([1 - flat, flat], axis=1)
    return np.stack([np.zeros_like(flat), flat], axis=1)  # softmax of (0, z) is the logistic function of z


def _labels(labels: Array | None, scores: Array | None, classes: tuple[Any, ...]) -> Array | None:
    """Labels as values of `classes`: a model may give them as their numbers."""
    if labels is None:
        return None if scores is None else named(np.argmax(scores, axis=1), classes or tuple(range(scores.shape[1])))
    labels = _flat(labels)
    if labels.ndim != 1:
        raise DataError(f"labels of shape {list(labels.shape)} are not one a row", hint="single-label models only")
    known = {key_of(one) for one in classes}
    keys = {key_of(one) for one in np.unique(labels.astype(str) if labels.dtype == object else labels)}
    if classes and not keys <= known and all(isinstance(key, int) and 0 <= key < len(classes) for key in keys):
        return named(labels.astype(np.intp), classes)
    return labels


def named(numbers: NDArray[np.intp], classes: tuple[Any, ...]) -> Array:
    """Classes by their number."""
    values = np.empty(len(classes), dtype=object)
    values[:] = classes
    chosen = values[numbers]
    plain = all(isinstance(one, int) and not isinstance(one, bool) for one in classes)
    return np.asarray(chosen.astype(np.int64) if plain else chosen)


def _task(found: Mapping[str, Array]) -> str:
    if "scores" in found or "labels" in found:
        return "classification"
    return "regression" if "values" in found else "embedding"


def _are_shares(scores: Array) -> bool:
    inside = bool(np.all(scores >= -1e-4) and np.all(scores <= 1 + 1e-4))
    return inside and bool(np.allclose(scores.sum(axis=1), 1, atol=1e-2))


def key_of(value: Any) -> Any:
    """A class as it compares: 1, 1.0, True and NumPy's one are one class, "1" is another."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bytes):
        plain = plain.decode("utf-8", "replace")
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)
    return int(plain) if isinstance(plain, bool) else plain
