"""Rows that judge or calibrate a model: features, target, and what must be told of them.

`read_rows` takes .npz, .parquet, .csv or a folder of examples. The hash is of the values, whatever file held them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulewise.compare.row_columns import arranged
from joulewise.compare.row_feeds import feeds_of
from joulewise.compare.row_files import missing_in, read_csv, read_npz, read_parquet
from joulewise.core.errors import DataError, OutOfRange
from joulewise.core.runtimes import Tensor
from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Dataset

Array = NDArray[Any]
TARGET = "y"
"""The target's name in an .npz, where nobody names another."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Examples: `features` has one array an input or column, rows first; a lone matrix is "x".

    `notes` tells what the user should know: missing values, rows that repeat.
    Raises DataError for no rows, or arrays of different lengths.
    """

    features: Mapping[str, Array]
    target: Array | None = None
    target_name: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()
    _digest: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if not self.features:
            raise DataError(f"{self.name or 'the data'}: no features beside the target", hint="rows need inputs")
        lengths = {name: len(column) for name, column in self.features.items()}
        if self.target is not None:
            lengths[self.target_name or "the target"] = len(self.target)
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:6])
            raise DataError(f"arrays of different lengths: {told}", hint="one entry a row in each")
        if not len(self):
            raise DataError(f"{self.name or 'the data'}: no rows", hint="is the file complete?")

    def __len__(self) -> int:
        return len(next(iter(self.features.values())))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.features)

    @property
    def sha256(self) -> str:
        """Hash of names and values; the same numbers hash alike as integers or floats of any width, in any file."""
        if not self._digest:
            digest = hashlib.sha256()
            target = {} if self.target is None else {f"target {self.target_name}": self.target}
            for name, column in {**self.features, **target}.items():
                digest.update(f"{name}\x1f{column.shape}\x1f".encode("utf-8", "surrogatepass"))
                digest.update(_plain(column).tobytes())
            self._digest.append(digest.hexdigest())
        return self._digest[0]

    @property
    def has_classes(self) -> bool:
        """True if the target names classes: text, true/false, or few distinct whole numbers."""
        if self.target is None or self.target.ndim > 1:
            return False
        if self.target.dtype.kind in "OUb":
            return True
        return self.target.dtype.kind in "iu" and len(np.unique(self.target)) <= max(20, len(self) // 20)

    def dataset(self) -> Dataset:
        """The ledger's record of it."""
        return Dataset(
            id=new_ulid(0, bytes.fromhex(self.sha256)[:10]),
            name=self.name,
            sha256=self.sha256,
            rows=len(self),
            columns=self.columns,
            target=self.target_name,
            details={"notes": list(self.notes)} if self.notes else {},
        )

    def take(self, indices: Sequence[int] | NDArray[Any]) -> Rows:
        """These rows, in this order."""
        chosen = np.asarray(indices)
        features = {name: column[chosen] for name, column in self.features.items()}
        target = None if self.target is None else self.target[chosen]
        return replace(self, features=features, target=target, _digest=[])

    def arranged(self, columns: Sequence[str]) -> Rows:
        """With the features that a model knows by name, in its order. Raises DataError for one that is not there."""
        return replace(self, features=arranged(self.features, columns), _digest=[])

    def split(self, shares: Sequence[float], seed: int = 0) -> tuple[Rows, ...]:
        """Parts without a row in common, by `shares` (each > 0, sum at most 1); every class in proportion.

        Rows with the same features go to the same part, so that nothing that calibrates also judges.
        Raises OutOfRange for bad shares, DataError where a part would be empty.
        """
        if not shares or min(shares) <= 0 or sum(shares) > 1 + 1e-9:
            raise OutOfRange(f"want shares above 0 that sum to at most 1, got {list(shares)}")
        firsts, group = _groups(self)
        part_of_group = self._dealt(firsts, shares, seed)
        parts = part_of_group[group]
        found = [np.flatnonzero(parts == index) for index in range(len(shares))]
        if any(one.size == 0 for one in found):
            raise DataError(
                f"{len(firsts)} different rows are too few to split into shares {list(shares)}", hint="give more rows"
            )
        return tuple(self.take(one) for one in found)

    def _dealt(self, firsts: NDArray[np.intp], shares: Sequence[float], seed: int) -> NDArray[np.intp]:
        """The part of each group of equal rows (-1: none): shuffled within each class, then cut in proportion."""
        order = np.random.default_rng(seed).permutation(firsts.size)
        if self.has_classes and self.target is not None:
            classes = np.unique(self.target[firsts].astype(str), return_inverse=True)[1]
            order = order[np.argsort(classes[order], kind="stable")]
            sizes = np.bincount(classes)
        else:
            sizes = np.array([firsts.size])
        edges = np.concatenate([[0.0], np.cumsum(shares)])
        parts = np.full(firsts.size, -1)
        ends = np.cumsum(sizes)
        for first, last in zip(ends - sizes, ends, strict=True):
            # cutting by the running total keeps each class and the whole within one row of their shares
            wanted = [round(edge * last) - round(edge * first) for edge in edges]
            for index in range(len(shares)):
                parts[order[first + wanted[index] : first + wanted[index + 1]]] = index
        return parts

    def feeds(self, inputs: Sequence[Tensor], start: int = 0, stop: int | None = None) -> dict[str, Array]:
        """Rows [start, stop) as the model takes them. Raises DataError with the cure where they don't fit."""
        return feeds_of(self.features, inputs, start, len(self) if stop is None else stop)

    def save_npz(self, path: Path) -> Path:
        """One array a feature and `y`, uncompressed and without pickles. A feature may not be called y."""
        if TARGET in self.features and self.target is not None:
            raise DataError(f"a feature is called {TARGET!r} as the target is in .npz files", hint="rename the column")
        arrays = dict(self.features) if self.target is None else {**self.features, TARGET: self.target}
        with path.open("wb") as file:
            np.savez(file, **{name: _storable(column) for name, column in arrays.items()})  # type: ignore[arg-type]
        return path


