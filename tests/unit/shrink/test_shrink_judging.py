"""How candidates are judged where it is not plain: other metrics, a user's own, floors of other kinds, too few rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import Limits, Measured, Prediction, Rows, metric_of
from joulewise.compare.blocks import Block
from joulewise.compare.floors import Entry, floor_of
from joulewise.compare.paired import Change
from joulewise.core.errors import DataError
from joulewise.core.figures import Figure
from joulewise.core.runtimes import Artifact, Deployment
from joulewise.core.variants import Observation
from joulewise.shrink.dealing import deal, refuse_too_few
from joulewise.shrink.keeping import checked, compared, is_lost
from joulewise.shrink.proof import prove, winner_of
from joulewise.shrink.request import Request
from joulewise.shrink.screening import Screen, Screened, may_be_proven
from joulewise.shrink.tree import Node
from joulewise.testing.played_shrink import played_model, played_rows

ROWS = 400
ARTIFACT = Artifact(path=Path("model"), format="played")


def deployed(name: str) -> Deployment:
    return Deployment(name=name, artifact=ARTIFACT, runtime="played")


def blocks(cpu_s: float) -> tuple[Block, ...]:
    return tuple(
        Block(calls=10, rows=10, wall_s=cpu_s, cpu_s=cpu_s * (1 + 0.01 * at), latencies_s=np.full(10, cpu_s), round=at)
        for at in range(4)
    )


def measured(name: str, cpu_s: float, labels, *seen: Observation) -> Measured:
    prediction = Prediction(task="classification", labels=np.asarray(labels), classes=(0, 1))
    return Measured(deployment=deployed(name), observations=seen, blocks=blocks(cpu_s), prediction=prediction)


def labelled() -> Rows:
    return Rows(features={"x": np.arange(float(ROWS))}, target=np.arange(ROWS) % 2, target_name="y")


def wrong(count: int):
    labels = np.arange(ROWS) % 2
    labels[:count] = 1 - labels[:count]
    return labels


# The proof


class Breaks:
    """A metric with an error that is not ours on answers that begin with 1."""

    name, scale, greater_is_better, needs_reference = "breaks", "mean", True, False

    def per_row(self, prediction, target=None, reference=None):
        if prediction.labels[0] == 1:
            raise LookupError("no such class")
        return np.ones(len(prediction))

    def score(self, prediction, target=None, reference=None):
        return float(self.per_row(prediction).mean())

    def of_mean(self, mean):
        return mean


def test_a_metric_that_breaks_ends_the_candidate_and_not_the_search():
    base = measured("original", 1e-3, np.zeros(ROWS, int))
    bad, good = (measured(name, 1e-4, np.full(ROWS, first)) for name, first in (("bad", 1), ("good", 0)))
    proofs = prove((base, bad, good), labelled(), (), Breaks())

    assert proofs[0].verdict == "its answers can't be judged: LookupError: no such class"
    assert winner_of(proofs, 1).name == "good"


def test_a_loss_that_is_all_that_is_allowed_is_proven_by_no_number_of_rows():
    base, new = measured("original", 1e-3, wrong(0)), measured("new", 1e-4, wrong(2))
    quality = Figure(value=1.0, low=0.99, high=1.0, unit="1", method="measured")
    base, new = (replace(one, observations=(Observation(quantity="accuracy", figure=quality),)) for one in (base, new))
    [proof] = prove((base, new), labelled(), [floor_of("accuracy>=-0.5pt")], metric_of("accuracy"))

    assert not proof.held
    assert "no number of rows proves accuracy>=-0.5pt if 0.0050 is what it truly loses" in proof.verdict


def test_without_a_metric_costs_alone_decide():
    latency = Figure(value=1e-3, low=0.9e-3, high=2e-3, unit="s", method="measured")
    seen = Observation(quantity="latency_s_p99", figure=latency, batch=1, threads=1)
    base, new = measured("original", 1e-3, wrong(0)), measured("new", 1e-4, wrong(400), seen)
    kept, lost = (
        prove((base, new), labelled(), [floor_of(text)], None)[0] for text in ("latency_p99<=3ms", "latency_p99<=1.5ms")
    )

    assert kept.change is None
    assert kept.verdict == ""
    assert "latency_p99<=1.5ms: does not hold" in lost.verdict


def test_a_cost_that_nobody_measured_holds_no_floor():
    """Law 1: absent is never zero."""
    base, new = measured("original", 1e-3, wrong(0)), measured("new", 1e-4, wrong(0))
    [proof] = prove((base, new), labelled(), [floor_of("memory<=64MB")], metric_of("accuracy"))

    assert not proof.held
    assert "memory was not measured" in proof.verdict


# Floors against figures


def figure(value: float, low: float, high: float) -> Figure:
    return Figure(value=value, low=low, high=high, unit="1", method="measured")


def change(value: float, spread: float, *, n: int = 200, metric: str = "r2", better: bool = True, off: float = 0.0):
    test = "mcnemar" if metric == "accuracy" else "paired-bootstrap"
    return Change(
        metric=metric, figure=figure(value, value - spread, value + spread), test=test, p_value=0.5, n=n,
        greater_is_better=better, disagreement=off,
    )  # fmt: skip


def test_a_floor_relative_to_what_nobody_compared_is_unknown():
    assert compared(floor_of("r2>=-1pt"), None, figure(0.9, 0.8, 1.0), figure(0.9, 0.8, 1.0)) is None
    assert not is_lost(floor_of("r2>=-1pt"), None), "nothing is discarded for what is unknown"


def test_an_absolute_floor_looks_at_the_quality_itself():
    quality = figure(0.9, 0.8, 1.0)
    assert compared(floor_of("r2>=0.85"), change(-0.5, 0.1), quality, quality) is quality


@pytest.mark.parametrize(("growth", "held"), [(0.01, True), (0.03, False)])
def test_an_error_may_grow_by_its_share_at_the_bad_end(growth, held):
    base = Entry(name="b", metric="rmse", quality=figure(2.0, 1.9, 2.1), greater_is_better=False, is_baseline=True)
    new = replace(base, name="n", is_baseline=False)

    assert checked(floor_of("rmse<=+2%"), new, base, change(growth, 0.02, metric="rmse", better=False)).held is held


# Screening


def screened(seen: Change | None, quality: Figure | None = None) -> Screened:
    return Screened(node=Node(artifact=ARTIFACT), deployment=deployed("one"), cpu_s={1: 1.0}, change=seen,
                    quality=quality)  # fmt: skip


CHANGES = st.builds(
    change, st.floats(-0.05, 0.05), st.floats(0.0, 0.05), n=st.integers(50, 400),
    metric=st.sampled_from(["accuracy", "r2"]), off=st.floats(0.0, 0.2),
)  # fmt: skip


@given(
    seen=CHANGES, allowed=st.sampled_from([0.5, 1.0, 2.0, 4.0]), rows=st.integers(50, 5000), more=st.integers(0, 5000)
)
def test_more_rows_for_the_proof_never_make_a_candidate_unprovable(seen, allowed, rows, more):
    floor, baseline = floor_of(f"{seen.metric}>=-{allowed}pt"), screened(None)

    assert may_be_proven([floor], screened(seen), baseline, rows) <= may_be_proven(
        [floor], screened(seen), baseline, rows + more
    )


@given(seen=CHANGES, allowed=st.floats(0.1, 5.0), wider=st.floats(1.0, 4.0), rows=st.integers(50, 5000))
def test_a_wider_floor_never_makes_a_candidate_unprovable(seen, allowed, wider, rows):
    narrow, wide = (floor_of(f"{seen.metric}>=-{points:.6f}pt") for points in (allowed, allowed * wider))

    assert may_be_proven([narrow], screened(seen), screened(None), rows) <= may_be_proven(
        [wide], screened(seen), screened(None), rows
    )


@given(loss=st.floats(0.0, 0.1), allowed=st.floats(0.1, 5.0))
def test_what_loses_more_than_is_allowed_is_provable_by_no_number_of_rows(loss, allowed):
    floor = floor_of(f"accuracy>=-{allowed:.6f}pt")
    found = may_be_proven([floor], screened(change(-loss, 0.0, metric="accuracy")), screened(None), 10**9)

    assert found is (loss + 4e-9 <= abs(floor.value))


def test_an_absolute_floor_is_judged_by_the_quality_and_an_error_from_above():
    at_least = may_be_proven([floor_of("r2>=0.85")], screened(change(0.0, 0.01), figure(0.9, 0.8, 1.0)),
                             screened(None), 200)  # fmt: skip
    surely = may_be_proven([floor_of("r2>=0.75")], screened(change(0.0, 0.01), figure(0.9, 0.8, 1.0)),
                           screened(None), 200)  # fmt: skip
    error = screened(change(0.0, 0.01, metric="rmse", better=False), figure(0.3, 0.28, 0.35))

    assert (at_least, surely) == (False, True)
    assert may_be_proven([floor_of("rmse<=0.36")], error, screened(None), 200)
    assert not may_be_proven([floor_of("rmse<=0.34")], error, screened(None), 200)


@pytest.mark.parametrize(("gain", "proven"), [(-0.02, True), (0.0, True), (0.011, False)])
def test_an_error_that_fell_on_a_few_rows_counts_as_unchanged(gain, proven):
    """The interval is 0.01 wide at the proof's rows; a fall is luck and is given no credit."""
    seen = screened(change(gain, 0.01, metric="rmse", better=False), figure(1.0, 1.0, 1.0))
    baseline = replace(screened(None), quality=figure(1.0, 1.0, 1.0))

    assert may_be_proven([floor_of("rmse<=+2%")], seen, baseline, 200) is proven


