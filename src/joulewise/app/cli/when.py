"""What `submit` and `run --when` have in common: when a command may run, and how it bears a pause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.pausing import pause_options, pauses_from
from joulewise.app.cli.quantities import DURATION, MOMENT, POWER

if TYPE_CHECKING:
    from joulewise.schedule import Request

Decorated = Callable[..., Any]


def when_options(default: str | None) -> Callable[[Decorated], Decorated]:
    """--when, --within, --deadline and what the planner wants to know; `default` is that of --when."""

    def decorate(function: Decorated) -> Decorated:
        for option in (
            pause_options,
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


def request_from(options: dict[str, Any]) -> tuple[Request, str]:
    """Take the planner's options out of a command's options: what is asked of it, and the way to pause."""
    from joulewise import api

    pause, wanted = pauses_from(options)
    names = ("run", "duration_s", "power_w", "within_s", "deadline")
    return api.plan_request(**wanted, **{name: options.pop(name) for name in names}), pause
