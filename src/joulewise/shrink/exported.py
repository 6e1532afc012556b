"""An exported model in the hands of its user: it takes the numbers that it was proven with, in whatever float type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from joulewise.compare.row_feeds import converted
from joulewise.core.runtimes import Predictor, Tensor


class Exported:
    """A predictor that rounds floats to the model's type, as the rows of the proof were: the user's float64 go into a
    model that the search made float32. All else it passes on. Raises DataError for what does not fit."""

    def __init__(self, inner: Predictor) -> None:
        self._inner = inner
        self._wanted = {tensor.name: tensor for tensor in inner.inputs}

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._inner.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._inner.outputs

    def predict(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arrays by output name for arrays by input name."""
        return self._inner.predict({name: self._fitting(name, rows) for name, rows in feeds.items()})

    def close(self) -> None:
        self._inner.close()

    def _fitting(self, name: str, rows: Any) -> Any:
        wanted, array = self._wanted.get(name), np.asarray(rows)
        if wanted is None or array.dtype.kind not in "fiub" or array.dtype == wanted.dtype:
            return array
        return converted(array, wanted)
