"""Answers in one shape, and the target's classes under the model's names."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare.class_matching import matched
from joulewise.compare.outputs import canonical
from joulewise.core.errors import DataError

SHARES = np.array([[0.9, 0.1], [0.2, 0.8]])


def test_roles_win():
    facts = {"task": "classification", "classes": ["no", "yes"], "roles": {"labels": "label", "scores": "p"}}
    found = canonical({"label": np.array(["no", "no"]), "p": SHARES}, facts)
    assert found.labels.tolist() == ["no", "no"]
    assert np.array_equal(found.scores, SHARES)


@pytest.mark.parametrize(
    ("array", "task", "role"),
    [
        (SHARES, "unknown", "scores"),
        (np.array([[3.0, -1.0], [0.0, 9.0]]), "unknown", "scores"),
        (np.array([[0.6, 0.8], [1.0, 0.0]]), "unknown", "vectors"),
        (np.array([1, 0]), "unknown", "labels"),
        (np.array(["a", "b"]), "unknown", "labels"),
        (np.array([1.5, 2.5]), "unknown", "values"),
        (np.array([[1.5], [2.5]]), "regression", "values"),
        (np.array([0.2, 0.7]), "classification", "scores"),
        (np.ones((2, 5)), "embedding", "vectors"),
    ],
)
def test_shapes_tell_the_role(array, task, role):
    assert getattr(canonical({"out": array}, {"task": task}), role) is not None


def test_one_column_of_log_odds_is_two_classes():
    found = canonical({"z": np.array([[0.0], [2.0]])}, {"task": "classification", "classes": ["a", "b"]})
    assert found.probabilities[1, 1] == pytest.approx(1 / (1 + np.exp(-2)))
    assert found.labels.tolist() == ["a", "b"]


def test_numbered_labels_get_their_names():
    found = canonical({"y": np.array([1, 0])}, {"task": "classification", "classes": ["cat", "dog"]})
    assert found.labels.tolist() == ["dog", "cat"]


@pytest.mark.parametrize(
    ("outputs", "facts", "told"),
    [
        ({}, {}, "no outputs"),
        ({"a": np.full((2, 2), np.nan)}, {}, "NaN or infinity for 2 of 2 rows"),
        ({"a": SHARES}, {"classes": ["x", "y", "z"]}, "scores 2 classes, but names 3"),
        ({"a": np.ones((2, 3, 4))}, {}, "can't tell"),
        (
            {"a": SHARES, "b": np.array([1, 2, 3])},
            {"roles": {"scores": "a", "labels": "b"}},
            "different numbers of rows",
        ),
    ],
)
def test_bad_outputs_are_told(outputs, facts, told):
    with pytest.raises(DataError, match=told):
        canonical(outputs, facts)


@pytest.mark.parametrize(
    ("classes", "labels", "target", "codes"),
    [
        ([0, 1], [1, 0], [0, 1], [0, 1]),
        ([1, 2], [2, 1], [1.0, 2.0], [0, 1]),
        ([1, 2], [2, 1], ["1", "2"], [0, 1]),
        (["no", "yes"], ["yes", "no"], [0, 1], [0, 1]),
        ([0, 1], [1, 0], ["no", "yes"], [0, 1]),
        ([False, True], [True, False], [0, 1], [0, 1]),
        (["b", "a"], ["a", "b"], ["a", "b"], [1, 0]),
    ],
)
def test_classes_match_by_value_text_or_order(classes, labels, target, codes):
    found = canonical({"y": np.array(labels)}, {"task": "classification", "classes": classes})
    target = np.array(target, dtype=object if isinstance(target[0], str) else None)
    assert matched(found, target).target.tolist() == codes


@pytest.mark.parametrize(
    ("classes", "target", "told"),
    [
        (["cat", "dog"], ["cat", "cow"], r"does not know: 'cow'; it knows 'cat', 'dog'"),
        ([0, 1], [0, 7], "does not know: 7"),
        ([0, 1], ["a", "b", "c"], "does not know"),
        ([0, 1], [0.5, 1.0], "no list of classes"),
    ],
)
def test_a_class_that_the_model_does_not_know_is_told(classes, target, told):
    found = canonical({"s": np.tile(SHARES, (2, 1))[: len(target)]}, {"task": "classification", "classes": classes})
    with pytest.raises(DataError, match=told):
        matched(found, np.array(target, dtype=object if isinstance(target[0], str) else None))
