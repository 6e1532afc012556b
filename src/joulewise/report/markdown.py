"""The report as GitHub-flavoured Markdown, for a pull request, a model card or a wiki."""

from __future__ import annotations

from collections.abc import Sequence

from joulewise.report.digits import share
from joulewise.report.escape import markdown
from joulewise.report.view import Grid, Notice, Row, RunView, Section, Step


class MarkdownExporter:
    """Draws a RunView, or a Grid, as Markdown; other people's text comes out as text, never as markup."""

    name = "markdown"
    suffix = ".md"

    def render(self, view: object) -> str:
        """The whole document. Raises TypeError for anything else than a RunView or a Grid."""
        if isinstance(view, Grid):
            return f"{_grid(view)}\n"
        if not isinstance(view, RunView):
            raise TypeError(f"want a RunView or a Grid, got {type(view).__name__}")
        parts = [f"# {markdown(view.title)}", _subtitle(view)]
        parts += [_notice(notice) for notice in view.notices]
        for block in view.blocks:
            parts.append(f"## {markdown(block.title)}")
            parts.append(_section(block) if isinstance(block, Section) else _grid(block))
            if block.note:
                parts.append(markdown(block.note))
        parts += ["## How computed", *_how(view), "## Environment", _facts(view)]
        return "\n\n".join(parts) + "\n"

    def steps(self, rows: Sequence[Row]) -> str:
        """Figures with the tree of `how computed` under each."""
        return "\n\n".join(map(_explained, rows)) + "\n"


def _explained(row: Row) -> str:
    if row.how is None:
        return f"## {markdown(row.label)}\n\n{markdown(row.shown)}. Try: {markdown(row.cure)}"
    return f"## {markdown(row.label)}\n\n{_tree(row.how)}"


def _subtitle(view: RunView) -> str:
    head = " · ".join(markdown(row.shown) for row in view.headline)
    return f"**{head}**\n\nRun {markdown(view.run_id)}, {markdown(view.status)}, bounds are 95 % intervals."


def _notice(notice: Notice) -> str:
    cure = f" Try: {markdown(notice.cure)}" if notice.cure else ""
    return f"> **{notice.level.capitalize()}:** {markdown(notice.text)}{cure}"


def _section(section: Section) -> str:
    lines = [_line("Figure", "Value (95 % bounds)", "Method", "Metered", "Notes"), "|---|---|---|---:|---|"]
    for row in section.rows:
        metered = "" if row.coverage is None else share(row.coverage)
        notes = row.note if row.figure else f"try: {row.cure}"
        lines.append(_line(markdown(row.label), markdown(row.shown), row.method, metered, markdown(notes)))
    return "\n".join(lines)


def _grid(grid: Grid) -> str:
    marks = ("---:" if column in grid.numeric else "---" for column in grid.columns)
    lines = [_line(*map(markdown, grid.columns)), f"|{'|'.join(marks)}|"]
    lines += [_line(*map(_cell, line)) for line in grid.rows]
    return "\n".join(lines)


def _cell(cell: Row | str) -> str:
    text = cell.shown if isinstance(cell, Row) else cell
    indent = len(text) - len(text.lstrip(" "))
    return "&emsp;" * (indent // 2) + markdown(text.strip())


def _how(view: RunView) -> list[str]:
    """A list a headline figure; the tree of the other figures is `joulewise explain`'s."""
    parts = [_tree(row.how) for row in view.headline if row.how is not None]
    return [*parts, f"Every figure down to its raw counters: `joulewise explain {view.run_id}:FIGURE`"]


def _tree(how: Step) -> str:
    lines = []
    for depth, step in how.walk():
        worth = f" = {markdown(step.shown)}" if step.shown else ""
        text = f": {markdown(step.text)}" if step.text else ""
        lines.append(f"{'  ' * depth}- {markdown(step.name)}{worth}{text}")
        lines += [f"{'  ' * (depth + 1)}- {markdown(detail)}" for detail in step.details]
    return "\n".join(lines)


def _facts(view: RunView) -> str:
    lines = [_line("What", "Value"), "|---|---|"]
    return "\n".join(lines + [_line(markdown(name), markdown(text)) for name, text in view.facts])


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
