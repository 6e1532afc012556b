"""The ledger: one store of runs, SQLite or PostgreSQL. Nothing in it is ever edited."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import TracebackType

import sqlalchemy as sa

from joulewise.core.errors import LedgerTampered
from joulewise.core.plans import Decision, Plan
from joulewise.core.records import Bundle, Calculation, Factor
from joulewise.core.settings import data_folder
from joulewise.core.variants import Comparison, Dataset, Model, Variant
from joulewise.ledger import engine as engines
from joulewise.ledger import (
    exporting,
    finding,
    importing,
    merging,
    plan_store,
    reading,
    resolving,
    schema,
    summing,
    variant_store,
    verifying,
    writing,
)
from joulewise.ledger.importing import Imported
from joulewise.ledger.listing import run_rows
from joulewise.ledger.merging import Merged
from joulewise.ledger.query import Page, RunQuery, RunRow
from joulewise.ledger.summing import Totals
from joulewise.ledger.verifying import Verification


def open(url: str, *, create: bool = True) -> Ledger:
    """Open the ledger at a URL or path, make it or bring its schema up to date if need be.

    Raises UsageError for a URL that can't be read, LedgerError with the cure for a place that won't do, LedgerSchema
    for a ledger of a newer joulewise, PluginMissing if PostgreSQL's driver is absent.
    """
    engine = engines.make_engine(url, create=create)
    try:
        schema.ensure(engine, create=create)
    except BaseException:  # Ctrl-C too must leave no connection behind; it goes on
        engine.dispose()
        raise
    return Ledger(engine)


class Ledger:
    """A ledger that is open; `open` makes it. Threads may share it, and a forked child gets connections of its own."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._pid = os.getpid()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        self._here().dispose()

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def trace_folder(self) -> str:
        """Where its traces lie: beside an SQLite file, in the user's data folder for PostgreSQL."""
        path = self._engine.url.database if self._engine.dialect.name == "sqlite" else None
        return os.path.join(os.path.dirname(path) if path else data_folder(os.environ), "traces")

    def append(self, bundle: Bundle, *, actor: str = "") -> bool:
        """File a bundle in one transaction; False if it is there already.

        Raises LedgerError if its run or one of its factors is there with another content, OutOfRange for a number
        that is not finite.
        """
        return writing.append_bundles(self._here(), [bundle], actor) == 1

    def append_many(self, bundles: Iterable[Bundle], *, actor: str = "") -> int:
        """File many bundles, some hundred a transaction; how many were new. Those before a refused one may stay."""
        return writing.append_bundles(self._here(), bundles, actor)

    def append_calculations(
        self, calculations: Sequence[Calculation], *, factors: tuple[Factor, ...] = (), actor: str = ""
    ) -> int:
        """File calculations of runs that are there, superseding older ones where they say so; how many were new.

        Raises NotFound for a run or a superseded calculation that is not there.
        """
        return writing.append_calculations(self._here(), calculations, factors, actor)

    def append_plan(self, plan: Plan, *, actor: str = "") -> bool:
        """File a plan, with the forecast that it was made from; False if it is there already.

        Raises LedgerError for an id that is no ULID, or that is there with another content.
        """
        return plan_store.append_plans(self._here(), [plan], actor) == 1

    def append_decision(self, decision: Decision, *, actor: str = "") -> bool:
        """File what became of a plan, superseding an older decision where it says so; False if it is there already.

        Raises NotFound for a run, a plan or a superseded decision that is not there, LedgerError as `append_plan`.
        """
        return plan_store.append_decisions(self._here(), [decision], actor) == 1

    def plan(self, id: str) -> Plan:
        """A plan as it was made. Raises NotFound."""
        with engines.reading(self._here()) as connection:
            return plan_store.read_plan(connection, id)

    def decisions(self, run_id: str | None = None, *, include_superseded: bool = False) -> tuple[Decision, ...]:
        """All decisions that hold, or those about a run, oldest first."""
        with engines.reading(self._here()) as connection:
            return plan_store.read_decisions(connection, run_id, include_superseded=include_superseded)

    def append_comparison(self, comparison: Comparison, *, actor: str = "") -> int:
        """File what a run that is there found out about models; how many variants and savings were new.

        Raises NotFound for a run or variant that is not there, LedgerError as `append_plan`.
        """
        return variant_store.append_comparisons(self._here(), [comparison], actor)

    def variants(self, *, run_id: str | None = None, model_id: str | None = None) -> tuple[Variant, ...]:
        """All variants that hold, or those of a run or a model, in the order of filing."""
        with engines.reading(self._here()) as connection:
            return variant_store.read_variants(connection, run_id=run_id, model_id=model_id)

    def compared(self, run_id: str) -> Comparison:
        """All that a run found out about models, superseded variants included."""
        with engines.reading(self._here()) as connection:
            return variant_store.read_comparison(connection, run_id)

    def model(self, id: str) -> Model:
        """A model as it was described last. Raises NotFound."""
        with engines.reading(self._here()) as connection:
            return variant_store.read_model(connection, id)

    def dataset(self, id: str) -> Dataset:
        """A dataset as it was described last. Raises NotFound."""
        with engines.reading(self._here()) as connection:
            return variant_store.read_dataset(connection, id)

    def bundle(self, run_id: str, *, include_superseded: bool = False) -> Bundle:
        """A run with all that was filed for it. Raises NotFound; `resolve` finds ids."""
        with engines.reading(self._here()) as connection:
            return reading.read_bundle(connection, run_id, include_superseded=include_superseded)

    def runs(self, query: RunQuery | None = None) -> Page:
        """A page of the list of runs."""
        with engines.reading(self._here()) as connection:
            return finding.find_page(connection, query or RunQuery())

    def children(self, run_id: str) -> tuple[RunRow, ...]:
        """The runs whose parent this is, oldest first."""
        return self._all(RunQuery(parent=run_id, descending=False, limit=10_000, count=False))

    def group(self, group_key: str) -> tuple[RunRow, ...]:
        """The ranks of one job, on whichever nodes, oldest first."""
        return self._all(RunQuery(group_key=group_key, descending=False, limit=10_000, count=False))

    def _all(self, query: RunQuery) -> tuple[RunRow, ...]:
        return self.runs(query).rows

    def rows(self, ids: Sequence[str]) -> tuple[RunRow, ...]:
        """The list's rows of these runs."""
        with engines.reading(self._here()) as connection:
            return run_rows(connection, list(ids))

    def factors(self, ids: Iterable[str]) -> tuple[Factor, ...]:
        """The stored factors of these ids; those that are not there are left out."""
        with engines.reading(self._here()) as connection:
            return reading.read_factors(connection, ids)

    def resolve(self, text: str) -> str:
        """The id of the run that a person means: "latest", an id, a name (its latest run), or an id's start or end.

        Raises NotFound with what comes near.
        """
        with engines.reading(self._here()) as connection:
            return resolving.resolve(connection, text)

    def totals(self, query: RunQuery | None = None) -> Totals:
        """Energy and emissions of the runs that match, children of a counted run left out.

        Raises UndefinedFigure if nothing matches or nothing was measured.
        """
        with engines.reading(self._here()) as connection:
            return summing.totals(connection, query or RunQuery())

    def export(self, query: RunQuery | None, format: str, path: str) -> int:
        """Write the runs that match as "json" (without loss), "csv" or "parquet"; how many they were.

        Raises UsageError, LedgerError, or PluginMissing for Parquet without pyarrow.
        """
        return exporting.export(self._here(), query or RunQuery(), format, path)

    def import_json(self, path: str, *, actor: str = "") -> Merged:
        """Take in a JSON export. Raises LedgerError if it is none, or a run is here with another content."""
        folders = (os.path.dirname(path), self.trace_folder)
        return merging.take_in(self._here(), *exporting.read_export(path), actor=actor, folders=folders)

    def import_codecarbon(self, path: str, *, kind: str = "train", actor: str = "") -> Imported:
        """Take in CodeCarbon's emissions.csv; again and again, if it grows. Raises LedgerError if it is none."""
        return importing.import_codecarbon(self, path, kind=kind, actor=actor)

    def merge(self, other_url: str, *, actor: str = "") -> Merged:
        """Take in all runs of another ledger, traces included; doing so twice changes nothing.

        Raises LedgerTampered if the other's chain is broken, LedgerError if a run is here with another content.
        """
        with open(other_url, create=False) as other:
            found = other.verify(traces=False)
            if not found.ok:
                raise LedgerTampered(f"{other.url}: {found.problems[0]}", hint="joulewise ledger verify tells more")
            folders = (other.trace_folder, self.trace_folder)
            source = other._here()
            parts, plans = merging.parts_of(source), merging.plans_of(source)
            return merging.take_in(self._here(), parts, plans, actor=actor, folders=folders)

    def verify(self, *, traces: bool = True, anchor: str | None = None) -> Verification:
        """Recompute the hash of every row and trace file. `anchor` is a `head` that was noted elsewhere earlier."""
        return verifying.verify(self._here(), trace_folder=self.trace_folder if traces else None, anchor=anchor)

    def _here(self) -> sa.Engine:
        if os.getpid() != self._pid:  # a forked child must not use, nor close, its parent's connections
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine
