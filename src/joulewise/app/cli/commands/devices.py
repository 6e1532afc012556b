"""`joulewise devices`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.quantities import LATENCY
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

_EXAMPLE = (
    "Example: `joulewise devices` for all models on all machines; `joulewise devices net --edge rpi5` for what of net "
    "fits a Raspberry Pi 5; `joulewise devices --edge rpi5 --machine lab-pi --latency-p99 50ms` where lab-pi is one; "
    "`joulewise devices --edge list`"
)


@click.command(epilog=_EXAMPLE)
@click.argument("models", nargs=-1)
@click.option("--edge", default="", metavar="PROFILE", help="Check a small device: a name, a TOML file, or list.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="At this batch size.")
@click.option("--threads", type=click.IntRange(1), help="With so many threads; any if nothing is said.")
@click.option("--load", default="saturated", show_default=True, metavar="LOAD", help="Under this load: 20/s.")
@click.option("--baseline", default="", metavar="MACHINE", help="The machine to compare with.")
@click.option("--machine", default="", metavar="MACHINE", help="With --edge: this machine is such a device.")
@click.option("--latency-p99", "latency_s", type=LATENCY, help="With --edge: answers within it: 50ms.")
@click.option("--inferences", "least_inferences", type=float, help="With --edge: a charge must pay for so many.")
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
    **options: Any,
) -> None:
    """Say how many inferences a joule pays for, by model and machine; with --edge, what fits a small device.

    MODELS are parts of names; all if none. Machines are those whose runs are in the ledger: bench there, then merge.
    Memory and storage are the model's own; time, power and battery are known where a --machine is such a device.
    """
    from joulewise import api

    if edge == "list":
        terminal.put(api.draw(api.edge_profile_list(), output, terminal.style()))
        return
    limits = {name: options.pop(name) for name in ("machine", "latency_s", "least_inferences")}
    if not edge and any(limits.values()):
        raise UsageError("--machine, --latency-p99 and --inferences are limits of an edge check", hint="--edge rpi5")
    if edge and baseline:
        raise UsageError("an edge check has no baseline", hint="leave out --edge or --baseline")
    condition = api.condition(**{name: options.pop(name) for name in ("batch", "threads", "load")})
    settings = settings_from(options)
    with terminal.busy("Reading the ledger"):
        if edge:
            listing = api.edge_checks(edge, *models, settings=settings, condition=condition, **limits).listing()
        else:
            listing = api.devices(*models, settings=settings, condition=condition, baseline=baseline).listing()
    terminal.put(api.draw_below(listing, output, terminal.style()))
