"""The compact tables behind the CPU power model, and their records.

Reads:  data/cpu_families.tsv (a row per family), data/cpu_model.tsv (what all families share), both written by
        tools/derive_cpu_model.py, and data/cpu_ids.tsv (CPUID or MIDR to family, kept by hand).
Format: tab-separated, `#` starts a comment line, the first other line names the columns, numbers of a list are joined
        by commas. No csv or json: the tables are read on the measuring path, where an import costs more than a parse.
"""

from __future__ import annotations

import os

from joulewise.core.errors import NotFound
from joulewise.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = 11
"""Load levels of every curve: 0, 10 ... 100 %."""
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
_LARGEST_BYTES = 1 << 20
GENERIC, CLIENT = "generic", "client"
"""Keys of the rows for a CPU that no table knows: server-like, and desktop or laptop."""


class Family(Frozen):
    """What is known of one CPU family. Watts are the whole server's at the wall, per physical core.

    `cores_per_chip`, `sockets`, `ghz` and `gb_per_core` describe the server that the watts belong to; other sizes
    are reached by the slopes of `Shared`, more memory by `dram_w_per_gb`. `low_spread`, `high_spread` scale the
    95 % bounds. `shape` is (P - idle)/(max - idle) at 0, 10 ... 100 % load. `basis` is loads (its own results at each
    load level), ends (idle and full load only, the shape is borrowed) or generic (no result of its own).
    """

    key: str
    name: str
    method: str
    basis: str
    results: int
    idle_w_per_core: float
    max_w_per_core: float
    cores_per_chip: float
    sockets: float
    ghz: float
    gb_per_core: float
    dram_w_per_gb: float
    threads_per_core: int
    low_spread: float
    high_spread: float
    shape: tuple[float, ...]
    source: str


class Shared(Frozen):
    """What all families share. The slopes are exponents or log ratios; docs/explanation/equations/cpu-model.md.

    `low_log`, `high_log`: 95 % bounds of ln(truth / estimate) per load level, for a spread of 1.
    `vm_ratio`: bounds of a virtual machine's share of an unknown host. `fleet_idle_ratio`, `fleet_max_ratio`: how far
    a server in the field may lie above a tuned benchmark result, idle and at full load.
    """

    version: str
    idle_cores_slope: float
    idle_single_slope: float
    idle_ghz_slope: float
    max_cores_slope: float
    max_ghz_slope: float
    dram_low_w_per_gb: float
    dram_high_w_per_gb: float
    vm_ratio: float
    fleet_idle_ratio: float
    fleet_max_ratio: float
    low_log: tuple[float, ...]
    high_log: tuple[float, ...]


def family(key: str, folder: str = FOLDER) -> Family:
    """The row of one family. Raises NotFound with the list of keys."""
    for cells in _rows(os.path.join(folder, "cpu_families.tsv"), key):
        return _family(cells)
    raise NotFound(f"no CPU family {key!r}", hint=f"one of {', '.join(family_keys(folder))}")


def family_keys(folder: str = FOLDER) -> list[str]:
    """The keys of all families, in the table's order."""
    return [cells[0] for cells in _rows(os.path.join(folder, "cpu_families.tsv"))]


def shared(folder: str = FOLDER) -> Shared:
    """The row that all families share."""
    cells = next(iter(_rows(os.path.join(folder, "cpu_model.tsv"))))
    return Shared(
        version=cells[0],
        **dict(zip(tuple(Shared.__annotations__)[1:-2], map(float, cells[1:-2]), strict=True)),
        low_log=_numbers(cells[-2]),
        high_log=_numbers(cells[-1]),
    )


def ids(vendor: str, family: int, folder: str = FOLDER) -> Iterator[list[str]]:
    """Rows of cpu_ids.tsv of one vendor and CPU family (a number).

    A row: vendor, family, first and last model, first and last stepping, key, name; all numbers hexadecimal.
    """
    return _rows(os.path.join(folder, "cpu_ids.tsv"), f"{vendor}\t{family:x}")


def _rows(path: str, key: str | None = None) -> Iterator[list[str]]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(file, _LARGEST_BYTES).decode()
    finally:
        os.close(file)
    data = [line for line in text.split("\n") if line and line[0] != "#"][1:]
    for line in data:
        if key is None or line.startswith(f"{key}\t"):
            yield line.split("\t")


def _family(cells: list[str]) -> Family:
    key, name, method, basis, results, *numbers, shape, source = cells
    idle, full, cores, sockets, ghz, gb, dram, threads, low, high = map(float, numbers)
    return Family(
        key=key,
        name=name,
        method=method,
        basis=basis,
        results=int(results),
        idle_w_per_core=idle,
        max_w_per_core=full,
        cores_per_chip=cores,
        sockets=sockets,
        ghz=ghz,
        gb_per_core=gb,
        dram_w_per_gb=dram,
        threads_per_core=int(threads),
        low_spread=low,
        high_spread=high,
        shape=_numbers(shape),
        source=source,
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))
