"""Takes over what another ledger or an export holds; what is there already is left alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from joulewise.core.records import Bundle, Calculation, Factor
from joulewise.ledger import tables
from joulewise.ledger.engine import reading
from joulewise.ledger.files import write_atomically
from joulewise.ledger.reading import factors_named, read_as_filed, read_factors
from joulewise.ledger.traces import trace_problem
from joulewise.ledger.writing import append_bundles, append_calculations

Part = tuple[Bundle, tuple[Calculation, ...], tuple[Factor, ...]]
_BATCH = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """How much was new: runs, calculations filed later than their run, trace files. `present` runs were there."""

    runs: int
    present: int
    calculations: int
    traces: int


def parts_of(engine: sa.Engine) -> Iterator[Part]:
    """All runs of a ledger in the order in which they were filed."""
    last = 0
    while True:
        with reading(engine) as connection:
            query = sa.select(tables.audit.c.seq, tables.audit.c.run_id).where(tables.audit.c.action == "append")
            query = query.where(tables.audit.c.seq > last).order_by(tables.audit.c.seq).limit(_BATCH)
            found = connection.execute(query).all()
            batch = [_part(connection, row.run_id) for row in found]
        yield from batch
        if not found:
            return
        last = found[-1].seq


def _part(connection: sa.Connection, run_id: str) -> Part:
    bundle, later = read_as_filed(connection, run_id)
    return bundle, later, read_factors(connection, factors_named(later))


def take_in(engine: sa.Engine, parts: Iterable[Part], *, actor: str, folders: tuple[str, str]) -> Merged:
    """File parts and copy their traces from one folder to the other.

    Raises LedgerError if a run is there with another content; the runs before it stay, and a second try goes on.
    """
    source = iter(parts)
    runs = seen = calculations = traces = 0
    while batch := list(islice(source, _BATCH)):
        seen += len(batch)
        runs += append_bundles(engine, (bundle for bundle, _later, _factors in batch), actor)
        for bundle, later, factors in batch:
            if later:
                calculations += append_calculations(engine, later, factors, actor)
            traces += sum(_copy(trace.path, trace.sha256, *folders) for trace in bundle.traces)
    return Merged(runs=runs, present=seen - runs, calculations=calculations, traces=traces)


def _copy(path: str, sha256: str, source: str, target: str) -> bool:
    """Copy a trace file that is whole and not there yet; one that is gone is for `verify` to name."""
    place = os.path.join(target, os.path.basename(path))
    if os.path.exists(place) or trace_problem(path, sha256, source):
        return False
    found = path if os.path.exists(path) else os.path.join(source, os.path.basename(path))
    with open(found, "rb") as file:
        write_atomically(place, lambda copy: shutil.copyfileobj(file, copy))
    return True
