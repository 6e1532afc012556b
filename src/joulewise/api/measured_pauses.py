"""What saving and restoring took in earlier runs of the same name, for the next plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joulewise.core.errors import LedgerError, NotFound
from joulewise.core.plans import in_words
from joulewise.schedule import profile as profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from joulewise.core.settings import Settings
    from joulewise.schedule import Request

QUANTILE = 0.9
"""Of what earlier runs took: a pause that takes longer than planned must still leave time for the work."""
MOST_RUNS = 50
_DEFAULT, _MEASURED = "assumed", "measured"


def as_measured(request: Request, name: str, settings: Settings) -> tuple[Request, list[str]]:
    """The request with the costs of a pause as measured, if it asks for that and they are known; and what to say.

    The job's own power is taken while it saves and restores.
    """
    if request.max_runs == 1 or not request.pauses_as_measured:
        return request, []
    tags = list(_tags(name, settings)) if name else []
    save_s, restore_s = _values(tags, "save_s"), _values(tags, "restore_s")
    found = replace(
        request,
        save_s=profiles.quantile_s(save_s, QUANTILE) if save_s else request.save_s,
        restore_s=profiles.quantile_s(restore_s, QUANTILE) if restore_s else request.restore_s,
    )
    return found, [_told(found, len(save_s), len(restore_s), name)]


def _told(found: Request, saves: int, restores: int, name: str) -> str:
    methods = [_MEASURED if count else _DEFAULT for count in (saves, restores)]
    text = f"a pause takes {in_words(found.save_s)} to save ({methods[0]}) and {in_words(found.restore_s)} to restore"
    runs = max(saves, restores)
    where = f" in {runs} earlier run{'s' * (runs != 1)} of {name}" if runs else ""
    return f"{text} ({methods[1]}){where}; --save, --restore to say otherwise"


def _values(tags: Iterable[Mapping[str, str]], name: str) -> list[float]:
    found = []
    for one in tags:
        try:
            found.append(float(one[name]))
        except (KeyError, ValueError):  # not paused, or a tag of the user's own
            continue
    return [one for one in found if 0 <= one < float("inf")]


def _tags(name: str, settings: Settings) -> Iterable[Mapping[str, str]]:
    """The tags of the tasks of exactly that name, newest first."""
    from joulewise import api
    from joulewise.ledger import RunQuery

    try:
        with api.current_ledger(settings) as ledger:
            rows = ledger.runs(RunQuery(name=name, roots_only=True, limit=MOST_RUNS, count=False)).rows
    except (LedgerError, NotFound):
        return
    yield from (row.tags for row in rows if row.name == name and "task" in row.tags)
