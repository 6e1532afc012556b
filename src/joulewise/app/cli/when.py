"""What `submit` and `run --when` have in common: when a command may run, and how it bears a pause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.quantities import DURATION, MOMENT, POWER

if TYPE_CHECKING:
    from joulewise.schedule import Request

PAUSES = ("no", "checkpoint", "freeze")


Decorated = Callable[..., Any]


def when_options(default: str | None) -> Callable[[Decorated], Decorated]:
    """--when, --within, --deadline and what the planner wants to know; `default` is that of --when."""

    def decorate(function: Decorated) -> Decorated:
        for option in (
            click.option("--restore", "restore_s", type=DURATION, default="10s", help="Time to restore after a pause."),
            click.option("--save", "save_s", type=DURATION, default="60s", help="Time to save before a pause."),
            click.option("--max-pauses", type=click.IntRange(1), help="No more pauses than this."),
            click.option(
                "--pause",
                type=click.Choice(PAUSES),
                default="no",
                show_default=True,
                help="Pause it in dirty hours: it saves and ends at SIGTERM (checkpoint), or it is frozen in memory.",
            ),
            click.option("--power", "power_w", type=POWER, help="Mean power before PUE: 250W; else that of past runs."),
            click.option("--duration", "duration_s", type=DURATION, help="How long it takes; else that of past runs."),
            click.option("--like", "run", default="", metavar="RUN", help="A past run that it is like."),
            click.option("--deadline", type=MOMENT, help="Done by this time: 08:00, 2026-03-02T08:00, ...Z."),
            click.option("--within", "within_s", type=DURATION, help="Done within this time; 24h if nothing is said."),
            click.option("--when", type=click.Choice(("cleanest", "now")), default=default, help="When it runs."),
        ):
            function = option(function)
        return function

    return decorate


def request_from(options: dict[str, Any]) -> Request:
    """Take the planner's options out of a command's options."""
    from joulewise import api

    pause, most = options["pause"], options.pop("max_pauses")
    runs = 1 if pause == "no" else (None if most is None else most + 1)
    names = ("run", "duration_s", "power_w", "within_s", "deadline", "save_s", "restore_s")
    return api.plan_request(max_runs=runs, **{name: options.pop(name) for name in names})
