"""The arithmetic of metrics: row by row, by scikit-learn's scorers, by a function of the user's.

scikit-learn's scorers ask an estimator; ours has the answers already and gives those of the rows it is asked for.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.cells import Cells
from joulewise.compare.class_matching import matched
from joulewise.compare.fast_metrics import fast
from joulewise.compare.outputs import Prediction
from joulewise.compare.statistics import Floats
from joulewise.core.errors import DataError

Array = NDArray[Any]
_log = logging.getLogger(__name__)
LEAST_SHARE = 1e-15
"""The least probability that log loss counts with: a model sure and wrong would cost infinitely much."""


Whole = Callable[[Cells, "NDArray[Any] | None"], Floats]
"""The metric of cells: one value for each row of weights (resamples, cells); None takes each as often as it is."""
SLOW = 100
"""Resamples of a metric that has to be asked one by one: enough for an interval's first digits."""


def row_scores(kind: str, prediction: Prediction, target: Array | None, reference: Prediction | None) -> Floats:
    """One number a row. Raises DataError where something that the metric needs is absent."""
    if kind in ("agreement", "cosine"):
        if reference is None:
            raise DataError(f"{kind} compares with another model's answers", hint="name the reference model")
        return _agreement(prediction, reference) if kind == "agreement" else _cosine(prediction, reference)
    if target is None:
        raise DataError(f"{kind} needs a target", hint="name the column that holds it (--target)")
    if kind == "accuracy":
        pair = matched(prediction, target)
        return np.asarray(pair.target == pair.answer, dtype=np.float64)
    if kind == "log_loss":
        shares = _of(prediction, "scores")
        pair = matched(prediction, target)
        chosen = shares[np.arange(len(shares)), pair.target]
        return np.asarray(-np.log(np.clip(chosen, LEAST_SHARE, 1.0)))
    if kind == "brier":
        shares = _of(prediction, "scores")
        off = shares - np.eye(shares.shape[1])[matched(prediction, target).target]
        return np.asarray((off**2).sum(axis=1) / (2 if shares.shape[1] == 2 else 1))
    error = _of(prediction, "values").astype(np.float64) - _numbers(target, _of(prediction, "values"))
    rows = np.abs(error) if kind == "mae" else error**2
    return np.asarray(rows.reshape(len(rows), -1).mean(axis=1))


def _numbers(target: Array, answer: Array) -> Array:
    if target.dtype.kind not in "biuf":
        raise DataError(
            "the target is text, the metric counts in numbers", hint="accuracy or f1_macro, or another target"
        )
    if target.shape != answer.shape:
        raise DataError(
            f"answers of shape {answer.shape} for a target of {target.shape}", hint="the same rows for both"
        )
    return target.astype(np.float64)


def _of(prediction: Prediction, answers: str) -> Array:
    found = prediction.probabilities if answers == "scores" else getattr(prediction, answers)
    if found is None:
        cure = {
            "scores": "export the model with its probabilities, or take accuracy or f1_macro",
            "values": "a metric of classes: accuracy, f1_macro",
            "labels": "a metric of values: r2, mae",
        }
        raise DataError(f"the model gives no {answers}", hint=cure.get(answers, "another metric"))
    return np.asarray(found)


def _agreement(prediction: Prediction, reference: Prediction) -> Floats:
    pair = matched(prediction, _of(reference, "labels"))
    return np.asarray(pair.target == pair.answer, dtype=np.float64)


def _cosine(prediction: Prediction, reference: Prediction) -> Floats:
    one, other = (_vectors(side) for side in (prediction, reference))
    if one.shape != other.shape:
        raise DataError(f"vectors of shape {one.shape} against {other.shape}", hint="both models on the same rows")
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    both_zero = (np.linalg.norm(one, axis=1) == 0) & (np.linalg.norm(other, axis=1) == 0)
    products = np.sum(one * other, axis=1)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return np.clip(np.where(both_zero, 1.0, cosines), -1.0, 1.0)


def _vectors(side: Prediction) -> Array:
    found = next((one for one in (side.vectors, side.scores, side.values) if one is not None), None)
    if found is None:
        raise DataError("the model gives neither vectors nor scores to compare", hint="agreement compares labels")
    return np.asarray(found.reshape(len(found), -1), dtype=np.float64)


def cells_of(answers: str, predictions: list[Prediction], target: Array) -> list[Cells]:
    """The rows as cells, one list for all predictions, so that the same resample means the same rows."""
    if answers != "labels":
        return [_row_cells(answers, prediction, target) for prediction in predictions]
    if any(prediction.labels is None and prediction.values is not None for prediction in predictions):
        return [_row_cells("values", prediction, target) for prediction in predictions]
    pairs = [matched(prediction, target) for prediction in predictions]
    table = np.stack([pairs[0].target, *(pair.answer for pair in pairs)], axis=1)
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    return [
        Cells(counts=counts, target=kinds[:, 0], answer=kinds[:, 1 + index], classes=pair.classes)
        for index, pair in enumerate(pairs)
    ]


