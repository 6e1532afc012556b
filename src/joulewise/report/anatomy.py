"""What compared models are made of: parameters, operations, file, cold start, memory traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from joulewise.core.figures import Figure
from joulewise.report.bench_view import BenchRow, BenchView
from joulewise.report.digits import number, share
from joulewise.report.listing import Listing, figure_fields, simple
from joulewise.report.measures import ABSENT, alone

_SIZES = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"), (1.0, "FLOP"))
_COUNTED = "FLOP are of one row, a multiply-accumulate (MAC) counts as 2"
_DASH = "a dash where the model compares or can't be counted"


def anatomy(view: BenchView) -> Listing:
    """The narrow table of what each model is; it has no records, those of the leaderboard say it all."""
    columns = ("Variant", "Size", "Parameters", "FLOP", "Cold start", "Bytes moved", "Runtime")
    lines = [
        (
            row.name,
            alone(row.size),
            ABSENT if row.parameters is None else f"{row.parameters:,}",
            flop_words(row.flop, row.flop_covered),
            alone(row.cold_start),
            alone(row.bytes_moved),
            row.runtime or ABSENT,
        )
        for row in view.rows
    ]
    known = [at for at in range(len(columns)) if at == 0 or any(line[at] != ABSENT for line in lines)]
    heads, cells = (tuple(columns[at] for at in known), [tuple(line[at] for at in known) for line in lines])
    grid = simple("Models", heads, cells, numeric=columns[1:-1], spare=("Runtime",))
    return Listing(grid=grid, records=())


def has_anatomy(view: BenchView) -> bool:
    """Whether anything of it is known."""
    return any(row.size or row.parameters is not None or row.flop or row.cold_start for row in view.rows)


def flop_words(flop: Figure | None, covered: float | None) -> str:
    """ "5.9 MFLOP", "≥ 5.9 MFLOP" where not all operators could be counted, a dash where none could."""
    if flop is None:
        return ABSENT
    size, unit = next((one for one in _SIZES if flop.value >= one[0]), _SIZES[-1])
    at_least = "≥ " if covered is not None and covered < 1 else ""
    return f"{at_least}{number(float(f'{flop.value / size:.3g}'))} {unit}"


def told_of_models(view: BenchView) -> Iterator[str]:
    """How the operations were counted, and of whom only a part of them."""
    if any(row.flop for row in view.rows):
        absent = f"; {_DASH}" if any(row.flop is None for row in view.rows) else ""
        yield f"{_COUNTED}{absent}."
    partly: dict[str, list[str]] = {}
    for row in view.rows:
        if row.flop and row.flop_covered is not None and row.flop_covered < 1:
            partly.setdefault(share(row.flop_covered), []).append(row.name)
    for covered, names in partly.items():
        yield f"Only {covered} of the operators could be counted, so that FLOP are a lower bound: {', '.join(names)}."


def anatomy_fields(row: BenchRow) -> dict[str, Any]:
    """The fields of a record."""
    return {
        "parameter_count": row.parameters,
        **figure_fields("forward", "flop", row.flop),
        "flop_covered_ratio": row.flop_covered,
        **figure_fields("cold_start", "s", row.cold_start),
        **figure_fields("moved_per_inference", "bytes", row.bytes_moved),
    }
