"""Power traces beside the ledger: Parquet where pyarrow is installed, else gzipped CSV. Each is known by its SHA-256.

Columns are floats; a gap is None (NaN is taken for one): null in Parquet, an empty cell in CSV.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from itertools import zip_longest
from math import isnan

from joulewise.core.errors import LedgerError, PluginMissing, UsageError
from joulewise.core.records import Trace
from joulewise.core.ulid import is_ulid, new_ulid
from joulewise.ledger.files import write_atomically
from joulewise.ledger.rows import pack, unpack

Columns = Mapping[str, Sequence[float | None]]
Track = dict[str, list[float | None]]


def write_trace(run_id: str, columns: Columns, folder: str, *, parquet: bool | None = None) -> Trace:
    """Write a trace and return its record, which goes into the run's bundle. Columns are of one length, "t_s" first.

    `parquet` None takes Parquet if pyarrow is there. Raises UsageError for columns of different lengths, LedgerError
    if the folder can't be written.
    """
    lengths = {len(values) for values in columns.values()}
    if not is_ulid(run_id) or len(lengths) != 1:
        raise UsageError("a trace needs a run's id and columns of one length", hint='{"t_s": [...], "cpu_w": [...]}')
    use_parquet = find_spec("pyarrow") is not None if parquet is None else parquet
    content = _parquet_bytes(columns) if use_parquet else _csv_bytes(columns)
    id = new_ulid()
    path = os.path.join(os.path.abspath(folder), f"{run_id}-{id[-6:]}.{'parquet' if use_parquet else 'csv.gz'}")
    write_atomically(path, lambda file: file.write(content))
    return Trace(
        id=id,
        run_id=run_id,
        path=path,
        sha256=sha256(content).hexdigest(),
        rows=lengths.pop(),
        period_s=_period_s(columns),
    )


def _period_s(columns: Columns) -> float | None:
    """Mean time between two rows, s."""
    times = [time for time in columns.get("t_s", ()) if time is not None]
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None


def _given(value: float | None) -> float | None:
    return None if value is None or isnan(value) else float(value)


def read_trace(trace: Trace, folder: str = "") -> Track:
    """The columns of a trace; a file that moved with its ledger is found in `folder`.

    Raises LedgerError if it is gone or was changed, PluginMissing if it needs pyarrow.
    """
    problem = trace_problem(trace.path, trace.sha256, folder)
    if problem:
        raise LedgerError(problem, hint="restore the file from a copy")
    with open(_place(trace.path, folder), "rb") as file:
        content = file.read()
    return _from_parquet(content) if trace.path.endswith(".parquet") else _from_csv(content)


def trace_problem(path: str, expected_sha256: str, folder: str = "") -> str:
    """What is wrong with a trace's file, "" if nothing is."""
    hashed = sha256()
    try:
        with open(_place(unpack(path), folder), "rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    except (OSError, ValueError) as error:
        return f"the trace {path!r:.200} can't be read: {error}"
    return "" if hashed.hexdigest() == expected_sha256 else f"the trace {path!r:.200} was changed"


def _place(path: str, folder: str) -> str:
    beside = os.path.join(folder, os.path.basename(path))
    return beside if folder and not os.path.exists(path) else path


def _parquet_bytes(columns: Columns) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PluginMissing("Parquet needs pyarrow", hint="pip install 'joulewise[parquet]'") from error
    arrays = {
        pack(name): pa.array([_given(value) for value in values], pa.float64()) for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    return bytes(sink.getvalue())


def _from_parquet(content: bytes) -> Track:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PluginMissing("this trace needs pyarrow", hint="pip install 'joulewise[parquet]'") from error
    table = pq.read_table(pa.BufferReader(content))
    return {unpack(name): column.to_pylist() for name, column in zip(table.column_names, table.columns, strict=True)}


def _csv_bytes(columns: Columns) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([pack(name) for name in columns])
    for row in zip_longest(*columns.values()):
        writer.writerow(["" if _given(value) is None else repr(_given(value)) for value in row])
    return gzip.compress(text.getvalue().encode("utf-8"), mtime=0)  # no clock in it: the same trace, the same bytes


def _from_csv(content: bytes) -> Track:
    rows = list(csv.reader(io.StringIO(gzip.decompress(content).decode("utf-8"), newline="")))
    names = [unpack(name) for name in rows[0]]
    return {name: [float(row[place]) if row[place] else None for row in rows[1:]] for place, name in enumerate(names)}
