"""Metrics by name against scikit-learn, intervals against published tables, changes against exact counting."""

from __future__ import annotations

import warnings
from math import comb

import numpy as np
import pytest
from sklearn import metrics

from joulewise.compare.metric_functions import cells_of
from joulewise.compare.outputs import canonical
from joulewise.compare.paired import quality_change
from joulewise.compare.quality import metric_of, quality_of, rows_needed
from joulewise.compare.statistics import mcnemar, tango, wilson
from joulewise.core.errors import DataError, OutOfRange, UndefinedFigure


def classifier(n=200, classes=3, seed=0, noise=1.0):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, n)
    scores = np.eye(classes)[target] * 1.5 + generator.normal(scale=noise, size=(n, classes))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return canonical({"p": shares}, {"task": "classification", "classes": list(range(classes))}), target


def regressor(n=100, seed=0, noise=0.5):
    generator = np.random.default_rng(seed)
    target = generator.normal(size=n)
    return canonical({"y": target + generator.normal(scale=noise, size=n)}, {"task": "regression"}), target


# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_holds_its_ends():
    assert wilson(5, 5)[1] == 1
    for wrong in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(OutOfRange):
            wilson(*wrong)


@pytest.mark.parametrize(("lost", "won"), [(11, 1), (25, 15), (0, 0), (0, 6), (3, 3), (86, 150)])
def test_mcnemar_counts_exactly(lost, won):
    n = lost + won
    tail = sum(comb(n, count) for count in range(min(lost, won) + 1)) / 2**n
    assert mcnemar(lost, won) == pytest.approx(min(1.0, 2 * tail))


def test_the_approval_ratings_of_agresti():
    # Agresti 2002, Categorical Data Analysis, 10.1: 1600 people, 150 changed one way, 86 the other.
    low, high = tango(150, 86, 1600)
    assert ((86 - 150) / 1600, low, high) == pytest.approx((-0.04, -0.06, -0.02), abs=0.0025)
    assert mcnemar(150, 86) < 1e-4


@pytest.mark.parametrize(
    "name",
    [
        "accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_weighted",
        "jaccard_macro", "matthews_corrcoef", "roc_auc_ovr", "roc_auc_ovr_weighted", "neg_log_loss", "neg_brier_score",
        "top_k_accuracy",
    ],
)  # fmt: skip
def test_metrics_of_classes_agree_with_scikit_learn(name):
    prediction, target = classifier()
    shares, labels = prediction.scores, prediction.labels
    by_hand = {
        "accuracy": lambda: metrics.accuracy_score(target, labels),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(target, labels),
        "f1_macro": lambda: metrics.f1_score(target, labels, average="macro"),
        "f1_micro": lambda: metrics.f1_score(target, labels, average="micro"),
        "f1_weighted": lambda: metrics.f1_score(target, labels, average="weighted"),
        "precision_macro": lambda: metrics.precision_score(target, labels, average="macro"),
        "recall_weighted": lambda: metrics.recall_score(target, labels, average="weighted"),
        "jaccard_macro": lambda: metrics.jaccard_score(target, labels, average="macro"),
        "matthews_corrcoef": lambda: metrics.matthews_corrcoef(target, labels),
        "roc_auc_ovr": lambda: metrics.roc_auc_score(target, shares, multi_class="ovr"),
        "roc_auc_ovr_weighted": lambda: metrics.roc_auc_score(target, shares, multi_class="ovr", average="weighted"),
        "neg_log_loss": lambda: -metrics.log_loss(target, shares),
        "neg_brier_score": lambda: -np.mean(np.sum((shares - np.eye(3)[target]) ** 2, axis=1)),
        "top_k_accuracy": lambda: metrics.top_k_accuracy_score(target, shares, k=2),
    }
    assert metric_of(name).score(prediction, target) == pytest.approx(by_hand[name](), abs=1e-9)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1", "precision", "recall", "log_loss", "brier"])
