"""Which screened candidates may be proven, and that a sure one always is among the finalists."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.compare.floors import floor_of
from joulewise.compare.paired import Change
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment
from joulewise.shrink.screening import Screened, may_be_proven
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

    def cost_of(one: Screened) -> float:
        return costs[one.deployment.name]

    assert with_surest(cheap, [*cheap, sure], cost_of) == [*cheap[:2], sure]
    assert with_surest([sure, *cheap[:2]], [*cheap, sure], cost_of) == [sure, *cheap[:2]]
    assert with_surest(cheap[:1], [*cheap, sure], cost_of) == cheap[:1]
