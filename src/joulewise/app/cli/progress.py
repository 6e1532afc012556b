"""A bar on stderr for work that tells its share: done, what is going on, time left. Silent where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joulewise.app.cli.terminal import Terminal

Report = Callable[[float, str], None]


def _silent(_share: float, _text: str) -> None:
    """Nobody watches."""


@contextmanager
def progress_bar(terminal: Terminal) -> Iterator[Report]:
    """What to call with the share done (0..1) and what is being done; the bar is gone afterwards."""
    if not sys.stderr.isatty() or terminal.loudness < 0:
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    console = Console(stderr=True, no_color=not terminal.colored(sys.stderr))
    told = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
    )
    columns = (BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn(compact=True), told)
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=text)
