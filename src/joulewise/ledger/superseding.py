"""Which of many rows hold: those that nothing supersedes, and one of those that supersede the same row.

Two writers may each supersede a row without seeing the other's, and ledgers that did so may be merged: the last then
holds, so that nothing is told or added up twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def holding(rows: Iterable[tuple[str, str | None]]) -> set[str]:
    """The ids that hold of (id, the id that it supersedes), later rows last."""
    before = dict(rows)
    replaced = {one for one in before.values() if one is not None}
    return set({_first(id, before): id for id in before if id not in replaced}.values())


def _first(id: str, before: Mapping[str, str | None]) -> str:
    """The row that a chain of superseding ones began with; of a ring, which no program writes, any."""
    seen = {id}
    while (older := before.get(id)) is not None and older not in seen:
        seen.add(older)
        id = older
    return id
