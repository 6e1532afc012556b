"""Which screened candidates may be proven, and that a sure one always is among the finalists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from joulewise.compare import Prediction
from joulewise.compare.floors import floor_of
from joulewise.compare.paired import Change
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment
from joulewise.shrink.exploring import Exploration
from joulewise.shrink.screening import Screened, disagreement, has_moved, may_be_proven
from joulewise.shrink.search import with_surest
from joulewise.shrink.tree import Node

ARTIFACT = Artifact(path=Path("model"), format="onnx")
FLOOR = floor_of("accuracy>=-0.5pt")


def screened(change: float, disagreement: float, name: str = "one") -> Screened:
    figure = Figure(value=change, low=change - 0.02, high=change + 0.02, unit="1", method="measured")
    seen = Change(metric="accuracy", figure=figure, test="mcnemar", p_value=0.5, n=130, disagreement=disagreement)
    deployment = Deployment(name=name, artifact=ARTIFACT, runtime="onnxruntime")
    return Screened(node=Node(artifact=ARTIFACT), deployment=deployment, cpu_s={1: 1.0}, change=seen, quality=figure)


@pytest.mark.parametrize(
    ("change", "disagreement", "proven"),
    [
        (0.0, 0.0, True),
        (0.015, 0.03, False),  # a gain on 130 rows is luck: the interval on the proof's rows is as wide as it is
        (0.015, 0.001, True),
        (-0.01, 0.01, False),
    ],
)
def test_a_gain_on_a_few_rows_proves_nothing(change, disagreement, proven):
    assert may_be_proven([FLOOR], screened(change, disagreement), screened(0.0, 0.0), 917) is proven


def test_a_gain_that_is_asked_for_counts():
    wanted = floor_of("accuracy>=+1pt")

    assert may_be_proven([wanted], screened(0.05, 0.05), screened(0.0, 0.0), 917)
    assert not may_be_proven([wanted], screened(0.01, 0.05), screened(0.0, 0.0), 917)


def test_the_surest_is_always_among_the_finalists():
    cheap = [screened(0.01, 0.03, f"student-{index}") for index in range(3)]
    sure = screened(0.0, 0.0, "converted")
    costs = {one.deployment.name: cost for one, cost in zip([*cheap, sure], (0.1, 0.2, 0.3, 0.5), strict=True)}

    def surety(one: Screened) -> tuple[float, float]:
        return disagreement(one), costs[one.deployment.name]

    assert with_surest(cheap, [*cheap, sure], surety) == [*cheap[:2], sure]
    assert with_surest([sure, *cheap[:2]], [*cheap, sure], surety) == [sure, *cheap[:2]]
    assert with_surest(cheap[:1], [*cheap, sure], surety) == cheap[:1]
    assert with_surest([], [], surety) == []


def test_scores_tell_a_conversion_from_a_model_in_8_bits_whose_labels_agree():
    scores = np.random.default_rng(0).normal(size=(130, 10))

    def answering(numbers, cpu_s: float) -> Screened:
        prediction = Prediction(task="classification", scores=numbers, labels=scores.argmax(axis=1))
        return replace(screened(0.0, 0.0), prediction=prediction, cpu_s={1: cpu_s})

    original = answering(scores, 1.0)
    converted, coarse = answering(scores + 1e-6, 0.4), answering(np.round(scores, 1), 0.2)
    found = Exploration(baseline=original, seen=[original, coarse, converted])

    assert not has_moved(converted, original)
    assert has_moved(coarse, original)
    assert min((coarse, converted), key=found.surety) is converted
    cheaper = answering(scores, 0.3)
    assert min((cheaper, converted), key=found.surety) is cheaper


def test_numbers_that_nobody_can_compare_have_not_moved():
    bare = screened(0.0, 0.0)
    labels = replace(bare, prediction=Prediction(task="classification", labels=np.arange(3)))
    wide = replace(bare, prediction=Prediction(task="regression", values=np.zeros((3, 2))))
    narrow = replace(bare, prediction=Prediction(task="regression", values=np.zeros(3)))

    assert not has_moved(bare, labels)
    assert not has_moved(labels, labels)
    assert not has_moved(wide, narrow)
    assert has_moved(replace(narrow, prediction=Prediction(task="regression", values=np.full(3, np.nan))), narrow)
