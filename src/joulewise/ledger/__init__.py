"""One store of runs: append-only, hash-chained, SQLite or PostgreSQL.

`open(url)` gives a Ledger: append, list, sum, resolve, export, merge, verify. Importing this room loads SQLAlchemy, so
a measured process never does.
"""

from __future__ import annotations

from joulewise.ledger.codecarbon import ImportedRuns, read_codecarbon
from joulewise.ledger.importing import Imported
from joulewise.ledger.merging import Merged
from joulewise.ledger.query import Page, RunQuery, RunRow
from joulewise.ledger.store import Ledger, open
from joulewise.ledger.summing import Totals
from joulewise.ledger.traces import read_trace, write_trace
from joulewise.ledger.verifying import Verification

__all__ = [
    "Imported",
    "ImportedRuns",
    "Ledger",
    "Merged",
    "Page",
    "RunQuery",
    "RunRow",
    "Totals",
    "Verification",
    "open",
    "read_codecarbon",
    "read_trace",
    "write_trace",
]
