"""`joulewise run -- COMMAND`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from joulewise.app.cli.files import format_of
from joulewise.app.cli.finish import finish
from joulewise.app.cli.options import job_from, job_options, output_option, setting_options, settings_from
from joulewise.app.cli.pausing import NO
from joulewise.app.cli.terminal import Terminal
from joulewise.app.cli.waiting import hand_over, refuse_without_when, run_in_parts, show_and_write, wait_and_run
from joulewise.app.cli.when import when_options, wish_from

SETTINGS = (
    "zone", "detect_cloud", "pue", "price_per_kwh", "currency", "market_g_per_kwh", "intensity", "intensity_file",
    "project", "meters", "ledger",
)  # fmt: skip


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: `joulewise run --zone DE --price 0.31 --unit epoch --unit-count 3 -- python train.py`, or "
    "`joulewise run --when cleanest --within 24h --zone DE -- python train.py`",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@job_options
@when_options(None)
@click.option("--detach", is_flag=True, help="With --when: hand it over to the background, as joulewise submit.")
@setting_options(*SETTINGS)
@output_option("none", default="none")
@click.option("--report", "reports", multiple=True, metavar="FILE", help="Write a report too; the suffix says which.")
@click.pass_obj
def run(terminal: Terminal, /, command: tuple[str, ...], output: str, reports: tuple[str, ...], **options: Any) -> None:
    """Measure COMMAND and file what it cost.

    Its input, output, signals and exit code pass through untouched. One line on stderr says what it cost.
    With --when it first waits for the cleanest hours before its deadline; Ctrl-C then cancels it.
    """
    from joulewise import api

    job = job_from(options)
    settings = settings_from(options)
    for path in reports:
        format_of(path)  # a wrong name must be said before the work, not after
    api.check_zone(settings)
    api.check_meters(settings)
    if options["when"] is None:
        refuse_without_when(options)
        finish(terminal, api.measure_command(command, settings, **job), settings, output, reports)
        return
    wish = wish_from(options)
    if options["detach"]:
        hand_over(terminal, command, settings, job, wish)
    elif wish.pause == NO and wish.when == "now":
        finish(terminal, api.measure_command(command, settings, **job), settings, output, reports)
    elif wish.pause == NO:
        finish(terminal, wait_and_run(terminal, command, settings, job, wish), settings, output, reports)
    else:
        run_in_parts(
            terminal, command, settings, job, wish, partial(show_and_write, terminal, settings, output, reports)
        )
