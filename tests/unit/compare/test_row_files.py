"""Rows from files: strict types, told gaps, one hash for the same values."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.compare.rows import Rows, overlap, read_rows
from joulewise.core.errors import DataError, OutOfRange
from joulewise.core.runtimes import Tensor


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_has_typed_columns(tmp_path):
    path = write(tmp_path / "a.csv", "age,size,city,code,ok,y\n1,1.5,Oslo,007,true,no\n2,,Bergen,012,false,yes\n")
    rows = read_rows(path, "y")
    assert {name: column.dtype.kind for name, column in rows.features.items()} == {
        "age": "i",
        "size": "f",
        "city": "O",
        "code": "O",
        "ok": "b",
    }
    assert rows.target.tolist() == ["no", "yes"]
    assert rows.notes == ("size: 1 of 2 values are missing (NaN)",)


def test_a_typo_among_numbers_is_told_with_its_line(tmp_path):
    path = write(tmp_path / "a.csv", "x,y\n1,0\n2,1\n3l,0\n4,1\n")
    with pytest.raises(DataError, match=r"'x', line 4: '3l' is not a number, but 3 of 4"):
        read_rows(path, "y")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("1,2\n3,4\n", "names of the columns"),
        ("a,a\n1,2\n", "more than one column 'a'"),
        ("a,b\n1,2,3\n", "line 2: 3 values"),
        ("a,b\n", "no rows"),
        ('a,b\n"1,2\n', "not a proper CSV"),
        ("a,y\n1,1\n2,\n", "1 rows without a value, the first is row 2"),
    ],
)
def test_bad_csv_is_told(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read_rows(write(tmp_path / "a.csv", text), "y" if ",y" in text else None)


def test_a_csv_that_is_not_text_is_told(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_rows(tmp_path / "a.csv")


def test_a_target_that_is_not_there_names_the_columns(tmp_path):
    with pytest.raises(DataError, match=r"no 'goal'\nTry: one of a, b"):
        read_rows(write(tmp_path / "a.csv", "a,b\n1,2\n"), "goal")


def test_values_hash_alike_in_any_file(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    csv = write(tmp_path / "a.csv", "a;b;y\n1;2.5;no\n3;-4;yes\n")
    table = arrow.table({"a": arrow.array([1, 3], arrow.int32()), "b": [2.5, -4.0], "y": ["no", "yes"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    one, other = read_rows(csv, "y"), read_rows(tmp_path / "a.parquet", "y")
    assert one.sha256 == other.sha256
    assert one.sha256 != one.take([1, 0]).sha256
    assert one.dataset().id == other.dataset().id


def test_a_lone_matrix_is_x_and_y_the_target(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.ones((3, 4)), y=[1, 2, 3])
    rows = read_rows(tmp_path / "a.npz")
    assert rows.columns == ("x",)
    assert rows.target.tolist() == [1, 2, 3]


def test_pickles_in_an_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="plain arrays"):
        read_rows(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive"])
def test_a_broken_npz_is_told(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError):
        read_rows(tmp_path / "a.npz")


def test_a_folder_of_arrays_by_class(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        np.save(tmp_path / "set" / name / "1.npy", np.full((2, 2), len(name)))
    rows = read_rows(tmp_path / "set")
    assert rows.features["x"].shape == (2, 2, 2)
    assert rows.target.tolist() == ["cat", "dog"]
    np.save(tmp_path / "set" / "dog" / "2.npy", np.ones(3))
    with pytest.raises(DataError, match="different shapes"):
        read_rows(tmp_path / "set")


def test_npz_and_back(tmp_path):
    rows = Rows(
        features={"a": np.array(["x", "yy"], dtype=object), "b": np.array([1.0, np.nan])}, target=np.array([0, 1])
    )
    again = read_rows(rows.save_npz(tmp_path / "a.npz"))
    assert again.features["a"].tolist() == ["x", "yy"]
    assert np.array_equal(again.features["b"], [1.0, np.nan], equal_nan=True)
    with pytest.raises(DataError, match="called 'y'"):
        Rows(features={"y": np.ones(2)}, target=np.ones(2)).save_npz(tmp_path / "b.npz")


def test_a_split_keeps_classes_in_proportion_and_equal_rows_together():
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(90, 3))
    rows = Rows(features={"x": np.concatenate([matrix, matrix[:10]])}, target=np.array([0] * 80 + [1] * 20))
    first, second = rows.split([0.3, 0.7], seed=1)
    assert len(first) + len(second) == 100
    assert overlap(first, second).size == 0
    assert 0.15 < first.target.mean() < 0.25
    again, _ = rows.split([0.3, 0.7], seed=1)
    assert again.sha256 == first.sha256
    for wrong in ([], [0.0, 0.5], [0.7, 0.7]):
        with pytest.raises(OutOfRange):
            rows.split(wrong)
    with pytest.raises(DataError, match="too few"):
        rows.take([0]).split([0.5, 0.5])


def test_overlap_sees_through_types():
    one = Rows(features={"x": np.array([[0.1, 2], [3, 4]], dtype=np.float32)})
    other = Rows(features={"x": np.array([[5, 6], [0.1, 2], [3.0, 4.0]])})
    assert overlap(one, other).tolist() == [1, 2]


def feeds(features, *inputs):
    return Rows(features=features).feeds(inputs)


def test_columns_become_a_matrix_or_inputs():
    columns = {"a": np.array([1, 2]), "b": np.array([0.5, 1.5])}
    wide = feeds(columns, Tensor(name="x", dtype="float32", shape=("n", 2)))
    assert wide["x"].dtype == np.float32
    assert wide["x"].tolist() == [[1, 0.5], [2, 1.5]]
    each = feeds(columns, *(Tensor(name=name, dtype="float64", shape=("n", 1)) for name in "ab"))
    assert each["a"].tolist() == [[1], [2]]


def test_shapes_are_brought_together():
    flat = np.arange(24.0).reshape(2, 12)
    image = feeds({"x": flat}, Tensor(name="i", dtype="float64", shape=("n", 3, 2, 2)))["i"]
    assert image.shape == (2, 3, 2, 2)
    last = image.transpose(0, 2, 3, 1)
    assert np.array_equal(feeds({"x": last}, Tensor(name="i", dtype="float64", shape=("n", 3, 2, 2)))["i"], image)


@pytest.mark.parametrize(
    ("column", "dtype", "shape", "told"),
    [
        (np.ones((2, 3)), "float32", ("n", 4), "shape"),
        (np.array(["a", "b"], dtype=object), "float32", ("n", 1), "text"),
        (np.array([1.5, 2]), "int64", ("n",), "whole numbers"),
        (np.array([np.nan, 2]), "int64", ("n",), "whole numbers"),
        (np.array([300, 2]), "uint8", ("n",), "don't fit uint8"),
        (np.array([1e300, 2]), "float32", ("n",), "too large"),
        (np.array([2**24 + 1, 2]), "float32", ("n",), "too large for float32 to keep"),
        (np.array([1.0, 2]), "object", ("n",), "takes text"),
        (np.array([1.0, 2]), "float24", ("n",), "NumPy does not have"),
        (np.array([0.5, 1]), "bool", ("n",), "true or false"),
    ],
)
def test_what_does_not_fit_is_told(column, dtype, shape, told):
    with pytest.raises(DataError, match=told):
        feeds({"a": column}, Tensor(name="x", dtype=dtype, shape=shape))


def test_a_column_too_many_suggests_the_target():
    with pytest.raises(DataError, match=r"takes 2 columns, the data have 3(.|\n)*--target"):
        feeds({name: np.ones(2) for name in "abc"}, Tensor(name="x", dtype="float32", shape=("n", 2)))
