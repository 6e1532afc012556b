"""Records to rows and back, the same for every back-end.

Text: PostgreSQL holds no NUL and neither back-end a lone surrogate (an undecodable byte of a command line), so each
of them is stored as U+0010 and four hexadecimal digits, and so is U+0010 itself; anything else stays as it is.
Numbers: 64-bit floats, finite; -0.0 becomes 0.0, which SQLite would make of it anyway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from math import isfinite
from typing import Any

import sqlalchemy as sa

from joulewise.core.errors import OutOfRange
from joulewise.core.figures import Figure

Row = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\x10\ud800-\udfff]")
_PACKED = re.compile("\x10([0-9a-f]{4})")


def pack(text: str) -> str:
    """The text as it can be stored."""
    if _UNSTORABLE.search(text) is None:
        return text
    return _UNSTORABLE.sub(lambda found: f"\x10{ord(found[0]):04x}", text)


def unpack(text: str) -> str:
    """The text as it was before `pack`."""
    return _PACKED.sub(lambda found: chr(int(found[1], 16)), text) if "\x10" in text else text


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time."""
    return (moment - _EPOCH) // _TICK


def moment(at_us: int) -> datetime:
    """The aware UTC time of `microseconds`."""
    return _EPOCH + at_us * _TICK


def canonical(value: Any) -> str:
    """The one JSON text of a value. Raises OutOfRange for what JSON can't hold, NaN and infinity included."""
    try:
        return _canonical_json(_plain(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise OutOfRange(
            f"can't store {value!r:.200}: {error}", hint="strings, finite numbers, lists, mappings"
        ) from None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def flat(record: Any) -> Row:
    """Field name to value of a dataclass, a figure spread over its own fields."""
    row: Row = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Figure):
            row.update(flat(value))
        else:
            row[field.name] = value
    return row


def encode(table: sa.Table, values: Mapping[str, Any]) -> Row:
    """The values as the table's columns take them. Raises OutOfRange, naming the column."""
    cells = _cells(table)
    return {name: None if value is None else cells[name](name, value) for name, value in values.items()}


@cache
def _cells(table: sa.Table) -> dict[str, Callable[[str, Any], Any]]:
    kinds: dict[type, Callable[[str, Any], Any]] = {sa.Double: _finite, sa.BigInteger: _whole, sa.Boolean: _flag}
    return {column.name: kinds.get(type(column.type), _text) for column in table.columns}


def _text(_name: str, value: Any) -> str:
    return pack(value) if isinstance(value, str) else canonical(value)


def _flag(_name: str, value: Any) -> bool:
    return bool(value)


def _finite(name: str, value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise OutOfRange(f"{name} must be finite, got {number}")
    return number + 0.0


def _whole(name: str, value: Any) -> int:
    if isinstance(value, datetime):
        return microseconds(value)
    number = int(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise OutOfRange(f"{name} must fit 64 bits, got {number}")
    return number


def decode(kind: type[Any], row: Mapping[str, Any] | sa.RowMapping) -> Any:
    """The record of a row: columns without a field are left out, JSON text is read where the field wants it."""
    values: Row = {}
    for field in fields(kind):
        if field.name == "figure":
            values["figure"] = decode(Figure, row)
        else:
            values[field.name] = _decoded(str(field.type), row[field.name])
    return kind(**values)


def _decoded(annotation: str, stored: Any) -> Any:
    if not isinstance(stored, str):
        return stored
    if annotation.startswith("Mapping"):
        return json.loads(stored)
    return tuple(json.loads(stored)) if annotation.startswith("tuple") else unpack(stored)


def row_bytes(row: Mapping[str, Any] | sa.RowMapping) -> bytes:
    """The bytes that hashes cover: every column that holds something, `audit_seq` aside, sorted by name.

    Columns without a value are left out, so that a later migration may add some without touching old hashes.
    """
    held = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in row.items()
        if value is not None and name != "audit_seq"
    }
    return _row_json(held).encode("ascii")


def _foreign(value: object) -> dict[str, str]:
    """A type that we never store, hence somebody else's doing; it only has to differ from ours."""
    return {type(value).__name__: str(value)}


_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_row_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_foreign).encode


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over the parts, each closed by a line feed, which no part contains."""
    hashed = sha256()
    for part in parts:
        hashed.update(part)
        hashed.update(b"\n")
    return hashed.hexdigest()
