"""Tables from files, read strictly: a column is numbers, true/false or text as a whole, and a typo is told.

Each reader gives columns by name, arrays with rows first, and says in `notes` what is missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.archive_trust import BOMB_BYTES, BOMB_RATIO
from joulewise.core.errors import DataError, PluginMissing

Array = NDArray[Any]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""What stands for a number that is not there, in any case of letters."""
MOSTLY = 0.5
"""A column with more numbers than this is a column of numbers: what is not one is a typo."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?[\d.]+(,\d+)?([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_CODE = re.compile(r"[+-]?0\d+")
_TRUTH = {"true": True, "false": False}


def read_csv(path: Path) -> dict[str, Array]:
    """Columns of a CSV with a header line; comma, semicolon or tab. Raises DataError with the line that is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            lines = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(lines, [])]
            _check_header(path, header)
            rows, numbers = _body(path, header, lines)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error})", hint="save it as UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path} is not a proper CSV: {error}", hint="check its quotes") from error
    _refuse_decimal_commas(path, header, rows, delimiter)
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    return {name: typed(name, column, numbers) for name, column in zip(header, cells, strict=True)}


def _refuse_decimal_commas(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> None:
    """14,23 is a number to half the world and text to us; guessing would make 14,230 of 14230."""
    for name, column in zip(header, zip(*rows, strict=True), strict=True) if delimiter != "," else ():
        present = [cell.strip() for cell in column if cell.strip().lower() not in MISSING]
        if present and any("," in cell for cell in present) and all(map(_WITH_COMMA.fullmatch, present)):
            raise DataError(
                f"{path}: column {name!r} has numbers with commas, such as {next(c for c in present if ',' in c)!r}",
                hint="write them with decimal points: pandas.read_csv(path, sep=';', decimal=',').to_csv(new)",
            )


def _delimiter(first_line: str) -> str:
    return max(",;\t|", key=first_line.count)


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not header:
        raise DataError(f"{path} is empty", hint="a header line with the names of the columns, then one line a row")
    if all(_NUMBER.fullmatch(name) for name in header):
        raise DataError(f"{path} has numbers where the names of the columns should be", hint="add a header line")
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise DataError(f"{path} has more than one column {doubled[0]!r}", hint="give each column its own name")


def _body(path: Path, header: Sequence[str], lines: Any) -> tuple[list[list[str]], list[int]]:
    """The rows, and the number of the line on which each ends."""
    rows, numbers = [], []
    for row in lines:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {lines.line_num}: {len(row)} values, the header has {len(header)} columns",
                hint="quote values that hold the delimiter",
            )
        rows.append(row)
        numbers.append(lines.line_num)
    return rows, numbers


def typed(name: str, cells: Sequence[str], lines: Sequence[int]) -> Array:
    """One column: int64, float64 (missing is NaN), bool, or text as it stands.

    Raises DataError naming the line, if most of it are numbers and some are not.
    """
    bare = [cell.strip() for cell in cells]
    present = [(cell, line) for cell, line in zip(bare, lines, strict=True) if cell.lower() not in MISSING]
    if not present:
        return np.full(len(bare), np.nan) if bare else np.empty(0)
    if all(cell.lower() in _TRUTH for cell, _ in present) and len(present) == len(bare):
        return np.array([_TRUTH[cell.lower()] for cell in bare])
    others = [(cell, line) for cell, line in present if not _NUMBER.fullmatch(cell)]
    if others and len(others) < (1 - MOSTLY) * len(present):
        cell, line = others[0]
        more = f" ({len(others) - 1} more like it)" if len(others) > 1 else ""
        raise DataError(
            f"column {name!r}, line {line}: {cell!r} is not a number, but {len(present) - len(others)} of "
            f"{len(present)} values are{more}",
            hint="correct the cell, or leave it empty where the value is missing",
        )
    if others or any(_CODE.fullmatch(cell) for cell, _ in present):  # 00123 is a code, not the number 123
        return np.array(list(cells), dtype=object)
    return _numbers(name, bare, len(present) == len(bare))


def _numbers(name: str, bare: Sequence[str], complete: bool) -> Array:
    if complete and all(_WHOLE.fullmatch(cell) for cell in bare):
        try:
            return np.array([int(cell) for cell in bare], dtype=np.int64)
        except OverflowError as error:
            raise DataError(
                f"column {name!r} has whole numbers beyond 64 bits", hint="save them as text (a parquet file)"
            ) from error
    return np.array([np.nan if cell.lower() in MISSING else float(cell) for cell in bare])


