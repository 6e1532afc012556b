"""Runs of the ledger, read back and made ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence

import joulewise.ledger as _ledger
import joulewise.report as _report
from joulewise.api import current_ledger
from joulewise.core.plans import Decision
from joulewise.core.records import Bundle
from joulewise.core.settings import Settings
from joulewise.core.variants import Comparison


def runs(query: _ledger.RunQuery | None = None, settings: Settings | None = None) -> _ledger.Page:
    """A page of the list of runs, newest first by default; what dead processes left is taken in first."""
    with current_ledger(settings) as ledger:
        return ledger.runs(query)


def bundle(run: str = "latest", settings: Settings | None = None) -> Bundle:
    """A run with everything that was filed with it. `run` is an id, a part of one, a name, or "latest".

    Raises NotFound with what comes near.
    """
    with current_ledger(settings) as ledger:
        return ledger.bundle(ledger.resolve(run))


def show(run: str = "latest", settings: Settings | None = None, *, equivalents: bool = False) -> _report.RunView:
    """A run ready to be drawn, with its children, its power trace and what it found out about models.

    `run` may also be the id of a variant, or a part of one: it is the run that measured it.
    """
    from joulewise.api.filing import MOST_CHILDREN

    with current_ledger(settings) as ledger:
        found = ledger.bundle(ledger.resolve(run))
        children = [ledger.bundle(row.id) for row in ledger.children(found.run.id)[:MOST_CHILDREN]]
        trace = trace_of(found, ledger.trace_folder)
        decisions = ledger.decisions(found.run.id)
        compared = ledger.compared(found.run.id)
        return view_of(found, children, trace=trace, equivalents=equivalents, decisions=decisions, comparison=compared)


def report(run: str = "latest", format: str = "html", settings: Settings | None = None) -> str:
    """A run as a document: html, markdown, json, csv, table, or any exporter that is installed."""
    import joulewise.report as room

    return room.draw_run(show(run, settings), format)


def explain(reference: str, settings: Settings | None = None) -> list[_report.Row]:
    """The figures that RUN:NAME means ("latest:emissions"), each with its `how`, down to the raw counters.

    Raises NotFound with the names that there are.
    """
    import joulewise.report as room

    run, name = room.split_reference(reference)
    return room.find_rows(show(run, settings), name)


def view_of(
    bundle: Bundle,
    children: Sequence[Bundle] = (),
    trace: _report.PowerTrace | None = None,
    *,
    equivalents: bool = False,
    decisions: Sequence[Decision] = (),
    comparison: Comparison | None = None,
) -> _report.RunView:
    """Any bundle ready to be drawn, filed or not."""
    import joulewise.report as room

    return room.view(bundle, children, trace, room.equivalents_of(bundle) if equivalents else (), decisions, comparison)


def trace_of(bundle: Bundle, folder: str) -> _report.PowerTrace | None:
    """The power trace; None, with a warning in the log, if its file is gone or unreadable."""
    from logging import getLogger

    from joulewise.core.errors import JoulewiseError
    from joulewise.ledger import read_trace

    if not bundle.traces:
        return None
    try:
        return read_trace(bundle.traces[-1], folder)
    except JoulewiseError as error:
        getLogger(__name__).warning("the power is not drawn: %s", error)
        return None
