"""Quality keeps its promises: the order of rows and the names of classes don't matter, a change is new minus old."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from joulewise.compare.outputs import Prediction, canonical
from joulewise.compare.paired import quality_change
from joulewise.compare.quality import metric_of, quality_of, rows_needed
from joulewise.core.errors import DataError, OutOfRange, UndefinedFigure

OF_LABELS = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef", "jaccard_macro")
OF_VALUES = ("r2", "rmse", "mae", "neg_mean_squared_error", "explained_variance")
seeds = st.integers(0, 2**32 - 1)


def labelled(generator: np.random.Generator, target: np.ndarray, right: float, classes: int) -> Prediction:
    """Answers that are right with that chance."""
    chance = generator.integers(0, classes, target.size)
    labels = np.where(generator.random(target.size) < right, target, chance)
    return canonical({"y": labels}, {"task": "classification", "classes": list(range(classes))})


@given(st.sampled_from(OF_LABELS), seeds, st.integers(2, 5), st.integers(8, 60))
@settings.get_profile("costly")
def test_neither_the_order_of_rows_nor_the_names_of_classes_change_a_metric(name, seed, classes, n):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, classes, n)
    prediction = labelled(generator, target, 0.7, classes)
    value = metric_of(name).score(prediction, target)
    order = generator.permutation(n)
    assert metric_of(name).score(prediction.take(order), target[order]) == pytest.approx(value)
    renamed = generator.permutation(classes)
    names = np.array([f"class {one}" for one in renamed], dtype=object)
    known = {"task": "classification", "classes": sorted(names.tolist())}
    told = canonical({"y": names[prediction.labels]}, known)
    assert metric_of(name).score(told, names[target]) == pytest.approx(value)


@given(st.sampled_from(OF_LABELS), seeds, st.integers(2, 4))
@settings.get_profile("costly")
def test_a_change_is_the_difference_of_the_scores_and_turns_over(name, seed, classes):
    generator = np.random.default_rng(seed)
    target = np.concatenate([np.arange(classes), generator.integers(0, classes, 50)])
    base, new = (labelled(generator, target, right, classes) for right in (0.6, 0.8))
    metric = metric_of(name)
    change, back = (quality_change(metric, *pair, target, seed=1) for pair in ((base, new), (new, base)))
    assert change.figure.value == pytest.approx(metric.score(new, target) - metric.score(base, target))
    assert back.figure.value == pytest.approx(-change.figure.value)
    assert change.p_value == pytest.approx(back.p_value, abs=1e-9 if metric.scale == "rows" else 0.1)  # resamples
    assert change.figure.low <= change.figure.value <= change.figure.high
    if metric.scale == "rows":
        assert (-back.figure.high, -back.figure.low) == pytest.approx((change.figure.low, change.figure.high))


@given(st.sampled_from(OF_LABELS + OF_VALUES), seeds)
@settings.get_profile("costly")
def test_a_model_against_itself_has_not_changed(name, seed):
    generator = np.random.default_rng(seed)
    if name in OF_LABELS:
        target = np.concatenate([np.arange(3), generator.integers(0, 3, 30)])
        one = labelled(generator, target, 0.7, 3)
    else:
        target = generator.normal(size=33)
        one = canonical({"y": target + generator.normal(size=33)}, {"task": "regression"})
    change = quality_change(metric_of(name), one, one, target)
    assert change.figure.value == 0
    assert change.figure.low <= 0 <= change.figure.high
    assert change.p_value == 1
    assert change.disagreement == 0
    assert change.holds(0.2)


@given(st.sampled_from(OF_VALUES), seeds, st.floats(-1e3, 1e3), st.sampled_from([0.125, 1.0, 64.0]))
@settings.get_profile("costly")
def test_units_of_a_regression_scale_its_errors_and_leave_its_shares(name, seed, shift, factor):
    generator = np.random.default_rng(seed)
    target = generator.normal(size=40)
    answer = target + generator.normal(scale=0.5, size=40)

    def score(answers, truth):
        return metric_of(name).score(canonical({"y": answers}, {"task": "regression"}), truth)

    power = {"rmse": 1, "mae": 1, "neg_mean_squared_error": 2}.get(name, 0)
    expected = score(answer, target) * factor**power
    assert score(answer * factor + shift, target * factor + shift) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 40), st.integers(0, 40), st.integers(2, 6))
def test_the_same_rows_again_say_the_same_more_surely(right, wrong, times):
    def accuracy(repeats):
        target = np.zeros((right + wrong) * repeats, dtype=np.int64)
        answers = np.tile(np.repeat([0, 1], [right, wrong]), repeats)
        known = {"task": "classification", "classes": [0, 1]}
        return quality_of(metric_of("accuracy"), canonical({"y": answers}, known), target)

    once, often = accuracy(1), accuracy(times)
    assert often.value == pytest.approx(once.value)
    assert often.high - often.low < once.high - once.low
    assert 0 <= once.low <= once.value <= once.high <= 1


@pytest.mark.parametrize(("name", "least"), [("accuracy", 0.93), ("f1_macro", 0.90), ("mae", 0.90)])
def test_the_interval_of_a_quality_holds_the_truth_as_often_as_it_says(name, least):
    """Answers of a known model to 120 rows, 100 times over. The truth is what 200,000 rows say."""

    def drawn(seed, n):
        generator = np.random.default_rng(seed)
        if name == "mae":
            target = generator.normal(size=n)
            return canonical({"y": target + generator.normal(scale=0.7, size=n)}, {"task": "regression"}), target
        target = generator.integers(0, 3, n)
        return labelled(generator, target, 0.6, 3), target

    metric = metric_of(name)
    truth = metric.score(*drawn(10**6, 200_000))
    held = 0
    for seed in range(100):
        figure = quality_of(metric, *drawn(seed, 120), seed=seed)
        held += figure.low <= truth <= figure.high
    assert least <= held / 100 <= 0.99


def test_the_interval_of_a_change_holds_the_true_change_as_often_as_it_says():
    """Two models of which one repairs 12 % of the rows and breaks 5 %: 7 points better."""
    held = proven = 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        target = np.zeros(300, dtype=np.int64)
        fate = generator.choice(["same", "repaired", "broken"], 300, p=[0.83, 0.12, 0.05])
        sure = generator.random(300) < 0.8
        base = np.where(fate == "repaired", 1, np.where(fate == "broken", 0, ~sure))
        new = np.where(fate == "repaired", 0, np.where(fate == "broken", 1, ~sure))
        known = {"task": "classification", "classes": [0, 1]}
        sides = (canonical({"y": side.astype(np.int64)}, known) for side in (base, new))
        change = quality_change(metric_of("accuracy"), *sides, target)
        held += change.figure.low <= 0.07 <= change.figure.high
        proven += change.holds(0.0)
    assert 0.92 <= held / 400 <= 0.98
    assert proven / 400 > 0.8  # and 300 rows are enough to prove that nothing was lost


@given(st.floats(0.001, 0.05), st.floats(0.0, 0.2), st.floats(0.5, 0.95))
def test_a_narrower_floor_a_greater_chance_and_more_disagreement_need_more_rows(allowed, disagreement, power):
    change = -allowed / 4
    assume(disagreement >= allowed)
    needed = rows_needed(change, allowed, disagreement, power=power)
    assert needed >= 2
    assert rows_needed(change, allowed * 1.5, disagreement, power=power) <= needed
    assert rows_needed(change, allowed, disagreement, power=power + 0.04) >= needed
    assert rows_needed(change, allowed, min(1.0, disagreement * 1.5), power=power) >= needed
    assert rows_needed(0.0, allowed, disagreement, power=power) <= needed
    with pytest.raises(OutOfRange, match="can't be proven to stay above"):
        rows_needed(-allowed, allowed, disagreement, power=power)


def test_what_can_not_be_judged_is_refused_with_the_cure():
    known = {"task": "classification", "classes": [0, 1]}
    one = canonical({"y": np.array([1])}, known)
    two = canonical({"y": np.array([1, 0])}, known)
    with pytest.raises(DataError, match="1 answers against 2") as refused:
        quality_change(metric_of("accuracy"), one, two, np.array([1]))
    assert refused.value.hint == "both models on the same rows"
    with pytest.raises(UndefinedFigure, match="f1_macro needs at least 2 rows, got 1"):
        quality_change(metric_of("f1_macro"), one, one, np.array([1]))
    with pytest.raises(UndefinedFigure, match="f1_macro needs at least 2 rows, got 1"):
        quality_of(metric_of("f1_macro"), one, np.array([1]))
    value = canonical({"y": np.array([1.5])}, {"task": "regression"})
    with pytest.raises(UndefinedFigure, match="mae needs at least 2 rows, got 1"):
        quality_change(metric_of("mae"), value, value, np.array([1.0]))
    with pytest.raises(DataError, match="no rows to judge by"):
        metric_of("accuracy").score(canonical({"y": np.empty(0, np.int64)}, known), np.empty(0, np.int64))
    with pytest.raises(OutOfRange, match="accuracy is a mean over rows"):
        metric_of("accuracy").of_resamples(metric_of("f1_macro").cells([two], np.array([1, 0]))[0], None)
    with pytest.raises(OutOfRange, match="want an allowed loss >= 0"):
        quality_change(metric_of("accuracy"), two, two, np.array([1, 0])).holds(-0.01)
