"""`joulewise show`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise show last` or `joulewise show digits --output json`")
@click.argument("run", default="last")
@click.option("--equivalents", is_flag=True, help="Add everyday equivalents, each with its edition.")
@click.option("--brief", is_flag=True, help="Only the figures that are known, and the phases.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def show(terminal: Terminal, /, run: str, output: str, equivalents: bool, brief: bool, **options: Any) -> None:
    """Show what RUN cost, and the variants and savings that it found: an id, the start or end of one, a name, or last.

    The id of a variant shows the run that measured it.
    """
    from joulewise import api

    view = api.show(run, settings_from(options), equivalents=equivalents)
    terminal.put(api.draw_run(view, output, replace(terminal.style(), brief=brief)))