def test_metrics_of_two_classes_agree_with_scikit_learn(name):
    prediction, target = classifier(classes=2)
    by_hand = {
        "roc_auc": lambda: metrics.roc_auc_score(target, prediction.scores[:, 1]),
        "average_precision": lambda: metrics.average_precision_score(target, prediction.scores[:, 1]),
        "f1": lambda: metrics.f1_score(target, prediction.labels),
        "precision": lambda: metrics.precision_score(target, prediction.labels),
        "recall": lambda: metrics.recall_score(target, prediction.labels),
        "log_loss": lambda: metrics.log_loss(target, prediction.scores),
        "brier": lambda: metrics.brier_score_loss(target, prediction.scores[:, 1]),
    }
    metric = metric_of(name)
    assert metric.score(prediction, target) == pytest.approx(by_hand[name]())
    assert metric.greater_is_better == (name not in ("log_loss", "brier"))


@pytest.mark.parametrize(
    "name", ["r2", "rmse", "mae", "mse", "neg_mean_absolute_error", "max_error", "explained_variance"]
)
def test_metrics_of_values_agree_with_scikit_learn(name):
    prediction, target = regressor()
    by_hand = {
        "r2": metrics.r2_score,
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "mse": metrics.mean_squared_error,
        "neg_mean_absolute_error": lambda *both: -metrics.mean_absolute_error(*both),
        "max_error": metrics.max_error,
        "explained_variance": metrics.explained_variance_score,
    }
    assert metric_of(name).score(prediction, target) == pytest.approx(by_hand[name](target, prediction.values))
    assert metric_of(name).greater_is_better == (name in ("r2", "explained_variance", "neg_mean_absolute_error"))


@pytest.mark.parametrize(
    "name", ["f1_macro", "balanced_accuracy", "mcc", "jaccard_weighted", "roc_auc_ovr", "precision_micro"]
)
def test_fast_resamples_are_scikit_learns(name):
    prediction, target = classifier(n=60)
    metric = metric_of(name)
    cells = metric.cells([prediction], target)[0]
    weights = np.random.default_rng(1).multinomial(cells.n, cells.counts / cells.n, size=5)
    rows = cells_of("scores" if "roc" in name else "labels", [prediction], target)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, weight in enumerate(weights):
            chosen = np.repeat(np.arange(len(weight)), weight)
            again = _scored(name, rows.target[chosen], rows.answer[chosen])
            assert metric.of_resamples(cells, weights)[index] == pytest.approx(again)


def _scored(name, target, answer):
    kind, _, average = name.partition("_")
    if kind in ("f1", "jaccard", "precision"):
        return getattr(metrics, f"{kind}_score")(target, answer, average=average)
    if name == "roc_auc_ovr":
        return metrics.roc_auc_score(target, answer, multi_class="ovr")
    return {"mcc": metrics.matthews_corrcoef}.get(name, metrics.balanced_accuracy_score)(target, answer)


def test_every_figure_is_the_same_again_and_holds_its_value():
    prediction, target = classifier()
    values, goal = regressor()
    for name, side, truth in (
        ("accuracy", prediction, target),
        ("f1_macro", prediction, target),
        ("log_loss", prediction, target),
        ("r2", values, goal),
        ("rmse", values, goal),
    ):
        one, other = (quality_of(metric_of(name), side, truth, seed=3) for _ in range(2))
        assert one == other
        assert one.low < one.value < one.high


def test_cosine_and_agreement_compare_with_a_reference():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(50, 8))
    base = canonical({"v": vectors}, {"task": "embedding"})
    near = canonical({"v": vectors + generator.normal(scale=0.05, size=vectors.shape)}, {"task": "embedding"})
    cosine = metric_of("cosine")
    assert cosine.score(base, reference=base) == pytest.approx(1)
    figure = quality_of(cosine, near, reference=base)
    assert 0.99 < figure.low <= figure.value < 1
    change = quality_change(cosine, base, near, reference=base)
    assert change.holds(0.01)
    assert not change.holds(0)
    with pytest.raises(DataError, match="another model"):
        cosine.score(base)
    prediction, _ = classifier()
    assert metric_of("agreement").score(prediction, reference=prediction) == 1


