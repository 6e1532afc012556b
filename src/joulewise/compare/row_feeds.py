"""From rows to what a model takes: one matrix or one array an input, of its dtype, without silent loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.core.errors import DataError
from joulewise.core.runtimes import Tensor

Array = NDArray[Any]
TEXT = ("object", "str", "string", "U", "O")


def feeds_of(features: Mapping[str, Array], inputs: Sequence[Tensor], start: int, stop: int) -> dict[str, Array]:
    """Rows [start, stop) as arrays by input name. Raises DataError with the cure where they don't fit."""
    rows = {name: column[start:stop] for name, column in features.items()}
    chosen = _by_input(rows, inputs)
    return {one.name: converted(shaped(chosen[one.name], one), one) for one in inputs}


def _by_input(rows: Mapping[str, Array], inputs: Sequence[Tensor]) -> dict[str, Array]:
    if not inputs:
        raise DataError("the model names no inputs", hint="give it with its signature")
    names = [one.name for one in inputs]
    if one_kind := _token_types(rows, names):
        rows = {**rows, **one_kind}
    if all(name in rows for name in names):
        return {name: rows[name] for name in names}
    if len(inputs) == 1:
        return {names[0]: next(iter(rows.values())) if len(rows) == 1 else _matrix(rows, inputs[0])}
    if len(rows) == 1:
        [matrix] = rows.values()
        if matrix.dtype.kind in "OU" and "input_ids" in names:
            raise DataError(
                "the model takes tokens, the data have text",
                hint="np.savez(path, **tokenizer(texts, padding=True, truncation=True, return_tensors='np'))",
            )
        if matrix.ndim == 2 and matrix.shape[1] == len(inputs):
            return {name: matrix[:, index] for index, name in enumerate(names)}
    absent = [name for name in names if name not in rows]
    raise DataError(
        f"no rows for the model's input {absent[0]!r}; the data have {_listed(rows)}",
        hint=f"name the arrays or columns as the model does: {_listed(names)}",
    )


