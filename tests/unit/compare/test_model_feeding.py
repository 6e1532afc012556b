"""The gate in front of every model: what fits passes, what would lose something is refused."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare.feeding import Gate
from joulewise.core.errors import DataError
from joulewise.core.runtimes import Tensor

X = Tensor(name="x", dtype="float64", shape=("batch", 3))
IDS = Tensor(name="ids", dtype="int64", shape=("batch", "length"))
MASK = Tensor(name="mask", dtype="int64", shape=("batch", "length"))
WORD = Tensor(name="word", dtype="object", shape=("batch",))


def test_what_fits_passes_untouched_and_again() -> None:
    gate = Gate([X])
    feeds = {"x": np.zeros((2, 3))}
    assert gate.check(feeds)["x"] is feeds["x"]
    assert gate.check(feeds) is feeds
    assert gate.check({"x": np.zeros((5, 3))})["x"].shape == (5, 3)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int16", "bool"])
def test_types_are_widened_without_loss(dtype: str) -> None:
    assert Gate([X]).check({"x": np.ones((1, 3), dtype)})["x"].dtype == np.float64


@pytest.mark.parametrize(("tensor", "dtype"), [(X, "complex128"), (IDS, "float32"), (IDS, "uint64")])
def test_a_type_that_would_lose_something_is_refused(tensor: Tensor, dtype: str) -> None:
    with pytest.raises(DataError, match="without loss"):
        Gate([tensor]).check({tensor.name: np.ones((1, 3), dtype)})


def test_doubles_do_not_slip_into_floats() -> None:
    gate = Gate([Tensor(name="x", dtype="float32", shape=("batch", 3))])
    with pytest.raises(DataError) as caught:
        gate.check({"x": np.zeros((1, 3))})
    assert "astype('float32')" in caught.value.hint


def test_text_and_numbers_are_not_mixed_up() -> None:
    with pytest.raises(DataError, match="wants text"):
        Gate([WORD]).check({"word": np.zeros(2)})
    with pytest.raises(DataError, match="got text"):
        Gate([X]).check({"x": np.full((1, 3), "a")})
    words = np.array(["a", "b"], dtype=object)
    assert Gate([WORD]).check({"word": words})["word"] is words


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 1), ()])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="wants shape"):
        Gate([X]).check({"x": np.zeros(shape)})


def test_one_row_without_its_batch_gets_the_cure() -> None:
    with pytest.raises(DataError) as caught:
        Gate([X]).check({"x": np.zeros(3)})
    assert "array[None]" in caught.value.hint


def test_a_fixed_batch_gets_the_cure() -> None:
    with pytest.raises(DataError) as caught:
        Gate([Tensor(name="x", dtype="float64", shape=(1, 3))]).check({"x": np.zeros((2, 3))})
    assert "free batch" in caught.value.hint


def test_free_axes_of_one_name_are_alike() -> None:
    ids, mask = np.ones((2, 5), np.int64), np.ones((2, 4), np.int64)
    with pytest.raises(DataError, match="length is 5 in one input and 4"):
        Gate([IDS, MASK]).check({"ids": ids, "mask": mask})
    assert Gate([IDS, MASK]).check({"ids": ids, "mask": np.ones((2, 5), np.int64)})["ids"] is ids


def test_a_shape_that_passed_does_not_let_another_input_through() -> None:
    gate = Gate([X])
    gate.check({"x": np.zeros((2, 3))})
    with pytest.raises(DataError, match="unknown 'y'"):
        gate.check({"x": np.zeros((2, 3)), "y": np.zeros(2)})
    with pytest.raises(DataError, match="missing 'x'"):
        gate.check({})


def test_many_shapes_do_not_pile_up() -> None:
    gate = Gate([X])
    for rows in range(1, 1000):
        gate.check({"x": np.zeros((rows, 3))})
    assert len(gate._passed) <= 256
