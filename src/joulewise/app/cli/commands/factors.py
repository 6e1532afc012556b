"""`joulewise factors ...`."""

from __future__ import annotations

import click

from joulewise.app.cli.options import output_option
from joulewise.app.cli.terminal import Terminal

_FILE = click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), help="Lay this CSV over the set.")


@click.group(epilog="Example: `joulewise factors list --zone DE`")
def factors() -> None:
    """List, show and compare the factors behind carbon and water figures."""


@factors.command("list", epilog="Example: `joulewise factors list --kind intensity --zone DE --output csv`")
@click.option("--kind", help="intensity, residual_mix, pue, wue, ewif, embodied, lifespan, equivalence.")
@click.option("--zone", help="Grid zone, cloud region or device class.")
@_FILE
@output_option()
@click.pass_obj
def list_factors(terminal: Terminal, /, kind: str | None, zone: str | None, path: str | None, output: str) -> None:
    """List factors with their bounds, validity, source and licence."""
    from joulewise import api

    listing = api.lists.factors(api.factors(kind, zone, path))
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)


@factors.command(epilog="Example: `joulewise factors show intensity aws:eu-north-1 --year 2024`")
@click.argument("kind")
@click.argument("zone")
@click.option("--year", type=int, help="As a run of that year would find it; by default the newest.")
@_FILE
@output_option()
@click.pass_obj
def show(terminal: Terminal, /, kind: str, zone: str, year: int | None, path: str | None, output: str) -> None:
    """Show the factor that a run would use, with all that is known of it."""
    from joulewise import api

    found = api.factor_set(path).find(kind, zone, year)
    terminal.put(api.draw(api.lists.one_factor(found), output, terminal.style()))


@factors.command(epilog="Example: `joulewise factors diff my-factors.csv`")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@output_option()
@click.pass_obj
def diff(terminal: Terminal, /, path: str, output: str) -> None:
    """Show what the factors of a CSV file change of the bundled set."""
    from joulewise import api

    listing = api.lists.factor_changes(api.factor_changes(path))
    terminal.put(api.draw(listing, output, terminal.style()))
    if output == "table":
        terminal.say(listing.footer)
