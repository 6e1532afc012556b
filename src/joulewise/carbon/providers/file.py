"""Intensities of your own, from a CSV or Parquet file.

Columns: zone, start, intensity_g_per_kwh; and as you have them end, low_g_per_kwh, high_g_per_kwh, kind, basis, scope,
         status, issued_at, source, licence.
Traps:   a time without a zone is refused, since on the night that clocks change it would mean two hours or none; an
         empty intensity is a gap; rows after now count as a forecast; two rows for one time are refused, not guessed.
Needs:   the setting intensity_file; pyarrow (joulewise[parquet]) for Parquet.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from joulewise.carbon.providers.answers import band, in_order, number_of, step_of
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.zones import lookup
from joulewise.core.errors import FactorError, JoulewiseError, PluginMissing, ProviderUnavailable
from joulewise.core.signals import Signal

COLUMNS = (
    "zone", "start", "end", "intensity_g_per_kwh", "low_g_per_kwh", "high_g_per_kwh", "kind", "basis", "scope",
    "status", "issued_at", "source", "licence",
)  # fmt: skip
_NEEDED = ("zone", "start", "intensity_g_per_kwh")
MOST_G_PER_KWH = 1e5
"""A hundred times the dirtiest coal: what is beyond is in another unit."""
_SHARE = 0.1
"""Band of a value whose file gives none: judgement."""
_CURE = "columns " + ", ".join(_NEEDED) + ", times as 2026-01-31T13:00Z"

Row = Mapping[str, Any]


class IntensityFile:
    """See the module. The file is read anew when it has changed."""

    name = "file"
    local = True
    kinds = ("average", "marginal")

    def __init__(self, context: SourceContext | None = None) -> None:
        self._context = context or SourceContext()
        self._path = Path(self._context.file).expanduser()
        self._read_at_ns = -1
        self._by_zone: dict[str, list[Signal]] = {}

    def signals(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Rows that overlap [start, end), forecasts aside; see the Protocol."""
        return in_order([one for one in self._of(zone) if one.status != "forecast"], start, end)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Signal]:
        """Rows of status forecast, and any row that ends after now, as of the file's time."""
        now = self._context.now()
        rows = self._of(zone)  # reads the file, and with it its time
        made = datetime.fromtimestamp(self._read_at_ns / 1e9, UTC)
        ahead = [one for one in rows if one.status == "forecast" or one.end > now]
        return in_order(
            [replace(one, status="forecast", issued_at=one.issued_at or min(made, now)) for one in ahead], start, end
        )

    def _of(self, zone: str) -> list[Signal]:
        self._refresh()
        if zone not in self._by_zone:
            raise FactorError(
                f"{self._path.name} has no zone {zone}", hint=f"it has {', '.join(sorted(self._by_zone)) or 'no rows'}"
            )
        return self._by_zone[zone]

    def _refresh(self) -> None:
        if not self._context.file:
            raise ProviderUnavailable("no file is named", hint="set intensity_file to a CSV or Parquet file")
        try:
            about = self._path.stat()
            if not (S_ISREG(about.st_mode) or S_ISDIR(about.st_mode)):  # a device or a pipe might never end
                raise ProviderUnavailable(f"{self._path} is no file", hint="a CSV or Parquet file")
            changed_ns = about.st_mtime_ns
            if changed_ns != self._read_at_ns:
                self._by_zone = _by_zone(self._path)
                self._read_at_ns = changed_ns
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ProviderUnavailable(f"can't read {self._path}: {error}", hint="see intensity_file") from None


def _by_zone(path: Path) -> dict[str, list[Signal]]:
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
    parsed: dict[str, list[tuple[str, datetime, Row]]] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path.name}, row {number}"
        missing = [name for name in _NEEDED if name not in row]
        if missing:
            raise ProviderUnavailable(f"{where}: no {', '.join(missing)}", hint=_CURE)
        found = lookup(str(row["zone"]))
        zone = found.zone if found else str(row["zone"])
        parsed.setdefault(zone, []).append((where, _moment(row["start"], where), row))
    return {zone: _series(zone, sorted(lines, key=lambda line: line[1])) for zone, lines in parsed.items()}


def _series(zone: str, lines: Sequence[tuple[str, datetime, Row]]) -> list[Signal]:
    step = step_of(start for _, start, _ in lines)
    found: list[Signal] = []
    latest: dict[tuple[str, str, str], datetime] = {}
    for where, start, row in lines:
        end = _moment(row["end"], where) if row.get("end") else start + step
        value = number_of(row["intensity_g_per_kwh"])
        if value is None:
            if row["intensity_g_per_kwh"] not in (None, ""):
                raise ProviderUnavailable(f"{where}: {row['intensity_g_per_kwh']!r} is no number", hint=_CURE)
            continue
        most = max(value, *(number_of(row.get(name)) or 0.0 for name in ("low_g_per_kwh", "high_g_per_kwh")))
        if most > MOST_G_PER_KWH:
            raise ProviderUnavailable(
                f"{where}: {most:g} g/kWh is more than any plant emits ({MOST_G_PER_KWH:g} at most)",
                hint="intensities are in grams per kilowatt-hour",
            )
        signal = _signal(zone, start, end, value, row, where)
        if start < latest.get(signal.type, start):
            raise ProviderUnavailable(f"{where}: it overlaps the row before it", hint=_CURE)
        latest[signal.type] = end
        found.append(signal)
    return found


def _signal(zone: str, start: datetime, end: datetime, value: float, row: Row, where: str) -> Signal:
    low, high = band(value, _SHARE)
    given = number_of(row.get("low_g_per_kwh")), number_of(row.get("high_g_per_kwh"))
    try:
        return Signal(
            zone=zone,
            start=start,
            end=end,
            intensity_g_per_kwh=value,
            low_g_per_kwh=low if given[0] is None else given[0],
            high_g_per_kwh=high if given[1] is None else given[1],
            kind=row.get("kind") or "average",
            basis=row.get("basis") or "lifecycle",
            scope=row.get("scope") or "consumption",
            status=row.get("status") or "measured",
            source=row.get("source") or f"file {where.partition(',')[0]}",
            licence=row.get("licence") or "",
            issued_at=_moment(row["issued_at"], where) if row.get("issued_at") else None,
        )
    except JoulewiseError as error:
        raise ProviderUnavailable(f"{where}: {error.message}", hint=_CURE) from None


def _moment(value: Any, where: str) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ProviderUnavailable(f"{where}: {value!r} is no time", hint=_CURE) from None
    if moment.utcoffset() is None:
        raise ProviderUnavailable(f"{where}: {value!r} has no time zone", hint=_CURE)
    return moment.astimezone(UTC)


def _csv_rows(path: Path) -> Iterable[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def _parquet_rows(path: Path) -> Iterable[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PluginMissing("Parquet files need pyarrow", hint="pip install 'joulewise[parquet]'") from error
    try:
        rows: list[Row] = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowException as error:
        raise ProviderUnavailable(f"can't read {path}: {error}", hint="a Parquet file") from None
    return rows
