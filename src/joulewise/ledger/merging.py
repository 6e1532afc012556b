"""Takes over what another ledger or an export holds; what is there already is left alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from joulewise.core.plans import Plan
from joulewise.core.records import Bundle
from joulewise.ledger import tables
from joulewise.ledger.document import Later
from joulewise.ledger.engine import reading
from joulewise.ledger.files import write_atomically
from joulewise.ledger.later import read_part
from joulewise.ledger.plan_store import append_decisions, append_plans, walk_plans
from joulewise.ledger.traces import trace_problem
from joulewise.ledger.variant_store import append_comparisons
from joulewise.ledger.writing import append_bundles, append_calculations

Part = tuple[Bundle, Later]
_BATCH = 250
_PLANS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """How much was new: runs; calculations, decisions, variants and savings, filed later than their run; plans; trace
    files. `present` runs were there."""

    runs: int
    present: int
    calculations: int
    traces: int
    plans: int = 0
    decisions: int = 0
    compared: int = 0


def plans_of(engine: sa.Engine) -> Iterator[Plan]:
    """All plans of a ledger in the order in which they were filed."""
    with reading(engine) as connection:
        yield from walk_plans(connection)


def parts_of(engine: sa.Engine) -> Iterator[Part]:
    """All runs of a ledger in the order in which they were filed."""
    last = 0
    while True:
        with reading(engine) as connection:
            query = sa.select(tables.audit.c.seq, tables.audit.c.run_id).where(tables.audit.c.action == "append")
            query = query.where(tables.audit.c.seq > last).order_by(tables.audit.c.seq).limit(_BATCH)
            found = connection.execute(query).all()
            batch = [read_part(connection, row.run_id) for row in found]
        yield from batch
        if not found:
            return
        last = found[-1].seq


def take_in(
    engine: sa.Engine, parts: Iterable[Part], plans: Iterable[Plan], *, actor: str, folders: tuple[str, str]
) -> Merged:
    """File plans and parts, and copy the traces of these from one folder to the other.

    Raises LedgerError if a run is there with another content; the runs before it stay, and a second try goes on.
    """
    source, planned = iter(parts), iter(plans)
    runs = seen = calculations = traces = decisions = compared = fresh = 0
    while some := list(islice(planned, _PLANS)):
        fresh += append_plans(engine, some, actor)
    while batch := list(islice(source, _BATCH)):
        seen += len(batch)
        runs += append_bundles(engine, (bundle for bundle, _later in batch), actor)
        for bundle, later in batch:
            if later.calculations:
                calculations += append_calculations(engine, later.calculations, later.factors, actor)
            if later.decisions:
                decisions += append_decisions(engine, later.decisions, actor)
            if later.comparison is not None:
                compared += append_comparisons(engine, [later.comparison], actor)
            traces += sum(_copy(trace.path, trace.sha256, *folders) for trace in bundle.traces)
    return Merged(
        runs=runs,
        present=seen - runs,
        calculations=calculations,
        traces=traces,
        plans=fresh,
        decisions=decisions,
        compared=compared,
    )


def _copy(path: str, sha256: str, source: str, target: str) -> bool:
    """Copy a trace file that is whole and not there yet; one that is gone is for `verify` to name."""
    place = os.path.join(target, os.path.basename(path))
    if os.path.exists(place) or trace_problem(path, sha256, source):
        return False
    found = path if os.path.exists(path) else os.path.join(source, os.path.basename(path))
    with open(found, "rb") as file:
        write_atomically(place, lambda copy: shutil.copyfileobj(file, copy))
    return True
