"""`joulewise import ...`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.options import setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

_FILE = click.Path(exists=True, dir_okay=False)


@click.group("import", epilog="Example: `joulewise import codecarbon emissions.csv`")
def imports() -> None:
    """Take in the records of other tools and other ledgers."""


@imports.command(epilog="Example: `joulewise import codecarbon emissions.csv --kind infer`")
@click.argument("path", type=_FILE)
@click.option("--kind", default="train", show_default=True, help="Kind of the runs: train, tune, eval, infer, ...")
@setting_options("ledger")
@click.pass_obj
def codecarbon(terminal: Terminal, /, path: str, kind: str, **options: Any) -> None:
    """File the runs of CodeCarbon's emissions.csv, as figures that another tool reported."""
    from joulewise import api

    with terminal.busy("Importing"):
        found = api.import_codecarbon(path, settings_from(options), kind=kind)
    for problem in found.problems:
        terminal.say(f"joulewise: {problem}", level=-1)
    terminal.put(str(found.runs))
    terminal.say(f"{found.runs} runs were new, {found.present} were here already, {len(found.problems)} lines refused.")


@imports.command("json", epilog="Example: `joulewise import json runs.json`")
@click.argument("path", type=_FILE)
@setting_options("ledger")
@click.pass_obj
def from_json(terminal: Terminal, /, path: str, **options: Any) -> None:
    """File the runs of another ledger's JSON export."""
    from joulewise import api

    with terminal.busy("Importing"):
        merged = api.import_json(path, settings_from(options))
    terminal.put(str(merged.runs))
    terminal.say(f"{merged.runs} runs were new, {merged.present} were here already.")
