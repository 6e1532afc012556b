"""What is asked for is settled before time is spent: the metric, the floors, the names."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare import Rows, metric_of
from joulewise.compare.floors import floor_of
from joulewise.core.errors import DataError, NotFound, OutOfRange, UsageError
from joulewise.shrink.request import Request, default_floor, settled

CLASSES = Rows(features={"x": np.zeros((40, 2))}, target=np.arange(40) % 2, target_name="y")
NUMBERS = Rows(features={"x": np.zeros((40, 2))}, target=np.arange(40) / 7, target_name="y")
BARE = Rows(features={"x": np.zeros((40, 2))})


def request(*floors: str, **more) -> Request:
    return Request(floors=tuple(map(floor_of, floors)), **more)


@pytest.mark.parametrize(
    ("rows", "task", "metric", "floor"),
    [
        (CLASSES, "classification", "accuracy", "accuracy>=-0.5pt"),
        (CLASSES, "unknown", "accuracy", "accuracy>=-0.5pt"),
        (CLASSES, "regression", "r2", "r2>=-0.5pt"),
        (NUMBERS, "regression", "r2", "r2>=-0.5pt"),
        (BARE, "classification", "agreement", "agreement>=-0.5pt"),
        (BARE, "embedding", "cosine", "cosine>=0.99"),
    ],
)
def test_without_a_word_the_task_gives_metric_and_floor(rows, task, metric, floor):
    asked, found = settled(request(), rows, task)

    assert found.name == asked.metric == metric
    assert [one.text for one in asked.floors] == [floor]


def test_the_floors_metric_judges():
    asked, found = settled(request("f1_macro>=-1pt", "latency_p99<=5ms"), CLASSES, "classification")

    assert found.name == "f1_macro"
    assert [one.text for one in asked.floors] == ["f1_macro>=-1pt", "latency_p99<=5ms"]


def test_a_cost_floor_alone_leaves_a_floor_for_quality():
    asked, _ = settled(request("memory<=64MB"), CLASSES, "classification")

    assert [one.text for one in asked.floors] == ["accuracy>=-0.5pt", "memory<=64MB"]


def test_an_error_may_grow_a_little():
    assert default_floor(metric_of("rmse")).text == "rmse<=+1%"


@pytest.mark.parametrize(
    ("asked", "rows", "task", "fault", "told"),
    [
        (request("accuracy>=-1pt", "f1>=0.5"), CLASSES, "classification", UsageError, "one metric judges"),
        (request("accuracy>=-1pt", metric="f1"), CLASSES, "classification", UsageError, "one metric judges"),
        (request("accuracy<=0.9"), CLASSES, "classification", UsageError, "more accuracy is better"),
        (request("rmse>=0.2"), NUMBERS, "regression", UsageError, "less rmse is better"),
        (request("accuracy>=-0pt"), CLASSES, "classification", UsageError, "no number of rows"),
        (request(), BARE, "regression", DataError, "without a target"),
        (request("accuracy>=-1pt"), BARE, "classification", DataError, "needs a target"),
        (request(transforms=("to-onyx",)), CLASSES, "classification", NotFound, "no transform 'to-onyx'"),
        (request(runtimes=("onyx",)), CLASSES, "classification", NotFound, "no runtime 'onyx'"),
    ],
)
def test_what_can_not_be_judged_is_refused_with_its_cure(asked, rows, task, fault, told):
    with pytest.raises(fault, match=told) as caught:
        settled(asked, rows, task)
    assert caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [{"batches": ()}, {"batches": (0,)}, {"threads": (0,)}, {"time_budget_s": 0.1}, {"finalists": 0},
     {"memory_bytes": 0}],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(OutOfRange):
        Request(**wrong)
