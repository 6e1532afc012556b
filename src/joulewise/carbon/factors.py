"""The factor set: find, list, compare and extend the numbers about the world that calculations use.

A set is never edited. `FactorSet.bundled()` comes with the package; `with_file` lays a user's CSV over it.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path

from joulewise.carbon import factor_rows
from joulewise.carbon.tables import by_key
from joulewise.carbon.zones import Zone, lookup, resolve
from joulewise.core.errors import FactorError, JoulewiseError
from joulewise.core.records import Factor

COLUMNS = tuple(field.name for field in fields(Factor))
"""Columns of a factor file; id, kind, zone, value, unit and source must be filled."""

_REQUIRED = ("id", "kind", "zone", "value", "unit", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorChange:
    """A difference between two sets; `before` is None for a new factor, `after` for one that is gone."""

    id: str
    before: Factor | None
    after: Factor | None


class FactorSet:
    """Factors by kind and zone. Extra factors come first: a user knows his own contract and machine best."""

    def __init__(self, extras: Sequence[Factor] = (), *, with_bundled: bool = True) -> None:
        self._extras = tuple(extras)
        self._with_bundled = with_bundled

    @staticmethod
    def bundled() -> FactorSet:
        """The set that comes with the package; the same object each time."""
        return _bundled()

    @property
    def id(self) -> str:
        """Name of the set: its version, and a hash of what the user added."""
        base = factor_rows.set_id() if self._with_bundled else "own"
        if not self._extras:
            return base
        text = "\n".join(repr(factor) for factor in self._extras)
        return f"{base}+{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def with_file(self, path: str | Path) -> FactorSet:
        """This set with the factors of a CSV file laid over it. Raises FactorError for a file that can't be read."""
        return FactorSet((*read_file(path), *self._extras), with_bundled=self._with_bundled)

    def resolve(self, text: str) -> Zone:
        """Zone of a name; zones of the user's own factors are taken as they are. Raises FactorError."""
        return self._lookup(text) or resolve(text)

    def find(self, kind: str, zone: str, year: int | None = None) -> Factor:
        """The factor of a kind for a zone, in the most recent year that is not after `year` (None: the newest).

        A factor without a resolution (a default, an equivalence) holds for any year. A cloud region stands for its
        grid zone where the kind is one of the grid's.
        Raises FactorError: unknown kind or zone, or every factor is younger than `year`.
        """
        if kind not in self.kinds():
            raise FactorError(f"unknown kind of factor {kind!r}", hint=", ".join(sorted(self.kinds())))
        found = self.get(kind, zone, year)
        if found is not None:
            return found
        candidates = self._candidates(kind, zone)
        if not candidates:
            raise FactorError(f"no {kind} factor for {zone!r}", hint=self._near(kind, zone))
        raise FactorError(
            f"no {kind} factor for {zone!r} in {year} or before",
            hint=f"the first is of {min(_year(factor) for factor in candidates)}; give your own in a factor file",
        )

    def get(self, kind: str, zone: str, year: int | None = None) -> Factor | None:
        """As `find`, but None where there is none: for those who have another zone to try."""
        fitting = [
            factor
            for factor in self._candidates(kind, zone)
            if year is None or not factor.resolution or _year(factor) <= year
        ]
        # the sort is stable: of one year the last, the user's, wins
        return sorted(fitting, key=_year)[-1] if fitting else None

    def list(self, kind: str | None = None, zone: str | None = None) -> tuple[Factor, ...]:
        """All factors, or those of a kind or zone, sorted by id."""
        found = (
            factor
            for factor in self._all(kind)
            if zone is None or factor.zone in (zone, self._canonical(factor.kind, zone))
        )
        return tuple(sorted(found, key=lambda factor: factor.id))

    def diff(self, other: FactorSet) -> tuple[FactorChange, ...]:
        """What differs from here to `other`, by id; the set's own name and hash don't count."""
        before = {_name(factor): factor for factor in self.list()}
        after = {_name(factor): factor for factor in other.list()}
        return tuple(
            FactorChange(id=id, before=before.get(id), after=after.get(id))
            for id in sorted(before.keys() | after.keys())
            if _content(before.get(id)) != _content(after.get(id))
        )

    def kinds(self) -> set[str]:
        """The kinds of factor in this set."""
        own = {factor.kind for factor in self._extras}
        return own | set(factor_rows.KINDS) if self._with_bundled else own

    def _candidates(self, kind: str, zone: str) -> Sequence[Factor]:
        for name in dict.fromkeys((zone, self._canonical(kind, zone))):
            own = [factor for factor in self._extras if (factor.kind, factor.zone) == (kind, name)]
            bundled = factor_rows.factors(kind, name) if self._with_bundled else []
            if own or bundled:
                return [*bundled, *own]
        return []

    def _lookup(self, text: str) -> Zone | None:
        if not any(factor.zone == text for factor in self._extras):
            return lookup(text)
        row = by_key("cloud_regions", "region").get(text) if self._with_bundled else None
        return Zone(row["zone"], text) if row else Zone(text)

    def _canonical(self, kind: str, zone: str) -> str:
        """Grid zone for the grid's kinds, region for the building's; the text itself if it names no place."""
        found = self._lookup(zone)
        if found is None:  # a device class or an equivalence
            return zone
        return found.region or found.zone if kind in ("pue", "wue") else found.zone

    def _all(self, kind: str | None) -> Iterator[Factor]:
        yield from (factor for factor in self._extras if kind in (None, factor.kind))
        for one in factor_rows.KINDS if self._with_bundled else ():
            if kind in (None, one):
                for name in factor_rows.zones(one):
                    yield from factor_rows.factors(one, name)

    def _near(self, kind: str, zone: str) -> str:
        from difflib import get_close_matches

        known = sorted({factor.zone for factor in self._all(kind)})
        close = get_close_matches(zone, known, n=5, cutoff=0.4)
        return f"one of {', '.join(close or known[:8])}; joulewise factors list --kind {kind}"


