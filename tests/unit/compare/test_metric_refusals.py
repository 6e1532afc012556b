"""Answers and targets that don't go together: each is refused with what is wrong, and what would work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from joulewise.compare import bench_plan, four_ms, observing
from joulewise.compare.class_matching import matched
from joulewise.compare.outputs import Prediction, canonical
from joulewise.compare.quality import metric_of, quality_of
from joulewise.compare.worker_watch import resident_bytes
from joulewise.core.errors import DataError, OutOfRange, PluginMissing, UsageError
from joulewise.core.figures import MEASURED, Figure
from joulewise.core.variants import Observation

CLASSES = {"task": "classification", "classes": [0, 1]}
LABELS = canonical({"y": np.array([0, 1, 1])}, CLASSES)
VALUES = canonical({"y": np.array([0.5, 1.5, 2.5])}, {"task": "regression"})
VECTORS = canonical({"y": np.eye(3)}, {"task": "embedding"})
SCORES = canonical({"y": np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]])}, CLASSES)
TARGET = np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("name", "prediction", "target", "said", "cure"),
    [
        ("log_loss", LABELS, TARGET, "the model gives no scores", "accuracy or f1_macro"),
        ("mae", LABELS, TARGET, "the model gives no values", "a metric of classes"),
        ("accuracy", VALUES, TARGET, "the model names no classes", "a metric of values"),
        ("mae", VALUES, np.array(["a", "b", "c"], object), "the target is text", "another target"),
        ("mae", VALUES, TARGET[:2], r"answers of shape \(3,\) for a target of \(2,\)", "the same rows for both"),
        ("accuracy", LABELS, TARGET[:2], "3 answers for 2 rows", "the same rows for both"),
        ("accuracy", LABELS, np.array([0.5, 0.1, 0.7]), "the target is no list of classes", "another --target"),
        ("accuracy", LABELS, np.zeros((3, 2), int), "the target is no list of classes", "a metric of values"),
        ("accuracy", LABELS, None, "accuracy needs a target", "--target"),
        ("f1_macro", LABELS, None, "f1_macro needs a target", "--target"),
        ("cosine", VECTORS, None, "cosine compares with another model's answers", "name the reference model"),
        ("roc_auc", SCORES, np.zeros(3, int), "roc_auc", "hold all classes?"),
    ],
)
def test_what_does_not_suit_is_told_with_the_cure(
    name: str, prediction: Prediction, target: Any, said: str, cure: str
) -> None:
    with pytest.raises(DataError, match=said) as refused:
        metric_of(name).score(prediction, target)
    assert cure in refused.value.hint


def test_models_that_have_no_vectors_or_other_rows_do_not_compare() -> None:
    cosine = metric_of("cosine")
    with pytest.raises(DataError, match=r"vectors of shape \(3, 3\) against \(2, 3\)"):
        cosine.score(VECTORS, None, VECTORS.take([0, 1]))
    with pytest.raises(DataError, match="neither vectors nor scores") as refused:
        cosine.score(LABELS, None, LABELS)
    assert refused.value.hint == "agreement compares labels"
    zero = canonical({"y": np.zeros((2, 3), np.float64)}, {"task": "embedding"})
    one = canonical({"y": np.array([[0.0, 0, 0], [1, 0, 0]])}, {"task": "embedding"})
    assert cosine.per_row(zero, None, one).tolist() == [1.0, 0.0]  # nothing is like nothing, and unlike something


def test_a_class_that_the_model_does_not_name_is_told() -> None:
    strange = Prediction(task="classification", labels=np.array(["x", "b"], object), classes=("a", "b"))
    with pytest.raises(DataError, match="answers 'x', which is none of its classes"):
        matched(strange, np.array(["a", "b"], object))


def test_classes_are_taken_from_scores_where_nobody_names_them() -> None:
    unnamed = Prediction(task="classification", scores=np.eye(3), labels=np.arange(3))
    found = matched(unnamed, np.array(["a", "b", "c"], object))
    assert (found.classes, found.target.tolist()) == (3, [0, 1, 2])  # in the order of a label encoder


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"a": np.zeros((2, 2, 2))}, "can't tell what the model's outputs mean: a float64"),
        ({}, "the model gave no outputs"),
    ],
)
def test_outputs_that_mean_nothing_are_refused(outputs: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        canonical(outputs, {"task": "classification"})


def test_roles_with_impossible_shapes_are_refused() -> None:
    def told(role: str, array: Any, **more: Any) -> Prediction:
        return canonical({"a": array}, {"task": "classification", "roles": {role: "a"}, **more})

    with pytest.raises(DataError, match=r"scores of shape \[2, 2, 2\] are not one a class"):
        told("scores", np.zeros((2, 2, 2)))
    with pytest.raises(DataError, match=r"labels of shape \[2, 3\] are not one a row"):
        told("labels", np.zeros((2, 3), int))
    with pytest.raises(DataError, match="scores 3 classes, but names 2"):
        told("scores", np.eye(3), classes=["a", "b"])
    assert told("labels", np.array([b"a", b"b"]), classes=["a", "b"]).labels is not None
    assert len(Prediction(task="unknown")) == 0
    assert Prediction(task="unknown").probabilities is None


def test_a_users_metric_that_fails_or_is_none_is_told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics_of_mine.py").write_text("NUMBER = 3\ndef broken(target, answer):\n    raise KeyError('x')\n")
    (tmp_path / "metrics_that_need.py").write_text("import absent_of_mine\n")
    (tmp_path / "metrics_with_a_slip.py").write_text("def f(target, answer)\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match="metrics_of_mine:NUMBER is not a function"):
        metric_of("metrics_of_mine:NUMBER")
    with pytest.raises(DataError, match="metrics_of_mine:broken failed: KeyError") as refused:
        quality_of(metric_of("metrics_of_mine:broken"), LABELS, TARGET)
    assert "f(target, answer)" in refused.value.hint
    for text in ("metrics_that_need:f", "metrics_with_a_slip:f", "metrics_of_nobody:f", "metrics_of_mine:absent"):
        with pytest.raises(DataError, match=f"no function {text}"):
            metric_of(text)


def test_a_plan_says_its_conditions_in_order() -> None:
    plan = bench_plan.BenchPlan(batches=(1, 8), rates=(5.0,))
    assert list(plan.conditions()) == [(1, None), (8, None), (1, 5.0)]


def seen(value: float, **condition: Any) -> Observation:
    figure = Figure(value=value, low=value, high=value, unit="J", method=MEASURED)
    return Observation(quantity="energy_j_per_inference", figure=figure, **condition)


def test_of_several_observations_the_plainest_is_found_whatever_their_order() -> None:
    several = [
        seen(4.0, batch=1, threads=2, load="saturated"),
        seen(3.0, batch=1, threads=1, load="20/s"),
        seen(2.0, batch=32, threads=1, load="saturated"),
        seen(1.0, batch=1, threads=1, load="saturated"),
    ]
    open_ended = observing.Condition(batch=None, load=None)
    for order in (several, several[::-1]):
        found = observing.find(order, "energy_j_per_inference", open_ended)
        assert found is not None
        assert found.figure.value == 1.0
    assert observing.find(several, "energy_j_per_inference", observing.Condition(batch=7)) is None
    assert observing.Condition(batch=1, threads=2).text() == "batch 1, 2 threads, saturated"
    assert open_ended.text() == ""


def figure(value: float, unit: str = "1") -> Figure:
    return Figure(value=value, low=value, high=value, unit=unit, method=MEASURED)


def test_what_ifs_that_mean_nothing_are_refused_with_examples() -> None:
    base = four_ms.Situation(energy=figure(10.0, "J"), pue=figure(1.2))
    with pytest.raises(UsageError, match="nothing changes") as refused:
        four_ms.what_if(base, four_ms.Changes())
    assert "--machine 0.4" in refused.value.hint
    with pytest.raises(UsageError, match="today's intensity is not known"):
        four_ms.what_if(base, four_ms.Changes(intensity=figure(100.0, "g/kWh")))
    with pytest.raises(OutOfRange, match=r"want pue >= 1, got 0\.9"):
        four_ms.what_if(base, four_ms.Changes(pue=figure(0.9)))
    with pytest.raises(OutOfRange, match="want a factor of model above 0"):
        four_ms.what_if(base, four_ms.Changes(model=figure(0.0)))


def test_the_memory_of_a_process_counts_its_children_and_of_none_is_zero() -> None:
    import os
    import subprocess
    import sys

    alone = resident_bytes(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(64 << 20); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        assert resident_bytes(os.getpid()) - alone > 50 << 20
        child.communicate(b"\n")
    assert resident_bytes(child.pid) == 0


def test_a_room_without_its_libraries_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import joulewise.compare as room

    with pytest.raises(AttributeError, match="no attribute 'nothing_of_ours'"):
        _ = room.nothing_of_ours
    monkeypatch.delitem(sys.modules, "joulewise.compare.statistics", raising=False)
    monkeypatch.delitem(sys.modules, "joulewise.compare.quality", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(PluginMissing, match="compare needs numpy") as refused:
        _ = room.quality_of
    assert refused.value.hint == "pip install 'joulewise[compare]'"
