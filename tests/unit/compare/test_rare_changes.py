"""Labels of which few or none changed: no metric of them is proven by rows that can't tell."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare.cells import Cells
from joulewise.compare.outputs import Prediction
from joulewise.compare.paired import quality_change
from joulewise.compare.quality import metric_of, quality_of, rows_if_unchanged
from joulewise.compare.rare_changes import row_ratio, unseen_changes, unseen_errors
from joulewise.compare.statistics import tango, wilson
from joulewise.core.errors import OutOfRange

LABELS = ("balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef")


def told(labels, classes=2) -> Prediction:
    return Prediction(task="classification", labels=np.asarray(labels), classes=tuple(range(classes)))


def cells(counts, target, answer, classes=2) -> Cells:
    return Cells(counts=np.array(counts), target=np.array(target), answer=np.array(answer), classes=classes)


def losing(generator, n: int, share: float) -> tuple[Prediction, Prediction, np.ndarray]:
    """Two models of which the second truly turns that share of all rows wrong; two classes, half and half."""
    target = generator.integers(0, 2, n)
    base = np.where(generator.random(n) < 0.97, target, 1 - target)
    turns = (generator.random(n) < share / 0.97) & (base == target)
    return told(base), told(np.where(turns, 1 - base, base)), target


def test_accuracy_counted_this_way_has_the_intervals_of_tango_and_wilson():
    """Every row weighs 1/n, so that nothing is left but the counts."""
    accuracy = metric_of("f1_micro")  # the same number as accuracy, but of a whole sample
    target = np.repeat([0, 1], 100)
    change = quality_change(accuracy, told(target), told(target), target)
    assert (change.figure.low, change.figure.high) == pytest.approx(tango(0, 0, 200), abs=1e-9)
    quality = quality_of(accuracy, told(target), target)
    assert (quality.low, quality.high) == pytest.approx(wilson(200, 200), abs=1e-9)
    assert change.row_ratio == pytest.approx(1.0)


@pytest.mark.parametrize("name", LABELS)
def test_rows_of_which_none_changed_prove_no_more_than_their_number_can(name):
    target = np.repeat([0, 1], 150)
    change = quality_change(metric_of(name), told(target), told(target), target)
    assert change.figure.value == 0
    assert change.figure.low < -0.01 < 0 < change.figure.high
    assert not change.holds(0.005)
    needed = change.rows_needed(0.005)
    longer = np.repeat([0, 1], (needed + 1) // 2)
    assert quality_change(metric_of(name), told(longer), told(longer), longer).holds(0.0051)


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro"])
@pytest.mark.parametrize("n", [200, 600])
def test_a_model_at_the_floor_is_rarely_proven_to_keep_it(name, n):
    """It truly loses one point; a plain bootstrap proves that it does not in 15 and 7 of 100 cases."""
    proven = 0
    for seed in range(150):
        base, new, target = losing(np.random.default_rng(seed), n, 0.01)
        proven += quality_change(metric_of(name), base, new, target, seed=seed).holds(0.0099)
    assert proven / 150 <= 0.05  # 2.5 %, and two standard errors of 150 seeds


def test_enough_rows_prove_a_floor_that_is_kept():
    base, new, target = losing(np.random.default_rng(1), 4000, 0.001)
    change = quality_change(metric_of("f1_macro"), base, new, target)
    assert change.holds(0.005)
    assert change.worst_loss < 0.004


def test_a_row_of_a_rare_class_weighs_most():
    common = cells([50, 50], [0, 1], [0, 1])
    rare = cells([95, 5], [0, 1], [0, 1])
    metric = metric_of("balanced_accuracy")
    assert row_ratio(metric, common) == pytest.approx(1.0)
    assert row_ratio(metric, rare) == pytest.approx(100 / 5 / 2)
    assert row_ratio(metric, cells([10], [0], [0], classes=1)) == 0
    assert row_ratio(metric, cells([10], [0], [1])) == 0


def test_many_changes_leave_nothing_unseen_that_matters():
    base = cells([4800, 100, 100], [0, 0, 0], [0, 0, 1])
    new = cells([4800, 100, 100], [0, 0, 0], [0, 1, 0])
    assert max(unseen_changes(base, new)) < 0.0005
    assert max(unseen_errors(cells([4000, 1000], [0, 0], [0, 1]))) < 0.0005


def test_a_faultless_score_is_not_certain_and_stays_within_what_the_metric_can_be():
    target = np.repeat([0, 1], [3, 1])
    for name in LABELS:
        figure = quality_of(metric_of(name), told(target), target)
        assert figure.value == figure.high == pytest.approx(1.0)
        assert -1.0 <= figure.low < 0.7


def test_where_less_is_better_the_other_end_moves(monkeypatch, tmp_path):
    (tmp_path / "share_wrong_metric.py").write_text(
        "import numpy as np\n\n\ndef wrong(target, answer):\n    return float(np.mean(target != answer))\n\n\n"
        "wrong.greater_is_better = False\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    metric = metric_of("share_wrong_metric:wrong")
    target = np.repeat([0, 1], 100)
    change = quality_change(metric, told(target), told(target), target)
    assert (-change.figure.high, -change.figure.low) == pytest.approx(tango(0, 0, 200), abs=1e-9)
    assert change.worst_loss == change.figure.high > 0.01
    figure = quality_of(metric, told(target), target)
    assert (figure.low, figure.high) == pytest.approx((0.0, 1 - wilson(200, 200)[0]), abs=1e-9)


def test_a_change_may_be_asked_for_at_another_level():
    base, new, target = losing(np.random.default_rng(3), 500, 0.02)
    for name in ("accuracy", "f1_macro"):
        usual, sure = (quality_change(metric_of(name), base, new, target, level=level) for level in (0.95, 0.99))
        assert (usual.figure.level, sure.figure.level) == (0.95, 0.99)
        assert sure.figure.low < usual.figure.low <= usual.figure.value < usual.figure.high < sure.figure.high


def test_rows_for_an_unchanged_model():
    assert rows_if_unchanged(0.005, 1.0) == 765
    assert rows_if_unchanged(0.01, 1.0) == 381
    assert rows_if_unchanged(0.005, 10.0) == 7680
    assert rows_if_unchanged(0.5, 0.0) == 2
    with pytest.raises(OutOfRange):
        rows_if_unchanged(0.0, 1.0)
