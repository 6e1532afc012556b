"""`joulewise tasks ...`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.commands.tasks_remove import remove
from joulewise.app.cli.options import output_option, setting_options, settings_from
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    from joulewise.schedule.task_record import TaskRecord


@click.group(invoke_without_command=True, epilog="Example: `joulewise tasks`, or `joulewise tasks status last`")
@click.option("--all", "every", is_flag=True, help="Those that ended more than a week ago, too.")
@output_option()
@click.pass_context
def tasks(ctx: click.Context, output: str, every: bool) -> None:
    """List the submitted tasks: what they wait for and how long they ran.

    What run --when ran in the foreground stands in joulewise runs.
    """
    if ctx.invoked_subcommand is not None:
        return
    from joulewise import api
    from joulewise.api import task_lines

    terminal: Terminal = ctx.obj
    found = api.tasks(api.load_settings())
    terminal.put(api.draw(task_lines.listing(found, every=every), output, terminal.style()))
    if output == "table" and not found.journal.ids():
        terminal.say("No task was submitted to the background. Try: joulewise submit --zone DE -- python train.py")
        terminal.say("What ran in the foreground, run --when included: joulewise runs")


@tasks.command(epilog="Example: `joulewise tasks status last`")
@click.argument("task", default="last")
@output_option()
@click.pass_obj
def status(terminal: Terminal, /, task: str, output: str) -> None:
    """Say how TASK stands: an id, the start or end of one, a name, or last."""
    from joulewise import api
    from joulewise.api import task_card

    found = api.tasks(api.load_settings())
    terminal.put(api.draw(task_card.card(found, found.one(task)), output, terminal.style()))


@tasks.command(epilog="Example: `joulewise tasks logs last`")
@click.argument("task", default="last")
@click.pass_obj
def logs(terminal: Terminal, /, task: str) -> None:
    """Print what TASK has printed so far."""
    from joulewise import api

    found = api.tasks(api.load_settings())
    path = found.log_path(task)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                terminal.put(line)
    except FileNotFoundError:
        ended = found.one(task).ended
        terminal.say(f"joulewise: {'nothing that it printed was kept' if ended else 'it has printed nothing yet'}")


@tasks.command(epilog="Example: `joulewise tasks cancel last`")
@click.argument("names", metavar="TASK...", nargs=-1, required=True)
@click.pass_obj
def cancel(terminal: Terminal, /, names: tuple[str, ...]) -> None:
    """End TASK for good: SIGTERM, and SIGKILL after the time that it may take to save."""
    from joulewise import api

    found = api.tasks(api.load_settings())
    for name in names:
        record = found.cancel(name)
        terminal.say(f"joulewise: {record.id} {_told(record)}")


def _told(record: TaskRecord) -> str:
    if record.state == "cancelled":
        return "is cancelled"
    return (
        f"has ended before: {record.state}"
        if record.ended
        else "is being cancelled; joulewise tasks says when it has ended"
    )


@tasks.command(epilog="Example: `joulewise tasks drive`; in a crontab: `@reboot joulewise tasks drive`")
@click.option("--detach", is_flag=True, help="In the background.")
@setting_options()
@click.pass_obj
def drive(terminal: Terminal, /, detach: bool, **options: Any) -> None:
    """Start, pause and resume all open tasks by their plans until they have ended. `submit` does it by itself."""
    from joulewise import api

    found = api.tasks(settings_from(options))
    if detach:
        found.drive_behind()
        return
    if sys.stdin.isatty() and not any(not record.ended for record in found.all()):
        raise UsageError("no task is open", hint="joulewise submit -- python train.py")
    found.drive(tell=lambda record, text: terminal.say(f"joulewise: {record.submission.task.name}: {text}"))


tasks.add_command(remove)
