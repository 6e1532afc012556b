"""`joulewise tasks remove ...`."""

from __future__ import annotations

import click

from joulewise.app.cli.quantities import DURATION
from joulewise.app.cli.terminal import Terminal
from joulewise.core.errors import UsageError


@click.command(epilog="Example: `joulewise tasks remove last`, or `joulewise tasks remove --ended --older-than 30d`")
@click.argument("names", metavar="[TASK]...", nargs=-1)
@click.option("--ended", is_flag=True, help="All that have ended, failed and cancelled ones too.")
@click.option("--older-than", "older_than_s", type=DURATION, help="With --ended: those that ended so long ago.")
@click.pass_obj
def remove(terminal: Terminal, /, names: tuple[str, ...], ended: bool, older_than_s: float | None) -> None:
    """Remove tasks that have ended, with what they printed and the checkpoints kept for them.

    Their runs and what they saved stay in the ledger.
    """
    from joulewise import api
    from joulewise.api import task_removal

    if bool(names) == ended or (older_than_s is not None and not ended):
        raise UsageError("which tasks?", hint="joulewise tasks remove last, or --ended --older-than 30d")
    tasks = api.tasks(api.load_settings())
    found = task_removal.remove_ended(tasks, older_than_s or 0.0) if ended else task_removal.remove(tasks, names)
    for task_id in found.ids:
        terminal.put(task_id)
    terminal.say(f"joulewise: {found}")
