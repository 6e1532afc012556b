"""Columns by name, where the model knows the names that it was trained with: their order in the file says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from numpy.typing import NDArray

from joulewise.core.errors import DataError

Array = NDArray[Any]


def arranged(features: Mapping[str, Array], columns: Sequence[str] | None) -> Mapping[str, Array]:
    """The model's `columns` in its order, others left out; as they are where it knows none, or the rows are a matrix.

    A space may be an underscore, as LightGBM writes it. Raises DataError for a column that is not there.
    """
    if not columns or (len(features) == 1 and next(iter(features.values())).ndim > 1):
        return features
    known = {_plain(name): name for name in reversed(list(features))} | {name: name for name in features}
    chosen = {name: known.get(name, known.get(_plain(name), "")) for name in columns}
    absent = [name for name, found in chosen.items() if found not in features or not found]
    if absent:
        raise _missing(absent, list(features), columns)
    return {name: features[found] for name, found in chosen.items()}


def _plain(name: str) -> str:
    return re.sub(r"\s", "_", name)


def _missing(absent: Sequence[str], there: Sequence[str], columns: Sequence[str]) -> DataError:
    spare = {name.casefold(): name for name in there if name not in columns}
    near = get_close_matches(absent[0].casefold(), list(spare), 1, 0.7)
    more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
    told = ", ".join(map(repr, there[:8])) + (", ..." if len(there) > 8 else "")
    hint = f"is it {spare[near[0]]!r}? Name" if near else "name"
    return DataError(
        f"the model was trained on a column {absent[0]!r}{more}, which the data lack: they have {told}",
        hint=f"{hint} the columns as at training; their order does not matter",
    )
