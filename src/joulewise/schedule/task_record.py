"""What is known of a submitted task: what was asked, planned and done so far. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from joulewise.core.plans import Job, Plan, Segment, Task

OPEN = ("waiting", "running", "stopping", "paused")
ENDED = ("finished", "failed", "cancelled", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A task, the job that it is for the planner (None: it runs at once), and the executor that runs it.

    `jitter_s` spreads the starts of many tasks that were planned alike. `extra` is what whoever submitted it needs
    afterwards.
    """

    task: Task
    job: Job | None
    executor: str
    submitted_at: datetime
    jitter_s: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a task is to run, out of a plan: the segments of its chosen option."""

    plan_id: str
    made_at: datetime
    chosen: str
    reason: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The task ran from `start`, was seen running last at `seen` and had then run for `ran_s`, by the monotonic clock.

    `how` it ended: paused, lost, finished, ...; "" while it runs.
    """

    start: datetime
    seen: datetime
    ran_s: float = 0.0
    how: str = ""


@dataclass(slots=True, kw_only=True)
class TaskRecord:
    """A submission and all that its journal tells: `schedule` is the one in force, `first_plan_id` the plan that was
    made at submission. `accounted` is set once its saving has been filed."""

    submission: Submission
    schedule: Schedule | None = None
    first_plan_id: str = ""
    handle: str = ""
    spans: list[Span] = field(default_factory=list)
    state: str = "waiting"
    exit_code: int | None = None
    detail: str = ""
    ended_at: datetime | None = None
    notes: list[tuple[datetime, str]] = field(default_factory=list)
    accounted: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The task's id."""
        return self.submission.task.id

    @property
    def ended(self) -> bool:
        """True once nothing more will happen to it."""
        return self.state in ENDED

    @property
    def losses(self) -> int:
        """How often it ended without having been asked to."""
        return sum(span.how == "lost" for span in self.spans)


def schedule_of(plan: Plan) -> Schedule:
    """What the controller needs of a plan."""
    option = plan.option()
    segments = option.segments if option else ()
    return Schedule(
        plan_id=plan.id, made_at=plan.created_at, chosen=plan.chosen, reason=plan.reason, segments=tuple(segments)
    )


# As plain values, for JSON


def plain(value: Any) -> Any:
    """Times as ISO text, mappings and sequences likewise; what JSON knows stays."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [plain(inner) for inner in value]


def submission_as_plain(submission: Submission) -> dict[str, Any]:
    """The submission for its journal."""
    found: dict[str, Any] = plain(asdict(submission))
    return found


def submission_from(values: Mapping[str, Any]) -> Submission:
    """The submission that `submission_as_plain` made these values of. Raises LookupError, TypeError, ValueError."""
    task, job = values["task"], values["job"]
    return Submission(
        **{
            **_known(Submission, values),
            "task": Task(
                **{
                    **_known(Task, task),
                    "command": tuple(task["command"]),
                    **{name: _time(task[name]) for name in ("not_before", "latest_start")},
                }
            ),
            "job": None if job is None else _job(job),
            "submitted_at": _time(values["submitted_at"]),
        }
    )


def schedule_from(values: Mapping[str, Any]) -> Schedule:
    """The schedule of a journal line."""
    segments = tuple(segment_from(one) for one in values["segments"])
    return Schedule(**{**_known(Schedule, values), "made_at": _time(values["made_at"]), "segments": segments})


def segment_from(values: Mapping[str, Any]) -> Segment:
    """A segment of a journal line."""
    return Segment(**{**values, "start": _time(values["start"]), "end": _time(values["end"])})


def _job(values: Mapping[str, Any]) -> Job:
    return Job(
        **{
            **_known(Job, values),
            "power_profile": tuple(
                (float(duration_s), float(power_w)) for duration_s, power_w in values["power_profile"]
            ),
            "regions": tuple(values["regions"]),
            **{name: _time(values[name]) for name in ("release", "deadline")},
        }
    )


def _known(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version knows: a later one may have written more."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
