"""What a report says, apart from how it looks: every exporter draws the same RunView.

A figure is always a Row: its text, method, bounds, boundary, and the tree of steps that lead to it.
What is not known is a Row as well, with the reason and the cure in place of the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from joulewise.core.figures import Figure
from joulewise.core.records import Bundle
from joulewise.core.variants import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of `how computed`: a name, what it is worth, how it was got, and the steps that it rests on.

    `kind` is calculation, measurement, factor, channel, setting or count; `details` are lines of sources and ids.
    """

    kind: str
    name: str
    shown: str = ""
    text: str = ""
    details: tuple[str, ...] = ()
    inputs: tuple[Step, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """This step and all below it, with their depth."""
        yield depth, self
        for step in self.inputs:
            yield from step.walk(depth + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure as it is shown, or the reason why there is none (`figure` is None, `reason` and `cure` are set).

    `key` is what `joulewise explain RUN:KEY` takes: the quantity with its unit, then attribution, component or basis.
    """

    key: str
    label: str
    figure: Figure | None = None
    shown: str = ""
    method: str = ""
    coverage: float | None = None
    boundary: str = ""
    pue_included: bool | None = None
    attribution: str = ""
    component: str = ""
    basis: str = ""
    phase: str = ""
    note: str = ""
    how: Step | None = None
    reason: str = ""
    cure: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under one heading."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table: a cell is text or a figure. `numeric` names the columns that stand right, `spare` those that a narrow
    page may leave out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Row | str, ...], ...]
    note: str = ""
    numeric: frozenset[str] = frozenset()
    spare: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a reader must know before he uses a figure: `level` is warning or note."""

    level: str
    text: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A phase as the chart shows it: seconds from the run's start; `depth` 0 is outermost."""

    name: str
    start_s: float
    end_s: float
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSeries:
    """Mean watts of intervals, a line a component of the machine; None is a gap. All lines are as long as `t_s`.

    `t_s` holds the ends of the intervals, seconds from the run's start; `mine_w` is our own share, () if unknown.
    """

    t_s: tuple[float, ...]
    power_w: tuple[tuple[str, tuple[float | None, ...]], ...]
    mine_w: tuple[float | None, ...] = ()
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run, ready to be shown. `bundle` is the record that everything here was made from, `comparison` what the run
    found out about models, None if nothing."""

    run_id: str
    title: str
    status: str
    started_at: datetime
    duration_s: float
    headline: tuple[Row, ...]
    blocks: tuple[Section | Grid, ...]
    notices: tuple[Notice, ...]
    facts: tuple[tuple[str, str], ...]
    power: PowerSeries | None
    bundle: Bundle
    comparison: Comparison | None = None

    def rows(self) -> Iterator[Row]:
        """Every figure of the report once, in the order of the report."""
        for block in self.blocks:
            yield from self.rows_of(block)

    def rows_of(self, block: Section | Grid) -> list[Row]:
        """The figures of one block."""
        if isinstance(block, Section):
            return list(block.rows)
        return [cell for line in block.rows for cell in line if isinstance(cell, Row)]