def read_rows(path: str | Path, target: str | None = None) -> Rows:
    """Rows of an .npz, .parquet or .csv file, or of a folder of examples by class.

    `target` names what is to be told by the model; by default `y` of an .npz, and the folders' names.
    Raises DataError for what can't be read, a target that is not there or has holes, no rows.
    """
    path = Path(path)
    columns, target = _columns(path, target)
    goal = columns.pop(target) if target else None
    if goal is not None:
        goal = _checked_target(target or "", goal)
    if len(columns) == 1 and next(iter(columns.values())).ndim > 1 and "input_ids" not in columns:
        columns = {"x": next(iter(columns.values()))}
    features = {name: column.astype(object) if column.dtype.kind == "U" else column for name, column in columns.items()}
    rows = Rows(
        features=features, target=goal, target_name=target or "", name=path.stem, notes=tuple(missing_in(features))
    )
    firsts = _groups(rows)[0].size
    if firsts < len(rows):
        repeats = f"{len(rows) - firsts} of {len(rows)} rows repeat another row"
        rows = replace(rows, notes=(*rows.notes, repeats))
    return rows


def _columns(path: Path, target: str | None) -> tuple[dict[str, Array], str | None]:
    if not path.exists():
        raise DataError(f"no data at {path}", hint="an .npz, .parquet or .csv file, or a folder of examples by class")
    if path.is_dir():
        from joulewise.compare.images import read_folder

        examples, classes = read_folder(path)
        columns = {"x": examples} if classes is None else {"x": examples, target or "class": classes}
        target = target if classes is None else target or "class"
    else:
        readers = {".npz": read_npz, ".parquet": read_parquet, ".pq": read_parquet, ".csv": read_csv, ".tsv": read_csv}
        reader = readers.get(path.suffix.lower())
        if reader is None:
            raise DataError(
                f"{path}: files {path.suffix or 'without an ending'} are not read", hint=".npz, .parquet, .csv"
            )
        columns = reader(path)
        target = TARGET if target is None and path.suffix.lower() == ".npz" and TARGET in columns else target
    if target and target not in columns:
        near = get_close_matches(target, columns, 1)
        hint = f"--target {near[0]}?" if near else f"one of {', '.join(list(columns)[:20]) or 'none'}"
        raise DataError(f"{path} has no {target!r}", hint=hint)
    return columns, target


def _checked_target(name: str, target: Array) -> Array:
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    holes = ~np.isfinite(target) if target.dtype.kind == "f" else np.zeros(len(target), bool)
    if target.dtype.kind in "OU":
        holes = np.array([str(value).strip() == "" for value in target.reshape(-1)])
    if holes.any():
        first = int(np.argmax(holes.reshape(len(target), -1).any(axis=1))) + 1
        raise DataError(
            f"target {name!r} has {int(holes.sum())} rows without a value, the first is row {first}",
            hint="leave these rows out: they can't judge a model",
        )
    return target.astype(object) if target.dtype.kind == "U" else target


def overlap(calibration: Rows, evaluation: Rows) -> NDArray[np.intp]:
    """Which rows of `evaluation` have the same features as some row of `calibration` (compared as 32-bit floats)."""
    known = set(_row_keys(calibration))
    return np.flatnonzero([key in known for key in _row_keys(evaluation)])


def _groups(rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first row of each group of equal rows, and the group of each row."""
    numbers: dict[bytes, int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in _row_keys(rows)], dtype=np.intp)
    return np.unique(group, return_index=True)[1], group


def _row_keys(rows: Rows) -> list[bytes]:
    digests = [hashlib.blake2b(digest_size=16) for _ in range(len(rows))]
    for column in rows.features.values():
        if column.dtype.kind in "OU":
            texts = column.reshape(len(rows), -1)
            for digest, cells in zip(digests, texts, strict=True):
                digest.update("\x1f".join(map(str, cells)).encode("utf-8", "surrogatepass") + b"\x1e")
            continue
        numbers = column.astype(np.float32 if column.dtype.kind == "f" else np.float64).astype(np.float64) + 0.0
        for digest, row in zip(digests, np.ascontiguousarray(numbers.reshape(len(rows), -1)), strict=True):
            digest.update(row.data)
    return [digest.digest() for digest in digests]


def _plain(column: Array) -> Array:
    """Numbers as little-endian 64 bit; whole numbers as floats where floats hold them; text with its length."""
    if column.dtype.kind in "OU":
        texts = [str(cell).encode("utf-8", "surrogatepass") for cell in column.reshape(-1)]
        joined = b"".join(len(text).to_bytes(8, "little") + text for text in texts)
        return np.frombuffer(joined, dtype=np.uint8)
    if column.dtype.kind in "iu" and column.size and max(abs(int(column.min())), abs(int(column.max()))) > 2**53:
        return np.ascontiguousarray(column)
    return np.ascontiguousarray(column.astype("<f8") + 0.0)  # -0.0 is 0.0


def _storable(column: Array) -> Array:
    if column.dtype != object:
        return column
    return np.array([str(cell) for cell in column.reshape(-1)], dtype=str).reshape(column.shape)
