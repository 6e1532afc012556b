"""The report as a table for terminals: plain text by default, colour and box lines where the terminal has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import StringIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from joulewise.report.digits import share
from joulewise.report.escape import plain, to_ascii
from joulewise.report.view import Grid, Notice, Row, RunView, Section

NARROWEST_NOTES = 24
"""With fewer columns left the notes move under the figures."""
_GAP = 3
METHOD_WIDTH = 8
_QUIET_FACTS = ("Run", "Kind", "Status", "Started", "Ended", "CPUs seen", "Ranks", "Measured as")
"""The other documents have them; most stand in the table's head already."""
PHASES, OTHERS = "Phases", "Other measurements"
_QUIET_GRIDS = ("Meters", "Factors", "What the methods mean")
"""Left out of the table: `--format markdown`, `html` and `json` have them, and `explain` says it better."""


class TableExporter:
    """Draws a RunView, or a Grid, as text of `width` columns. `ascii_only` keeps to ASCII; `color` uses ANSI codes.

    `brief` keeps to the figures that are known and to the phases.
    """

    name = "table"
    suffix = ".txt"

    def __init__(self, *, width: int = 100, color: bool = False, ascii_only: bool = False, brief: bool = False) -> None:
        self._width = max(width, 20)
        self._color = color
        self._ascii = ascii_only
        self._brief = brief

    def render(self, view: object) -> str:
        """The whole report. Raises TypeError for anything else than a RunView or a Grid."""
        if isinstance(view, Grid):
            return self._drawn(self._list(view))
        if not isinstance(view, RunView):
            raise TypeError(f"want a RunView or a Grid, got {type(view).__name__}")
        if self._brief:
            return self._drawn(self._brief_parts(view))
        widths = _Widths.of(view, self._width)
        parts: list[object] = [Text(plain(view.title), style="bold"), self._subtitle(view)]
        parts += [self._notice(notice) for notice in view.notices]
        for block in view.blocks:
            if isinstance(block, Section):
                parts += [Text(""), self._section(block, widths)]
            elif block.title not in _QUIET_GRIDS:
                drawn = self._grid(block)
                title = [] if isinstance(drawn, Text) else [Text(plain(block.title), style="bold")]
                parts += [Text(""), *title, drawn]
        parts += [Text(""), self._facts(view)]
        return self._drawn(parts)

    def _list(self, grid: Grid) -> list[object]:
        """A table, and which of its columns had no room: none vanishes in silence."""
        drawn = self._grid(grid)
        if isinstance(drawn, Text) or len(drawn.columns) == len(grid.columns):
            return [drawn]
        full = [
            column for number, column in enumerate(grid.columns) if any(str(_cell(line[number])) for line in grid.rows)
        ]
        left = narrowed(grid, self._width).columns
        gone = [column for column in full if column not in left]
        if not gone:
            return [drawn]
        told = f"No room for {', '.join(gone)}: a wider terminal or --output json shows more."
        return [drawn, Text(""), Text(plain(told), style="dim")]

    def _brief_parts(self, view: RunView) -> list[object]:
        parts: list[object] = [Text(plain(view.title), style="bold"), self._subtitle(view)]
        parts += [self._notice(notice) for notice in view.notices if notice.level == "warning"]
        sections = [block for block in view.blocks if isinstance(block, Section) and block.title != OTHERS]
        by_label = {row.label: row for section in reversed(sections) for row in section.rows[::-1] if row.figure}
        # of two alike the run's own, not that of a run below
        known = tuple(replace(row, note="", coverage=None) for row in reversed(by_label.values()))
        widths = replace(_Widths.of(view, self._width), notes=0)
        parts += [Text(""), self._section(Section(title="What", rows=known), widths)]
        phases = [block for block in view.blocks if isinstance(block, Grid) and block.title.startswith(PHASES)]
        for grid in phases:
            parts += [Text(""), self._grid(grid)]
        grids = dict.fromkeys(row.note for row in view.rows() if row.key == "operational_g.location")
        metered = view.bundle.run.coverage
        told = [*grids, "" if metered is None else f"{share(metered)} of the time metered"]
        return [*parts, Text(""), Text(plain("; ".join(filter(None, told))), style="dim")]

    def steps(self, row: Row) -> str:
        """A figure and the tree of `how computed` under it."""
        title = Text(plain(f"{row.label} ({row.key})"), style="bold")
        if row.how is None:
            return self._drawn([title, Text(plain(f"{row.shown}. Try: {row.cure}"), style="yellow")])
        lines: list[object] = [title]
        for depth, one in row.how.walk():
            pad = 2 * depth
            head = Text(plain(one.name), style="bold" if depth == 0 else "cyan")
            if one.shown:
                head.append(f" = {plain(one.shown)}", style="none")
            lines.append(Padding(head, (0, 0, 0, pad)))
            body = [one.text, *one.details]
            lines += [Padding(Text(plain(line), style="dim"), (0, 0, 0, pad + 4)) for line in body if line]
        return self._drawn(lines)

    def _drawn(self, parts: list[object]) -> str:
        console = Console(
            file=StringIO(),
            width=self._width,
            force_terminal=self._color,
            no_color=not self._color,
            color_system="standard" if self._color else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        with console.capture() as captured:
            for part in parts:
                console.print(part)
        text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
        return to_ascii(text) if self._ascii else text

    def _subtitle(self, view: RunView) -> Text:
        moment = view.started_at.isoformat(sep=" ", timespec="seconds")
        return Text(f"{view.run_id} · {view.bundle.run.kind} · {view.status} · {moment}", style="dim")

    def _notice(self, notice: Notice) -> Text:
        text = Text("! " if notice.level == "warning" else "  ", style="bold yellow")
        text.append(plain(notice.text), style="yellow" if notice.level == "warning" else "dim")
        if notice.cure:
            text.append(f" Try: {plain(notice.cure)}", style="dim")
        return text

    def _section(self, section: Section, widths: _Widths) -> Table:
        table = self._table()
        table.add_column(section.title, width=widths.label, overflow="fold")
        table.add_column("Figure (95 % bounds)", width=widths.figure, overflow="fold")
        if widths.method:
            table.add_column("Method", width=METHOD_WIDTH)
        if widths.notes:
            table.add_column("Notes", style="dim", overflow="fold", width=widths.notes)
        for row in section.rows:
            figure = Text(plain(row.shown), style="bold" if row.figure else "yellow")
            beside = [Text(row.method)] if widths.method else []
            notes = plain(_notes(row))
            if widths.notes:
                beside.append(Text(notes))
            else:
                below = " · ".join(part for part in ("" if widths.method else row.method, notes) if part)
                figure.append(f"\n{below}" if below else "", style="dim not bold")
            table.add_row(Text(plain(row.label)), figure, *beside)
        return table

    def _grid(self, grid: Grid) -> Table | Text:
        whole, grid = grid, narrowed(grid, self._width)
        if needed_width(grid) > self._width:
            return _as_records(whole)
        table = self._table()
        for column in grid.columns:
            right = column in grid.numeric
            table.add_column(plain(column), justify="right" if right else "left", overflow="fold", no_wrap=right)
        for line in grid.rows:
            table.add_row(*(_cell(cell) for cell in line))
        return table

    def _facts(self, view: RunView) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in (fact for fact in view.facts if fact[0] not in _QUIET_FACTS):
            table.add_row(Text(plain(name)), Text(plain(text)))
        return table

    def _table(self) -> Table:
        lines = box.ASCII if self._ascii else box.SIMPLE_HEAD
        return Table(box=lines, header_style="bold", pad_edge=False, show_edge=False, expand=False, safe_box=True)


@dataclass(frozen=True, slots=True)
class _Widths:
    """Columns of the figure tables, alike for all of them; what has no room of its own stands under the figure."""

    label: int
    figure: int
    method: bool
    notes: int

    @classmethod
    def of(cls, view: RunView, width: int) -> _Widths:
        rows = [row for block in view.blocks if isinstance(block, Section) for row in block.rows]
        label = min(max((len(row.label) for row in rows), default=0), 40, width * 2 // 5)
        longest = max((len(row.shown) for row in rows if row.figure), default=20)
        rest = width - label - _GAP
        notes = rest - max(longest, 20) - METHOD_WIDTH - 2 * _GAP
        if notes >= NARROWEST_NOTES:
            return cls(label, max(longest, 20), True, notes)
        beside = rest - METHOD_WIDTH - _GAP
        return cls(label, beside, True, 0) if beside >= longest else cls(label, rest, False, 0)


def narrowed(grid: Grid, width: int) -> Grid:
    """The table without as many of its spare columns as have no room, those on the right first."""
    for column in reversed([column for column in grid.columns if column in grid.spare]):
        if needed_width(grid) <= width:
            break
        grid = without(grid, frozenset({column}))
    return grid


def without(grid: Grid, names: frozenset[str]) -> Grid:
    """The table without some columns."""
    kept = [at for at, column in enumerate(grid.columns) if column not in names]
    lines = tuple(tuple(line[at] for at in kept) for line in grid.rows)
    return replace(grid, columns=tuple(grid.columns[at] for at in kept), rows=lines)


def _cell(cell: Row | str) -> Text:
    return Text(plain(cell.shown if isinstance(cell, Row) else cell))


def needed_width(grid: Grid) -> int:
    """The columns that the table takes if no figure is broken over two lines; text may break, not below 14."""
    widths = []
    for number, column in enumerate(grid.columns):
        cells = [line[number] for line in grid.rows]
        whole = isinstance(cells[0], Row) or column in grid.numeric if cells else False
        longest = max((len(str(_cell(cell))) for cell in cells), default=0)
        heads = [column] if column in grid.numeric else column.split()
        widths.append(max(longest if whole else min(longest, 14), *map(len, heads)))
    return sum(widths) + 3 * (len(widths) - 1)


def _as_records(grid: Grid) -> Text:
    """A wide table for a narrow terminal: a block a line of it, a line a cell."""
    text = Text(plain(grid.title), style="bold")
    for line in grid.rows:
        text.append(f"\n{_cell(line[0])}")
        for column, cell in zip(grid.columns[1:], line[1:], strict=True):
            if str(_cell(cell)):
                text.append(f"\n  {plain(column)}: {_cell(cell)}", style="not bold")
    return text


def _notes(row: Row) -> str:
    if row.figure is None:
        return f"try: {row.cure}" if row.cure else ""
    gaps = row.coverage is not None and row.coverage < 1 and row.attribution  # a calculation has that of its energy
    metered = f"{share(row.coverage or 0.0)} metered" if gaps else ""
    return "; ".join(part for part in (row.note, metered) if part)