def _token_types(rows: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    """A lone text is all of the first kind: zeros, as tokenizers write them where they are asked."""
    if "token_type_ids" not in names or "token_type_ids" in rows or "input_ids" not in rows:
        return {}
    return {"token_type_ids": np.zeros_like(rows["input_ids"])}


def _matrix(rows: Mapping[str, Array], wanted: Tensor) -> Array:
    """Columns side by side, in the file's order."""
    width = sum(prod(column.shape[1:]) for column in rows.values())
    expected = wanted.shape[1] if len(wanted.shape) == 2 else None
    if isinstance(expected, int) and expected != width:
        raise DataError(
            f"the model takes {expected} columns, the data have {width}: {_listed(rows)}",
            hint="name the target column (--target), and leave out columns that the model was not trained on",
        )
    texts = [name for name, column in rows.items() if column.dtype.kind in "OU"]
    if texts and wanted.dtype not in TEXT:
        raise DataError(
            f"column {texts[0]!r} is text, the model's input {wanted.name!r} takes {wanted.dtype}",
            hint="encode it as at training time, or give the whole pipeline as the model",
        )
    kind: Any = object if texts else np.result_type(*(column.dtype for column in rows.values()))
    return np.concatenate([column.reshape(len(column), -1).astype(kind) for column in rows.values()], axis=1)


def shaped(rows: Array, wanted: Tensor) -> Array:
    """The rows in the model's shape: the same numbers, flattened, unflattened, or channels moved to the other end."""
    want = wanted.shape[1:]
    have = rows.shape[1:]
    if _fits(have, want) or not wanted.shape:
        return rows
    if len(have) == len(want) == 3:
        for order in permutations((1, 2, 3)):
            if order in ((3, 1, 2), (2, 3, 1)) and _fits(tuple(rows.shape[axis] for axis in order), want):
                return np.ascontiguousarray(rows.transpose(0, *order))
    known = [size for size in want if isinstance(size, int)]
    if len(known) == len(want) and prod(known) == prod(have):
        return rows.reshape(len(rows), *known)
    if len(want) == 1 and not known:
        return rows.reshape(len(rows), -1)
    if wanted.dtype in TEXT and not want:
        raise DataError(
            f"the model takes one text a row, the data have {prod(have)} columns", hint="leave out all but the text"
        )
    raise DataError(
        f"the model's input {wanted.name!r} takes rows of shape {tuple(want)}, the data have {have}",
        hint="give the data in the shape that the model was trained on",
    )


def _fits(have: Sequence[int], want: Sequence[int | str]) -> bool:
    return len(have) == len(want) and all(
        not isinstance(size, int) or size < 0 or size == there for size, there in zip(want, have, strict=True)
    )


def converted(rows: Array, wanted: Tensor) -> Array:
    """The rows as the model's dtype; only the last digits of a float may go."""
    if wanted.dtype in TEXT or wanted.dtype.startswith("<U"):
        if rows.dtype.kind in "iu":  # a code of digits alone: text to the model, numbers to a CSV
            return rows.astype(str).astype(object)
        if rows.dtype.kind not in "OU":
            raise DataError(
                f"the model's input {wanted.name!r} takes text, the data have {rows.dtype}",
                hint="keep that column as text (a parquet file keeps types)",
            )
        return rows.astype(object)
    target = _dtype(wanted)
    if rows.dtype.kind in "OU":
        raise DataError(
            f"the model's input {wanted.name!r} takes {wanted.dtype}, the data have text such as "
            f"{str(rows.reshape(-1)[0]) if rows.size else ''!r}",
            hint="encode it as at training time, or give the whole pipeline as the model",
        )
    if rows.dtype == target:
        return np.ascontiguousarray(rows)
    if target.kind in "iu":
        _check_whole(rows, wanted, target)
    with np.errstate(over="ignore", invalid="ignore"):
        made = np.ascontiguousarray(rows.astype(target))
    if target.kind == "f":
        _check_floats(rows, made, wanted)
    if target.kind == "b" and not np.array_equal(made.astype(rows.dtype), rows):
        raise DataError(f"the model's input {wanted.name!r} takes true or false", hint="0 and 1, or true and false")
    return made


def _dtype(wanted: Tensor) -> np.dtype[Any]:
    try:
        found = np.dtype(wanted.dtype)
    except TypeError:
        found = np.dtype("V")
    if found.kind not in "biuf":
        raise DataError(
            f"the model's input {wanted.name!r} takes {wanted.dtype}, which NumPy does not have",
            hint="export the model with float32 inputs",
        )
    return found


def _check_whole(rows: Array, wanted: Tensor, target: np.dtype[Any]) -> None:
    limits = np.iinfo(target)
    if rows.dtype.kind == "f" and not bool(np.all(np.isfinite(rows) & (rows == np.floor(rows)))):
        raise DataError(
            f"the model's input {wanted.name!r} takes whole numbers ({wanted.dtype}), the data have fractions or NaN",
            hint="is this the right input? Round the values yourself if they are meant to be whole",
        )
    if rows.size and not (limits.min <= rows.min() and rows.max() <= limits.max):
        raise DataError(
            f"values from {rows.min()} to {rows.max()} don't fit {wanted.dtype} of input {wanted.name!r}",
            hint="scale them as at training time",
        )


def _check_floats(rows: Array, made: Array, wanted: Tensor) -> None:
    if rows.dtype.kind == "f" and bool(np.any(np.isinf(made) & np.isfinite(rows))):
        raise DataError(
            f"some values are too large for {wanted.dtype} of input {wanted.name!r}", hint="scale them, as at training"
        )
    if rows.dtype.kind in "iu" and not np.array_equal(made.astype(np.float64), rows.astype(np.float64)):
        raise DataError(
            f"whole numbers of input {wanted.name!r} are too large for {wanted.dtype} to keep exactly",
            hint="give them as floats if their last digits don't matter",
        )


def _listed(names: Any) -> str:
    shown = list(names)
    return ", ".join(map(str, shown[:8])) + (", ..." if len(shown) > 8 else "")
