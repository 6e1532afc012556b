"""`joulewise compare`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.commands.bench import check_pictures, drawing_options, show, training_runs
from joulewise.app.cli.options import setting_options, settings_from
from joulewise.app.cli.terminal import Terminal

_EXAMPLE = (
    "Example: `joulewise compare` for the latest bench; `joulewise compare --model net --floor 'accuracy>=0.95' "
    "--picture front.svg` for every variant of a model; `joulewise compare --tag project=digits` for training runs"
)


@click.command(epilog=_EXAMPLE)
@click.argument("runs", nargs=-1)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Variants of models so named; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="All runs with this tag; repeatable.")
@click.option("--metric", default="", help="The metric that ranks; what they were judged by if nothing is said.")
@click.option("--batch", type=click.IntRange(1), help="Only this batch size.")
@click.option("--threads", type=click.IntRange(1), help="Only with so many threads.")
@click.option("--load", default="", metavar="LOAD", help="Only this load: saturated, 20/s.")
@click.option("--floor", "floors", multiple=True, help="accuracy>=0.95, accuracy>=-0.5pt, latency_p99<=10ms.")
@click.option("--baseline", default="", help="The variant to compare with.")
@click.option("--training", multiple=True, metavar="[MODEL=]RUN", help="The run that trained it, for efficiency.")
@drawing_options
@setting_options("ledger")
@click.pass_obj
def compare(terminal: Terminal, /, runs: tuple[str, ...], output: str, **options: Any) -> None:
    """Rank what is filed: variants of models, and training runs that logged their quality.

    RUNS are ids or names; without any, the latest that compared models. What was measured on other data, another
    machine or within another boundary stands apart: such figures don't compare.
    """
    from joulewise import api

    drawing = {name: options.pop(name) for name in ("reports", "picture", "with_metrics")}
    check_pictures(drawing["reports"], drawing["picture"])
    options["training"] = training_runs(options["training"])
    settings = settings_from(options)
    with terminal.busy("Reading the ledger"):
        found = api.compare_runs(*runs, settings=settings, **options)
    show(terminal, found, output, **drawing)