def read_parquet(path: Path) -> dict[str, Array]:
    """Columns of a parquet file; lists of one length become matrices."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise PluginMissing("parquet files need pyarrow", hint="pip install 'joulewise[parquet]'") from error
    try:
        table = parquet.read_table(path)
    except (OSError, arrow.ArrowInvalid) as error:
        raise DataError(f"{path} is not a parquet file that can be read: {error}", hint="write it again") from error
    return {name: _from_arrow(name, table.column(name)) for name in table.column_names}


def _from_arrow(name: str, column: Any) -> Array:
    import pyarrow as arrow

    kind = column.type
    if arrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if arrow.types.is_list(kind) or arrow.types.is_large_list(kind) or arrow.types.is_fixed_size_list(kind):
        return stacked(name, [np.asarray(row) for row in column.to_pylist()])
    if arrow.types.is_integer(kind) and column.null_count == 0:
        return np.asarray(column.to_numpy()).astype(np.int64)
    if arrow.types.is_boolean(kind) and column.null_count == 0:
        return np.asarray(column.to_pylist(), dtype=bool)
    if arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
        return np.array(["" if value is None else value for value in column.to_pylist()], dtype=object)
    raise DataError(f"column {name!r} holds {kind}, not numbers or text", hint="make numbers of it, or leave it out")


def stacked(name: str, rows: Sequence[Array]) -> Array:
    """Rows of one shape as one array."""
    shapes = {row.shape for row in rows}
    if len(shapes) != 1:
        raise DataError(f"{name!r} has rows of different shapes: {sorted(shapes)[:3]}", hint="pad them to one shape")
    return np.stack(rows)


def read_npz(path: Path) -> dict[str, Array]:
    """Arrays of an .npz. Pickled objects are refused: loading them would run code from the file."""
    try:
        with path.open("rb") as content:  # ours to close, whatever stands in it
            _refuse_bombs(path)
            arrays = _arrays(np.load(content, allow_pickle=False))
    except ValueError as error:
        raise DataError(
            f"{path} can't be read as plain arrays: {error}", hint="save text as np.array(..., dtype=str)"
        ) from error
    except (OSError, EOFError, KeyError, BadZipFile) as error:
        raise DataError(
            f"{path} is not an .npz that can be read: {error}", hint="np.savez(path, x=..., y=...)"
        ) from error
    except MemoryError as error:
        raise DataError(
            f"{path} says that it holds more than fits into memory: {error}", hint="write it again, or fewer rows"
        ) from error
    for name, array in arrays.items():
        if array.ndim == 0:
            raise DataError(f"array {name!r} of {path} is a single value", hint="one entry a row in each array")
        if array.dtype.kind not in "biufUS":
            raise DataError(f"array {name!r} of {path} is of {array.dtype}", hint="numbers, true/false or text")
    return {name: array.astype(str) if array.dtype.kind == "S" else array for name, array in arrays.items()}


def _refuse_bombs(path: Path) -> None:
    if is_zipfile(path):
        with ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * entry.compress_size:
                    raise DataError(
                        f"{path} unpacks {entry.filename} from {entry.compress_size:,} to {entry.file_size:,} bytes",
                        hint="save it with np.savez, uncompressed, if it is yours",
                    )


def _arrays(loaded: Any) -> dict[str, Array]:
    if isinstance(loaded, np.ndarray):  # an .npy under another name
        return {"x": loaded}
    with loaded as file:
        return {name: np.asarray(file[name]) for name in file.files}


def missing_in(columns: Mapping[str, Array]) -> Iterable[str]:
    """What the reader tells of cells that are not there, or not finite."""
    for name, column in columns.items():
        if column.dtype.kind == "f":
            absent, endless = int(np.isnan(column).sum()), int(np.isinf(column).sum())
            if absent:
                yield f"{name}: {absent} of {column.size} values are missing (NaN)"
            if endless:
                yield f"{name}: {endless} of {column.size} values are infinite"
        elif column.dtype == object:
            empty = sum(1 for cell in column.reshape(-1) if str(cell).strip() == "")
            if empty:
                yield f"{name}: {empty} of {column.size} texts are empty"
