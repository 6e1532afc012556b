"""The runs below a run (sessions inside a measured command, ranks, trials): a list, and the parts of the few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from joulewise.core.records import Bundle, Calculation, Evaluation
from joulewise.report.carbon_rows import PER_UNIT, calculation_row
from joulewise.report.digits import number, seconds, shown
from joulewise.report.energy_rows import energy_size, find_energy, measured_row, phase_grid
from joulewise.report.how import Explainer
from joulewise.report.power import bands
from joulewise.report.view import Band, Grid, Row, Section

FEW = 3
"""Of so many runs below, phases, quality and functional units are shown in the report of the run above."""


def blocks_below(bundle: Bundle, children: Sequence[Bundle]) -> list[Section | Grid | None]:
    """What the runs below add to the report of the run above; their figures are never added to its own."""
    found: list[Section | Grid | None] = [children_grid(bundle, children)]
    for child in children if len(children) <= FEW else ():
        explainer = Explainer(child)
        found += [
            _renamed(block, child)
            for block in (_per_unit(child, explainer), phase_grid(child, explainer), evaluation_grid(child.evaluations))
            if block is not None
        ]
    return found


def bands_below(bundle: Bundle, children: Sequence[Bundle]) -> tuple[Band, ...]:
    """The phases of the runs below, on the clock of the run above; none if there are many runs."""
    if len(children) > FEW:
        return ()
    return tuple(
        replace(band, start_s=band.start_s + offset_s, end_s=band.end_s + offset_s)
        for child in children
        for offset_s in ((child.run.started_at - bundle.run.started_at).total_seconds(),)
        for band in bands(child)
        if band.start_s + offset_s >= 0
    )


def children_grid(bundle: Bundle, children: Sequence[Bundle]) -> Grid | None:
    """A line a run, its energy in the unit of the run above."""
    size_of = energy_size(bundle)
    lines = []
    for child in children:
        found = find_energy(child, "with_idle_share")
        row = measured_row(found, Explainer(child), child.run.name, size_of) if found else None
        energy = _keyed(row, child) if row else "not measured"
        carbon = next((one.figure for one in child.calculations if _is_headline(one)), None)
        lines.append(
            (child.run.name, child.run.status, seconds(child.run.duration_s), energy,
             shown(carbon) if carbon else "not computed", child.run.id)
        )  # fmt: skip
    columns = ("Name", "Status", "Duration", "Energy with idle share", "Carbon", "Run")
    return Grid(
        title="Runs below",
        columns=columns,
        rows=tuple(lines),
        numeric=frozenset(columns[2:]),
        spare=frozenset(("Status",)),
        note="Their energy is part of this run's, if this run's meters cover their machine; the two are not added.",
    ) if lines else None  # fmt: skip


def evaluation_grid(evaluations: Sequence[Evaluation]) -> Grid | None:
    """The last value of each metric; a series says how many were logged."""
    by_metric: dict[str, list[Evaluation]] = {}
    for one in evaluations:
        by_metric.setdefault(one.metric, []).append(one)
    lines = tuple(
        (
            metric,
            number(logged[-1].value),
            _bounds(logged[-1]),
            "" if logged[-1].n is None else str(logged[-1].n),
            str(len(logged)),
        )
        for metric, logged in by_metric.items()
    )
    columns = ("Metric", "Last value", "Bounds", "n", "Times logged")
    numeric = frozenset(columns[1:])
    return Grid(title="Quality", columns=columns, rows=lines, numeric=numeric) if lines else None


def _per_unit(child: Bundle, explainer: Explainer) -> Section | None:
    rows = [
        calculation_row(one, child, explainer)
        for one in child.calculations
        if one.name.endswith("_per_unit") and one.phase_id is None
    ]
    note = f"Counted in that run: {number(child.run.unit_count or 0)} × {child.run.unit or 'unit'}."
    return Section(title=PER_UNIT, rows=tuple(rows), note=note) if rows else None


def _renamed(block: Section | Grid, child: Bundle) -> Section | Grid:
    title = f"{block.title}, in {child.run.name or child.run.id}"
    if isinstance(block, Section):
        return replace(block, title=title, rows=tuple(_keyed(row, child) for row in block.rows))
    lines = tuple(tuple(_keyed(cell, child) if isinstance(cell, Row) else cell for cell in line) for line in block.rows)
    return replace(block, title=title, rows=lines)


def _keyed(row: Row, child: Bundle) -> Row:
    return replace(row, key=f"run.{child.run.id}.{row.key}")


def _is_headline(one: Calculation) -> bool:
    return one.name == "emissions_g" and one.phase_id is None and one.basis != "market"


def _bounds(one: Evaluation) -> str:
    if one.low is None or one.high is None:
        return "none given"
    return f"{number(one.low)} – {number(one.high)}"