@cache
def _bundled() -> FactorSet:
    return FactorSet()


def _year(factor: Factor) -> int:
    return int(factor.valid_from[:4]) if factor.valid_from else 0


def _name(factor: Factor) -> str:
    """The id without the hash of its set or row: the same factor in another edition."""
    return factor.id.partition("@")[0]


def _content(factor: Factor | None) -> Factor | None:
    return None if factor is None else replace(factor, id=_name(factor), set_id="", sha256="")


@lru_cache(maxsize=16)
def _read_bytes(path: str, raw: bytes) -> tuple[Factor, ...]:
    rows = list(csv.DictReader(raw.decode("utf-8").splitlines()))
    if not rows:
        raise FactorError(f"{path} holds no factor", hint=f"a CSV with columns {', '.join(COLUMNS)}")
    digest = hashlib.sha256(raw).hexdigest()
    return tuple(_own_factor(path, number, row, digest) for number, row in enumerate(rows, start=2))


def read_file(path: str | Path) -> tuple[Factor, ...]:
    """Factors of a CSV file with COLUMNS; empty low and high mean no doubt. Raises FactorError with the line."""
    try:
        return _read_bytes(str(path), Path(path).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise FactorError(f"can't read factors from {path}: {error}", hint="a CSV file in UTF-8") from error


def _own_factor(path: str, number: int, row: dict[str, str], digest: str) -> Factor:
    """One row as a factor. Its id gets a hash of the row, so that a changed number is another factor in the ledger."""
    where = f"{path}, line {number}"
    unknown = sorted(str(name) for name in row if name not in COLUMNS)
    missing = [name for name in _REQUIRED if not row.get(name)]
    if unknown or missing:
        what = f"unknown column {', '.join(unknown)}" if unknown else f"no {', '.join(missing)}"
        raise FactorError(f"{where}: {what}", hint=f"columns are {', '.join(COLUMNS)}")
    text = {name: row.get(name) or "" for name in COLUMNS if name not in ("value", "low", "high")}
    text |= {"set_id": text["set_id"] or "own", "method": text["method"] or "reported", "sha256": digest}
    text["resolution"] = text["resolution"] or ("annual" if text["valid_from"] else "")
    try:
        value = float(row["value"])
        text["id"] += f"@{hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:8]}"
        factor = Factor(value=value, low=float(row.get("low") or value), high=float(row.get("high") or value), **text)
        factor.as_figure()
        _year(factor)
    except (ValueError, JoulewiseError) as error:
        raise FactorError(f"{where}: {error}", hint="want numbers with low <= value <= high") from error
    return factor
