"""`joulewise export`."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import click

from joulewise.app.cli.options import setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

_FORMATS = ("json", "csv", "parquet")


@click.command(epilog="Example: `joulewise export runs.csv --kind train`")
@click.argument("path", default="-")
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help="By default the file's suffix says.")
@click.option("--kind", help="Only this kind: train, tune, eval, infer, serve, data.")
@click.option("--project", help="Only this project.")
@click.option("--tag", metavar="KEY=VALUE", help="Only runs with this tag.")
@setting_options("ledger")
@click.pass_obj
def export(terminal: Terminal, /, path: str, format_name: str | None, **options: Any) -> None:
    """Export runs to PATH: json holds everything and can be imported, csv and parquet hold a line a run."""
    from joulewise import api

    chosen = format_name or ("json" if path == "-" else os.path.splitext(path)[1][1:].lower())
    if chosen not in _FORMATS or (path == "-" and chosen == "parquet"):
        raise UsageError(f"can't export to {path!r}", hint="a file that ends in .json, .csv or .parquet")
    settings = settings_from(options)
    query = api.run_query(**options)
    with terminal.busy("Exporting"):
        if path == "-":
            count = _to_stdout(terminal, chosen, query, settings)
        else:
            count = api.export(path, chosen, query, settings)
    terminal.say(f"{count} runs exported.")


def _to_stdout(terminal: Terminal, chosen: str, query: Any, settings: Any) -> int:
    from joulewise import api

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "export")
        count = api.export(path, chosen, query, settings)
        with open(path, encoding="utf-8", newline="") as file:
            terminal.put(file.read())
    return count
