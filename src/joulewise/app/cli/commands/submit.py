"""`joulewise submit -- COMMAND`."""

from __future__ import annotations

from typing import Any

import click

from joulewise.app.cli.commands.run import SETTINGS
from joulewise.app.cli.options import setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.app.cli.when import when_options, wish_from
from joulewise.core.errors import UsageError

_EXAMPLE = "joulewise submit --zone DE --within 24h --pause -- python train.py"


@click.command(context_settings={"allow_interspersed_args": False}, epilog=f"Example: `{_EXAMPLE}`")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--on", default="local", show_default=True, help="Where it runs: local, slurm, ray, k8s.")
@when_options("cleanest")
@click.option("--name", default="", help="Name of the task and its runs; empty takes the command's.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="KEY=VALUE",
    help="cpus=4, gpus=1, memory_gb=16; clusters know more.",
)
@click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="Set this for the command.")
@click.option("--unmeasured", is_flag=True, help="Run it bare, where joulewise is not installed.")
@click.option("--id", "task_id", default="", help="Id of the task (a ULID): the same id is submitted once only.")
@click.option("--detach/--stay", default=True, show_default=True, help="Drive it in the background, or from here.")
@setting_options(*SETTINGS)
@click.pass_obj
def submit(terminal: Terminal, /, command: tuple[str, ...], detach: bool, task_id: str, **options: Any) -> None:
    """Hand COMMAND over to run in clean hours, in the background, paused and resumed if it may be.

    The id of the task goes to stdout; `joulewise tasks` shows how it stands. It survives the end of this session and,
    with `joulewise tasks drive` at boot, a reboot. Its deadline comes first: from the latest start that still meets it,
    it runs whatever the grid does.
    """
    from joulewise import api
    from joulewise.api import task_lines

    wish = wish_from(options)
    tasks = api.tasks(settings_from(options))
    with terminal.busy("Planning"):
        record, plan = tasks.submit(
            command,
            wish.request,
            on=options["on"],
            when=wish.when,
            stop=wish.stop,
            task_id=task_id,
            name=options["name"],
            resources=pairs("--resource", options["resources"]),
            environment=pairs("--env", options["environment"]),
            measured=not options["unmeasured"],
        )
    terminal.put(record.id)
    for line in task_lines.submitted(record, plan):
        terminal.say(f"joulewise: {line}")
    if detach:
        tasks.drive_behind()
        terminal.say("joulewise: it is driven in the background; look at it with: joulewise tasks")
        return
    tasks.drive([record.id], tell=lambda _, text: terminal.say(f"joulewise: {text}"))
    ended = tasks.one(record.id)
    if ended.exit_code:
        raise click.exceptions.Exit(ended.exit_code)


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """KEY=VALUE options as a mapping. Raises UsageError."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(f"{option} wants KEY=VALUE, got {text!r}", hint=f"{option} cpus=4")
        found[key] = value
    return found
