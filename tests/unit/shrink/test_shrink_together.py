"""Several candidates on the same rows err together no more often than one alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from joulewise.compare import Measured, Prediction, Rows, metric_of
from joulewise.compare.blocks import Block
from joulewise.compare.floors import floor_of
from joulewise.compare.statistics import tango
from joulewise.core.figures import exact
from joulewise.core.runtimes import Artifact, Deployment, RunOptions
from joulewise.core.variants import Observation
from joulewise.shrink.proof import prove, winner_of
from joulewise.shrink.together import bears_steps, proven_by_steps, proven_in_turn

HALF_A_POINT = floor_of("accuracy>=-0.5pt")
cached = cache(tango)


def keeps(lost: int, won: int, n: int, level: float) -> bool:
    return cached(lost, won, n, level)[0] >= -0.005


def played(name: str, cpu_s: float, wrong: int, n: int) -> Measured:
    labels = np.arange(n) % 2
    labels[:wrong] = 1 - labels[:wrong]
    blocks = tuple(
        Block(
            calls=10, rows=10, wall_s=cpu_s * 10, cpu_s=cpu_s * (10 + at / 10), latencies_s=np.full(10, cpu_s), round=at
        )
        for at in range(6)
    )
    artifact = Artifact(path="/nowhere", format="played")
    return Measured(
        deployment=Deployment(name=name, artifact=artifact, runtime="played", options=RunOptions(threads=1)),
        observations=(Observation(quantity="accuracy", figure=exact(1 - wrong / n, "1")),),
        blocks=blocks,
        prediction=Prediction(task="classification", labels=labels, classes=(0, 1)),
    )


def rows_of(n: int) -> Rows:
    return Rows(features={"x": np.arange(float(n))}, target=np.arange(n) % 2, target_name="y")


@pytest.mark.parametrize(("way", "n"), [(proven_in_turn, 1000), (proven_by_steps, 2500)])
def test_five_at_the_floor_pass_in_five_of_two_hundred_cases_at_most(way, n):
    """Each alone passes in 2.5 %, the best of five in 11 %."""
    generator = np.random.default_rng(0)
    alone = together = 0
    for _ in range(400):
        drawn = generator.multinomial(n, [0.012, 0.007, 0.981], size=5)[:, :2].tolist()
        holds = [partial(keeps, lost, won, n) for lost, won in drawn]
        alone += any(one(0.95) for one in holds)
        together += any(way(holds))
    assert alone / 400 > 0.06
    assert together / 400 <= 0.041  # 2.5 %, and two standard errors of 400 cases


def test_in_turn_ends_at_the_first_that_fails():
    assert proven_in_turn([lambda _: True, lambda _: False, lambda _: True]) == [True, False, False]


def test_steps_grow_easier_as_candidates_pass():
    assert proven_by_steps([lambda level: level < 0.96, lambda level: level < 0.98]) == [True, True]
    assert proven_by_steps([lambda level: level < 0.96, lambda level: level < 0.96]) == [False, False]
    assert proven_by_steps([]) == []


def test_steps_are_taken_where_rows_are_to_spare():
    assert not bears_steps(1000, [HALF_A_POINT], 5)
    assert bears_steps(2500, [HALF_A_POINT], 5)
    assert bears_steps(1200, [HALF_A_POINT], 1)


def test_a_candidate_behind_one_that_failed_does_not_win():
    n = 1000
    found = (played("original", 1e-3, 0, n), played("surest", 1e-4, 30, n), played("cheapest", 1e-5, 0, n))
    for order, winner in ((("cheapest", "surest"), "cheapest"), (("surest", "cheapest"), None)):
        proofs = prove(found, rows_of(n), [HALF_A_POINT], metric_of("accuracy"), 0, None, order)
        best = winner_of(proofs, 1)
        assert (best.name if best else None) == winner
    assert "it holds alone, but not together with what else was tried" in proofs[1].verdict
    alone = prove((found[0], found[2]), rows_of(n), [HALF_A_POINT], metric_of("accuracy"))
    assert winner_of(alone, 1).name == "cheapest"


def test_a_candidate_that_can_t_win_takes_no_part():
    n = 1000
    dear = replace(played("dear", 1e-2, 300, n))
    found = (played("original", 1e-3, 0, n), dear, played("cheapest", 1e-5, 0, n))
    proofs = prove(found, rows_of(n), [HALF_A_POINT], metric_of("accuracy"), 0, None, ("dear", "cheapest"))
    assert winner_of(proofs, 1).name == "cheapest"
