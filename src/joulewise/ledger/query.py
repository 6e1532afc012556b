"""What can be asked of the list of runs, and what comes back. No database here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import Figure
from joulewise.core.records import RUN_KINDS, RUN_STATUSES

SORTS = ("started_at", "duration_s", "energy_j", "emissions_g", "name")
MAX_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs, in which order. Empty means any.

    `name` is a beginning, `project` and `tag` ("key=value") are whole, `text` is looked for in the first 64 characters
    of name and project without regard to case, `since` and `until` are aware times and bound `started_at` as
    [since, until), `parent` and `group_key` are ids. `roots_only` leaves out runs that have a parent.
    Page by `cursor` (the `next` of the page before) or, slower, by `offset`; `limit` is 1 to 10,000.
    """

    kind: str | None = None
    status: str | None = None
    name: str | None = None
    project: str | None = None
    tag: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    parent: str | None = None
    group_key: str | None = None
    roots_only: bool = False
    include_superseded: bool = False
    sort: str = "started_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0
    cursor: str | None = None
    count: bool = True

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, (None, *RUN_KINDS))
        _one_of("status", self.status, (None, *RUN_STATUSES))
        _one_of("sort", self.sort, SORTS)
        if not 1 <= self.limit <= MAX_LIMIT or self.offset < 0:
            raise OutOfRange(f"want limit 1 to {MAX_LIMIT} and offset >= 0, got {self.limit} and {self.offset}")
        if self.tag is not None and "=" not in self.tag:
            raise UsageError(f"a tag to look for is KEY=VALUE, got {self.tag!r:.60}", hint="--tag team=vision")
        for bound in (self.since, self.until):
            if bound is not None and bound.utcoffset() is None:
                raise OutOfRange(f"want an aware time, got {bound}")

    @property
    def everything(self) -> bool:
        """True if no run is left out, but for superseded ones."""
        wanted = (self.kind, self.status, self.name, self.project, self.tag, self.since, self.until, self.text)
        return not any((*wanted, self.parent, self.group_key, self.roots_only))


def _one_of(name: str, value: str | None, known: tuple[str | None, ...]) -> None:
    if value not in known:
        raise UsageError(f"unknown {name} {value!r:.60}", hint=f"one of {', '.join(filter(None, known))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What a list shows of a run. `energy` is the total with its idle share where there is one, in J; `emissions` the
    latest location-based figure, in grams CO2e; their `source` is the id of the measurement or calculation."""

    id: str
    name: str
    kind: str
    status: str
    project: str
    started_at: datetime
    ended_at: datetime
    duration_s: float
    coverage: float | None
    energy: Figure | None
    energy_attribution: str | None
    emissions: Figure | None
    unit: str | None
    unit_count: float | None
    parent_id: str | None
    group_key: str | None
    host_id: str | None
    supersedes: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows, how many match in all (None if not counted), and the cursor of the next page (None at the end)."""

    rows: tuple[RunRow, ...]
    total: int | None
    next: str | None


def encode_cursor(key: tuple[Any, str]) -> str:
    """The place after a row, to be given back as it is."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Any, str]:
    """The sort value (None behind the last that has one) and id. Raises UsageError for anything but a `next`."""
    try:
        value, id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError) as error:
        raise UsageError("that is not a cursor", hint="give back the `next` of the page before") from error
    if not isinstance(id, str) or not isinstance(value, int | float | str | None):
        raise UsageError("that is not a cursor", hint="give back the `next` of the page before")
    return value, id
