"""Run something that may hang, for so long and no longer."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from joulewise.core.errors import ProviderUnavailable

Result = TypeVar("Result")


class Unreachable(ProviderUnavailable):
    """Nobody there, too slow, or too busy: for a while it is no use to ask again."""


def within(limit_s: float, work: Callable[[], Result], who: str) -> Result:
    """What `work` returns or raises, if it does so within `limit_s` seconds.

    It runs in a daemon thread, since no time-out of a socket bounds a name look-up, a proxy or a header that comes byte
    by byte; a thread that is left behind can't keep the program from ending.
    Raises Unreachable that names `who` when the time is up.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread
            failed.append(error)

    thread = Thread(target=run, name="joulewise-web", daemon=True)
    thread.start()
    thread.join(limit_s)
    if failed:
        raise failed[0]
    if not done:
        raise Unreachable(f"{who} gave no complete answer within {limit_s:g} s")
    return done[0]
