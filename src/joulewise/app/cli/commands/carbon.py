"""`joulewise carbon ...`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


@click.group(epilog="Example: `joulewise carbon backfill last`")
def carbon() -> None:
    """Recompute the emissions of runs that are filed, where better intensities are known."""


@carbon.command(epilog="Example: `joulewise carbon backfill --since 2026-03-01 --intensity electricitymaps`")
@click.argument("run", required=False)
@click.option("--since", type=click.DateTime(_DATES), help="All runs that began at or after this UTC time.")
@click.option("--all", "everything", is_flag=True, help="All runs of the ledger.")
@click.option("--change-type", is_flag=True, help="Let lifecycle values take the place of direct ones, and the like.")
@output_option()
@setting_options("ledger", "intensity", "zone")
@click.pass_obj
def backfill(
    terminal: Terminal, /, run: str | None, since: datetime | None, everything: bool, output: str, **options: Any
) -> None:
    """Revise RUN, or many runs, with the newest intensities of its hours.

    The energy stays as it was measured. New figures are filed and supersede the old ones, which stay; so do savings
    that rest on them. Where nothing is better nothing is filed, so a second call changes nothing.
    """
    from joulewise import api

    if sum((run is not None, since is not None, everything)) != 1:
        raise UsageError("which runs? one, --since a day, or --all", hint="joulewise carbon backfill last")
    change_type = bool(options.pop("change_type"))
    begun = since.replace(tzinfo=UTC) if since else None
    with terminal.busy("Asking for intensities"):
        notices: list[str] = []
        settings = settings_from(options)
        found = list(api.backfill(run, settings, since=begun, change_type=change_type, notices=notices))
    listing = api.backfill_list(found)
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)
    for notice in notices:
        terminal.say(f"joulewise: {notice}")
