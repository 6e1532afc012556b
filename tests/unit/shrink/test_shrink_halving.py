"""Halving over real workers of played models: who is left is cheapest, everybody else has a reason, and it ends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from joulewise.compare import BenchPlan
from joulewise.core.runtimes import Deployment
from joulewise.shrink.halving import FIRST_ROUNDS, halve
from joulewise.testing.played_shrink import NoMeter, played_model, played_rows

PLAN = BenchPlan(batches=(1,), rounds=FIRST_ROUNDS, block_s=0.05, warm_up_s=0.1, cold_starts=1)


def deployments(folder, **said: dict) -> list[Deployment]:
    """Models by name, each with what its file says."""
    found = []
    for name, words in said.items():
        artifact = played_model(folder)
        path = artifact.path.with_name(f"{name}.played")
        path.write_text(json.dumps({"work_s": 0.001} | words))
        found.append(Deployment(name=name, artifact=replace(artifact, path=path), runtime="played"))
    return found


def halved(folder, keep: int, plan: BenchPlan = PLAN, **said: dict):
    session = NoMeter()
    found = deployments(folder, **said)
    left, lost = halve(found, played_rows(40), plan, session, keep, None)
    names = [one.name for one in left]
    assert sorted([*names, *(name for name, _ in lost)]) == sorted(said), "everybody is left or lost, once"
    return names, dict(lost), session


@pytest.mark.parametrize("keep", [1, 2])
def test_the_cheapest_are_left_best_first_and_the_rest_say_by_how_much(played, keep):
    costs = {"dear": 0.02, "cheap": 0.0005, "middle": 0.005}
    names, lost, _ = halved(played, keep, **{name: {"work_s": cost} for name, cost in costs.items()})

    assert names == ["cheap", "middle"][:keep]
    assert "times the best's CPU time" in lost["dear"]


def test_so_many_as_may_stay_are_not_measured_at_all(played):
    names, lost, session = halved(played, 2, one={}, two={})

    assert names == ["one", "two"]
    assert lost == {}
    assert session.phases == []


def test_those_that_fail_are_lost_with_their_reason_and_it_ends(played):
    """Of three two don't start: one is left, though two might have been."""
    names, lost, _ = halved(played, 2, good={}, bad={"act": "no-load"}, worse={"act": "no-load"})

    assert names == ["good"]
    assert all("does not load" in reason for reason in lost.values())


def test_nobody_left_is_an_answer_too(played):
    names, lost, _ = halved(played, 1, bad={"act": "no-load"}, worse={"act": "no-load"})

    assert names == []
    assert set(lost) == {"bad", "worse"}


def test_where_no_time_is_left_the_likeliest_go_on(played):
    """They come in the order of the looks: a busy machine must not leave a search without a finalist."""
    names, lost, _ = halved(played, 1, replace(PLAN, time_limit_s=1e-6), likely={}, less={}, least={})

    assert names == ["likely"]
    assert lost == dict.fromkeys(["less", "least"], "no time was left for it")
