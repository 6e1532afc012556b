"""Tables and folders of examples as people save them: types kept, holes told, and no number made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulewise.compare.images import read_folder
from joulewise.compare.row_feeds import feeds_of
from joulewise.compare.row_files import read_csv, read_npz, read_parquet, stacked
from joulewise.compare.rows import Rows, read_rows
from joulewise.core.errors import DataError, OutOfRange
from joulewise.core.runtimes import Tensor


@pytest.fixture
def parquet(tmp_path: Path) -> Any:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    def read(**columns: Any) -> dict[str, Any]:
        files.write_table(arrow.table(columns), tmp_path / "t.parquet")
        return read_parquet(tmp_path / "t.parquet")

    return read


def test_columns_of_parquet_keep_their_kind(parquet: Any) -> None:
    import pyarrow as arrow

    found = parquet(
        whole=arrow.array([1, 2], arrow.int16()),
        holes=arrow.array([1, None], arrow.int64()),
        real=arrow.array([0.5, None]),
        money=arrow.array([1, 2], arrow.int32()).cast(arrow.decimal128(12, 2)),
        truth=arrow.array([True, False]),
        words=arrow.array(["a", None]),
        repeated=arrow.array(["x", "x"]).dictionary_encode(),
        vectors=arrow.array([[1.0, 2.0], [3.0, 4.0]]),
        fixed=arrow.array([[1, 2], [3, 4]], arrow.list_(arrow.int64(), 2)),
    )
    assert {name: (column.dtype.kind, column.shape) for name, column in found.items()} == {
        "whole": ("i", (2,)), "holes": ("f", (2,)), "real": ("f", (2,)), "money": ("f", (2,)), "truth": ("b", (2,)),
        "words": ("O", (2,)), "repeated": ("O", (2,)), "vectors": ("f", (2, 2)), "fixed": ("i", (2, 2)),
    }  # fmt: skip
    assert np.isnan(found["holes"][1])
    assert found["money"].tolist() == [1.0, 2.0]
    assert found["words"].tolist() == ["a", ""]
    assert found["repeated"].tolist() == ["x", "x"]


def test_a_column_of_moments_or_ragged_lists_is_refused(parquet: Any) -> None:
    import pyarrow as arrow

    with pytest.raises(DataError, match="column 'at' holds timestamp") as refused:
        parquet(at=arrow.array([0, 1], arrow.timestamp("s")))
    assert "leave it out" in refused.value.hint
    with pytest.raises(DataError, match="'v' has rows of different shapes") as refused:
        parquet(v=arrow.array([[1.0], [1.0, 2.0]]))
    assert refused.value.hint == "pad them to one shape"


def test_a_file_that_only_looks_like_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"t\.parquet is not a parquet file that can be read"):
        read_parquet(tmp_path / "t.parquet")


def test_arrays_that_hold_no_rows_of_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for bad, said in ((np.float64(3), "is a single value"), (np.ones(2, complex), "is of complex128")):
        np.savez(path, x=np.ones((2, 2)), bad=bad)
        with pytest.raises(DataError, match=f"array 'bad' of .* {said}"):
            read_npz(path)
    np.savez(path, x=np.array([object()], dtype=object))
    with pytest.raises(DataError, match="can't be read as plain arrays"):
        read_npz(path)
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(DataError, match=r"is not an \.npz that can be read"):
        read_npz(path)


def test_bytes_are_text_and_an_npy_under_another_name_is_one_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([b"ab", b"c"]))
    assert read_npz(tmp_path / "a.npz")["x"].tolist() == ["ab", "c"]
    with (tmp_path / "b.npz").open("wb") as file:
        np.save(file, np.arange(4.0))
    assert read_npz(tmp_path / "b.npz")["x"].tolist() == [0, 1, 2, 3]


def test_a_csv_skips_empty_lines_and_refuses_numbers_beyond_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b\n\n1;x\n\n2;y\n")
    found = read_csv(path)
    assert (found["a"].tolist(), found["b"].tolist()) == ([1, 2], ["x", "y"])
    path.write_text(f"a\n{2**64}\n1\n")
    with pytest.raises(DataError, match="column 'a' has whole numbers beyond 64 bits"):
        read_csv(path)


def test_what_is_missing_or_without_end_is_told_in_the_notes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,t\n1,inf,x\n,2,\n3,3,z\n")
    notes = read_rows(tmp_path / "t.csv").notes
    assert "a: 1 of 3 values are missing (NaN)" in notes
    assert "b: 1 of 3 values are infinite" in notes
    assert "t: 1 of 3 texts are empty" in notes


def examples(folder: Path, **classes: list[Any]) -> Path:
    for name, arrays in classes.items():
        (folder / name).mkdir(parents=True)
        for at, array in enumerate(arrays):
            np.save(folder / name / f"{at}.npy", array)
    return folder


def test_a_folder_of_examples_gives_the_sub_folders_as_classes(tmp_path: Path) -> None:
    features, classes = read_folder(examples(tmp_path, dog=[np.ones(3)], cat=[np.zeros(3), np.full(3, 2)]))
    assert classes is not None
    assert classes.tolist() == ["cat", "cat", "dog"]
    assert features[:, 0].tolist() == [0, 2, 1]
    rows = read_rows(tmp_path)
    assert (rows.target_name, rows.features["x"].shape) == ("class", (3, 3))


def test_a_flat_folder_has_no_classes_and_a_mixed_one_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "1.npy", np.ones(2))
    (tmp_path / ".hidden.npy").write_bytes(b"")
    assert read_folder(tmp_path)[1] is None
    examples(tmp_path, cat=[np.ones(2)], dog=[np.ones(2)])
    with pytest.raises(DataError, match="examples both with and without a class"):
        read_folder(tmp_path)


def test_pictures_keep_their_channels_and_strange_modes_become_colours(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for mode, shape in (("L", (4, 6, 1)), ("RGB", (4, 6, 3)), ("RGBA", (4, 6, 4)), ("P", (4, 6, 3))):
        folder = tmp_path / mode
        folder.mkdir()
        image.new(mode, (6, 4), 1).save(folder / "1.png")
        features, _ = read_folder(folder)
        assert features.shape == (1, *shape)
        assert features.dtype == np.uint8


def test_examples_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images or \.npy files in") as refused:
        read_folder(tmp_path)
    assert "data/cat/1.png" in refused.value.hint
    (tmp_path / "1.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"1\.npy is not a plain \.npy array"):
        read_folder(tmp_path)
    (tmp_path / "1.npy").unlink()
    pytest.importorskip("PIL")
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1\.png is not an image that can be read") as refused:
        read_folder(tmp_path)
    assert refused.value.hint == "remove or replace it"


def test_rows_of_one_shape_are_stacked() -> None:
    assert stacked("v", [np.ones(2), np.zeros(2)]).shape == (2, 2)


def fed(inputs: list[tuple[str, str, tuple[Any, ...]]], **columns: Any) -> dict[str, Any]:
    wanted = [Tensor(name=name, dtype=dtype, shape=shape) for name, dtype, shape in inputs]
    features = {name: np.asarray(column) for name, column in columns.items()}
    return feeds_of(features, wanted, 0, len(next(iter(features.values()))))


def test_a_matrix_is_dealt_out_to_inputs_of_one_column_each() -> None:
    found = fed([("a", "float32", ("n",)), ("b", "float32", ("n",))], x=[[1.0, 2.0], [3.0, 4.0]])
    assert (found["a"].tolist(), found["b"].tolist()) == ([1, 3], [2, 4])
    with pytest.raises(DataError, match="no rows for the model's input 'a'; the data have x") as refused:
        fed([("a", "float32", ("n",)), ("b", "float32", ("n",)), ("c", "float32", ("n",))], x=[[1.0, 2.0]])
    assert refused.value.hint == "name the arrays or columns as the model does: a, b, c"


def test_truth_and_whole_numbers_are_never_rounded_into_shape() -> None:
    assert fed([("a", "bool", ("n",))], a=[0, 1])["a"].tolist() == [False, True]
    with pytest.raises(DataError, match="takes true or false"):
        fed([("a", "bool", ("n",))], a=[0, 2])
    with pytest.raises(DataError, match="have fractions or NaN"):
        fed([("a", "int64", ("n",))], a=[0.5])
    with pytest.raises(DataError, match="values from 0 to 300 don't fit uint8"):
        fed([("a", "uint8", ("n",))], a=[0, 300])
    with pytest.raises(DataError, match="too large for float32 to keep exactly"):
        fed([("a", "float32", ("n",))], a=[2**24 + 1])
    with pytest.raises(DataError, match="too large for float16"):
        fed([("a", "float16", ("n",))], a=[1e9])


def test_kinds_that_numpy_lacks_and_models_without_inputs_are_refused() -> None:
    with pytest.raises(DataError, match="takes bfloat16, which NumPy does not have") as refused:
        fed([("a", "bfloat16", ("n",))], a=[1.0])
    assert refused.value.hint == "export the model with float32 inputs"
    with pytest.raises(DataError, match="the model names no inputs"):
        fed([], a=[1.0])


def test_columns_of_text_are_joined_for_text_and_refused_for_numbers() -> None:
    joined = fed([("x", "object", ("n", 2))], a=np.array(["p"], dtype=object), b=[1])
    assert joined["x"].tolist() == [["p", 1]]
    with pytest.raises(DataError, match="column 'a' is text, the model's input 'x' takes float32"):
        fed([("x", "float32", ("n", 2))], a=np.array(["p"], dtype=object), b=[1])
    with pytest.raises(DataError, match="takes text, the data have float64"):
        fed([("x", "object", ("n",))], x=[1.5])
    with pytest.raises(DataError, match="the data have text such as 'p'"):
        fed([("x", "float32", ("n",))], x=np.array(["p"], dtype=object))


def test_rows_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    for wrong, said in (
        ({"features": {}}, "no features beside the target"),
        ({"features": {"a": np.ones(2), "b": np.ones(3)}}, "arrays of different lengths: a 2, b 3"),
        ({"features": {"a": np.ones(0)}}, "no rows"),
    ):
        with pytest.raises(DataError, match=said):
            Rows(**wrong)
    with pytest.raises(DataError, match="a feature is called 'y'"):
        Rows(features={"y": np.ones(2)}, target=np.ones(2)).save_npz(tmp_path / "r.npz")
    with pytest.raises(OutOfRange, match="sum to at most 1"):
        Rows(features={"a": np.ones(2)}).split([0.7, 0.7])
    with pytest.raises(DataError, match="1 different rows are too few to split"):
        Rows(features={"a": np.ones(20)}).split([0.5, 0.5])
    with pytest.raises(DataError, match="no data at") as refused:
        read_rows(tmp_path / "absent.csv")
    assert "a folder of examples" in refused.value.hint
    (tmp_path / "rows.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match=r"files \.xlsx are not read"):
        read_rows(tmp_path / "rows.xlsx")
    np.savez(tmp_path / "r.npz", a=np.ones(2), goal=np.array([1.0, np.nan]))
    with pytest.raises(DataError, match=r"target 'goal' has 1 rows without a (finite )?value, the first is row 2"):
        read_rows(tmp_path / "r.npz", "goal")
    with pytest.raises(DataError, match="has no 'gaol'") as refused:
        read_rows(tmp_path / "r.npz", "gaol")
    assert refused.value.hint == "--target goal?"


def test_a_slip_in_the_name_of_the_target_is_told_with_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("width,label\n1,2\n2,3\n")

    with pytest.raises(DataError, match="has no 'labl'") as caught:
        read_rows(tmp_path / "rows.csv", "labl")
    assert caught.value.hint == "--target label?"
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path / "rows.csv", "zzz")
    assert caught.value.hint == "one of width, label"
