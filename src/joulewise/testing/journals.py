"""Build journals line by line, as a measured process writes them: for tests of what reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from joulewise.core.channels import Channel
from joulewise.core.frozen import as_dict
from joulewise.core.settings import Settings
from joulewise.core.ulid import new_ulid
from joulewise.measure.facts import boot_id, machine_id
from joulewise.measure.journal import FORMAT, as_json, line_of

WALL_US = 1_700_000_000_000_000
START_US = 5_000_000_000


class JournalBuilder:
    """`tick(at_s, cpu_s, busy_s, counts)` adds a snapshot; `content()` is the file.

    Times and CPU times are seconds from the start; counts are raw. None is a gap.
    """

    def __init__(self, channels: Sequence[Channel] = (), **header: Any) -> None:
        settings = header.pop("settings", {})
        self.lines: list[bytes] = []
        self.seq = -1
        self.header: dict[str, Any] = {
            "format": FORMAT,
            "joulewise": "0.0.0",
            "run_id": new_ulid(WALL_US * 1000),
            "parent_id": None,
            "group_key": None,
            "leads": True,
            "name": "built",
            "kind": "train",
            "unit": None,
            "unit_count": None,
            "project": "",
            "tags": {},
            "seed": None,
            "mode": "process",
            "settings": {key: value for key, value in as_dict(Settings(**settings)).items() if key != "origins"},
            "process": {
                "pid": 2**22 + 1,
                "start_ticks": 1,
                "command": ["python", "train.py"],
                "python": "3.11.0",
                "environment": {},
                "git": {},
            },
            "host": {
                "machine_id": machine_id(),
                "name": os.uname().nodename,
                "machine": "x86_64",
                "kernel": "6.0",
                "cpu_count": 4,
                "memory_kb": 8_000_000,
            },
            "cpus": 4,
            "boot_id": boot_id(),
            "share": 1.0,
            "share_source": "the whole machine",
            "wall_us": WALL_US,
            "monotonic_us": START_US,
            "channels": [as_dict(channel) for channel in channels],
            **header,
        }
        self.record("H", self.header)

    def record(self, kind: str, payload: Mapping[str, Any]) -> JournalBuilder:
        """Any JSON line."""
        self.lines.append(line_of(kind, as_json(payload)))
        return self

    def tick(
        self, at_s: float, cpu_s: float = 0.0, busy_s: float | None = 0.0, counts: Iterable[int | None] = ()
    ) -> JournalBuilder:
        """A snapshot."""
        self.seq += 1
        at_us = round(at_s * 1e6)
        busy = None if busy_s is None else round(busy_s * 1e6)
        fields = [self.seq, START_US + at_us, 0, WALL_US + at_us, round(cpu_s * 1e6), busy, 0, *counts]
        self.lines.append(line_of("T", " ".join("-" if field is None else str(field) for field in fields)))
        return self

    def phase(self, name: str, first: int, last: int | None, phase_id: str | None = None) -> JournalBuilder:
        """A phase between two snapshots that are written already; None: it never ended."""
        phase_id = phase_id or new_ulid(WALL_US * 1000)
        self.record("P", {"id": phase_id, "name": name, "parent_id": None, "seq": first})
        return self if last is None else self.record("E", {"id": phase_id, "seq": last})

    def end(self, status: str = "finished", exit_code: int | None = None) -> JournalBuilder:
        """The final line."""
        return self.record("F", {"seq": self.seq, "status": status, "exit_code": exit_code})

    def content(self) -> bytes:
        """The journal's bytes."""
        return b"".join(self.lines)
