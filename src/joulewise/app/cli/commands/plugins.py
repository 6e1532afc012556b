"""`joulewise plugins`."""

from __future__ import annotations

import click

from joulewise.app.cli.options import output_option
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise plugins --output json`")
@output_option()
@click.pass_obj
def plugins(terminal: Terminal, /, output: str) -> None:
    """List the plug-ins of every kind, and what those that don't load are missing."""
    from joulewise import api

    terminal.put(api.draw(api.lists.plugins(api.plugins()), output, terminal.style()))
