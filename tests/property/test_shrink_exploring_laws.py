"""Laws of exploring: every candidate is looked at once, nothing grows from what does not work, time ends it, and the
roofline only ever leaves out what could not have won. Transforms, workers and clock time are played."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joulewise.compare.linear_files import write_linear
from joulewise.core.runtimes import Artifact, Deployment
from joulewise.shrink.exploring import Exploration, Explorer
from joulewise.shrink.making import OUT_OF_TIME, Made
from joulewise.shrink.request import Request
from joulewise.shrink.roofline import Roof
from joulewise.shrink.screening import Screened
from joulewise.shrink.tree import Move, Node

pytest.importorskip("threadpoolctl")
NO_ROOF = Roof(flop_per_s=1e30, bytes_per_s=1e30)
BASE_S = 1.0


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> Artifact:
    """20 x 10 weights: 400 operations a row."""
    folder = tmp_path_factory.mktemp("linear")
    facts = {
        "task": "regression",
        "inputs": [{"name": "x", "dtype": "float64", "shape": ["batch", 20]}],
        "outputs": [{"name": "values", "dtype": "float64", "shape": ["batch", 10]}],
        "roles": {"values": "values"},
    }
    write_linear(folder, [{"op": "dense", "weight": np.ones((20, 10)), "bias": np.zeros(10)}], facts)
    return Artifact(path=folder, format="linear", facts=facts)


@dataclass
class Wood:
    """A tree that is known beforehand: which moves follow a chain, what each costs, which can't be made or don't run.

    Stands for the grower, the maker and the screen at once."""

    moves_after: dict[tuple[str, ...], list[str]]
    cost_s: dict[str, float] = field(default_factory=dict)
    unmade: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    at_once: int = 2
    asked: list[str] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    waves: list[list[str]] = field(default_factory=list)

    def moves(self, node: Node):
        names = self.moves_after.get(tuple(move.transform for move in node.moves), [])
        self.asked.append(node.name)
        return iter([Move(transform=name, settings={}) for name in names])

    def make(self, pairs, deadline):
        self.waves.append([move.transform for _, move in pairs])
        return [self._made(parent, move) for parent, move in pairs]

    def _made(self, parent, move):
        if move.transform in self.unmade:
            return Made(parent=parent, move=move, reason="it broke")
        return Made(
            parent=parent, move=move, node=Node(artifact=parent.artifact, moves=(*parent.moves, move), parent=parent)
        )

    def look(self, node, deployment, baseline, deadline):
        self.looked.append(deployment.name)
        last = node.moves[-1].transform if node.moves else ""
        reason = "it does not run" if last in self.broken else ""
        return Screened(node=node, deployment=deployment, cpu_s={1: self.cost_s.get(last, BASE_S)}, reason=reason)


def explored(artifact, wood: Wood, deadline=None, roof=NO_ROOF):
    root = Node(artifact=artifact)
    baseline = Screened(
        node=root, deployment=Deployment(name="original", artifact=artifact, runtime="numpy"), cpu_s={1: BASE_S}
    )
    heard = []
    found = Explorer(Request(runtimes=("numpy",)), wood, wood, wood, roof).explore(
        Exploration(baseline=baseline, seen=[baseline]),
        time.monotonic() + 3600 if deadline is None else deadline,
        lambda _, seen: heard.append(seen.deployment.name),
    )
    return found, heard


NAMES = [f"move-{letter}" for letter in "abcdef"]


@st.composite
def woods(draw):
    """Chains of up to three moves, no move twice in one."""
    after: dict[tuple[str, ...], list[str]] = {}
    level: list[tuple[str, ...]] = [()]
    for _ in range(3):
        below = []
        for chain in level:
            after[chain] = draw(st.lists(st.sampled_from([one for one in NAMES if one not in chain]), unique=True,
                                         max_size=2))  # fmt: skip
            below += [(*chain, name) for name in after[chain]]
        level = below
    few = st.frozensets(st.sampled_from(NAMES), max_size=2)
    costs = draw(st.fixed_dictionaries({name: st.floats(0.01, 3.0) for name in NAMES}))
    return Wood(after, costs, unmade=draw(few), broken=draw(few), at_once=draw(st.integers(1, 4)))


def reachable(wood: Wood) -> tuple[Counter, Counter]:
    """By hand: the chains that can be looked at, and those that can't be made."""
    seen, unmade, left = Counter(), Counter(), [()]
    for chain in left:
        for name in wood.moves_after.get(chain, []):
            longer = (*chain, name)
            if name in wood.unmade:
                unmade[longer] += 1
                continue
            seen[longer] += 1
            if name not in wood.broken:
                left.append(longer)
    return seen, unmade


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wood=woods())
def test_all_that_can_be_reached_is_looked_at_once_and_the_rest_has_its_reason(artifact, wood):
    found, heard = explored(artifact, wood)
    seen, unmade = reachable(wood)

    assert Counter(tuple(m.transform for m in one.node.moves) for one in found.seen[1:]) == seen
    assert Counter((*(m.transform for m in one.parent.moves), one.move.transform) for one in found.unmade) == unmade
    assert all(one.reason for one in found.unmade)
    assert [one.deployment.name for one in found.seen[1:]] == heard == wood.looked
    assert len(set(heard)) == len(heard)
    assert not found.out_of_time


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wood=woods())
def test_the_best_is_the_cheapest_that_works(artifact, wood):
    found, _ = explored(artifact, wood)
    works = [chain[-1] for chain in reachable(wood)[0] if chain[-1] not in wood.broken]

    assert found.best == pytest.approx(min([wood.cost_s[name] for name in works] + [BASE_S]) / BASE_S)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wood=woods())
