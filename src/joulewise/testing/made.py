"""What a maker of models returns: the file, rows that it was not trained on, and the library's own answer to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeModel:
    """A model with rows and the library's own answer. `text` is what the user would type; `tolerance` is absolute."""

    text: str
    feeds: Mapping[str, Any]
    answers: Mapping[str, Any]
    task: str
    runtimes: tuple[str, ...]
    classes: tuple[Any, ...] = ()
    trust: bool = False
    tolerance: float = 1e-5
    nan: str = "refused"
    """What NaN in the rows leads to: "refused" (DataError), "answered", or "whole" for inputs that have no NaN."""


Maker = Callable[[Path], MadeModel]


@lru_cache(maxsize=8)
def real_rows(name: str) -> tuple[Any, Any, Any, Any]:
    """x to train, y to train, 50 rows that judge, their y: breast_cancer, diabetes, digits, iris or wine."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(4).permutation(len(x))
    x, y = x[order], y[order]
    return x[ROWS:], y[ROWS:], x[:ROWS], y[:ROWS]


def scored(model: Any, rows: Any) -> dict[str, Any]:
    """Labels and scores of a classifier with scikit-learn's interface."""
    return {"labels": model.predict(rows), "scores": model.predict_proba(rows)}


def made(
    path: Path, rows: Any, answers: Mapping[str, Any], runtimes: tuple[str, ...], classes: Any = (), **more: Any
) -> MadeModel:
    """A model that takes one matrix x."""
    known = {"task": "classification" if classes else "regression", **more}
    return MadeModel(text=str(path), feeds={"x": rows}, answers=answers, runtimes=runtimes, classes=classes, **known)


def in_floats(
    path: Path, rows: Any, answers: Any, runtimes: tuple[str, ...], classes: Any = (), **more: Any
) -> MadeModel:
    """A library that reads 32-bit floats."""
    return made(path, rows.astype(np.float32), answers, runtimes, classes, **{"nan": "answered", **more})
