"""How good answers are: any scikit-learn metric by name, or a function of the user's, with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.cells import Cells
from joulewise.compare.fast_metrics import fast
from joulewise.compare.metric_functions import SLOW, Whole, cells_of, function_metric, row_scores, scorer_metric
from joulewise.compare.outputs import Prediction
from joulewise.compare.rare_changes import are_labels, row_ratio, unseen_errors
from joulewise.compare.statistics import CHUNK, LEVEL, RESAMPLES, Floats, bca, mean_interval, null_variance, wilson
from joulewise.core.errors import DataError, OutOfRange, UndefinedFigure
from joulewise.core.figures import MEASURED, Figure

Target = NDArray[Any] | None
WHOLE_RESAMPLES = 1000
"""A metric of all rows at once costs more than a mean: fewer resamples do."""
SHORT = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "f1_score": "f1",
    "mcc": "matthews_corrcoef",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mse": "neg_mean_squared_error",
    "medae": "neg_median_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "brier": "neg_brier_score",
    "r2_score": "r2",
}
ROWWISE = {
    "accuracy": ("accuracy", True),
    "agreement": ("agreement", True),
    "cosine": ("cosine", True),
    "log_loss": ("log_loss", False),
    "neg_log_loss": ("log_loss", False),
    "neg_brier_score": ("brier", False),
    "neg_mean_absolute_error": ("mae", False),
    "neg_mean_squared_error": ("mse", False),
    "neg_root_mean_squared_error": ("mse", False),
}
"""Metrics that are a mean over rows: what scikit-learn calls them, ours, and whether more is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measure of quality. `scale` is what it counts in: "rows" for right and wrong, "mean", or "whole".

    `name` is as the user said it; `needs_reference` says that it compares with another model's answers, not a target.
    """

    name: str
    greater_is_better: bool
    scale: str
    needs_reference: bool = False
    _kind: str = ""
    _function: Whole | None = None
    _answers: str = "labels"
    _sign: float = 1.0

    def score(self, prediction: Prediction, target: Target = None, reference: Prediction | None = None) -> float:
        """The metric of all rows. Raises DataError where the answers or the target don't suit it."""
        rows = self.per_row(prediction, target, reference)
        if rows is not None:
            return self.of_mean(float(rows.mean()))
        return self.of_cells(self.cells([prediction], target)[0])

    def per_row(
        self, prediction: Prediction, target: Target = None, reference: Prediction | None = None
    ) -> Floats | None:
        """The metric row by row (1 for right, 0 for wrong; squared errors for rmse), None if it has no such thing."""
        if self.scale == "whole":
            return None
        if not len(prediction):
            raise DataError("no rows to judge by", hint="give evaluation data")
        return self._sign * row_scores(self._kind, prediction, target, reference)

    def of_mean(self, mean: float) -> float:
        """The metric of a mean over rows: its root for rmse."""
        return float(np.sqrt(max(0.0, mean))) if "rmse" in self.name or "root_mean" in self.name else mean

    def cells(self, predictions: list[Prediction], target: Target) -> list[Cells]:
        """Rows gathered by what counts for this metric; the same rows in each for the same numbers."""
        if target is None:
            raise DataError(f"{self.name} needs a target", hint="name the column that holds it (--target)")
        return cells_of(self._answers, predictions, target)

    def of_cells(self, cells: Cells) -> float:
        """The metric of all rows. Raises DataError if it has no value on them."""
        [value] = self.of_resamples(cells, None)
        if not np.isfinite(value):
            raise DataError(f"{self.name} has no value on these rows", hint="does the target hold all classes?")
        return float(value)

    def of_resamples(self, cells: Cells, weights: NDArray[Any] | None) -> Floats:
        """The metric with each cell as often as a row of `weights` says; one value a row, NaN where it has none."""
        if self._function is None:
            raise OutOfRange(f"{self.name} is a mean over rows")
        return self._function(cells, weights)

    def is_fast(self, cells: Cells) -> bool:
        """True if a thousand resamples take no longer than a few."""
        return ":" not in self.name and fast(scorer_name(self.name), cells) is not None


