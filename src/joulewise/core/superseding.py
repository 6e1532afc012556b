"""Which of many rows hold: those that nothing supersedes, and one of those that supersede the same row.

Two writers may each supersede a row without seeing the other's, and ledgers that did so may be merged: the last then
holds, so that nothing is told or added up twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Link = tuple[str, str | None]
"""A row's id, and the id of the row that it supersedes."""


def holding(rows: Iterable[Link]) -> set[str]:
    """The ids that hold, given the links with later rows last."""
    before = dict(rows)
    replaced = {one for one in before.values() if one is not None}
    return set({_first(id, before): id for id in before if id not in replaced}.values())


def ring_of(rows: Iterable[Link]) -> str | None:
    """The id of a row that supersedes itself, at once or by way of others; None if there is none.

    In a ring every row is superseded, so that none of them would hold.
    """
    before = dict(rows)
    ends: set[str] = set()  # from here on the chains are known to end
    for id in before:
        walked: dict[str, None] = {}
        here: str | None = id
        while here is not None and here not in ends:
            if here in walked:
                return here
            walked[here] = None
            here = before.get(here)
        ends.update(walked)
    return None


def _first(id: str, before: Mapping[str, str | None]) -> str:
    """The row that a chain of superseding ones began with; of a ring, which no ledger takes, any."""
    seen = {id}
    while (older := before.get(id)) is not None and older not in seen:
        seen.add(older)
        id = older
    return id
