"""Rows are dealt so that nothing that calibrates or selects also proves, and too few are told at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import Rows, metric_of
from joulewise.compare.floors import floor_of
from joulewise.compare.paired import quality_change
from joulewise.compare.rows import overlap
from joulewise.core.errors import DataError
from joulewise.shrink.dealing import deal, proof_rows_wanted, refuse_too_few, rows_for, save
from joulewise.testing.played_shrink import played_rows


def some_rows(count: int, distinct: int, seed: int, classes: int = 2) -> Rows:
    """Rows of which many repeat."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(distinct, 2))
    chosen = np.concatenate([np.arange(distinct), generator.integers(0, distinct, max(0, count - distinct))])
    x = table[chosen]
    return Rows(features={"x": x}, target=(np.abs(x[:, 0] * 1e3).astype(int) % classes), target_name="y")


def parts(dealt):
    return dealt.calibration, dealt.screening, dealt.proof


@given(count=st.integers(60, 1500), share=st.floats(0.5, 1.0), seed=st.integers(0, 99), wanted=st.integers(0, 900))
def test_no_row_has_two_purposes(count, share, seed, wanted):
    rows = some_rows(count, max(40, int(share * count)), seed)
    dealt = deal(rows, seed, wanted=wanted)

    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert overlap(parts(dealt)[one], parts(dealt)[other]).size == 0
    assert sum(map(len, parts(dealt))) <= count
    assert min(map(len, parts(dealt))) > 0


@given(count=st.integers(60, 800), seed=st.integers(0, 99))
def test_training_rows_calibrate_and_never_judge(count, seed):
    rows, training = some_rows(count, count, seed), some_rows(500, 500, seed + 1000)
    dealt = deal(rows, seed, calibration=training)

    assert overlap(training, dealt.proof).size == overlap(training, dealt.screening).size == 0
    assert overlap(dealt.screening, dealt.proof).size == 0
    assert len(dealt.screening) + len(dealt.proof) == count
    assert len(dealt.calibration) <= 256


def test_the_same_seed_deals_alike_and_another_does_not():
    rows = played_rows(300)
    one, again, other = (deal(rows, seed).proof.sha256 for seed in (1, 1, 2))

    assert one == again != other


def test_calibration_sees_every_class_of_sorted_training_rows():
    training = played_rows(1000, seed=5)
    training = training.take(np.argsort(training.target, kind="stable"))
    dealt = deal(played_rows(300), 0, calibration=training)

    assert set(dealt.calibration.target.tolist()) == {0, 1}


def test_a_few_training_rows_among_the_evaluation_rows_are_left_out_and_told():
    training, rows = played_rows(300, seed=7), played_rows(300)
    mixed = Rows(
        features={"x": np.concatenate([rows.features["x"], training.features["x"][:5]])},
        target=np.concatenate([rows.target, training.target[:5]]),
        target_name="y",
    )
    dealt = deal(mixed, 0, calibration=training)

    assert len(dealt.screening) + len(dealt.proof) == 300
    assert "5 of 305 evaluation rows are among the training rows" in dealt.notes[0]


def test_many_training_rows_among_the_evaluation_rows_are_refused():
    rows = played_rows(300)
    with pytest.raises(DataError, match="300 of 300 evaluation rows are among the training rows"):
        deal(rows, 0, calibration=rows)


def test_training_rows_of_other_columns_are_refused():
    other = Rows(features={"z": np.zeros((50, 3))}, target=np.zeros(50, int), target_name="y")
    with pytest.raises(DataError, match="columns"):
        deal(played_rows(100), 0, calibration=other)


def test_a_handful_of_rows_is_refused():
    with pytest.raises(DataError, match="19 rows"):
        deal(played_rows(19), 0)


@pytest.mark.parametrize(("floor", "wanted"), [("accuracy>=-0.5pt", 765), ("accuracy>=-1pt", 381)])
def test_wanted_rows_prove_an_unchanged_model_and_one_less_does_not(floor, wanted):
    """The bound is sharp: Tango's interval of no change at all."""
    metric, parsed = metric_of("accuracy"), floor_of(floor)
    assert proof_rows_wanted([parsed], metric) == wanted

    for rows, holds in ((wanted, True), (wanted - 1, False)):
        judged = _right(rows)
        change = quality_change(metric, judged, judged, np.ones(rows, int))
        assert (change.figure.low >= parsed.value) is holds


def _right(count: int):
    from joulewise.compare.outputs import Prediction

    return Prediction(task="classification", labels=np.ones(count, int), classes=(0, 1))


def test_absolute_floors_want_rows_too_and_other_metrics_can_not_tell():
    assert proof_rows_wanted([floor_of("accuracy>=0.99")], metric_of("accuracy")) == 381
    assert proof_rows_wanted([floor_of("r2>=-0.5pt")], metric_of("r2")) == 0
    assert proof_rows_wanted([floor_of("latency_p99<=1ms")], metric_of("accuracy")) == 0
    assert proof_rows_wanted([floor_of("accuracy>=+0.5pt")], metric_of("accuracy")) == 0


@given(points=st.sampled_from([0.2, 0.3, 0.5, 1.0, 2.0, 5.0]), calibrated=st.booleans())
def test_as_many_rows_as_were_asked_for_do(points, calibrated):
    floors, metric = [floor_of(f"accuracy>=-{points}pt")], metric_of("accuracy")
    wanted = proof_rows_wanted(floors, metric)
    count = rows_for(wanted, calibrated=calibrated)
    training = played_rows(300, seed=9) if calibrated else None
    dealt = deal(played_rows(count), 0, calibration=training, wanted=wanted)

    refuse_too_few(dealt, count, floors, metric, calibrated=calibrated)  # raises nothing
    assert len(dealt.proof) >= wanted


def test_too_few_rows_are_told_with_the_number_that_does_and_a_floor_that_would():
    floors, metric = [floor_of("accuracy>=-0.5pt")], metric_of("accuracy")
    dealt = deal(played_rows(300), 0, wanted=765)

    with pytest.raises(DataError, match=r"300 rows are too few to prove accuracy>=-0.5pt") as caught:
        refuse_too_few(dealt, 300, floors, metric, calibrated=False)

    assert f"about {rows_for(765, calibrated=False)} rows" in caught.value.hint
    wider = caught.value.hint.partition("'")[2].rstrip("'")
    refuse_too_few(dealt, 300, [floor_of(wider)], metric, calibrated=False)  # raises nothing


def test_the_parts_are_saved_for_the_processes_that_use_them(tmp_path):
    dealt = deal(played_rows(100), 0)
    files = save(dealt, tmp_path / "rows", played_rows(30, seed=3))

    assert set(files) == {"calibration", "screening", "proof", "training"}
    with np.load(files["proof"]) as file:
        assert file["x"].shape == dealt.proof.features["x"].shape
        assert file["y"].shape == dealt.proof.target.shape