def scorer_name(name: str) -> str:
    """What scikit-learn calls it."""
    full = SHORT.get(name.lower(), name.lower())
    return "neg_log_loss" if full == "log_loss" else full


def metric_of(text: str) -> Metric:
    """A metric by name: accuracy, f1_macro, roc_auc, log_loss, r2, rmse, mae, cosine, agreement, `module:function`.

    Any name that scikit-learn's `scoring` takes works, and those that it only has as "neg_..." also without that.
    A function is called as f(target, answer); its attributes `greater_is_better` (default True) and `answer`
    ("labels", "values", "scores" or "vectors") say more. Raises DataError for a name that nobody knows.
    """
    name = text.strip()
    if ":" in name:
        function, better, answers = function_metric(name)
        return Metric(name=name, greater_is_better=better, scale="whole", _function=function, _answers=answers)
    full = scorer_name(name)
    negated = name.lower().startswith("neg_")
    if full in ROWWISE and not (negated and "root" in full):
        kind, better = ROWWISE[full]
        return Metric(
            name=name,
            greater_is_better=better or negated,
            scale="rows" if kind in ("accuracy", "agreement") else "mean",
            needs_reference=kind in ("agreement", "cosine"),
            _kind=kind,
            _sign=-1.0 if negated else 1.0,
        )
    function, better, answers = scorer_metric(full, negated=negated)
    return Metric(name=name, greater_is_better=better, scale="whole", _function=function, _answers=answers)


def quality_of(
    metric: Metric, prediction: Prediction, target: Target = None, reference: Prediction | None = None, seed: int = 0
) -> Figure:
    """The metric with its 95 % interval: Wilson's for right and wrong, a seeded bootstrap of the rows for all others.

    Raises UndefinedFigure where one row is all there is and the metric needs more for an interval.
    """
    rows = metric.per_row(prediction, target, reference)
    if rows is None:
        return _whole(metric, metric.cells([prediction], target)[0], seed)
    n = rows.size
    value = metric.of_mean(float(rows.mean()))
    if metric.scale == "rows":
        low, high = wilson(int(rows.sum()), n)
        return _figure(value, low, high, f"Wilson interval, {n} rows")
    low, high = (metric.of_mean(end) for end in mean_interval(rows, seed))
    return _figure(value, low, high, f"BCa bootstrap of {n} rows, {RESAMPLES} resamples, seed {seed}")


def _whole(metric: Metric, cells: Cells, seed: int) -> Figure:
    value = metric.of_cells(cells)
    n = cells.n
    if n < 2:
        raise UndefinedFigure(f"an interval of {metric.name} needs at least 2 rows, got {n}")
    [replicates] = whole_replicates(metric, [cells], seed)
    low, high = bca(value, replicates, left_out_of(metric, cells), n)
    source = f"bootstrap of {n} rows, {replicates.size} resamples, seed {seed}"
    if not are_labels(cells):
        return _figure(value, low, high, source)
    low, high = _with_unseen(metric, cells, (low, high))
    return _figure(value, low, high, f"{source}, with errors too rare to be among them")


def _with_unseen(metric: Metric, cells: Cells, ends: tuple[float, float]) -> tuple[float, float]:
    """The interval with what errors too rare for these rows may cost, within what the metric can be."""
    weight = row_ratio(metric, cells)
    wrong, right = (share * weight for share in unseen_errors(cells))
    down, up = (wrong, right) if metric.greater_is_better else (right, wrong)
    edges = [
        metric.of_resamples(replace(cells, answer=(cells.target + off) % cells.classes), None)[0] for off in (0, 1)
    ]
    lowest, highest = np.nanmin([*edges, ends[0]]), np.nanmax([*edges, ends[1]])
    return float(max(ends[0] - down, lowest)), float(min(ends[1] + up, highest))


