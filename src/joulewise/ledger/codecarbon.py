"""Reads the emissions.csv that CodeCarbon writes, of any version: kg become g, kWh become J.

What it means: `energy_consumed` mixes counters, formulas and constants and does not say which, so the method is
`reported` and the band wide. Below: its formulas for machines without counters err by up to 57 % for nine in ten
SPECpower results. Above: with counters, it reported 0.44 of what a wall meter read at the 5th percentile (0.72 in the
median), and a straight line through these runs is at most 1.24 of what it reported, and 50 W. Both are recomputed, the
second from 318 runs on one machine (raphischer/ai-energy-validation). The bounds of emissions are those of the energy:
CodeCarbon doesn't say how sure its intensity is. Zeros stand for "not read" there, hence are left out here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import isfinite

from joulewise.core.errors import LedgerError
from joulewise.core.figures import REPORTED, Figure
from joulewise.core.records import Bundle, Measurement, Run
from joulewise.core.ulid import new_ulid
from joulewise.core.units import g_from_kg, j_from_kwh

TAG = "codecarbon_run_id"
LOW_RATIO, HIGH_RATIO = 1 - 0.57, 1 / 0.44
WALL_SLOPE, WALL_OFFSET_W = 1.24, 50.0
_NEEDED = ("timestamp", "duration", "emissions", "energy_consumed")
_COMPONENTS = {"cpu_energy": "cpu", "gpu_energy": "gpu", "ram_energy": "dram"}
_NAIVE = "CodeCarbon's timestamps name no time zone: taken as UTC"
_INTENSITY = "the bounds of the emissions hold CodeCarbon's energy error only, not that of its grid intensity"


class ImportedRuns(list[Bundle]):
    """The runs of a file; `problems` names every line that could not be taken, and why."""

    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: dict[str, str]
    ended_at: datetime
    duration_s: float

    @property
    def run_id(self) -> str:
        """Versions before 2.0 have an experiment_id only."""
        return self.cells.get("run_id") or self.cells.get("experiment_id") or ""


def read_codecarbon(path: str, *, kind: str = "train") -> ImportedRuns:
    """A run for each tracker in the file; the same file gives the same ids. `kind` is what CodeCarbon doesn't say.

    Of several rows of one run_id, which are running totals or come from a fork, the longest counts.
    Raises LedgerError if the file can't be read or is none of CodeCarbon's.
    """
    problems: list[str] = []
    kept: dict[str, _Line] = {}
    doubles: dict[str, int] = {}
    for line in _lines(path, problems):
        key = line.run_id or f"line {line.number}"
        shorter, longer = sorted((kept.get(key, line), line), key=lambda one: (one.duration_s, one.number))
        if shorter is not longer:
            doubles[key] = doubles.get(key, 0) + 1
            problems.append(f"line {shorter.number}: line {longer.number} is the same run {line.run_id}, and longer")
        kept[key] = longer
    found = ImportedRuns(_bundle(line, kind, doubles.get(key, 0)) for key, line in kept.items())
    found.problems = tuple(problems)
    return found


def _lines(path: str, problems: list[str]) -> Iterator[_Line]:
    header: list[str] = []
    for number, cells in _cells(path, problems):
        if cells[0] == "timestamp":  # the first line, or that of a second writer in the middle
            header = cells
        if not header or not set(_NEEDED) <= set(header):
            raise LedgerError(f"{path} is not an emissions.csv of CodeCarbon", hint="give the file that has a header")
        if cells[0] == "timestamp":
            continue
        if len(cells) != len(header):
            problems.append(f"line {number}: {len(cells)} cells, the header has {len(header)}")
            continue
        try:
            yield _checked(number, dict(zip(header, cells, strict=True)))
        except ValueError as error:
            problems.append(f"line {number}: {error}")


def _cells(path: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    problems.append(f"line {reader.line_num}: {error}")
                    continue
                if cells:
                    yield reader.line_num, cells
    except (OSError, ValueError) as error:
        raise LedgerError(f"can't read {path!r}: {error}", hint="check the path") from error


def _checked(number: int, cells: dict[str, str]) -> _Line:
    """Raises ValueError, naming the column, for a row whose cells are shifted or cut."""
    for name in ("duration", "emissions", "energy_consumed", *_COMPONENTS):
        _number(cells, name)
    try:
        ended_at = datetime.fromisoformat(cells["timestamp"])
    except ValueError:
        raise ValueError(f"timestamp is {cells['timestamp']!r:.60}") from None
    duration_s = _number(cells, "duration")
    if duration_s is None:
        raise ValueError("duration is empty")
    aware = ended_at if ended_at.utcoffset() is not None else ended_at.replace(tzinfo=UTC)
    try:
        aware - timedelta(seconds=duration_s)
    except OverflowError:
        raise ValueError(f"duration is {duration_s}") from None
    return _Line(number, cells, aware, duration_s)


def _number(cells: dict[str, str], name: str) -> float | None:
    """The finite number >= 0 of a column, None if it is empty or not there."""
    text = cells.get(name, "").strip()
    if text in ("", "nan", "None"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise ValueError(f"{name} is {text!r:.60}")
    return value


def _bundle(line: _Line, kind: str, doubles: int) -> Bundle:
    content = "\n".join(f"{name}={value}" for name, value in sorted(line.cells.items()))
    seed = sha256(f"{line.run_id}\n{line.cells['timestamp']}\n{content}".encode("utf-8", "surrogateescape")).digest()
    id = new_ulid(round(line.ended_at.timestamp() * 1e9) if line.ended_at.timestamp() > 0 else 0, seed[:10])
    project = line.cells.get("project_name", "")
    warnings = [_INTENSITY] if _number(line.cells, "emissions") else []
    if datetime.fromisoformat(line.cells["timestamp"]).utcoffset() is None:
        warnings.append(_NAIVE)
    if doubles:
        warnings.append(f"{doubles} shorter rows of the same run_id were left out")
    run = Run(
        id=id,
        kind=kind,
        name=project or "codecarbon",
        status="finished",
        started_at=line.ended_at - timedelta(seconds=line.duration_s),
        ended_at=line.ended_at,
        duration_s=line.duration_s,
        project=project,
        tags={TAG: line.run_id} if line.run_id else {},
        environment={"codecarbon": {name: value for name, value in line.cells.items() if value}},
        warnings=tuple(warnings),
    )
    return Bundle(run=run, measurements=tuple(_measurements(run, line)))


def _measurements(run: Run, line: _Line) -> Iterator[Measurement]:
    energies = {"total": "energy_consumed", **{component: name for name, component in _COMPONENTS.items()}}
    for component, name in energies.items():
        energy_kwh = _number(line.cells, name)
        if energy_kwh:
            yield _measurement(run, line, "energy_j", component, j_from_kwh(energy_kwh), "J")
    emissions_kg = _number(line.cells, "emissions")
    if emissions_kg:
        yield _measurement(run, line, "emissions_g", "total", g_from_kg(emissions_kg), "g")


def _measurement(run: Run, line: _Line, quantity: str, component: str, value: float, unit: str) -> Measurement:
    version = line.cells.get("codecarbon_version", "")
    id = new_ulid(0, sha256(f"{run.id} {quantity} {component}".encode()).digest()[:10])
    return Measurement(
        id=id,
        run_id=run.id,
        quantity=quantity,
        component=component,
        figure=_band(value, unit, line),
        meter=f"codecarbon {version}".strip(),
        attribution="machine" if line.cells.get("tracking_mode") == "machine" else None,
        boundary="node",
        pue_included=(_number(line.cells, "pue") or 1.0) > 1.0,
    )


def _band(value: float, unit: str, line: _Line) -> Figure:
    """The value as reported, bounds relative to the total energy; see the head of this file."""
    total_j = j_from_kwh(_number(line.cells, "energy_consumed") or 0.0)
    offset = WALL_OFFSET_W * line.duration_s / total_j if total_j else 0.0
    high_ratio = max(HIGH_RATIO, WALL_SLOPE + offset)
    return Figure(
        value=value,
        low=value * LOW_RATIO,
        high=value * high_ratio,
        unit=unit,
        method=REPORTED,
        source=f"CodeCarbon emissions.csv, line {line.number}",
    )


def superseding(bundle: Bundle, run_id: str) -> Bundle:
    """The bundle as the successor of a run that was imported when its tracker was still going."""
    return replace(bundle, run=replace(bundle.run, supersedes=run_id))