def test_no_more_are_made_at_once_than_there_is_room_for(artifact, wood):
    explored(artifact, wood)

    assert all(1 <= len(wave) <= wood.at_once for wave in wood.waves)


def test_past_the_deadline_nothing_is_begun_and_that_is_said(artifact):
    wood = Wood({(): ["move-a"]})
    found, heard = explored(artifact, wood, deadline=time.monotonic() - 1)

    assert found.out_of_time
    assert wood.waves == []
    assert heard == []


def test_what_was_made_too_late_to_be_looked_at_is_kept_with_its_reason(artifact):
    class Slow(Wood):
        def make(self, pairs, deadline):
            while time.monotonic() <= deadline:
                time.sleep(0.01)
            return super().make(pairs, deadline)

    wood = Slow({(): ["move-a"], ("move-a",): ["move-b"]})
    found, _ = explored(artifact, wood, deadline=time.monotonic() + 0.05)

    assert found.out_of_time
    assert [one.reason for one in found.seen[1:]] == [OUT_OF_TIME]
    assert wood.looked == []
    assert wood.waves == [["move-a"]], "nothing grows from what nobody has looked at"


def test_a_move_that_paid_is_tried_elsewhere_before_one_that_did_harm(artifact):
    """Both are unknown at first; under the second parent the order is what was learnt under the first."""
    wood = Wood(
        {(): ["move-a", "move-d"], ("move-a",): ["move-b", "move-c"], ("move-d",): ["move-b", "move-c"]},
        {"move-a": 0.5, "move-b": 2.0, "move-c": 0.05, "move-d": 0.6},
        at_once=1,
    )
    explored(artifact, wood)
    made = [name for wave in wood.waves for name in wave]

    assert made[:4] == ["move-a", "move-b", "move-c", "move-d"], "nothing known yet: as the grower offers them"
    assert made[4:] == ["move-c", "move-b"]


def test_what_can_not_be_fast_enough_is_not_even_started(artifact):
    """400 operations at 100 a second take at least 0.5 s: no use once 0.1 s has been seen, and worth a look before."""
    roof = Roof(flop_per_s=100.0, bytes_per_s=1e30)
    wood = Wood({(): ["move-a"], ("move-a",): ["move-b"]}, {"move-a": 0.1, "move-b": 0.01})
    found, _ = explored(artifact, wood, roof=roof)

    assert [one.reason for one in found.seen[1:]] == ["", "its least possible time is above the best that was measured"]
    assert len(wood.looked) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wood=woods(), flop_per_s=st.floats(10.0, 1e5))
def test_the_roofline_never_costs_the_best(artifact, wood, flop_per_s):
    """Costs that the roof allows: leaving out the hopeless changes nothing about what wins."""
    roof = Roof(flop_per_s=flop_per_s, bytes_per_s=1e30)
    least_s = 400 / (8 * flop_per_s)
    wood.cost_s = {name: max(cost, least_s) for name, cost in wood.cost_s.items()}
    bounded, _ = explored(artifact, wood, roof=roof)
    free, _ = explored(artifact, Wood(wood.moves_after, wood.cost_s, wood.unmade, wood.broken, wood.at_once))

    assert bounded.best == free.best
    assert len(bounded.seen) <= len(free.seen)


def test_an_artifact_that_no_runtime_can_read_is_one_candidate_less(artifact):
    class Torn(Wood):
        def _made(self, parent, move):
            node = super()._made(parent, move).node
            torn = Artifact(path=Path("/nowhere"), format="torn", facts={})
            return Made(parent=parent, move=move, node=Node(artifact=torn, moves=node.moves, parent=parent))

    found, heard = explored(artifact, Torn({(): ["move-a", "move-b"], ("move-a",): ["move-c"]}))

    assert heard == []
    assert len(found.seen) == 1
    assert found.best == 1.0
