"""A bar for work that takes longer than two seconds, on a terminal; silent elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from joulewise.app.cli.terminal import Terminal


@contextmanager
def progress_bar(terminal: Terminal) -> Iterator[Callable[[float, str], None]]:
    """`report(share, text)`: how much is done (0..1), and what is going on."""
    if not sys.stderr.isatty() or terminal.loudness < 0:
        yield lambda share, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not terminal.colored(sys.stderr))
    columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=1.0)

        def report(share: float, text: str) -> None:
            width = max(20, console.width - 40)
            progress.update(task, completed=share, description=text if len(text) <= width else text[: width - 1] + "…")

        yield report
