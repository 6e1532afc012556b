"""Several numbers in one option: --batch 1,32."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _Several = click.ParamType[tuple[float, ...]]
else:  # click before 8.4 knows no types here
    _Several = click.ParamType


class Numbers(_Several):
    """Numbers above zero with commas between them, whole ones if `whole`."""

    name = "numbers"

    def __init__(self, example: str, *, whole: bool) -> None:
        self._example = example
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The numbers, each once, in order."""
        if isinstance(value, tuple):
            return value
        try:
            found = tuple(int(part) if self._whole else float(part) for part in str(value).split(","))
        except ValueError:
            found = ()
        if not found or not all(0 < one < 1e9 and isfinite(one) for one in found):
            self.fail(f"{value!r} are no numbers above zero; write them like {self._example}", param, ctx)
        return tuple(dict.fromkeys(found))


BATCHES = Numbers("1,32", whole=True)
THREADS = Numbers("1,2", whole=True)
RATES = Numbers("5,20,100", whole=False)
"""Requests a second."""
