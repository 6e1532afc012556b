"""`joulewise plan`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import click

from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.pausing import pause_options, pauses_from
from joulewise.app.cli.quantities import DURATION, ENERGY, MOMENT, POWER, PRICE, SIZE
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

_EXAMPLE = (
    "Example: `joulewise plan train --within 24h --zone DE` for a run of the ledger, or "
    "`joulewise plan --duration 6h --power 250W --zone DE --region aws:eu-north-1 --pause --explain`"
)


def _work_options(function: Any) -> Any:
    """What the job takes, and when it may run."""
    for option in (
        click.option("--release", type=MOMENT, help="Not before this time; local, or with its offset."),
        click.option("--deadline", type=MOMENT, help="Done by this time: 2026-03-02T08:00 (local), ...Z, or 08:00."),
        click.option("--within", "within_s", type=DURATION, help="Done within this time; 24h if nothing is said."),
        click.option("--quantile", type=float, metavar="SHARE", help="Plan on this quantile of past runs' durations."),
        click.option("--power", "power_w", type=POWER, help="Mean power before PUE: 250W."),
        click.option("--energy", "energy_j", type=ENERGY, help="Energy before PUE: 5kWh."),
        click.option("--duration", "duration_s", type=DURATION, help="How long it takes: 6h, 1h30m."),
    ):
        function = option(function)
    return function


def _place_options(function: Any) -> Any:
    """Where the job may run, what pausing and moving it takes, and what it costs."""
    for option in (
        click.option("--egress", "egress_per_gb", type=float, help="Price per GB of data moved, for the list prices."),
        click.option("--price", "prices", type=PRICE, multiple=True, metavar="PLACE=PRICE", help="Per machine-hour."),
        click.option("--data", "data_gb", type=SIZE, default="0GB", help="Data to take along to another region."),
        click.option("--idle-power", "idle_power_w", type=POWER, default="0W", help="Drawn while paused, if held."),
        pause_options,
        click.option("--speedup", help="Speed of 1, 2, ... workers against one: 1,1.9,2.7; it may then use several."),
        click.option("--region", "regions", multiple=True, metavar="PLACE", help="It may run here too; repeatable."),
    ):
        function = option(function)
    return function


@click.command(epilog=_EXAMPLE)
@click.argument("run", default="", required=False)
@_work_options
@_place_options
@click.option("--kind", type=click.Choice(("average", "marginal")), default="average", help="Intensity to plan on.")
@click.option("--explain", is_flag=True, help="Show every alternative and the Pareto list of carbon, cost and time.")
@output_option()
@setting_options("zone", "pue", "currency", "intensity", "intensity_file", "ledger")
@click.pass_obj
def plan(terminal: Terminal, /, run: str, explain: bool, output: str, **options: Any) -> None:
    """Say where and when a job emits least, and whether moving it is worth it.

    RUN is a past run (a name, an id, last) whose power and duration are taken; or give two of --duration, --energy and
    --power. Home is --zone. Nothing is started: joulewise run --when cleanest does that.
    """
    from joulewise import api

    settings = settings_from(options)
    _, pauses = pauses_from(options)
    wanted = {
        **options,
        **pauses,
        "regions": _names(options["regions"]),
        "prices": dict(options["prices"]),
        "speedup": _curve(options["speedup"]),
    }
    with terminal.busy("Planning"):
        planned = api.plan(settings, run=run, **wanted)
    for listing in _listings(api.plan_view, planned, output, explain):
        text = api.draw(listing, output, terminal.style())
        title = listing.header or listing.grid.title
        if output == "table" and not text.startswith(title):  # a grid that is too wide is a list below its title
            terminal.put(f"{title}\n\n")
        terminal.put(text)
        if output == "table":
            terminal.put("\n")
        if output in ("table", "markdown") and listing.footer:
            terminal.say(listing.footer)


def _listings(view: Any, planned: Any, output: str, explain: bool) -> list[Any]:
    """What is shown: machines get all of it at once, people the recommendation, and the rest if they ask."""
    if output == "json":
        return [view.plan(planned)]
    if output == "csv":
        return [view.options(planned)]
    more = [view.options(planned), view.front(planned)] if explain else []
    return [view.plan(planned), *([view.crews(planned)] if planned.elastic else []), *more]


def _curve(text: str | None) -> tuple[float, ...]:
    try:
        curve = () if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"can't read the speedup {text!r}", hint="--speedup 1,1.9,2.7") from None
    if not all(0 < speed < float("inf") for speed in curve):
        raise UsageError(f"--speedup wants speeds above zero, got {text!r}", hint="--speedup 1,1.9,2.7")
    if not all(before < after for before, after in pairwise(curve)):
        raise UsageError(f"--speedup wants speeds that rise with the workers, got {text!r}", hint="--speedup 1,1.9,2.7")
    return curve


def _names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Places, also several in one option with commas between."""
    names = tuple(name.strip() for text in given for name in text.split(","))
    if not all(names):
        raise UsageError("a place has no name", hint="--region SE --region aws:eu-north-1")
    return names
