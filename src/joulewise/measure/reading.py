"""Reads journals back: every valid line is kept, every other one is named. Not imported by a measured process.

A journal is trusted line by line (CRC), so a torn end, a hole or a foreign byte costs that line and no other.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from joulewise.core.channels import Channel
from joulewise.core.errors import JournalError
from joulewise.measure.facts import boot_id, machine_id, start_ticks
from joulewise.measure.journal import FORMAT

SILENT_S = 600.0
"""A session writes a line at least once a minute: who is silent for ten is dead."""

Series = list[tuple[int, int]]
"""(monotonic µs, cumulative count), in the order of reading; a gap is simply not there."""


@dataclass(slots=True)
class JournalData:
    """One process's journal. `final` is None if the process has not ended properly; `problems` names broken lines."""

    path: str
    header: dict[str, Any]
    channels: dict[str, Channel] = field(default_factory=dict)
    counts: dict[str, Series] = field(default_factory=dict)
    cpu_us: Series = field(default_factory=list)
    busy_us: Series = field(default_factory=list)
    steal_us: Series = field(default_factory=list)
    suspended_us: Series = field(default_factory=list)
    moments_us: dict[int, int] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    phase_ends: dict[str, int] = field(default_factory=dict)
    unit_counts: dict[str, float] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    final: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)

    def moment_us(self, seq: int) -> int:
        """When a snapshot was taken; where its line is damaged, the next one that is whole, or else the last."""
        if seq in self.moments_us:
            return self.moments_us[seq]
        return self.moments_us[min((later for later in self.moments_us if later > seq), default=max(self.moments_us))]

    @property
    def start_us(self) -> int:
        """Monotonic µs of the first snapshot."""
        return min(self.moments_us.values(), default=int(self.header["monotonic_us"]))

    @property
    def end_us(self) -> int:
        """Monotonic µs of the last snapshot."""
        return max(self.moments_us.values(), default=int(self.header["monotonic_us"]))


def read(path: str) -> JournalData:
    """Read a journal file. Raises JournalError if it can't be opened or holds no header."""
    try:
        with open(path, "rb") as file:
            return parse(file.read(), path)
    except OSError as error:
        raise JournalError(f"can't read {path}: {error.strerror}") from error


def parse(content: bytes, path: str = "") -> JournalData:
    """Make sense of a journal's bytes. Raises JournalError if no valid header is there."""
    data: JournalData | None = None
    problems: list[str] = []
    keys: list[str] = []
    for kind, payload in valid_lines(content, problems):
        try:
            if kind == "H":
                header = json.loads(payload)
                if header["format"] != FORMAT:
                    raise JournalError(f"{path} has format {header['format']}", hint="upgrade joulewise")
                data = JournalData(path=path, header=header)
                keys = _take_channels(data, header["channels"])
            elif data is None:
                problems.append(f"a {kind} line stands before the header")
            elif kind == "C":
                keys = _take_channels(data, json.loads(payload)["channels"])
            elif kind == "T":
                _take_snapshot(data, payload.split(), keys)
            else:
                _take_event(data, kind, json.loads(payload))
        except (ValueError, KeyError, TypeError, IndexError) as error:  # valid CRC, foreign content
            problems.append(f"a {kind} line makes no sense ({error!r})")
    if data is None:
        raise JournalError(f"{path or 'the journal'} holds no valid header ({'; '.join(problems[:3]) or 'empty'})")
    data.problems = problems
    return data


def valid_lines(content: bytes, problems: list[str]) -> Iterator[tuple[str, str]]:
    """(kind, payload) of each line whose CRC is right; the others are left out and named in `problems`."""
    for number, line in enumerate(content.split(b"\n"), 1):
        body, _, crc = line.rpartition(b" ")
        if not line:
            continue
        if len(crc) != 8 or b"%08x" % crc32(body) != crc:
            problems.append(f"line {number} is damaged ({len(line)} bytes)")
            continue
        kind, _, payload = body.decode("ascii", "replace").partition(" ")
        yield kind, payload


def _take_channels(data: JournalData, listed: list[dict[str, Any]]) -> list[str]:
    for values in listed:
        channel = Channel(**values)
        data.channels.setdefault(channel.key, channel)
        data.counts.setdefault(channel.key, [])
    return [values["key"] for values in listed]


def _take_snapshot(data: JournalData, fields: list[str], keys: list[str]) -> None:
    if len(fields) != 7 + len(keys):
        raise ValueError(f"{len(fields)} fields for {len(keys)} channels")
    numbers = [None if text == "-" else int(text) for text in fields]
    seq, now_us, suspended, _, cpu = numbers[:5]
    if seq is None or now_us is None or suspended is None:
        raise ValueError("a clock is missing")
    data.moments_us[seq] = now_us
    data.suspended_us.append((now_us, suspended))
    for series, count in (
        (data.cpu_us, cpu),
        (data.busy_us, numbers[5]),
        (data.steal_us, numbers[6]),
        *((data.counts[key], count) for key, count in zip(keys, numbers[7:], strict=True)),
    ):
        if count is not None:
            series.append((now_us, count))


def _take_event(data: JournalData, kind: str, payload: dict[str, Any]) -> None:
    if kind == "P":
        data.phases.append(payload)
    elif kind == "E":
        data.phase_ends[payload["id"]] = payload["seq"]
    elif kind == "N":
        data.unit_counts = {unit: float(count) for unit, count in payload["counts"].items()}
    elif kind == "L":
        data.metrics.append(payload)
    elif kind == "K":
        data.warnings.append(payload["text"])
    elif kind == "F":
        data.final = payload


def is_alive(data: JournalData) -> bool:
    """True while the process that writes the journal still runs: same boot, same pid, same start.

    Of a process on another machine (a shared home) or in another container only its file tells: it grows each tick.
    """
    host = data.header["host"]
    if (host["name"], host["machine_id"]) != (os.uname().nodename, machine_id()):
        return os.path.exists(data.path) and time.time() - os.stat(data.path).st_mtime < SILENT_S
    if data.header["boot_id"] != boot_id():
        return False
    process = data.header["process"]
    return bool(start_ticks(process["pid"]) == process["start_ticks"])


def journals_in(folder: str) -> list[str]:
    """The journal files of one run, sorted."""
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".jnl"))
