"""Laws of dealing rows: each row once, classes kept, labels with their rows, whatever the data look like."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joulewise.compare import Rows, metric_of
from joulewise.compare.floors import floor_of
from joulewise.compare.rows import overlap
from joulewise.shrink.dealing import Dealt, deal, proof_rows_wanted, rows_for

SEEDS = st.integers(0, 999)
WANTED = st.one_of(st.just(0), st.integers(1, 900))


def parts(dealt: Dealt) -> tuple[Rows, Rows, Rows]:
    return dealt.calibration, dealt.screening, dealt.proof


def numbered(x: np.ndarray) -> Rows:
    """The target is each row's own number: it tells rows apart that have the same features."""
    return Rows(features={"x": x}, target=np.arange(len(x)) + 0.5, target_name="y")


@given(count=st.integers(40, 900), distinct=st.integers(40, 900), seed=SEEDS, wanted=WANTED)
def test_every_row_is_dealt_once_and_repeated_rows_stay_together(count, distinct, seed, wanted):
    generator = np.random.default_rng(seed)
    of = generator.integers(0, distinct, count)
    of[: min(count, 40)] = np.arange(min(count, 40))  # some that surely differ
    dealt = deal(numbered(generator.normal(size=(distinct, 2))[of]), seed, wanted=wanted)
    numbers = [set((part.target - 0.5).astype(int).tolist()) for part in parts(dealt)]

    assert sorted(one for part in numbers for one in part) == list(range(count))
    for part in numbers:
        others = set(range(count)) - part
        assert not {of[one] for one in part} & {of[one] for one in others}


@given(sizes=st.lists(st.integers(30, 300), min_size=2, max_size=6), seed=SEEDS, wanted=WANTED)
def test_every_part_has_every_class_in_proportion(sizes, seed, wanted):
    """Sorted by class, as files often are; one row more or less is rounding."""
    target = np.repeat(np.arange(len(sizes)), sizes)
    x = np.random.default_rng(seed).normal(size=(len(target), 2))
    for part in parts(deal(Rows(features={"x": x}, target=target, target_name="y"), seed, wanted=wanted)):
        found = np.bincount(part.target, minlength=len(sizes))
        assert np.abs(found - len(part) * np.array(sizes) / len(target)).max() <= 2


@given(count=st.integers(60, 600), shared=st.integers(0, 30), seed=SEEDS)
def test_a_row_that_was_learnt_judges_nothing_and_all_others_judge(count, shared, seed):
    shared = min(shared, count // 20)
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 2))
    learnt = numbered(np.concatenate([generator.normal(size=(400, 2)), x[:shared]]))
    dealt = deal(numbered(x), seed, calibration=learnt)
    judging = np.concatenate([dealt.screening.target, dealt.proof.target])

    assert sorted(judging.tolist()) == [one + 0.5 for one in range(shared, count)]
    assert overlap(learnt, dealt.calibration).size == len(dealt.calibration)
    assert bool(dealt.notes) is (shared > 0)


@given(count=st.integers(40, 600), seed=SEEDS, wanted=WANTED)
def test_labels_go_with_their_rows(count, seed, wanted):
    x = np.random.default_rng(seed).normal(size=(count, 3))
    whole = Rows(features={"x": x}, target=(x.sum(axis=1) > 0).astype(int), target_name="y")
    for part in parts(deal(whole, seed, wanted=wanted)):
        assert np.array_equal(part.target, (part.features["x"].sum(axis=1) > 0).astype(int))


@given(wanted=st.integers(0, 3000), more=st.integers(1, 500), calibrated=st.booleans())
def test_a_proof_of_more_rows_never_asks_for_fewer(wanted, more, calibrated):
    asked = rows_for(wanted, calibrated=calibrated)

    assert asked >= wanted
    assert rows_for(wanted + more, calibrated=calibrated) >= asked
    assert rows_for(wanted, calibrated=True) <= rows_for(wanted, calibrated=False)


@given(points=st.floats(0.1, 10.0), narrower=st.floats(0.1, 0.95))
def test_a_narrower_floor_never_wants_fewer_rows(points, narrower):
    accuracy = metric_of("accuracy")
    wide, narrow = (
        proof_rows_wanted([floor_of(f"accuracy>=-{one:.4f}pt")], accuracy) for one in (points, points * narrower)
    )

    assert 0 < wide <= narrow
    both = [floor_of(f"accuracy>=-{points:.4f}pt"), floor_of(f"accuracy>=-{points * narrower:.4f}pt")]
    assert proof_rows_wanted(both, accuracy) == narrow
