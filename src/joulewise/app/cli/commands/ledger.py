"""`joulewise ledger ...`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import LedgerError, LedgerTampered


@click.group(epilog="Example: `joulewise ledger verify`")
def ledger() -> None:
    """Verify, recover, merge the ledger."""


@ledger.command(epilog="Example: `joulewise ledger verify`")
@click.option("--anchor", help="A head that was noted earlier: the chain must still run through it.")
@setting_options("ledger")
@click.pass_obj
def verify(terminal: Terminal, /, anchor: str | None, **options: Any) -> None:
    """Recompute the hash of every row and trace; a changed byte is named and exits with 3."""
    from joulewise import api

    with terminal.busy("Verifying"):
        found = api.verify(settings_from(options), anchor=anchor)
    if not found.ok:
        for problem in found.problems:
            terminal.say(f"joulewise: {problem}", level=-2)
        raise LedgerTampered(f"{len(found.problems)} problems in {found.checked_rows} rows", hint="restore a copy")
    terminal.put(found.head)
    terminal.say(f"{found.checked_rows:,} rows are as they were filed; the head pins them all.")


@ledger.command(epilog="Example: `joulewise ledger recover`")
@setting_options("ledger", "spool")
@click.pass_obj
def recover(terminal: Terminal, /, **options: Any) -> None:
    """Take in what dead processes left; the ids of the runs that were filed go to stdout."""
    from joulewise import api

    found = api.recover(settings_from(options))
    for run_id in found.filed:
        terminal.put(run_id)
    terminal.say(f"{len(found.filed)} runs taken in.")
    if found.problems:
        for folder, problem in found.problems.items():
            terminal.say(f"joulewise: {folder}: {problem}", level=-2)
        raise LedgerError(f"{len(found.problems)} could not be filed", hint="their journals stay where they are")


@ledger.command(epilog="Example: `joulewise ledger merge node7.db`")
@click.argument("source")
@setting_options("ledger")
@click.pass_obj
def merge(terminal: Terminal, /, source: str, **options: Any) -> None:
    """File every run of the ledger SOURCE here too; those that are here already stay as they are."""
    from joulewise import api

    with terminal.busy("Merging"):
        merged = api.merge(source, settings_from(options))
    terminal.put(str(merged.runs))
    terminal.say(f"{merged.runs} runs and {merged.traces} traces were new, {merged.present} runs were here already.")


@ledger.command(epilog="Example: `joulewise ledger info`")
@output_option()
@setting_options("ledger")
@click.pass_obj
def info(terminal: Terminal, /, output: str, **options: Any) -> None:
    """Where the ledger lies, and how many runs are in it."""
    from joulewise import api

    terminal.put(
        api.draw(api.lists.fields("Ledger", api.ledger_info(settings_from(options))), output, terminal.style())
    )
