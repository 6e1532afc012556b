"""--pause and what belongs to it, alike for plan, run and submit: whether a job may be paused, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from joulewise.app.cli.quantities import DURATION
from joulewise.core.errors import UsageError

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:  # click before 8.2 knows no types here
    _Choice = click.Choice

NO, CHECKPOINT, FREEZE = PAUSES = ("no", "checkpoint", "freeze")
SAVE_S, RESTORE_S = 60.0, 10.0
"""What a job that saves and is started again is taken to need for it, s; one that is frozen needs neither."""
_HELP = (
    "Pause it in dirty hours: it saves and ends at SIGTERM, and is started again (checkpoint, also if no word "
    "follows), or is frozen in memory (freeze).  [default: no]"
)
Decorated = Callable[..., Any]


class Pause(_Choice):
    """One of PAUSES. What follows a bare --pause is taken for its word, so the message says how to keep them apart."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself."""
        if value not in self.choices:
            words = "a way to pause: checkpoint, freeze or no. After a bare --pause write an option, or --"
            self.fail(f"{value!r} is not {words}", param, ctx)
        return str(value)


def pause_options(function: Decorated) -> Decorated:
    """--pause, --max-pauses, --save and --restore; `pauses_from` reads them."""
    for option in (
        click.option("--restore", "restore_s", type=DURATION, help="Time to restore after a pause.  [default: 10s]"),
        click.option("--save", "save_s", type=DURATION, help="Time to save before a pause.  [default: 60s]"),
        click.option("--max-pauses", type=click.IntRange(0), help="No more pauses than this; implies --pause."),
        click.option("--pause", type=Pause(PAUSES), is_flag=False, flag_value=CHECKPOINT, help=_HELP),
    ):
        function = option(function)
    return function


def pauses_from(options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take these options out of a command's options: the way to pause, and what the planner wants to know of it.

    Raises UsageError for pauses that are counted and forbidden at once.
    """
    pause, most = options.pop("pause"), options.pop("max_pauses")
    if pause == NO and most:
        raise UsageError(f"--pause no and --max-pauses {most} contradict each other", hint="give one of them")
    if pause is None:
        pause = CHECKPOINT if most else NO
    given = options.pop("save_s"), options.pop("restore_s")
    usual = (SAVE_S, RESTORE_S) if pause == CHECKPOINT else (0.0, 0.0)
    save_s, restore_s = (one if one is not None else other for one, other in zip(given, usual, strict=True))
    runs = 1 if pause == NO else (None if most is None else most + 1)
    measured = pause == CHECKPOINT and given == (None, None)
    return pause, {"max_runs": runs, "save_s": save_s, "restore_s": restore_s, "pauses_as_measured": measured}
