"""The ledger itself: verified, merged, exported, filled from elsewhere."""

from __future__ import annotations

import os

import joulewise.ledger as _ledger
from joulewise.api import current_ledger, load_settings, open_ledger
from joulewise.core import settings as _settings
from joulewise.core.settings import Settings


def verify(settings: Settings | None = None, *, anchor: str | None = None) -> _ledger.Verification:
    """Recompute the hash of every row and trace; `anchor` is a `head` that was noted elsewhere earlier."""
    with open_ledger(settings) as ledger:
        return ledger.verify(anchor=anchor)


def merge(source: str, settings: Settings | None = None) -> _ledger.Merged:
    """File every run of another ledger (a path or URL) here too; what is here already stays as it is."""
    with open_ledger(settings) as ledger:
        return ledger.merge(source)


def export(path: str, format: str, query: _ledger.RunQuery | None = None, settings: Settings | None = None) -> int:
    """Write all runs that match to a file: json (everything), csv or parquet (a line a run); how many they were."""
    with current_ledger(settings) as ledger:
        return ledger.export(query, format, path)


def import_codecarbon(path: str, settings: Settings | None = None, *, kind: str = "train") -> _ledger.Imported:
    """File the runs of CodeCarbon's emissions.csv as `reported` figures; lines that can't be taken are named."""
    with open_ledger(settings) as ledger:
        return ledger.import_codecarbon(path, kind=kind)


def import_json(path: str, settings: Settings | None = None) -> _ledger.Merged:
    """File the runs of a JSON export of another ledger."""
    with open_ledger(settings) as ledger:
        return ledger.import_json(path)


def ledger_info(settings: Settings | None = None) -> dict[str, str | int | None]:
    """Where ledger and traces lie, and how many runs are filed or wait in the spool."""
    from joulewise.measure.spool import run_folders

    settings = settings or load_settings()
    spool = _settings.spool_folder(settings, os.environ)
    with open_ledger(settings) as ledger:
        return {
            "ledger": ledger.url,
            "traces": ledger.trace_folder,
            "runs": ledger.runs(_ledger.RunQuery(limit=1)).total,
            "spool": spool,
            "waiting": len(run_folders(spool)),
        }
