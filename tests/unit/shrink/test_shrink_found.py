"""What a search says of itself: the batches where another is better, the steps on the way, and who went which way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import Measured, metric_of
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment, RunOptions
from joulewise.shrink.dealing import deal
from joulewise.shrink.exploring import Exploration
from joulewise.shrink.found import Search
from joulewise.shrink.making import Made
from joulewise.shrink.proof import Proof
from joulewise.shrink.request import Request
from joulewise.shrink.screening import Screened
from joulewise.shrink.tree import Move, Node
from joulewise.testing.played_shrink import played_rows

ARTIFACT = Artifact(path=Path("model"), format="played")
ROOT = Node(artifact=ARTIFACT)
DEALT = deal(played_rows(60), 0)


def node(*names: str) -> Node:
    found = ROOT
    for name in names:
        found = Node(artifact=ARTIFACT, moves=(*found.moves, Move(transform=name, settings={})), parent=found)
    return found


def measured(name: str, failure: str = "", blocks: tuple = ("a block",), threads: int = 1) -> Measured:
    deployment = Deployment(name=name, artifact=ARTIFACT, runtime="played", options=RunOptions(threads=threads))
    return Measured(deployment=deployment, blocks=blocks, failure=failure)


def screened(name: str, at: Node, reason: str = "") -> Screened:
    return Screened(node=at, deployment=measured(name).deployment, cpu_s={1: 1.0}, reason=reason)


def ratio(value: float, width: float = 0.01) -> Figure:
    return Figure(value=value, low=value * (1 - width), high=value * (1 + width), unit="1", method="measured")


def proof(name: str, **by_batch: Figure) -> Proof:
    ratios = {int(batch.removeprefix("b")): figure for batch, figure in by_batch.items()}
    return Proof(measured=measured(name), change=None, cpu_ratios=ratios, batch=1, held=True)


def search(winner: Proof | None = None, *others: Proof, batches=(1, 32), **more) -> Search:
    proofs = (*((winner,) if winner else ()), *others)
    words = {
        "exploration": Exploration(baseline=screened("original", ROOT), seen=[screened("original", ROOT)]),
        "measured": (measured("original"), *(one.measured for one in proofs)),
    }
    return Search(
        request=Request(batches=batches), metric=metric_of("accuracy"), dealt=DEALT, proofs=proofs, winner=winner,
        **(words | more),
    )  # fmt: skip


# Batches


def test_a_winner_that_is_best_everywhere_needs_no_note():
    other = proof("b", b1=ratio(0.5), b32=ratio(0.5))

    assert list(search(proof("a", b1=ratio(0.1), b32=ratio(0.1)), other).batch_notes()) == []
    assert list(search(None, other).batch_notes()) == []


def test_a_winner_that_costs_more_at_another_batch_is_told():
    [note] = search(proof("a", b1=ratio(0.1), b32=ratio(1.5))).batch_notes()

    assert note == "at batch 32 the winner does not surely cost less: 1.5 of the original's"


def test_another_that_is_better_at_another_batch_is_named_with_both_figures():
    [note] = search(proof("a", b1=ratio(0.1), b32=ratio(0.8)), proof("b", b1=ratio(0.5), b32=ratio(0.2))).batch_notes()

    assert note == "at batch 32 b costs less: 0.2 of the original's, not 0.8 of the original's as the winner"


def test_where_time_ended_before_the_winner_was_measured_the_other_is_named_alone():
    [note] = search(proof("a", b1=ratio(0.1)), proof("b", b1=ratio(0.5), b32=ratio(0.2))).batch_notes()

    assert note == "at batch 32 b costs less: 0.2 of the original's"


@given(mine=st.floats(0.05, 0.9), other=st.floats(0.05, 0.9), widths=st.tuples(st.floats(0, 0.09), st.floats(0, 0.09)))
def test_a_tie_is_never_told_as_better(mine, other, widths):
    """Law 2: two figures whose intervals touch are a tie."""
    one, two = ratio(mine, widths[0]), ratio(other, widths[1])
    notes = list(search(proof("a", b1=ratio(0.1), b32=one), proof("b", b1=ratio(0.5), b32=two)).batch_notes())

    assert any("b costs less" in note for note in notes) is (two.high < one.low)


# The way


def way_of(*steps: Measured, nodes: dict[str, Node]) -> tuple[str, ...]:
    last = proof("winner", b1=ratio(0.1))
    nodes = {"original": ROOT, "winner": node("prune", "to-onnx", "int8"), **nodes}
    return search(last, measured=(measured("original"), last.measured, *steps), nodes=nodes).way


def test_the_way_goes_through_what_was_measured_of_the_chain():
    pruned, converted = node("prune"), node("prune", "to-onnx")
    steps = [measured("converted"), measured("pruned")]

    assert way_of(*steps, nodes={"pruned": pruned, "converted": converted}) == (
        "original", "pruned", "converted", "winner",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "at"),
    [
        (measured("step", failure="it crashed"), node("prune")),
        (measured("step", blocks=()), node("prune")),
        (measured("step"), node("distill")),
        (measured("step"), node("to-onnx", "prune")),
        (measured("step"), node("prune", "to-onnx", "int8")),
        (measured("step"), ROOT),
    ],
    ids=["failed", "without time", "another chain", "another order", "the winner's own node", "the original's node"],
)
def test_what_is_no_step_of_the_chain_is_not_on_the_way(step, at):
    assert way_of(step, nodes={"step": at}) == ("original", "winner")


def test_without_a_winner_there_is_no_way():
    assert search(None, proof("b", b1=ratio(1.5))).way == ()


# The tally


def test_each_candidate_is_counted_once():
    seen = [
        screened("original", ROOT), screened("won", node("a")), screened("lost", node("b")),
        screened("behind", node("c")), screened("bad", node("d"), "it lies"),
    ]  # fmt: skip
    unmade = [Made(parent=ROOT, move=Move(transform="e", settings={}), reason="it broke")]
    found = search(
        proof("won", b1=ratio(0.1)), proof("lost", b1=ratio(0.5)),
        exploration=Exploration(baseline=seen[0], seen=seen, unmade=unmade),
    )  # fmt: skip

    assert found.counts == {
        "tried": 5, "could not be made": 1, "discarded": 1, "left behind": 1, "measured to the end": 2,
    }  # fmt: skip


def test_a_finalist_tried_with_more_threads_is_one_more_that_was_tried():
    seen = [screened("original", ROOT), screened("won", node("a"))]
    found = search(
        proof("won", b1=ratio(0.1)), proof("won · 2 threads", b1=ratio(0.2)),
        exploration=Exploration(baseline=seen[0], seen=seen),
    )  # fmt: skip

    assert found.counts == {"tried": 2, "could not be made": 0, "discarded": 0, "measured to the end": 2}


def test_a_finalist_that_failed_in_the_proof_is_counted_too():
    seen = [screened("original", ROOT), screened("won", node("a")), screened("broke", node("b"))]
    won = proof("won", b1=ratio(0.1))
    found = search(
        won, measured=(measured("original"), won.measured, measured("broke", failure="it died")),
        exploration=Exploration(baseline=seen[0], seen=seen),
    )  # fmt: skip

    assert found.counts == {"tried": 2, "could not be made": 0, "discarded": 1, "measured to the end": 1}


def test_nothing_left_behind_is_not_mentioned():
    assert "left behind" not in search().counts
    assert search().counts["tried"] == 0
