"""What `run` and `watch` do when the work has ended: say it, write it, and leave as the command left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joulewise.app.cli.files import format_of, write_text
from joulewise.core.errors import JoulewiseError

if TYPE_CHECKING:
    from joulewise.api import Outcome
    from joulewise.app.cli.terminal import Terminal


def finish(terminal: Terminal, outcome: Outcome, output: str, reports: tuple[str, ...]) -> None:
    """Write what was asked for; then end this process exactly as the command ended, whatever went wrong here."""
    try:
        _tell(terminal, outcome, output, reports)
    except JoulewiseError as error:
        terminal.say(f"joulewise: {error}", level=-1)
    if outcome.exit is not None:
        outcome.exit.reraise()


def _tell(terminal: Terminal, outcome: Outcome, output: str, reports: tuple[str, ...]) -> None:
    from joulewise import api

    if output != "none":
        terminal.put(api.draw_run(outcome.view, output, terminal.style()))
    for path in reports:
        write_text(path, api.draw_run(outcome.view, format_of(path)))
        terminal.say(f"joulewise: wrote {path}", level=1)
    terminal.say(f"joulewise: {api.one_line(outcome.view)}")
    for problem in outcome.problems:
        terminal.say(f"joulewise: {problem}", level=-1)
    if not outcome.filed:
        terminal.say("joulewise: not in the ledger yet; joulewise ledger recover files it", level=-1)
