"""Metrics of many resamples at once are scikit-learn's on the rows that a resample holds, or NaN where it has none."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from joulewise.compare.cells import Cells
from joulewise.compare.fast_metrics import fast

seeds = st.integers(0, 2**32 - 1)
OF_TWO = {
    "roc_auc": lambda target, answer: metrics.roc_auc_score(target, answer[:, 1]),
    "average_precision": lambda target, answer: metrics.average_precision_score(target, answer[:, 1]),
}
OF_LABELS = {
    f"{kind}{'' if average == 'binary' else '_' + average}": (kind, average)
    for kind in ("f1", "precision", "recall", "jaccard")
    for average in ("macro", "micro", "weighted", "binary")
}


def cells(generator: np.random.Generator, classes: int, n: int, scores: bool) -> Cells:
    target = generator.integers(0, classes, n)
    answer = np.where(generator.random(n) < 0.6, target, generator.integers(0, classes, n))
    if scores:  # coarse, so that some tie
        found = np.round(np.eye(classes)[answer] * 0.5 + generator.random((n, classes)) * 0.7, 1) + 0.05
        answer = found / found.sum(axis=1, keepdims=True)
        answer = answer if classes > 2 else np.round(answer, 1)
    return Cells(counts=np.ones(n, np.int64), target=target, answer=answer, classes=classes)


def resamples(generator: np.random.Generator, n: int) -> np.ndarray:
    return np.concatenate([np.ones((1, n), np.int64), generator.multinomial(n, np.full(n, 1 / n), size=3)])


def compared(name: str, one: Cells, weights: np.ndarray, by_hand) -> None:
    many = fast(name, one)
    assert many is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for value, weight in zip(many(one, weights), weights, strict=True):
            rows = np.repeat(np.arange(len(weight)), weight)
            assert value == pytest.approx(by_hand(one.target[rows], one.answer[rows]), abs=1e-9), name


@given(st.sampled_from(sorted(OF_LABELS)), seeds, st.integers(2, 4), st.integers(12, 40))
@settings(max_examples=60, deadline=None)
def test_counts_of_labels_are_scikit_learns(name, seed, classes, n):
    kind, average = OF_LABELS[name]
    classes = 2 if average == "binary" else classes
    generator = np.random.default_rng(seed)
    score = getattr(metrics, f"{kind}_score")
    one = cells(generator, classes, n, scores=False)
    compared(name, one, resamples(generator, n), lambda t, a: score(t, a, average=average, zero_division=0.0))


@given(st.sampled_from(sorted(OF_TWO)), seeds, st.integers(12, 40))
@settings(max_examples=40, deadline=None)
def test_scores_of_two_classes_are_scikit_learns_ties_too(name, seed, n):
    generator = np.random.default_rng(seed)
    one = cells(generator, 2, n, scores=True)
    weights = resamples(generator, n)
    both = [len(set(np.repeat(one.target, weight))) == 2 for weight in weights]
    compared(name, one, weights[both], OF_TWO[name])


@given(seeds, st.sampled_from(["roc_auc_ovr", "roc_auc_ovr_weighted"]))
@settings(max_examples=20, deadline=None)
def test_one_class_against_the_rest_is_scikit_learns(seed, name):
    generator = np.random.default_rng(seed)
    one = cells(generator, 3, 40, scores=True)
    average = "weighted" if name.endswith("weighted") else "macro"
    weights = resamples(generator, 40)
    all_three = [len(set(np.repeat(one.target, weight))) == 3 for weight in weights]
    compared(
        name, one, weights[all_three], lambda t, a: metrics.roc_auc_score(t, a, multi_class="ovr", average=average)
    )


@given(seeds, st.floats(-1e6, 1e6))
@settings(max_examples=20, deadline=None)
def test_r2_is_scikit_learns_far_from_zero_too(seed, shift):
    generator = np.random.default_rng(seed)
    target = generator.normal(size=20) + shift
    one = Cells(counts=np.ones(20, np.int64), target=target, answer=target + generator.normal(size=20), classes=0)
    many = fast("r2", one)
    weights = resamples(generator, 20)
    for value, weight in zip(many(one, weights), weights, strict=True):
        rows = np.repeat(np.arange(20), weight)
        assert value == pytest.approx(metrics.r2_score(target[rows], one.answer[rows]), rel=1e-5, abs=1e-5)


def test_a_resample_without_one_of_the_classes_has_no_value():
    one = Cells(counts=np.ones(4, np.int64), target=np.array([0, 0, 1, 1]), answer=np.eye(2)[[0, 1, 1, 1]], classes=2)
    alone = np.array([[2, 2, 0, 0]])
    assert np.isnan(fast("roc_auc", one)(one, alone)).all()
    assert np.isnan(fast("average_precision", one)(one, alone)).all()
    flat = Cells(counts=np.ones(3, np.int64), target=np.ones(3), answer=np.zeros(3), classes=0)
    assert np.isnan(fast("r2", flat)(flat, np.ones((1, 3)))).all()


@pytest.mark.parametrize(
    ("name", "classes", "scores"),
    [("roc_auc", 3, True), ("f1_samples", 2, False), ("f1", 3, False), ("accuracy", 2, False), ("r2", 2, False)],
)
def test_what_is_not_defined_or_not_known_has_no_fast_way(name, classes, scores):
    assert fast(name, cells(np.random.default_rng(0), classes, 20, scores)) is None
