"""`joulewise run -- COMMAND`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.files import format_of
from joulewise.app.cli.finish import finish
from joulewise.app.cli.options import job_from, job_options, output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

SETTINGS = (
    "zone", "detect_cloud", "pue", "price_per_kwh", "currency", "market_g_per_kwh", "project", "meters", "ledger",
)  # fmt: skip


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: `joulewise run --zone DE --price 0.31 --unit epoch --unit-count 3 -- python train.py`",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@job_options
@setting_options(*SETTINGS)
@output_option("none", default="none")
@click.option("--report", "reports", multiple=True, metavar="FILE", help="Write a report too; the suffix says which.")
@click.pass_obj
def run(terminal: Terminal, /, command: tuple[str, ...], output: str, reports: tuple[str, ...], **options: Any) -> None:
    """Measure COMMAND and file what it cost.

    Its input, output, signals and exit code pass through untouched. One line on stderr says what it cost.
    """
    from joulewise import api

    job = job_from(options)
    settings = settings_from(options)
    for path in reports:
        format_of(path)  # a wrong name must be said before the work, not after
    api.check_zone(settings)
    finish(terminal, api.measure_command(command, settings, **job), settings, output, reports)
