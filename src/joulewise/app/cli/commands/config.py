"""`joulewise config`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise config --explain`")
@click.option("--explain", is_flag=True, help="Say where each value comes from and what it means.")
@output_option()
@setting_options()
@click.pass_obj
def config(terminal: Terminal, /, explain: bool, output: str, **options: Any) -> None:
    """Show the settings in force: flag > environment > pyproject.toml > user file > default."""
    from joulewise import api

    listing = api.lists.settings(settings_from(options), explain=explain)
    terminal.put(api.draw(listing, output, terminal.style()))
