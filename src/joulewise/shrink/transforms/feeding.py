"""Calibration and training rows for transforms, shaped as a model's inputs want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import DataError
from joulewise.core.runtimes import Materials, Tensor

TARGET = "y"


def rows_of(path: Path) -> Any:
    """The rows of a .npz of materials, with the target where it has one."""
    import numpy as np

    from joulewise.compare import read_rows

    with np.load(path, allow_pickle=False) as arrays:
        target = TARGET if TARGET in arrays.files else None
    return read_rows(path, target)


def calibration_feeds(materials: Materials, inputs: Sequence[Tensor], rows: int | None = None) -> Mapping[str, Any]:
    """The first `rows` calibration rows (None: all) as one array an input. Raises DataError where there is none."""
    found = rows_of(materials.calibration)
    if not len(found):
        raise DataError("there are no calibration rows", hint="give 100 rows or more that are like what will be asked")
    feeds: Mapping[str, Any] = found.feeds(inputs, 0, len(found) if rows is None else min(rows, len(found)))
    return feeds


def batches(feeds: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """The feeds cut into batches of `size` rows; the last may be smaller."""
    length = len(next(iter(feeds.values())))
    for start in range(0, length, size):
        yield {name: array[start : start + size] for name, array in feeds.items()}


def tensors(facts: Mapping[str, Any], key: str = "inputs") -> tuple[Tensor, ...]:
    """Inputs or outputs as the facts list them."""
    return tuple(
        Tensor(name=entry["name"], dtype=entry["dtype"], shape=tuple(entry["shape"])) for entry in facts.get(key, ())
    )
