"""A simulated machine for controllers: its clocks can be set, its job runs only as fast as they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from joulewise.core.errors import ExecutorError, ProviderUnavailable
from joulewise.core.figures import MODELLED, exact
from joulewise.core.plans import Job, Option, Plan, Segment, Task, TaskStatus
from joulewise.core.ulid import new_ulid
from joulewise.schedule.clock import Clock
from joulewise.schedule.controller import Controller
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Schedule, Submission

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


HOUR = 3600.0


def job(**changes):
    return Job(
        **{
            "name": "train",
            "duration_s": 2 * HOUR,
            "power_profile": ((2 * HOUR, 100.0),),
            "release": at(0),
            "deadline": at(24),
            "home": "DE",
            "max_runs": None,
            "save_s": 60.0,
            "restore_s": 60.0,
            **changes,
        }
    )


def hours(*pairs):
    return tuple(Segment(region="DE", start=at(start), end=at(end)) for start, end in pairs)


TWICE = hours((3, 4), (8, 9.5))


def plan_of(job, segments, now, emissions_g=50.0, now_g=100.0):
    options = [
        Option(name=name, segments=parts, energy=exact(1.0, "J", MODELLED), emissions=exact(grams, "g", MODELLED))
        for name, parts, grams in (("now", segments[:1], now_g), ("paused", segments, emissions_g))
    ]
    return Plan(
        id=new_ulid(), created_at=now, job=job, options=tuple(options), chosen="paused", reason="test", forecast=()
    )


class Stage:
    """A journal, a world, a place, and a controller that can die."""

    def __init__(self, folder, **place):
        self.world = World()
        self.place = SimulatedPlace(self.world, **{"work_s": 2 * HOUR, **place})
        self.folder = str(folder)
        self.plans = []
        self.ended = []
        self.news = []
        self.planner = self.fails
        self.controller = self.made()

    def made(self):
        made = Controller(
            TaskJournal(self.folder),
            lambda name: self.place,
            self.plan_anew,
            self.world.clock,
            on_plan=lambda record, plan: self.plans.append(plan),
            on_end=lambda record: self.ended.append(record) or "filed",
            tell=lambda record, text: self.news.append(text),
        )
        made.poll_s = made.idle_poll_s = 120.0
        return made

    def plan_anew(self, record, job, now):
        return self.planner(record, job, now)

    @staticmethod
    def fails(record, job, now):
        raise ProviderUnavailable("the provider is down", hint="wait")

    def submit(self, segments=TWICE, jitter_s=0.0, **changes):
        task = Task(id=new_ulid(), name="train", command=("true",), folder="/")
        journal = TaskJournal(self.folder)
        journal.create(
            Submission(task=task, job=job(**changes), executor="here", submitted_at=at(0), jitter_s=jitter_s)
        )
        journal.plan(task.id, Schedule(plan_id="p", made_at=at(0), chosen="paused", reason="test", segments=segments))
        journal.close()
        return task.id

    def run(self, task_id):
        self.controller.run([task_id])
        return TaskJournal(self.folder).read(task_id)
