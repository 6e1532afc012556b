"""Meters that take their time (a management controller, a plug, a battery's controller), read on a thread of their own.

Traps:  a reading may be old: after two periods it is a gap. The thread starts with the first reading, not before, so
        that a meter that is set aside asks nobody.
"""

from __future__ import annotations

import threading
import time

from joulewise.core.errors import MeterUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from joulewise.core.channels import Channel

    Counts = tuple[int | None, ...]


class Polled:
    """Calls `fetch` every `period_s` seconds and hands out its last answer."""

    def __init__(
        self,
        channels: tuple[Channel, ...],
        fetch: Callable[[], Counts],
        period_s: float,
        *,
        monotonic_ns: Callable[[], int] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self.channels = channels
        self._fetch = fetch
        self._period_s = period_s
        self._monotonic_ns = monotonic_ns or time.monotonic_ns
        self._release = release
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: tuple[int, Counts] | None = None
        self._why = "not read yet"

    def read(self) -> Counts:
        """The last answer, if it is not older than two periods; never waits."""
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="joulewise-poll", daemon=True)
            self._thread.start()
        last = self._last
        if last is None or self._monotonic_ns() - last[0] > 2e9 * self._period_s:
            raise MeterUnavailable(f"{self.channels[0].key}: {self._why}")
        return last[1]

    def probe(self) -> Counts:
        """Ask now and wait for the answer: for `joulewise doctor`. Raises MeterUnavailable."""
        return self._fetch()

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(0.05)  # a thread that waits for an answer ends by itself, at the time-out
            self._thread = None
        if self._release is not None:
            self._release()

    def _run(self) -> None:
        """Until closed, at absolute times."""
        due_ns = time.monotonic_ns()
        while not self._stopping.is_set():
            self._poll()
            due_ns = max(due_ns + int(self._period_s * 1e9), time.monotonic_ns())
            self._stopping.wait((due_ns - time.monotonic_ns()) / 1e9)

    def _poll(self) -> None:
        try:
            counts = self._fetch()
        except MeterUnavailable as error:
            self._why = error.message
        except Exception as error:  # a thread that died of a bug would let the last answer stand without a word
            from logging import getLogger

            self._why = f"{type(error).__name__} in its thread"
            getLogger(__name__).exception("a meter failed in its thread")
        else:
            self._why = "its last answer is too old"
            self._last = (self._monotonic_ns(), counts)
