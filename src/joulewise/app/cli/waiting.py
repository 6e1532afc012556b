"""What `run --when` does instead of running at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.files import format_of, write_text
from joulewise.app.cli.when import request_from
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    from joulewise.app.cli.terminal import Terminal
    from joulewise.core.settings import Settings
    from joulewise.measure import Measured

_NEEDS_WHEN = ("within_s", "deadline", "run", "duration_s", "power_w", "max_pauses", "detach")


def refuse_without_when(options: dict[str, Any]) -> None:
    """Options that say when to run, without --when, would silently do nothing. Raises UsageError."""
    given = [name for name in _NEEDS_WHEN if options[name]]
    if given or options["pause"] != "no":
        name = (given or ["pause"])[0].removesuffix("_s").removesuffix("_w").replace("_", "-")
        name = "like" if name == "run" else name
        raise UsageError(f"--{name} goes with --when", hint="joulewise run --when cleanest --within 24h -- ...")


def wait_and_run(
    terminal: Terminal, command: Sequence[str], settings: Settings, job: dict[str, Any], options: dict[str, Any]
) -> Measured:
    """Wait here, then run the command with the terminal to itself."""
    from joulewise.api import in_front, task_lines

    try:
        return in_front.run_when(
            command, request_from(options), settings, _teller(terminal), job, lines=task_lines.submitted
        )
    except KeyboardInterrupt:
        terminal.say("joulewise: cancelled before it began; nothing has run", level=-1)
        raise


def run_in_parts(
    terminal: Terminal, command: Sequence[str], settings: Settings, job: dict[str, Any], options: dict[str, Any]
) -> None:
    """Run it paused and resumed, in view; this process ends as the command ends."""
    from joulewise import api
    from joulewise.api import in_front, task_lines

    details, output, reports = _details(job, options), options.pop("output"), options.pop("reports")
    record = in_front.run_in_parts(
        command, request_from(options), settings, _teller(terminal), details, lines=task_lines.submitted
    )
    if record.accounted == record.id:
        view = api.show(record.id, settings)
        if output != "none":
            terminal.put(api.draw_run(view, output, terminal.style()))
        for path in reports:
            write_text(path, api.draw_run(view, format_of(path)))
        terminal.say(f"joulewise: {api.one_line(view)}")
    raise click.exceptions.Exit(record.exit_code if record.exit_code is not None else 1)


def hand_over(
    terminal: Terminal, command: Sequence[str], settings: Settings, job: dict[str, Any], options: dict[str, Any]
) -> None:
    """Submit it to the background; its id goes to stdout."""
    from joulewise import api
    from joulewise.api import task_lines

    tasks = api.tasks(settings)
    details = _details(job, options)
    record, plan = tasks.submit(command, request_from(options), **details)
    terminal.put(record.id)
    for line in task_lines.submitted(record, plan):
        terminal.say(f"joulewise: {line}")
    tasks.drive_behind()


def _details(job: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": job.get("name") or "",
        "run_kind": job.get("kind"),
        **{name: job.get(name) for name in ("tags", "seed", "unit", "unit_count")},
        "stop": "freeze" if options["pause"] == "freeze" else "checkpoint",
    }


def _teller(terminal: Terminal) -> Callable[[str], None]:
    return lambda text: terminal.say(f"joulewise: {text}")
