"""Calibration and training rows for transforms, shaped as a model's inputs want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from joulewise.core.errors import DataError
from joulewise.core.runtimes import Materials, Predictor, Tensor

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


def fixed_batch(inputs: Sequence[Tensor]) -> int | None:
    """How many rows a model takes at once, where it was exported for one batch alone; None where the batch is free."""
    sizes = [tensor.shape[0] for tensor in inputs if tensor.shape and isinstance(tensor.shape[0], int)]
    return int(sizes[0]) if sizes else None


def whole_batches(
    feeds: Mapping[str, Any], inputs: Sequence[Tensor], usual: int | None = None
) -> tuple[dict[str, Any], int]:
    """The feeds without the rows that fill no batch, and the size of a batch: the model's own where it is fixed, else
    `usual` (None: all), or all rows if they are fewer. Raises DataError for a fixed batch larger than all rows."""
    rows = len(next(iter(feeds.values())))
    fixed = fixed_batch(inputs)
    size = fixed or min(usual or rows, rows)
    if size > rows:
        raise DataError(
            f"the model takes {size} rows at once, and there are {rows}", hint="export it with a free first dimension"
        )
    return {name: array[: rows - rows % size] for name, array in feeds.items()}, size


def ask(predictor: Predictor, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
    """All answers as one array an output; batch by batch where the model's batch is fixed."""
    import numpy as np

    if fixed_batch(predictor.inputs) is None:
        return predictor.predict(feeds)
    answers = [predictor.predict(part) for part in batches(*whole_batches(feeds, predictor.inputs))]
    return {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}


def tensors(facts: Mapping[str, Any], key: str = "inputs") -> tuple[Tensor, ...]:
    """Inputs or outputs as the facts list them."""
    return tuple(
        Tensor(name=entry["name"], dtype=entry["dtype"], shape=tuple(entry["shape"])) for entry in facts.get(key, ())
    )
