"""Where and when a job runs: what is asked, what was planned, what came of it. Times are aware UTC.

A plan is frozen when it is made, with the forecast that it was made from. What the job then really emitted, and what it
would have emitted if it had been run at once at home, is a decision; both are rows of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joulewise.core.errors import ImpossibleWindow, OutOfRange
from joulewise.core.figures import Figure
from joulewise.core.signals import Signal

OPTIONS = ("now", "best-start", "best-region", "start-and-region", "paused", "paused-and-region")
"""What a job can do: run now at home, start later, run now elsewhere, both; pause and resume at home, or elsewhere."""


def in_words(duration_s: float) -> str:
    """A duration for people: "26 h", "90 min", "45 s"."""
    for size_s, unit in ((7_200, "h"), (120, "min")):
        if abs(duration_s) >= size_s:
            return f"{round(duration_s / (3_600 if unit == 'h' else 60), 2):g} {unit}"
    return f"{round(duration_s, 1):g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The job runs in `region` (a grid zone or a cloud region) during [start, end), restoring and saving included."""

    region: str
    start: datetime
    end: datetime

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work to be placed: it runs `duration_s` in all, at or after `release`, and is done by `deadline`.

    `power_profile` is (duration_s, power_w) in order and sums to `duration_s`; power is at the plug of the IT
    equipment, before PUE. `regions` are allowed beside `home`. `max_runs` 1 means no pause, None means any number.
    Each pause costs `save_s` before and `restore_s` after it at the job's power there, and `idle_power_w` while it
    lasts (a machine that is held). Moving takes `data_gb` along. `price_per_hour` is by region, in `currency`. The
    power is known between `energy_low_ratio` and `energy_high_ratio` times the profile's: the meter's error, if it was
    metered.
    """

    name: str
    duration_s: float
    power_profile: tuple[tuple[float, float], ...]
    release: datetime
    deadline: datetime
    home: str
    regions: tuple[str, ...] = ()
    max_runs: int | None = 1
    save_s: float = 0.0
    restore_s: float = 0.0
    idle_power_w: float = 0.0
    data_gb: float = 0.0
    price_per_hour: Mapping[str, float] = field(default_factory=dict)
    currency: str = "EUR"
    profile_run_id: str | None = None
    energy_low_ratio: float = 1.0
    energy_high_ratio: float = 1.0

    def __post_init__(self) -> None:
        if not self.duration_s > 0 or not self.power_profile:
            raise OutOfRange(f"a job needs a duration and a power, got {self.duration_s} s")
        if any(not seconds > 0 or not power_w >= 0 for seconds, power_w in self.power_profile):
            raise OutOfRange("want durations > 0 s and powers >= 0 W in the power profile")
        if abs(sum(seconds for seconds, _ in self.power_profile) - self.duration_s) > 1e-6 * self.duration_s:
            raise OutOfRange("the power profile must last as long as the job")
        if self.max_runs is not None and self.max_runs < 1:
            raise OutOfRange(f"want at least one run, got {self.max_runs}")
        if any(not value >= 0 for value in (self.save_s, self.restore_s, self.idle_power_w, self.data_gb)):
            raise OutOfRange("times, powers and sizes of a job are >= 0")
        if not 0 <= self.energy_low_ratio <= 1 <= self.energy_high_ratio:
            raise OutOfRange("the bounds of a job's energy must hold its value")
        for moment in (self.release, self.deadline):
            if moment.utcoffset() is None:
                raise OutOfRange(f"want an aware time, got {moment}")
        window_s = (self.deadline - self.release).total_seconds()
        if window_s < self.duration_s:
            raise ImpossibleWindow(
                f"the job takes {in_words(self.duration_s)}, but only {in_words(window_s)} lie between "
                f"{self.release:%Y-%m-%d %H:%M} and {self.deadline:%Y-%m-%d %H:%M} UTC",
                hint="a later deadline (--within, --deadline) or a shorter --duration",
            )

    @property
    def energy_j(self) -> float:
        """Energy of the work itself, J, without pauses and PUE."""
        return sum(seconds * power_w for seconds, power_w in self.power_profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to run a job, as forecast. `name` is one of OPTIONS; energy J and emissions g include PUE and pauses.

    `regret_g` is what the forecast's error is expected to cost against perfect foresight, gCO2e; None if unknown.
    `cost` is in the job's currency, None without prices.
    """

    name: str
    segments: tuple[Segment, ...]
    energy: Figure
    emissions: Figure
    cost: Figure | None = None
    regret_g: float | None = None
    note: str = ""

    @property
    def finish_at(self) -> datetime:
        """When the last segment ends."""
        return self.segments[-1].end


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that could be done with a job, what is best and why. `forecast` is what was known, frozen."""

    id: str
    created_at: datetime
    job: Job
    options: tuple[Option, ...]
    chosen: str
    reason: str
    forecast: tuple[Signal, ...]
    notices: tuple[str, ...] = ()

    def option(self, name: str = "") -> Option | None:
        """The option of that name, by default the chosen one."""
        return next((one for one in self.options if one.name == (name or self.chosen)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a plan, gCO2e, location-based: realised, against "at submit, at home" and against hindsight.

    All three take the same energy (the measured one) and the same kind of intensity; `saved` is counterfactual minus
    realised with its interval, and `ratio` is `saved` over the counterfactual, which is surer than either, since both
    share the meter's error. `segments` are those in which the job really ran. `market_saved` stands beside, never
    added. `details` holds what it was computed from: energy by interval, intensities, shares of the error, grades.
    """

    id: str
    run_id: str
    plan_id: str | None
    decided_at: datetime
    chosen: str
    segments: tuple[Segment, ...]
    realised: Figure
    counterfactual: Figure
    saved: Figure
    oracle: Figure | None = None
    market_saved: Figure | None = None
    ratio: Figure | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    supersedes: str | None = None

    def __post_init__(self) -> None:
        if self.saved.value != self.counterfactual.value - self.realised.value:
            raise OutOfRange("saved must be counterfactual minus realised")


TASK_STATES = ("waiting", "running", "stopping", "paused", "finished", "failed", "cancelled", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A command to be executed somewhere. `id` is a ULID: submitting the same id twice starts one job only.

    `stop` says how it is paused: "checkpoint" (asked by SIGTERM to save and exit, later started again) or "freeze"
    (SIGSTOP and SIGCONT, which keep the machine and its memory). `resources` are the executor's own words
    ({"cpus": 4, "gpus": 1, "memory_gb": 16}).
    """

    id: str
    name: str
    command: tuple[str, ...]
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: str = "checkpoint"
    save_s: float = 60.0
    not_before: datetime | None = None
    latest_start: datetime | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """How a task stands: a state of TASK_STATES, its exit code once it has one, and what the executor says of it."""

    state: str
    exit_code: int | None = None
    detail: str = ""
