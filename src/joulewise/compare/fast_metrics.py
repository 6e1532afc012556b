"""Common metrics of whole samples, for many resamples at once: a scorer call takes milliseconds, a bootstrap thousands.

Each takes cells and weights of shape (resamples, cells), how often each cell is in each resample, and gives one value a
resample; NaN where it has none. They agree with scikit-learn's functions of these names (tests hold them to it).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.cells import Cells
from joulewise.compare.statistics import Floats

Many = Callable[[Cells, NDArray[Any]], Floats]
AVERAGES = ("macro", "micro", "weighted", "binary")


def _tables(cells: Cells, weights: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Right answers, answers and members of each class: three (resamples, classes) arrays."""
    classes = np.arange(cells.classes)
    is_target = (cells.target[:, None] == classes).astype(np.float64)
    is_answer = (cells.answer[:, None] == classes).astype(np.float64)
    return weights @ (is_target * is_answer), weights @ is_answer, weights @ is_target


def _shared(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def _or_nan(above: Floats, below: Floats, known: NDArray[Any]) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=known))


def _parts(kind: str, right: Floats, answers: Floats, members: Floats) -> tuple[Floats, Floats]:
    if kind == "precision":
        return right, answers
    if kind == "recall":
        return right, members
    return (2 * right, answers + members) if kind == "f1" else (right, answers + members - right)  # jaccard


def by_class(cells: Cells, weights: NDArray[Any], kind: str, average: str) -> Floats:
    """Precision, recall, F1 or Jaccard; classes that a resample neither holds nor is told don't count."""
    right, answers, members = _tables(cells, weights)
    above, below = _parts(kind, right, answers, members)
    if average == "micro":
        return _shared(above.sum(axis=1), below.sum(axis=1))
    if average == "binary":
        return _shared(above[:, 1], below[:, 1])
    each = _shared(above, below)
    share = members if average == "weighted" else ((answers + members) > 0).astype(np.float64)
    return np.asarray((each * share).sum(axis=1) / share.sum(axis=1))


def balanced_accuracy(cells: Cells, weights: NDArray[Any]) -> Floats:
    """Mean recall of the classes that are there."""
    right, _, members = _tables(cells, weights)
    return np.asarray(_shared(right, members).sum(axis=1) / (members > 0).sum(axis=1))


def matthews(cells: Cells, weights: NDArray[Any]) -> Floats:
    """Matthews' correlation for any number of classes (Gorodkin 2004); 0 where one side knows one class only."""
    right, answers, members = _tables(cells, weights)
    n = members.sum(axis=1)
    above = right.sum(axis=1) * n - (answers * members).sum(axis=1)
    below = np.sqrt((n**2 - (answers**2).sum(axis=1)) * (n**2 - (members**2).sum(axis=1)))
    return _shared(above, below)


def _auc(scores: Floats, positive: NDArray[Any], weights: NDArray[Any]) -> Floats:
    """The chance that a positive scores above a negative, ties half."""
    order = np.argsort(scores, kind="stable")
    firsts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    ups = np.add.reduceat(weights[:, order] * positive[order], firsts, axis=1).astype(np.float64)
    downs = np.add.reduceat(weights[:, order] * ~positive[order], firsts, axis=1).astype(np.float64)
    below = np.cumsum(downs, axis=1) - downs / 2
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    return _or_nan((ups * below).sum(axis=1), pairs, pairs > 0)


def roc_auc(cells: Cells, weights: NDArray[Any], average: str = "binary") -> Floats:
    """Area under the ROC curve; one class against the rest where there are more than two."""
    if average == "binary":
        return _auc(cells.answer[:, 1], cells.target == 1, weights)
    each = np.stack([_auc(cells.answer[:, one], cells.target == one, weights) for one in range(cells.classes)], axis=1)
    if average == "macro":
        return np.asarray(each.mean(axis=1))
    members = weights @ (cells.target[:, None] == np.arange(cells.classes)).astype(np.float64)
    return np.asarray((each * members).sum(axis=1) / members.sum(axis=1))


def average_precision(cells: Cells, weights: NDArray[Any]) -> Floats:
    """Precision at each threshold, weighted by the recall that it adds; two classes."""
    scores, positive = -cells.answer[:, 1], cells.target == 1
    order = np.argsort(scores, kind="stable")
    firsts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    ups = np.add.reduceat(weights[:, order] * positive[order], firsts, axis=1).astype(np.float64)
    all_ = np.add.reduceat(weights[:, order], firsts, axis=1).astype(np.float64)
    precision = _shared(np.cumsum(ups, axis=1), np.cumsum(all_, axis=1))
    total = ups.sum(axis=1)
    return _or_nan((ups * precision).sum(axis=1), total, total > 0)


def r2(cells: Cells, weights: NDArray[Any]) -> Floats:
    """Explained share of the variance; NaN where a resample has none."""
    target = np.asarray(cells.target, dtype=np.float64) - float(np.mean(cells.target))  # so that squares don't cancel
    error = np.asarray(cells.answer, dtype=np.float64) - np.asarray(cells.target, dtype=np.float64)
    n = weights.sum(axis=1)
    spread = weights @ target**2 - (weights @ target) ** 2 / n
    left = weights @ error**2
    return _or_nan(spread - left, spread, spread > 1e-12 * (weights @ target**2))


def fast(name: str, cells: Cells) -> Many | None:
    """The function of a scorer's name for such cells, None if there is none."""
    flat = cells.answer.ndim == 1 and cells.target.ndim == 1
    if name == "r2":
        return r2 if flat and not cells.classes else None
    if not cells.classes:
        return None
    if cells.answer.ndim == 2:
        return _of_scores(name, cells)
    if name == "balanced_accuracy":
        return balanced_accuracy
    if name == "matthews_corrcoef":
        return matthews
    kind, _, average = name.partition("_")
    average = average or "binary"
    if kind not in ("f1", "precision", "recall", "jaccard") or average not in AVERAGES:
        return None
    return partial(by_class, kind=kind, average=average) if average != "binary" or cells.classes == 2 else None


def _of_scores(name: str, cells: Cells) -> Many | None:
    if cells.classes == 2:
        return {"roc_auc": roc_auc, "average_precision": average_precision}.get(name)
    averages = {"roc_auc_ovr": "macro", "roc_auc_ovr_weighted": "weighted"}
    return partial(roc_auc, average=averages[name]) if name in averages else None
