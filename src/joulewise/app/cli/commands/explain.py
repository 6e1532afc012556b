"""`joulewise explain`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError


@click.command(epilog="Example: `joulewise explain last:emissions` or `joulewise explain --formulas`")
@click.argument("reference", metavar="RUN:FIGURE", required=False)
@click.option("--formulas", is_flag=True, help="List every formula instead.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def explain(terminal: Terminal, /, reference: str | None, formulas: bool, output: str, **options: Any) -> None:
    """Say how a figure was computed: formula, inputs, factors, sources and bounds, down to the raw counters."""
    from joulewise import api

    if formulas:
        terminal.put(api.draw(api.lists.formulas(api.formulas()), output, terminal.style()))
        return
    if reference is None:
        raise UsageError("explain needs a figure", hint="joulewise explain last:emissions_g")
    rows = api.explain(reference, settings_from(options))
    terminal.put(api.draw_steps(rows, output, terminal.style()))
