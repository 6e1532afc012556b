"""`joulewise devices`."""

from __future__ import annotations

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

_EXAMPLE = (
    "Example: `joulewise devices` for all models on all machines; `joulewise devices net --edge rpi5` for what of net "
    "fits a Raspberry Pi 5; `joulewise devices --edge list`"
)


@click.command(epilog=_EXAMPLE)
@click.argument("models", nargs=-1)
@click.option("--edge", default="", metavar="PROFILE", help="Check a small device: a name, a TOML file, or list.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="At this batch size.")
@click.option("--threads", type=click.IntRange(1), help="With so many threads; any if nothing is said.")
@click.option("--load", default="saturated", show_default=True, metavar="LOAD", help="Under this load: 20/s.")
@click.option("--baseline", default="", metavar="MACHINE", help="The machine to compare with.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def devices(
    terminal: Terminal,
    /,
    models: tuple[str, ...],
    edge: str,
    baseline: str,
    output: str,
    **options: object,
) -> None:
    """Say how many inferences a joule pays for, by model and machine; with --edge, what fits a small device.

    MODELS are parts of names; all if none. Machines are those whose runs are in the ledger: bench there, then merge.
    """
    from joulewise import api

    if edge == "list":
        terminal.put(api.draw(api.edge_profile_list(), output, terminal.style()))
        return
    condition = api.condition(**{name: options.pop(name) for name in ("batch", "threads", "load")})
    settings = settings_from(options)
    with terminal.busy("Reading the ledger"):
        if edge:
            listing = api.edge_checks(edge, *models, settings=settings, condition=condition).listing()
        else:
            listing = api.devices(*models, settings=settings, condition=condition, baseline=baseline).listing()
    terminal.put(api.draw_below(listing, output, terminal.style()))
