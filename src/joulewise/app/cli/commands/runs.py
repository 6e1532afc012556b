"""`joulewise runs`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
_SORTS = ("started_at", "duration_s", "energy_j", "emissions_g", "name")


@click.command(epilog="Example: `joulewise runs --kind train --sort energy_j --limit 10`")
@click.option("--kind", help="Only this kind: train, tune, eval, infer, serve, data.")
@click.option("--status", help="Only this status: finished, failed, killed, recovered.")
@click.option("--name", help="Only names that start so.")
@click.option("--project", help="Only this project.")
@click.option("--tag", metavar="KEY=VALUE", help="Only runs with this tag.")
@click.option("--text", help="Only runs with this in name or project.")
@click.option("--since", type=click.DateTime(_DATES), help="Started at or after this UTC time.")
@click.option("--until", type=click.DateTime(_DATES), help="Started before this UTC time.")
@click.option("--roots", "roots_only", is_flag=True, help="Leave out runs that have a parent.")
@click.option("--sort", type=click.Choice(_SORTS), default="started_at", show_default=True, help="Order.")
@click.option("--ascending", is_flag=True, help="Smallest or oldest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, show_default=True, help="Rows a page.")
@click.option("--cursor", help="Where the next page starts, as the page before says.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def runs(terminal: Terminal, /, output: str, ascending: bool, **options: Any) -> None:
    """List the runs, newest first: energy and carbon with their 95 % bounds."""
    from joulewise import api

    settings = settings_from(options)
    for bound in ("since", "until"):
        moment: datetime | None = options[bound]
        options[bound] = moment.replace(tzinfo=UTC) if moment else None
    page = api.runs(api.run_query(descending=not ascending, **options), settings)
    terminal.put(api.draw(api.lists.runs(page), output, terminal.style()))
    if output == "table":
        terminal.say(api.lists.page_text(page))
