"""Accelerators and processors by name, from public data sheets: rated power, peak FLOP/s by precision, memory.

Reads:  data/hardware.csv, each row with source, address and licence, and in `checked` which of its figures a second,
        independent source was found to print, and where; "not confirmed" rests on the named data sheet alone.
Traps:  a board is not a chip (TPU, K80); data sheets print FLOP/s with sparsity, ours are dense; TDP is no mean draw.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from joulewise.core.errors import NotFound, UndefinedFigure, UsageError
from joulewise.core.figures import REPORTED, Figure, exact

PRECISIONS = ("fp32", "tf32", "fp16", "fp8", "int8")
"""fp16 stands for bf16 as well: their tensor peaks are alike."""
_MAKERS = re.compile(r"^(nvidia|amd|intel|google|geforce|tesla|instinct|quadro)\s+", re.IGNORECASE)
_TEXT = re.compile(r"^\s*(.+?)\s*(?::\s*(\d+))?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """One kind of device. `kind` is gpu, tpu, cpu or edge. `tdp` is rated power in W; `idle` and `mean` (of whole
    systems, per device, as published) are None where nobody says. `peak` is dense FLOP/s by precision."""

    name: str
    kind: str
    tdp: Figure
    source: str
    url: str
    licence: str
    version: str
    idle: Figure | None = None
    mean: Figure | None = None
    memory: Figure | None = None
    peak: Mapping[str, Figure]
    checked: str = ""
    note: str = ""

    @property
    def doubts(self) -> str:
        """What nobody else was found to print, in words; "" if all was confirmed."""
        return "; ".join(part.strip() for part in self.checked.split(";") if "not confirmed" in part)

    def peak_of(self, precision: str) -> Figure:
        """Dense peak in FLOP/s. Raises UndefinedFigure, naming what is known, for a precision without a figure."""
        found = self.peak.get({"bf16": "fp16"}.get(precision, precision))
        if found is None:
            known = ", ".join(self.peak) or "none"
            raise UndefinedFigure(f"no peak of {self.name} at {precision} is known", hint=f"known: {known}")
        return found


@cache
def catalogue() -> tuple[Hardware, ...]:
    """All hardware, in the order of the table."""
    text = files("joulewise.compare").joinpath("data").joinpath("hardware.csv").read_text(encoding="utf-8")
    return tuple(_made(row) for row in csv.DictReader(text.splitlines()))


def hardware_of(text: str) -> tuple[Hardware, int]:
    """ "A100:8" is eight of them. Raises NotFound with the nearest names, UsageError for a count of zero."""
    found = _TEXT.match(text)
    if not found:
        raise UsageError("no hardware is named", hint="--hardware A100:8")
    name, count = found[1], int(found[2] or 1)
    if count < 1:
        raise UsageError(f"{text!r} is no device at all", hint=f"{name}:1")
    return _find(name), count


def _find(name: str) -> Hardware:
    keys = _by_key()
    if (key := _key(name)) in keys:
        return keys[key]
    near = dict.fromkeys(keys[one].name for one in get_close_matches(key, keys, n=8, cutoff=0.5))
    near.update(dict.fromkeys(one.name for one in catalogue() if key and key in _key(one.name)))
    hint = f"near: {', '.join(list(near)[:6])}" if near else "joulewise estimate --hardware list"
    raise NotFound(f"no hardware {name!r} in the table", hint=hint)


@cache
def _by_key() -> dict[str, Hardware]:
    """Every name and alias; a name of its own goes before another's alias."""
    text = files("joulewise.compare").joinpath("data").joinpath("hardware.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    aliases = {
        _key(alias): one
        for one, row in zip(catalogue(), rows, strict=True)
        for alias in row["aliases"].split(";")
        if alias
    }
    return aliases | {_key(one.name): one for one in catalogue()}


def _key(name: str) -> str:
    bare = name.strip()
    while _MAKERS.match(bare):
        bare = _MAKERS.sub("", bare)
    return re.sub(r"[\s\-_/]+", "", bare.casefold())


def _made(row: Mapping[str, str]) -> Hardware:
    source = f"{row['source']}, {row['url']}"

    def figure(column: str, unit: str, scale: float = 1.0, of: str = source) -> Figure | None:
        return exact(float(row[column]) * scale, unit, REPORTED, of) if row[column] else None

    tdp = figure("tdp_w", "W")
    assert tdp is not None  # every row has one
    peaks = {name: figure(f"{name}_tflop_per_s", "FLOP/s", 1e12) for name in PRECISIONS}
    return Hardware(
        name=row["name"],
        kind=row["kind"],
        tdp=tdp,
        idle=figure("idle_w", "W", of=row["idle_source"]),
        mean=figure(
            "mean_w", "W", of="Patterson et al. 2021, arXiv:2104.10350" if row["kind"] == "gpu" else row["note"]
        ),
        memory=figure("memory_gb", "bytes", 1e9),
        peak={name: peak for name, peak in peaks.items() if peak is not None},
        source=row["source"],
        url=row["url"],
        licence=row["licence"],
        version=row["version"],
        checked=row["checked"],
        note=row["note"],
    )
