"""What `run --when` does instead of running at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.files import format_of, write_text
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    from joulewise.app.cli.terminal import Terminal
    from joulewise.app.cli.when import Wish
    from joulewise.core.settings import Settings
    from joulewise.measure import Measured

_NEEDS_WHEN = {
    **{name: f"--{name.replace('_', '-')}" for name in ("deadline", "max_pauses", "pause", "detach")},
    **{f"{name}_s": f"--{name}" for name in ("within", "duration", "save", "restore")},
    "run": "--like",
    "power_w": "--power",
}


def refuse_without_when(options: dict[str, Any]) -> None:
    """Options that say when to run, without --when, would silently do nothing. Raises UsageError."""
    given = [option for name, option in _NEEDS_WHEN.items() if options[name] not in (None, "", False)]
    if given:
        raise UsageError(f"{given[0]} goes with --when", hint="joulewise run --when cleanest --within 24h -- ...")


def wait_and_run(
    terminal: Terminal, command: Sequence[str], settings: Settings, job: dict[str, Any], wish: Wish
) -> Measured:
    """Wait here, then run the command with the terminal to itself."""
    from joulewise.api import in_front, task_lines

    try:
        return in_front.run_when(command, wish.request, settings, _teller(terminal), job, lines=task_lines.in_front)
    except KeyboardInterrupt:
        terminal.say("joulewise: cancelled before it began; nothing has run", level=-1)
        raise


def run_in_parts(
    terminal: Terminal,
    command: Sequence[str],
    settings: Settings,
    job: dict[str, Any],
    wish: Wish,
    show: Callable[[str], None],
) -> None:
    """Run it paused and resumed, in view; this process ends as the command ends.

    What it cost is said once, of all its parts: `show` draws the run of that id.
    """
    from joulewise.api import in_front, task_card, task_lines

    details = {**_details(job, wish), "quiet": True}
    record = in_front.run_in_parts(
        command, wish.request, settings, _teller(terminal), details, lines=task_lines.submitted
    )
    if record.accounted == record.id:
        show(record.id)
    for line in task_card.afterwards(record):
        terminal.say(f"joulewise: {line}")
    raise click.exceptions.Exit(record.exit_code if record.exit_code is not None else 1)


def show_and_write(terminal: Terminal, settings: Settings, output: str, reports: tuple[str, ...], run_id: str) -> None:
    """Draw a filed run as asked, write its reports, and say in a line what it cost."""
    from joulewise import api

    view = api.show(run_id, settings)
    if output != "none":
        terminal.put(api.draw_run(view, output, terminal.style()))
    for path in reports:
        write_text(path, api.draw_run(view, format_of(path)))
    terminal.say(f"joulewise: {api.one_line(view)}")


def hand_over(terminal: Terminal, command: Sequence[str], settings: Settings, job: dict[str, Any], wish: Wish) -> None:
    """Submit it to the background; its id goes to stdout."""
    from joulewise import api
    from joulewise.api import task_lines

    tasks = api.tasks(settings)
    record, plan = tasks.submit(command, wish.request, **_details(job, wish))
    terminal.put(record.id)
    for line in task_lines.submitted(record, plan):
        terminal.say(f"joulewise: {line}")
    tasks.drive_behind()


def _details(job: dict[str, Any], wish: Wish) -> dict[str, Any]:
    return {
        "name": job.get("name") or "",
        "run_kind": job.get("kind"),
        **{name: job.get(name) for name in ("tags", "seed", "unit", "unit_count")},
        "when": wish.when,
        "stop": wish.stop,
    }


def _teller(terminal: Terminal) -> Callable[[str], None]:
    return lambda text: terminal.say(f"joulewise: {text}")
