"""Files runs that another tool recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from joulewise.core.errors import NotFound
from joulewise.core.records import Bundle
from joulewise.ledger.codecarbon import TAG, read_codecarbon, superseding
from joulewise.ledger.query import Page, RunQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many runs were new and how many were there; every line that could not be taken, and why."""

    runs: int
    present: int
    problems: tuple[str, ...]


class Store(Protocol):
    """What an import needs of a ledger."""

    def append(self, bundle: Bundle, *, actor: str = "") -> bool:
        """File a bundle."""
        ...

    def bundle(self, run_id: str) -> Bundle:
        """A filed bundle."""
        ...

    def runs(self, query: RunQuery) -> Page:
        """A list of runs."""
        ...


def import_codecarbon(store: Store, path: str, *, kind: str, actor: str) -> Imported:
    """File the runs of an emissions.csv. A longer row of a run that was filed before supersedes it."""
    found = read_codecarbon(path, kind=kind)
    runs = sum(_import(store, bundle, actor) for bundle in found)
    return Imported(runs=runs, present=len(found) - runs, problems=found.problems)


def _import(store: Store, bundle: Bundle, actor: str) -> bool:
    if _is_there(store, bundle.run.id):
        return False
    run_id = bundle.run.tags.get(TAG)
    earlier = store.runs(RunQuery(tag=f"{TAG}={run_id}", sort="duration_s", limit=1)).rows if run_id else ()
    if earlier and earlier[0].duration_s >= bundle.run.duration_s:
        return False
    return store.append(superseding(bundle, earlier[0].id) if earlier else bundle, actor=actor)


def _is_there(store: Store, run_id: str) -> bool:
    try:
        store.bundle(run_id)
    except NotFound:
        return False
    return True