def _row_cells(answers: str, prediction: Prediction, target: Array) -> Cells:
    answer = _of(prediction, answers)
    classes = 0
    if answers == "scores":
        pair = matched(prediction, target)
        target, classes = pair.target, pair.classes
    elif answers == "values":
        target = _numbers(target, answer)
    if len(answer) != len(target):
        raise DataError(f"{len(answer)} answers for {len(target)} rows", hint="the same rows for both")
    return Cells(counts=np.ones(len(target), dtype=np.int64), target=target, answer=answer, classes=classes)


def scorer_metric(name: str, *, negated: bool) -> tuple[Whole, bool, str]:
    """A scorer of scikit-learn by name: how to compute it, whether more is better, which answers it wants."""
    from sklearn.metrics import get_scorer_names

    names = set(get_scorer_names())
    found = next((one for one in (name, f"neg_{name}") if one in names), None)
    if found is None:
        raise DataError(
            f"no metric is called {name!r}",
            hint="accuracy, f1_macro, roc_auc, log_loss, r2, rmse, mae, cosine, agreement, any name of scikit-learn's "
            "`scoring`, or module:function",
        )
    sign = -1.0 if found.startswith("neg_") and not negated else 1.0

    def compute(cells: Cells, weights: NDArray[Any] | None) -> Floats:
        many = fast(found, cells)
        if weights is None or many is None:
            each = [None] if weights is None else list(weights)
            return sign * np.array([_ask(found, cells, one) for one in each])
        return sign * many(cells, weights)

    return compute, sign > 0, _answers_for(found)


OF_VALUES = ("r2", "explained_variance", "max_error", "neg_m", "neg_root", "d2_absolute", "d2_pinball", "d2_tweedie")


def _answers_for(name: str) -> str:
    if name.startswith(OF_VALUES):
        return "values"
    return "scores" if _wants_scores(name) else "labels"


def _wants_scores(name: str) -> bool:
    return name.startswith(
        ("roc_auc", "average_precision", "neg_log_loss", "neg_brier", "top_k", "d2_log_loss", "d2_brier")
    )


def _ask(name: str, cells: Cells, weights: NDArray[Any] | None) -> float:
    from sklearn.metrics import get_scorer

    counts = cells.counts if weights is None else weights
    seen = np.flatnonzero(counts)
    estimator = _answering(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a resample without one of the classes: its value is left out
        try:
            if len(cells.counts) < cells.n:
                return float(
                    get_scorer(name)(estimator, seen, cells.target[seen], sample_weight=counts[seen].astype(float))
                )
            rows = np.repeat(seen, counts[seen])
            return float(get_scorer(name)(estimator, rows, cells.target[rows]))
        except (ValueError, TypeError) as error:
            if weights is not None:
                return float("nan")
            raise DataError(f"{name} does not suit these rows: {error}", hint=_cure(name, cells)) from error


def _cure(name: str, cells: Cells) -> str:
    if cells.classes > 2:
        return (
            "roc_auc_ovr for more than two classes" if name == "roc_auc" else f"{name}_macro for more than two classes"
        )
    return "a metric of classes needs all of them in the target; one of values needs numbers"


def _answering(cells: Cells) -> Any:
    """An estimator of scikit-learn's kind that answers with what the model said for these rows."""
    return _estimators()[0 if cells.classes else 1](cells)


@cache
def _estimators() -> tuple[Any, Any]:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Answers:
        def __init__(self, cells: Any = None) -> None:
            self.cells = cells
            self.classes_ = np.arange(cells.classes)

        def predict(self, rows: Any) -> Any:
            answer = self.cells.answer[rows]
            return answer.argmax(axis=1) if answer.ndim > 1 and self.cells.classes else answer

        def predict_proba(self, rows: Any) -> Any:
            return self.cells.answer[rows]

    class Classifier(Answers, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        pass

    class Regressor(Answers, RegressorMixin, BaseEstimator):  # type: ignore[misc]
        pass

    return Classifier, Regressor


def function_metric(text: str) -> tuple[Whole, bool, str]:
    """`module:function` of the user's, called with target and answer. Raises DataError if it is not there."""
    module_name, _, name = text.partition(":")
    try:
        function = getattr(_imported(module_name), name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise DataError(f"no function {text}: {error}", hint="module:function, importable from here") from error
    if not callable(function):
        raise DataError(f"{text} is not a function", hint="module:function, called as f(target, answer)")
    answers = str(getattr(function, "answer", "labels"))

    def ask(cells: Cells, counts: NDArray[Any]) -> float:
        rows = np.repeat(np.arange(len(counts)), counts)
        try:
            return float(function(cells.target[rows], cells.answer[rows]))
        except Exception as error:  # the user's own code: any fault of it is told as a fault of the metric
            _log.warning("metric %s failed: %s", text, error)
            raise DataError(
                f"{text} failed: {type(error).__name__}: {error}", hint="it is called f(target, answer)"
            ) from error

    def compute(cells: Cells, weights: NDArray[Any] | None) -> Floats:
        return np.array([ask(cells, counts) for counts in ([cells.counts] if weights is None else weights)])

    return compute, bool(getattr(function, "greater_is_better", True)), answers


def _imported(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            raise
        sys.path.insert(0, "")  # a command does not see the folder it is called in, as `python` does
        try:
            return importlib.import_module(module_name)
        finally:
            sys.path.remove("")
