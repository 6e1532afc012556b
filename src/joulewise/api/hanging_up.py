"""What becomes of a command that waits in the foreground when its terminal is closed, or somebody ends us.

    with HangingUp() as ending:
        ...                     # SIGHUP or SIGTERM raises HungUp here, so that nothing is left behind
        ending.hurry = False    # from here on only remembered: what was measured is filed first

A signal that was ignored before (nohup) stays ignored. Outside the main thread, where Python forbids it, all stays.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

NUMBERS = (signal.SIGHUP, signal.SIGTERM)
_WHY = {signal.SIGHUP: "its terminal was closed", signal.SIGTERM: "it was ended by SIGTERM"}


class HungUp(SystemExit):
    """Raised in place of dying by a signal; leaves with the exit code that a shell would tell."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.why = _WHY[signal.Signals(number)]


class HangingUp:
    """See the module. `hurry` False: a signal is only remembered, in `number`."""

    def __init__(self) -> None:
        self.hurry = True
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> HangingUp:
        if threading.current_thread() is threading.main_thread():
            taken = [number for number in NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._on_signal) for number in taken}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again, self.number = self.number is not None, number
        if self.hurry and not again:
            raise HungUp(number)
