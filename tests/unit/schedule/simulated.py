"""A simulated machine for controllers: its clocks can be set, its job runs only as fast as they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from joulewise.core.errors import ExecutorError
from joulewise.core.plans import Task, TaskStatus
from joulewise.schedule.clock import Clock

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


class World:
    """Time that passes only when somebody waits; `step_wall` is what an administrator, or a broken battery, does."""

    def __init__(self) -> None:
        self.wall_s = START.timestamp()
        self.monotonic_s = 1000.0
        self.on_wait = []
        self.clock = Clock(wall=lambda: self.wall_s, wait=self.wait, monotonic=lambda: self.monotonic_s)

    def wait(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds
        for call in self.on_wait:
            call()

    def step_wall(self, hours: float) -> None:
        self.wall_s += hours * 3600


class SimulatedPlace:
    """An executor with one job that takes `work_s` of running; it remembers what it was told."""

    name = "simulated"

    def __init__(self, world: World, work_s: float, *, ends: str = "finished", stubborn: bool = False) -> None:
        self.world = world
        self.left_s = work_s
        self.ends = ends
        self.stubborn = stubborn
        self.state = "waiting"
        self.calls: list[tuple[str, datetime]] = []
        self.refuses = ""
        self._since_s: float | None = None

    def _said(self, what: str) -> None:
        if self.refuses:
            raise ExecutorError(self.refuses, hint="wait")
        self.calls.append((what, self.world.clock.now()))

    def _work(self) -> None:
        if self._since_s is not None:
            self.left_s -= self.world.monotonic_s - self._since_s
            self._since_s = self.world.monotonic_s
            if self.left_s <= 0:
                self.state, self._since_s = self.ends, None

    def submit(self, task: Task) -> str:
        self._said("submit")
        return f"simulated:{task.id}"

    def start(self, handle: str) -> None:
        self._work()
        if self.state in ("waiting", "paused", "lost"):
            self._said("start")
            self.state, self._since_s = "running", self.world.monotonic_s

    resume = start

    def stop(self, handle: str) -> None:
        self._work()
        if self.state == "running":
            self._said("stop")
            if not self.stubborn:
                self.state, self._since_s = "paused", None

    def vanish(self) -> None:
        self._work()
        self.state, self._since_s = "lost", None

    def status(self, handle: str) -> TaskStatus:
        if self.refuses:
            raise ExecutorError(self.refuses, hint="wait")
        self._work()
        stubborn = self.stubborn and any(what == "stop" for what, _ in self.calls)
        code = {"finished": 0, "failed": 3}.get(self.state)
        detail = "asked to stop, it goes on: left running" if stubborn and self.state == "running" else ""
        return TaskStatus(state=self.state, exit_code=code, detail=detail)

    def cancel(self, handle: str) -> None:
        self._said("cancel")
        self.state, self._since_s = "cancelled", None

    def times(self, what: str) -> list[datetime]:
        return [moment for said, moment in self.calls if said == what]
