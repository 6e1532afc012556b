"""`joulewise doctor`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise doctor`")
@output_option()
@setting_options("meters", "zone")
@click.pass_obj
def doctor(terminal: Terminal, /, output: str, **options: Any) -> None:
    """Say what this machine can measure, how well, and the exact command that would improve it.

    It asks for no rights, starts nothing and touches no network.
    """
    from joulewise import api

    with terminal.busy("Looking"):
        diagnosis = api.diagnose(settings_from(options))
    listing = api.lists.findings(diagnosis.findings)
    if output == "table":
        terminal.put(f"{listing.header}\n\n")
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table" and listing.footer:
        terminal.put(f"\n{listing.footer}")
