"""Checks what goes into a model: names, types, shapes. Cheap, since it stands before every call that is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from joulewise.core.errors import DataError
from joulewise.core.runtimes import Tensor

_REMEMBERED = 256


class Gate:
    """Lets feeds through that fit the inputs, widened (float32 to float64) where nothing is lost.

    A shape and type that passed once passes again by one look-up, so that the check costs a fraction of a microsecond.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.inputs = tuple(inputs)
        self._names = tuple(tensor.name for tensor in self.inputs)
        self._single = self._names[0] if len(self._names) == 1 else ""
        self._passed: set[Any] = set()

    def check(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """The feeds as arrays of the wanted types. Raises DataError that says which input is wrong, and the cure."""
        try:
            if self._single:
                array = feeds[self._single]
                key: Any = (array.dtype, array.shape)
            else:
                key = tuple([(feeds[name].dtype, feeds[name].shape) for name in self._names])
            if key in self._passed and len(feeds) == len(self._names):
                return feeds
        except (KeyError, AttributeError):
            key = None
        fitting = self._fit(feeds)
        if key is not None and all(fitting[name] is feeds[name] for name in self._names):
            if len(self._passed) >= _REMEMBERED:
                self._passed.clear()
            self._passed.add(key)
        return fitting

    def _fit(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        missing = [name for name in self._names if name not in feeds]
        extra = [name for name in feeds if name not in self._names]
        if missing or extra:
            told = [f"missing {', '.join(map(repr, missing))}"] if missing else []
            told += [f"unknown {', '.join(map(repr, extra))}"] if extra else []
            raise DataError(f"inputs don't fit: {'; '.join(told)}", hint=f"the model takes {describe(self.inputs)}")
        sizes: dict[str, int] = {}
        return {tensor.name: _fitting(tensor, feeds[tensor.name], sizes) for tensor in self.inputs}


def describe(tensors: Sequence[Tensor]) -> str:
    """Inputs in words: x float32 (batch, 30), ..."""
    return ", ".join(f"{tensor.name} {tensor.dtype} ({', '.join(map(str, tensor.shape))})" for tensor in tensors)


def _fitting(tensor: Tensor, value: Any, sizes: dict[str, int]) -> Any:
    array = np.asarray(value)
    _check_shape(tensor, array.shape, sizes)
    if tensor.dtype == "object":
        if array.dtype.kind not in "OUST":
            raise DataError(f"input {tensor.name!r} wants text, got {array.dtype}", hint="pass the column as text")
        return array
    wanted = np.dtype(tensor.dtype)
    if array.dtype == wanted:
        return array
    if array.dtype.kind in "OUST":
        raise DataError(f"input {tensor.name!r} wants {wanted}, got text", hint="encode text columns as numbers first")
    if not np.can_cast(array.dtype, wanted, "safe"):
        raise DataError(
            f"input {tensor.name!r} wants {wanted}, and {array.dtype} does not fit in without loss",
            hint=f"array.astype({str(wanted)!r}) if you accept the rounding",
        )
    return array.astype(wanted)


def _check_shape(tensor: Tensor, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    wanted = ", ".join(map(str, tensor.shape))
    if "..." in tensor.shape:  # nobody knows the rank
        return
    if len(shape) != len(tensor.shape):
        raise DataError(f"input {tensor.name!r} wants shape ({wanted}), got {shape}", hint=_reshape(tensor, shape))
    for axis, (want, have) in enumerate(zip(tensor.shape, shape, strict=True)):
        if isinstance(want, str):
            if sizes.setdefault(want, have) != have:
                raise DataError(
                    f"{want} is {sizes[want]} in one input and {have} in {tensor.name!r}", hint="same rows each"
                )
        elif want != have:
            hint = "export the model with a free batch (dynamic axes), or feed rows one batch size at a time"
            raise DataError(
                f"input {tensor.name!r} wants shape ({wanted}), got {shape}",
                hint=hint if axis == 0 else "the rows must have the columns that the model was trained with",
            )


def _reshape(tensor: Tensor, shape: tuple[int, ...]) -> str:
    if len(shape) == len(tensor.shape) - 1:
        return "one row is array[None]: the batch comes first"
    return "the batch comes first, then the axes of one row"
