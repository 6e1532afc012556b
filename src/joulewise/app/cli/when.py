"""What `submit` and `run --when` have in common: when a command may run, and how it bears a pause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from joulewise.app.cli.pausing import CHECKPOINT, FREEZE, pause_options, pauses_from
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


class Wish(NamedTuple):
    """When a command is to run ("cleanest", "now"), what the planner is asked, and the way to pause."""

    when: str
    request: Request
    pause: str

    @property
    def stop(self) -> str:
        """How it is paused if it ever is."""
        return FREEZE if self.pause == FREEZE else CHECKPOINT


def wish_from(options: dict[str, Any]) -> Wish:
    """Take the options of `when_options` out of a command's options."""
    from joulewise import api

    pause, wanted = pauses_from(options)
    names = ("run", "duration_s", "power_w", "within_s", "deadline")
    request = api.plan_request(**wanted, **{name: options.pop(name) for name in names})
    return Wish(options.pop("when"), request, pause)
