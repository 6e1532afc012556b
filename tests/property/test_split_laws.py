"""Parts of the rows: none in two of them, twins together, every class in proportion, the same again for a seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.compare.rows import Rows, overlap, read_rows


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    n = draw(st.integers(24, 80))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes = draw(st.integers(2, 4))
    repeats = draw(st.integers(1, 3))
    distinct = np.arange(n, dtype=np.float64)
    features = {
        "a": np.repeat(distinct, repeats),
        "t": np.repeat(np.array([f"w{at}" for at in range(n)], object), repeats),
    }
    target = np.repeat(generator.integers(0, classes, n), repeats)
    order = generator.permutation(n * repeats)
    return Rows(features=features, target=target).take(order)


@given(tables(), st.sampled_from([(0.5, 0.5), (0.2, 0.3, 0.5), (0.25, 0.25)]), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_parts_share_no_row_and_twins_stay_together(rows, shares, seed):
    parts = rows.split(shares, seed)
    values = [set(part.features["a"].tolist()) for part in parts]
    for at, one in enumerate(parts):
        for other in parts[at + 1 :]:
            assert overlap(one, other).size == 0
            assert overlap(other, one).size == 0
        assert len(one) == np.isin(rows.features["a"], list(values[at])).sum()  # all twins of a row that is in it
    if sum(shares) == 1:
        assert sum(len(part) for part in parts) == len(rows)


@given(tables(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_every_class_comes_in_proportion_within_a_row(rows, seed):
    firsts = np.unique(rows.features["a"], return_index=True)[1]
    single = rows.take(firsts)
    half = single.split((0.5, 0.5), seed)
    for part in half:
        assert abs(len(part) - len(single) / 2) <= 1
        for one in np.unique(single.target):
            assert abs(np.sum(part.target == one) - np.sum(single.target == one) / 2) <= 1


@given(tables(), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_seed_gives_the_same_parts_again(rows, seed):
    first, again = (rows.split((0.4, 0.6), seed) for _ in range(2))
    assert [one.sha256 for one in first] == [one.sha256 for one in again]


@given(tables())
@settings(max_examples=20, deadline=None)
def test_rows_come_back_from_their_file_with_the_same_hash(tmp_path_factory, rows):
    path = rows.save_npz(tmp_path_factory.mktemp("rows") / "r.npz")
    again = read_rows(path)
    assert again.sha256 == Rows(features=rows.features, target=rows.target, target_name="y").sha256
    assert again.columns == rows.columns
    assert again.dataset().id == Rows(features=rows.features, target=rows.target, target_name="y").dataset().id
