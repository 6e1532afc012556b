"""The tree of commands and the options that hold for all of them."""

from __future__ import annotations

import click

from joulewise.app.cli.lazy import LazyGroup
from joulewise.core.version import VERSION

_HOME = "joulewise.app.cli.commands"
COMMANDS = {
    "run": (f"{_HOME}.run:run", "Measure a command and file what it cost."),
    "submit": (f"{_HOME}.submit:submit", "Hand a command over to run in clean hours."),
    "tasks": (f"{_HOME}.tasks:tasks", "List, show, cancel and drive the submitted tasks."),
    "watch": (f"{_HOME}.watch:watch", "Measure a process that runs already."),
    "runs": (f"{_HOME}.runs:runs", "List the runs: filter, sort, page."),
    "bench": (f"{_HOME}.bench:bench", "Say what models cost and how good they are, side by side."),
    "compare": (f"{_HOME}.compare:compare", "Rank models and runs that are filed: quality against energy."),
    "devices": (f"{_HOME}.devices:devices", "Compare models across machines; say what fits a small device."),
    "estimate": (f"{_HOME}.estimate:estimate", "Estimate a job that nobody measured, and what would cut it."),
    "show": (f"{_HOME}.show:show", "Show what a run cost, in the terminal."),
    "report": (f"{_HOME}.report:report", "Write a run's report: HTML, Markdown, JSON, CSV."),
    "shrink": (f"{_HOME}.shrink:shrink", "Find, prove and export a model's cheapest deployment."),
    "verify": (f"{_HOME}.verify:verify", "Repeat the proof of a shrunk model here."),
    "plan": (f"{_HOME}.plan:plan", "Say where and when a job emits least."),
    "explain": (f"{_HOME}.explain:explain", "Say how a figure was computed, down to the raw counters."),
    "doctor": (f"{_HOME}.doctor:doctor", "Say what this machine can measure, and how to improve it."),
    "calibrate": (f"{_HOME}.calibrate:calibrate", "Fit this machine's wall power to an external meter."),
    "savings": (f"{_HOME}.savings:savings", "Say what plans really saved, by month or by job."),
    "carbon": (f"{_HOME}.carbon:carbon", "Recompute emissions where better intensities are known."),
    "export": (f"{_HOME}.export:export", "Export runs: JSON, CSV or Parquet."),
    "import": (f"{_HOME}.imports:imports", "Take in the records of other tools."),
    "ledger": (f"{_HOME}.ledger:ledger", "Verify, recover, merge the ledger."),
    "grid": (f"{_HOME}.grid:grid", "See how clean the grid is: now, before, ahead, where."),
    "factors": (f"{_HOME}.factors:factors", "List, show and compare carbon and water factors."),
    "config": (f"{_HOME}.config:config", "Show the settings and where each comes from."),
    "plugins": (f"{_HOME}.plugins:plugins", "List the plug-ins and what they miss."),
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={"max_content_width": 100},
    epilog="""Examples: `joulewise run --zone DE -- python train.py` measures a command; `joulewise show last` shows
    what it cost. Completion in bash: eval "$(_JOULEWISE_COMPLETE=bash_source joulewise)"; zsh and fish likewise.""",
)
@click.version_option(VERSION, prog_name="joulewise", message="%(prog)s %(version)s")
@click.option("-q", "--quiet", count=True, help="Fewer messages; twice: errors only.")
@click.option("-v", "--verbose", count=True, help="More messages; twice: debugging.")
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    show_default=True,
    help="Colour; NO_COLOR is respected.",
)
@click.pass_context
def cli(ctx: click.Context, quiet: int, verbose: int, color: str) -> None:
    """Measure the energy and carbon of machine learning; every figure has bounds, a method and a source.

    Data goes to stdout, messages to stderr.
    """
    from joulewise.app.cli.terminal import Terminal, configure_logging

    ctx.obj = Terminal(loudness=verbose - quiet, color=color)
    configure_logging(verbose - quiet)