def test_a_function_of_the_users(tmp_path, monkeypatch):
    (tmp_path / "my_metric_of_mine.py").write_text(
        "def off_by(target, answer):\n    return abs(target - answer).mean()\noff_by.greater_is_better = False\n"
        "def broken(target, answer):\n    raise ValueError('no')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    prediction, target = regressor()
    metric = metric_of("my_metric_of_mine:off_by")
    assert not metric.greater_is_better
    assert metric.score(prediction, target) == pytest.approx(metric_of("mae").score(prediction, target))
    assert quality_of(metric, prediction, target).low > 0
    with pytest.raises(DataError, match="ValueError: no"):
        metric_of("my_metric_of_mine:broken").score(prediction, target)
    for absent in ("my_metric_of_mine:none", "no_such_module:f"):
        with pytest.raises(DataError, match="no function"):
            metric_of(absent)


@pytest.mark.parametrize(
    ("name", "told"),
    [("f1", "f1_macro"), ("roc_auc", "roc_auc_ovr"), ("r2", "metric of classes"), ("mae", "metric of classes")],
)
def test_a_metric_that_does_not_suit_names_one_that_does(name, told):
    prediction, target = classifier()
    with pytest.raises(DataError, match=told):
        metric_of(name).score(prediction, target)


def test_names_that_nobody_knows_and_missing_targets_are_told():
    with pytest.raises(DataError, match="no metric is called 'acuracy'"):
        metric_of("acuracy")
    prediction, target = classifier()
    for name in ("accuracy", "f1_macro"):
        with pytest.raises(DataError, match="--target"):
            metric_of(name).score(prediction)
    with pytest.raises(UndefinedFigure, match="at least 2 rows"):
        quality_of(metric_of("log_loss"), prediction.take([0]), target[:1])


def test_a_change_of_accuracy_is_counted_row_by_row():
    base, target = classifier(n=500)
    new, _ = classifier(n=500, noise=1.3)
    change = quality_change(metric_of("accuracy"), base, new, target)
    lost = int(np.sum((base.labels == target) & (new.labels != target)))
    won = int(np.sum((base.labels != target) & (new.labels == target)))
    assert change.test == "mcnemar"
    assert change.figure.value == pytest.approx((won - lost) / 500)
    assert change.p_value == pytest.approx(mcnemar(lost, won))
    assert change.disagreement == pytest.approx((won + lost) / 500)
    assert not change.holds(-change.figure.value)
    assert change.holds(-change.figure.low)
    assert change.rows_needed(0.2) < change.rows_needed(abs(change.figure.value) + 0.01)


@pytest.mark.parametrize("name", ["f1_macro", "log_loss", "roc_auc_ovr", "brier"])
def test_other_changes_are_bootstrapped_in_pairs(name):
    base, target = classifier(n=300)
    worse, _ = classifier(n=300, noise=2.5)
    metric = metric_of(name)
    same = quality_change(metric, base, base, target)
    assert same.figure.value == 0
    assert (same.figure.low < 0 < same.figure.high) is (name == "f1_macro")  # labels: see test_rare_changes
    assert same.p_value == 1
    change = quality_change(metric, base, worse, target)
    assert change.test == "paired-bootstrap"
    assert change.worst_loss > abs(change.figure.value) > 0
    assert change.p_value < 0.05
    with pytest.raises(DataError):
        quality_change(metric, base, worse.take([0, 1]), target)


def test_rows_needed_prove_what_they_say():
    n = rows_needed(-0.002, 0.01, 0.02)
    generator = np.random.default_rng(0)
    draws = generator.multinomial(n, [0.011, 0.009, 0.98], size=400)
    held = np.mean([tango(lost, won, n)[0] >= -0.01 for lost, won, _ in draws.tolist()])
    assert 0.74 < held < 0.88
    assert rows_needed(0, 0.005, 0) == 765
    assert rows_needed(-0.002, 0.01, 0.02, power=0.9) > n
    assert rows_needed(0, 0.01, 1e-4, counts=False) < 20
    for wrong in ((-0.01, 0.01, 0.02), (0, 0, 0.1), (float("nan"), 0.1, 0.1)):
        with pytest.raises(OutOfRange):
            rows_needed(*wrong)
    with pytest.raises(OutOfRange):
        rows_needed(0.5, 0.1, 0.1, counts=True)
