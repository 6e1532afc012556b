"""`joulewise savings`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


@click.command(epilog="Example: `joulewise savings --since 2026-01-01` or `joulewise savings --jobs --output csv`")
@click.option("--since", type=click.DateTime(_DATES), help="Jobs that ended at or after this UTC time.")
@click.option("--until", type=click.DateTime(_DATES), help="Jobs that ended before this UTC time.")
@click.option("--jobs", is_flag=True, help="A line a job in place of one a month.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def savings(
    terminal: Terminal, /, since: datetime | None, until: datetime | None, jobs: bool, output: str, **options: Any
) -> None:
    """Say what all plans together really saved, by month.

    Measured energy at the intensities as they came, against the same energy at submit, at home. All jobs count that
    followed a plan, those that stayed and those that lost included.
    """
    from joulewise import api

    settings = settings_from(options)
    window = {
        "since": since.replace(tzinfo=UTC) if since else None,
        "until": until.replace(tzinfo=UTC) if until else None,
    }
    if jobs:
        listing = api.savings_jobs(*api.saved_jobs(settings, **window))
    else:
        listing = api.savings_account(api.savings(settings, **window))
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)