def whole_replicates(metric: Metric, sides: list[Cells], seed: int) -> list[Floats]:
    """The metric of each side on the same resamples of the rows; fewer of them where each takes long."""
    generator = np.random.default_rng(seed)
    n, counts = sides[0].n, sides[0].counts
    resamples = WHOLE_RESAMPLES if all(metric.is_fast(cells) for cells in sides) else SLOW
    at_once = max(1, min(resamples, CHUNK // len(counts)))
    found: list[list[Floats]] = [[] for _ in sides]
    for first in range(0, resamples, at_once):
        weights = generator.multinomial(n, counts / n, size=min(at_once, resamples - first))
        for side, cells in zip(found, sides, strict=True):
            side.append(metric.of_resamples(cells, weights))
    return [np.concatenate(parts) for parts in found]


def left_out_of(metric: Metric, cells: Cells) -> Floats | None:
    """The metric with each row left out in turn; None where that takes too long: the interval is then percentile."""
    if len(cells.counts) > 1000 or cells.n > 200_000 or not metric.is_fast(cells):
        return None
    values = metric.of_resamples(cells, cells.counts - np.eye(len(cells.counts), dtype=np.int64))
    found = np.repeat(values, cells.counts)
    return found if bool(np.isfinite(found).all()) else None


def _figure(value: float, low: float, high: float, source: str) -> Figure:
    return Figure(value=value, low=min(low, value), high=max(high, value), unit="1", method=MEASURED, source=source)


def rows_needed(
    change: float, allowed_loss: float, disagreement: float, *, counts: bool | None = None, power: float = 0.8
) -> int:
    """How many rows prove at 95 % that quality falls by at most `allowed_loss`, if it truly changes by `change`.

    Args:
        change: Expected new - baseline (negative for a loss), as a share: -0.001 is a tenth of a point.
        allowed_loss: The floor as a loss, > 0: 0.005 is half a point.
        disagreement: Share of rows that one model has right and the other wrong; where `counts` is False (any metric
            but right and wrong) the variance of the change row by row. `Change.disagreement` gives both.
        counts: True for right and wrong; None takes it so where the numbers allow it.
        power: The chance that so many rows do prove it.
    Raises: OutOfRange if the expected change lies at or below the floor: no number of rows proves that.
    Source: the normal approximation of a test against a margin (Nam 1997, Biometrics 53:1422), and at least what
        Tango's interval needs where no row changes.
    """
    if not allowed_loss > 0 or not change > -allowed_loss:
        raise OutOfRange(f"a change of {change} can't be proven to stay above {-allowed_loss}")
    counts = abs(change) <= disagreement <= 1 if counts is None else counts
    highest = 1.0 if counts else float("inf")
    if not abs(change) <= highest or not (abs(change) if counts else 0) <= disagreement <= highest or not 0 < power < 1:
        raise OutOfRange(f"want |change| <= disagreement and 0 < power < 1, got {change}, {disagreement}, {power}")
    normal = NormalDist()
    z = normal.inv_cdf((1 + LEVEL) / 2)
    spread = disagreement - change**2 if counts else disagreement
    null = null_variance((disagreement - change) / 2, (disagreement + change) / 2, -allowed_loss) if counts else spread
    by_power = ((z * sqrt(null) + normal.inv_cdf(power) * sqrt(spread)) / (change + allowed_loss)) ** 2
    return max(2, ceil(by_power), rows_if_unchanged(allowed_loss, 1.0 if counts else 0.0))


def rows_if_unchanged(allowed_loss: float, row_ratio: float) -> int:
    """How many rows prove that floor if not one answer changes: Tango's interval still reaches z^2 / (n + z^2) below.

    `row_ratio` is what a share of rows may cost the metric: 1 for accuracy, `Change.row_ratio` for others.
    """
    if not allowed_loss > 0:
        raise OutOfRange(f"want an allowed loss > 0, got {allowed_loss}")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return max(2, ceil(z * z * (row_ratio - allowed_loss) / allowed_loss))
