"""`joulewise calibrate`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise calibrate plug.csv --run last`")
@click.argument("record", metavar="CSV", type=click.Path(exists=True, dir_okay=False))
@click.option("--run", "run_name", default="last", show_default=True, help="The run that the meter watched, too.")
@output_option()
@setting_options("ledger")
@click.pass_obj
def calibrate(terminal: Terminal, /, record: str, run_name: str, output: str, **options: Any) -> None:
    """Fit this machine's power at the wall to its counters: wall = a x sum + b.

    CSV is the record of an external meter (a smart plug, a wattmeter) over a filed run: columns t_s or time, and
    power_w or energy_kwh. Run something idle, half and fully loaded for a minute each.
    """
    from joulewise import api

    with terminal.busy("Fitting"):
        found, path = api.calibrate(record, run_name, settings_from(options))
    terminal.put(api.draw(api.lists.calibration(asdict(found), path), output, terminal.style()))
