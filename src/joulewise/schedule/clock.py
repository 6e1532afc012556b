"""The time that plans and tasks live in: real, or faster than that for demonstrations and tests.

    Clock()                    # real time
    Clock(speed=3600)          # an hour a second, from now on

Two processes that are to see the same fast time share `start` and `real_start` (see `as_text`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from joulewise.core.errors import OutOfRange


class Clock:
    """Tells the time and waits. `speed` is seconds of this clock a real second, > 0.

    At `real_start` (seconds since 1970) this clock shows `start`; both are now by default. `wall`, `wait`
    and `monotonic` are the real clocks and the real waiting, for tests.
    """

    def __init__(
        self,
        speed: float = 1.0,
        *,
        start: datetime | None = None,
        real_start: float | None = None,
        wall: Callable[[], float] = time.time,
        wait: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < speed < float("inf"):
            raise OutOfRange(f"want a speed > 0, got {speed}", hint="1 is real time, 3600 an hour a second")
        self.speed = float(speed)
        self._wall = wall
        self._wait = wait
        self._monotonic = monotonic
        self._real_start = wall() if real_start is None else real_start
        self._start = datetime.fromtimestamp(self._real_start, UTC) if start is None else start.astimezone(UTC)

    def now(self) -> datetime:
        """The time, aware UTC."""
        return self.shown_at(datetime.fromtimestamp(self._wall(), UTC))

    def shown_at(self, real: datetime) -> datetime:
        """What this clock shows at a moment of real time."""
        if self.speed == 1.0 and self._start.timestamp() == self._real_start:
            return real
        return self._start + timedelta(seconds=(real.timestamp() - self._real_start) * self.speed)

    def real_at(self, shown: datetime) -> datetime:
        """The moment of real time at which this clock shows that."""
        if self.speed == 1.0 and self._start.timestamp() == self._real_start:
            return shown
        offset_s = self.real_s((shown - self._start).total_seconds())
        return datetime.fromtimestamp(self._real_start + offset_s, UTC)

    def monotonic_s(self) -> float:
        """Seconds of this clock that no setting of the machine's clock touches, for durations."""
        return self._monotonic() * self.speed

    def sleep(self, duration_s: float) -> None:
        """Wait that many seconds of this clock."""
        if duration_s > 0:
            self._wait(self.real_s(duration_s))

    def real_s(self, duration_s: float) -> float:
        """How many real seconds that many of this clock are."""
        return duration_s / self.speed

    def as_text(self) -> str:
        """The clock in a line, so that another process can have the same: `Clock.parse`."""
        return f"{self.speed!r} {self._start.isoformat()} {self._real_start!r}"

    @classmethod
    def parse(cls, text: str) -> Clock:
        """A clock from `as_text`, or from a speed alone; "" is real time. Raises OutOfRange for anything else."""
        try:
            speed, *rest = text.split() or ["1"]
            start, real_start = (datetime.fromisoformat(rest[0]), float(rest[1])) if rest else (None, None)
            return cls(float(speed), start=start, real_start=real_start)
        except (ValueError, IndexError) as error:
            raise OutOfRange(f"not a clock: {text!r}", hint="a speed, such as 3600") from error