def test_a_candidate_that_breaks_the_metric_is_discarded_with_its_reason(played):
    rows = played_rows(60)
    first = int(np.argmax(rows.target == 1))
    seen = look(played, Breaks(), rows.take(np.roll(np.arange(60), -first)))

    assert seen.reason == "LookupError: no such class"
    assert seen.cpu_s == {}


def test_without_a_metric_a_look_takes_costs_alone(played):
    seen = look(played, None)

    assert seen.ok
    assert seen.quality is None
    assert seen.cpu_s[1] > 0


def look(folder: Path, metric, rows: Rows | None = None) -> Screened:
    artifact, rows = played_model(folder, work_s=0.0001), rows or played_rows(60)
    screen = Screen(
        rows=rows, feeds=rows.save_npz(folder / "rows.npz"), metric=metric, floors=(), batches=(1,), limits=Limits()
    )
    return screen.look(Node(artifact=artifact), Deployment(name="one", artifact=artifact, runtime="played"), None)


# Rows


def test_too_few_rows_for_an_absolute_floor_are_told_without_a_floor_of_ours():
    """How far an absolute floor would have to fall hangs on how good the model is."""
    dealt = deal(played_rows(100), 0)
    with pytest.raises(DataError, match=r"100 rows are too few to prove accuracy>=0\.99") as caught:
        refuse_too_few(dealt, 100, [floor_of("accuracy>=0.99")], metric_of("accuracy"), calibrated=False)
    assert "a wider floor" in caught.value.hint


def test_blocks_that_are_too_short_or_too_long_are_refused():
    for block_s in (0.0, 61.0, float("nan")):
        with pytest.raises(Exception, match=r"blocks of 0\.01 to 60 s"):
            Request(block_s=block_s)
