"""What `run` and `watch` do when the work has ended: file it, say it, write it, and leave as the command left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from joulewise.app.cli.files import format_of, write_text
from joulewise.core.errors import JoulewiseError

if TYPE_CHECKING:
    from joulewise.app.cli.terminal import Terminal
    from joulewise.core.settings import Settings
    from joulewise.measure import Measured

_log = logging.getLogger(__name__)


def finish(terminal: Terminal, measured: Measured, settings: Settings, output: str, reports: tuple[str, ...]) -> None:
    """File and tell; then end this process exactly as the command ended, whatever went wrong here.

    For a watched process, whose end is not ours to repeat, it returns, and errors pass on.
    """
    if measured.exit is None:
        _tell(terminal, measured, settings, output, reports)
        return
    try:
        _tell(terminal, measured, settings, output, reports)
    except JoulewiseError as error:
        terminal.say(f"joulewise: {error}", level=-1)
    except click.exceptions.Exit:
        _log.debug("nobody reads our output any more")
    except Exception as error:  # noqa: BLE001 - the app's edge: a bug of ours must not change the command's exit code
        _log.warning("internal error after the command: %s: %s", type(error).__name__, error)
        _log.debug("in detail:", exc_info=True)
    measured.exit.reraise()


def _tell(terminal: Terminal, measured: Measured, settings: Settings, output: str, reports: tuple[str, ...]) -> None:
    from joulewise import api

    outcome = api.settle(measured, settings)
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
