"""A winner keeps every floor at the bad end of its interval and surely costs less than the original."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import Measured, Prediction, Rows, metric_of
from joulewise.compare.blocks import Block
from joulewise.compare.floors import Entry, floor_of
from joulewise.compare.paired import Change
from joulewise.core.errors import UndefinedFigure
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment, RunOptions
from joulewise.core.variants import Observation
from joulewise.shrink.halving import costs_of
from joulewise.shrink.keeping import checked, compared, is_lost
from joulewise.shrink.proof import Proof, prove, winner_of

ROWS = 1000
ACCURACY = metric_of("accuracy")


def figure(value: float, low: float, high: float, method: str = "measured") -> Figure:
    return Figure(value=value, low=low, high=high, unit="1", method=method)


def rows_of(count: int = ROWS) -> Rows:
    return Rows(features={"x": np.arange(float(count))}, target=np.arange(count) % 2, target_name="y")


def deployed(name: str, threads: int = 1) -> Deployment:
    artifact = Artifact(path="/nowhere", format="played")
    return Deployment(name=name, artifact=artifact, runtime="played", options=RunOptions(threads=threads))


def blocks(name: str, cpu_s: float, batch: int = 1, rounds: int = 6, **more) -> list[Block]:
    jitter = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0] if name == "original" else [0.99, 1.0, 1.02, 1.0, 1.0, 0.99]
    return [
        Block(
            calls=100, rows=100 * batch, wall_s=cpu_s * 100, cpu_s=cpu_s * 100 * jitter[at] * batch, batch=batch,
            latencies_s=np.full(100, cpu_s), round=at, name=name, **more,
        )
        for at in range(rounds)
    ]  # fmt: skip


def measured(name: str, cpu_s: float, wrong: int = 0, *, threads: int = 1, failure: str = "", **more) -> Measured:
    labels = np.arange(ROWS) % 2
    labels[:wrong] = 1 - labels[:wrong]
    share = 1 - wrong / ROWS
    seen = [Observation(quantity="accuracy", figure=figure(share, share - 0.02, min(1.0, share + 0.02)))]
    seen += more.pop("seen", [])
    return Measured(
        deployment=deployed(name, threads),
        observations=tuple(seen),
        blocks=tuple(more.pop("blocks", blocks(name, cpu_s))),
        prediction=Prediction(task="classification", labels=labels, classes=(0, 1)),
        failure=failure,
        **more,
    )


def proofs_of(*candidates: Measured, floors=("accuracy>=-0.5pt",), batch: int | None = None) -> list[Proof]:
    def changed(one: Measured) -> int:
        labels = one.prediction.labels
        return int(np.sum(labels != np.arange(len(labels)) % 2))

    surest_first = sorted(candidates, key=changed)
    return prove(
        (measured("original", 1e-3), *candidates), rows_of(), [floor_of(one) for one in floors], ACCURACY, 0, batch,
        [one.deployment.name for one in surest_first],
    )  # fmt: skip


def test_the_cheapest_that_keeps_the_floor_wins():
    proofs = proofs_of(measured("wrong", 1e-6, wrong=300), measured("good", 1e-4), measured("better", 1e-5))

    assert winner_of(proofs, 1).name == "better"
    assert [one.verdict == "" for one in proofs] == [False, True, True]


def test_nobody_wins_who_costs_more_than_the_original():
    proofs = proofs_of(measured("dear", 2e-3), measured("wrong", 1e-6, wrong=300))

    assert winner_of(proofs, 1) is None
    assert "does not surely cost less" in proofs[0].verdict


def test_nobody_wins_who_may_cost_as_much():
    """An interval that holds 1 is a tie."""
    [one] = proofs_of(measured("same", 0.995e-3))

    assert one.price().low < 1 < one.price().high
    assert winner_of([one], 1) is None


def test_nobody_wins_without_two_rounds():
    proofs = proofs_of(measured("hasty", 1e-6, blocks=blocks("hasty", 1e-6, rounds=1)))

    assert winner_of(proofs, 1) is None
    assert "not measured to the end" in proofs[0].verdict


@given(wrong=st.integers(0, 40), allowed=st.sampled_from([0.4, 0.5, 1.0, 2.0, 4.0]))
def test_the_floor_holds_at_the_bad_end(wrong, allowed):
    [proof] = proofs_of(measured("one", 1e-6, wrong=wrong), floors=(f"accuracy>=-{allowed}pt",))

    assert proof.held is (proof.change.figure.low >= -allowed / 100)
    assert proof.change.figure.low <= -wrong / ROWS


def test_what_more_rows_could_prove_is_told_with_their_number():
    [proof] = proofs_of(measured("close", 1e-6, wrong=3))

    assert "1000 rows are too few to prove accuracy>=-0.5pt: about" in proof.verdict


def test_a_measured_energy_decides_and_a_modelled_one_does_not():
    def with_energy(name: str, cpu_s: float, energy_j: float, method: str) -> Measured:
        energy = Figure(value=energy_j, low=energy_j, high=energy_j, unit="J", method=method)
        return measured(name, cpu_s, blocks=[replace(one, energy=energy) for one in blocks(name, cpu_s)])

    for method, winner in (("measured", "frugal"), ("modelled", "quick")):
        proofs = prove(
            (
                with_energy("original", 1e-3, 10.0, method),
                with_energy("quick", 1e-5, 8.0, method),
                with_energy("frugal", 1e-4, 1.0, method),
            ),
            rows_of(),
            (),
            ACCURACY,
        )
        assert winner_of(proofs, 1).name == winner


def test_more_threads_win_only_if_one_does_not_hold():
    def timed(name: str, cpu_s: float, threads: int, p99_s: float) -> Measured:
        latency = Observation(quantity="latency_s_p99", figure=figure(p99_s, p99_s, p99_s), batch=1, threads=threads)
        return measured(name, cpu_s, threads=threads, seen=[latency])

    single, double = timed("one", 1e-4, 1, 0.009), timed("two", 0.9e-4, 2, 0.004)

    relaxed = proofs_of(single, double, floors=("latency_p99<=10ms",))
    strict = proofs_of(single, double, floors=("latency_p99<=5ms",))

    assert winner_of(relaxed, 1).name == "one"
    assert winner_of(strict, 1).name == "two"


def test_the_batch_that_was_named_first_decides():
    quick_alone = measured("alone", 0, blocks=[*blocks("alone", 1e-5), *blocks("alone", 9e-4, batch=32)])
    quick_in_bulk = measured("bulk", 0, blocks=[*blocks("bulk", 5e-4), *blocks("bulk", 1e-5, batch=32)])
    base = measured("original", 0, blocks=[*blocks("original", 1e-3), *blocks("original", 1e-3, batch=32)])
    by_batch = {
        batch: winner_of(prove((base, quick_alone, quick_in_bulk), rows_of(), (), ACCURACY, 0, batch), 1).name
        for batch in (1, 32)
    }

    assert by_batch == {1: "alone", 32: "bulk"}


def test_one_that_can_not_be_judged_ends_alone():
    short = replace(measured("short", 1e-6), prediction=Prediction(task="classification", labels=np.ones(3, int)))
    proofs = proofs_of(short, measured("good", 1e-4))

    assert "can't be judged" in proofs[0].verdict
    assert winner_of(proofs, 1).name == "good"


def test_those_that_failed_are_left_out_and_a_failed_original_ends_it():
    assert [one.name for one in proofs_of(measured("broken", 1e-6, failure="it crashed"), measured("good", 1e-4))] == [
        "good"
    ]
    with pytest.raises(UndefinedFigure, match="the baseline could not be measured: it crashed"):
        prove((measured("original", 1e-3, failure="it crashed"),), rows_of(), (), ACCURACY)


# Floors against figures


def change_of(value: float, low: float, high: float, better: bool = True) -> Change:
    return Change(
        metric="rmse",
        figure=figure(value, low, high),
        test="paired-bootstrap",
        p_value=1,
        n=100,
        greater_is_better=better,
    )


def test_a_ratio_floor_takes_the_change_on_the_same_rows():
    """An error of 2.0 (1.8 to 2.2) that grows by 0.01 (0 to 0.02): the wide error itself says nothing against it."""
    floor, base = floor_of("rmse<=+2%"), figure(2.0, 1.8, 2.2)
    found = compared(floor, change_of(0.01, 0.0, 0.02, better=False), base, base)

    assert found.value == pytest.approx(0.005)
    assert found.high == pytest.approx(0.01, rel=0.2)
    entry = Entry(name="new", metric="rmse", quality=base, greater_is_better=False)
    assert checked(floor, entry, replace(entry, name="base", is_baseline=True), change_of(0.01, 0, 0.02, False)).held
    assert not checked(floor, entry, entry, change_of(0.05, 0.03, 0.07, False)).held


def test_a_ratio_to_what_may_be_zero_is_no_figure():
    floor = floor_of("rmse<=+2%")
    assert compared(floor, change_of(0.01, 0, 0.02), figure(0.1, 0, 0.2), figure(0.1, 0.0, 0.2)) is None
    entry = Entry(name="new", metric="rmse", quality=figure(0.1, 0, 0.2), greater_is_better=False)
    assert not checked(floor, entry, entry, change_of(0.01, 0, 0.02)).held


@pytest.mark.parametrize(
    ("text", "low", "high", "lost"),
    [
        ("f1>=0.9", 0.8, 0.91, False),
        ("f1>=0.9", 0.8, 0.89, True),
        ("rmse<=0.3", 0.29, 0.4, False),
        ("rmse<=0.3", 0.31, 0.4, True),
    ],
)
def test_a_floor_is_lost_once_the_good_end_breaks_it(text, low, high, lost):
    assert is_lost(floor_of(text), figure((low + high) / 2, low, high)) is lost
    assert not is_lost(floor_of(text), None)


# Halving


def test_joules_and_seconds_are_never_put_in_one_order():
    energy = Figure(value=1.0, low=1.0, high=1.0, unit="J", method="measured")
    metered = measured("metered", 1e-3, blocks=[replace(one, energy=energy) for one in blocks("metered", 1e-3)])
    what, costs = costs_of([metered, measured("bare", 1e-4)])

    assert what == "CPU time"
    assert costs["bare"][1] < costs["metered"][1]
    assert costs_of([metered])[0] == "energy"
