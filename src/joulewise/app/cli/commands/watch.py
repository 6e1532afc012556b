"""`joulewise watch PID`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.commands.run import SETTINGS
from joulewise.app.cli.finish import finish
from joulewise.app.cli.options import job_from, job_options, output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise watch 4711 --name serving --kind serve`")
@click.argument("pid", type=click.IntRange(1))
@job_options
@setting_options(*SETTINGS)
@output_option("none", default="none")
@click.option("--report", "reports", multiple=True, metavar="FILE", help="Write a report too; the suffix says which.")
@click.pass_obj
def watch(terminal: Terminal, /, pid: int, output: str, reports: tuple[str, ...], **options: Any) -> None:
    """Measure the running process PID and all below it, until it ends or you press Ctrl-C."""
    from joulewise import api

    job = job_from(options)
    settings = settings_from(options)
    api.check_zone(settings)
    api.check_meters(settings)
    terminal.say(f"joulewise: watching process {pid}; Ctrl-C ends it and files the run")
    finish(terminal, api.measure_process(pid, settings, **job), settings, output, reports)
