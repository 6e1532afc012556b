"""`joulewise report`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.files import format_of, write_text
from joulewise.app.cli.options import setting_options, settings_from
from joulewise.app.cli.terminal import Terminal


@click.command(epilog="Example: `joulewise report last -o report.html`")
@click.argument("run", default="last")
@click.option("--format", "format_name", help="html, markdown, json, csv, table; by default the file's suffix says.")
@click.option("-o", "--file", "path", type=click.Path(dir_okay=False), default="-", help="Where to; - is stdout.")
@click.option("--equivalents", is_flag=True, help="Add everyday equivalents, each with its edition.")
@setting_options("ledger")
@click.pass_obj
def report(
    terminal: Terminal, /, run: str, format_name: str | None, path: str, equivalents: bool, **options: Any
) -> None:
    """Write the report of RUN: one self-contained HTML page, Markdown, JSON or CSV."""
    from joulewise import api

    chosen = format_name or ("html" if path == "-" else format_of(path))
    view = api.show(run, settings_from(options), equivalents=equivalents)
    if path == "-":
        terminal.put(api.draw_run(view, chosen, terminal.style()))
        return
    write_text(path, api.draw_run(view, chosen))
    terminal.say(f"Wrote {path}")
