"""`joulewise verify`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.progress import progress_bar
from joulewise.app.cli.terminal import Terminal

BROKEN = 1


@click.command(epilog="Example: `joulewise verify model-shrunk`")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--model", default="", metavar="FILE", help="The original, if it lies elsewhere now.")
@click.option("--data", default="", metavar="FILE", help="The rows, if they lie elsewhere now.")
@click.option("--train", default="", metavar="FILE", help="The training rows, if they lie elsewhere now.")
@click.option("--trust", is_flag=True, help="Both models may run code that they bring (pickles, factories).")
@click.option("--rounds", type=click.IntRange(2), default=6, show_default=True, help="Rounds of the measurement.")
@output_option()
@setting_options("ledger", "zone", "project", "meters")
@click.pass_obj
def verify(terminal: Terminal, /, folder: str, output: str, **options: Any) -> None:
    """Repeat the proof of FOLDER, which `joulewise shrink` wrote, on this machine.

    The original and the shrunk model run in turns on the same rows. Exit code 1: a floor does not hold here, or the
    model does not surely cost less.
    """
    from joulewise import api

    settings = settings_from(options)
    with progress_bar(terminal) as report:
        where = api.Where(**{name: options[name] for name in ("model", "data", "train", "trust")})
        found = api.verify_model(folder, where=where, rounds=options["rounds"], settings=settings, progress=report)
    terminal.put(api.draw_shrink(found.view, output, terminal.style()))
    for problem in found.problems:
        terminal.say(f"Notice: {problem}")
    if not found.held:
        terminal.say("The proof does not hold here.")
        raise click.exceptions.Exit(BROKEN)
    terminal.say("The proof holds here.")
