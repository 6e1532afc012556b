"""When a task is to run: pure rules on what is known of it. The controller asks them at every step.

    left        = duration - time that it surely ran + restoring what was lost or paused
    latest start = deadline - left - margin

From the latest start on it runs unconditionally. Before, it runs inside the segments of its plan; after the last of
them has begun it runs to its end, however long that takes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from joulewise.core.errors import OutOfRange
from joulewise.core.plans import Job, Plan
from joulewise.schedule.task_record import Schedule, TaskRecord

MARGIN_S = 60.0
"""What starting a job takes until it works, at most, as a rule."""
LEAST_LEFT = 0.05
"""Share of its duration that is assumed to be left of a job that has run for longer than it was said to take."""
JITTER_SHARE = 0.05
"""A start is shifted by at most this share of the segment."""


def share_of(task_id: str) -> float:
    """A number in [0, 1) that differs from task to task and is the same at every look: where in a spread it lies."""
    return crc32(task_id.encode()) / (1 << 32)


def worked_s(record: TaskRecord) -> float:
    """Seconds of work that are surely done: what it ran, without restoring, and without what an abrupt end lost."""
    job = record.submission.job
    restore_s = job.restore_s if job else 0.0
    ran_s = [span.ran_s for span in record.spans if span.how != "lost"]
    return max(0.0, sum(ran_s) - restore_s * max(0, len(ran_s) - 1))


def overdue(record: TaskRecord) -> bool:
    """True if it has run for longer than it was said to take: then nothing is known of what is left."""
    job = record.submission.job
    return job is not None and worked_s(record) >= job.duration_s


def left_s(record: TaskRecord) -> float:
    """Seconds that it still has to run, with restoring if it ran before and does not now."""
    job = record.submission.job
    if job is None:
        return 0.0
    remaining_s = max(job.duration_s - worked_s(record), LEAST_LEFT * job.duration_s)
    rests = bool(record.spans) and bool(record.spans[-1].how)
    return remaining_s + (job.restore_s if rests else 0.0)


def latest_start(record: TaskRecord) -> datetime | None:
    """From here on it must run to meet its deadline; None for a task without a plan."""
    job = record.submission.job
    if job is None:
        return None
    return job.deadline - timedelta(seconds=left_s(record) + min(MARGIN_S, LEAST_LEFT * job.duration_s))


def start_of(schedule: Schedule, number: int, record: TaskRecord) -> datetime:
    """When segment `number` begins for this task: a later start is shifted a little, each task by its own share."""
    segment = schedule.segments[number]
    if segment.start <= schedule.made_at:
        return segment.start
    spread_s = min(record.submission.jitter_s, JITTER_SHARE * segment.duration_s)
    return segment.start + timedelta(seconds=spread_s * share_of(record.id))


def wanted(record: TaskRecord, now: datetime) -> tuple[bool, str]:
    """Whether it is to run now, and why."""
    job, schedule = record.submission.job, record.schedule
    latest = latest_start(record)
    if job is None or latest is None or schedule is None or not schedule.segments:
        return True, "it runs at once, without a plan"
    if now >= latest:
        return True, "it must run now to meet its deadline"
    if overdue(record):
        return True, "it takes longer than planned, and runs to its end"
    last = len(schedule.segments) - 1
    if now >= start_of(schedule, last, record):
        return True, "its planned hours have begun"
    for number, segment in enumerate(schedule.segments[:-1]):
        if start_of(schedule, number, record) <= now < segment.end - timedelta(seconds=job.save_s):
            return True, "planned hours"
    return False, "cleaner hours are ahead"


def may_pause(record: TaskRecord, now: datetime) -> bool:
    """False if saving, waiting and restoring could miss the deadline, or if its pauses are used up."""
    job, latest = record.submission.job, latest_start(record)
    if job is None or latest is None or runs_left(record) == 0:
        return False
    return now + timedelta(seconds=job.save_s + job.restore_s) < latest


def runs_left(record: TaskRecord) -> int | None:
    """How often it may still be started anew; None for any number. Starts after a loss don't count."""
    job = record.submission.job
    if job is None or job.max_runs is None:
        return None
    return max(0, job.max_runs - sum(span.how != "lost" for span in record.spans))


def next_moment(record: TaskRecord, now: datetime) -> datetime | None:
    """When `wanted` may change next by itself; None if never."""
    schedule, latest = record.schedule, latest_start(record)
    if schedule is None or latest is None:
        return None
    save = timedelta(seconds=record.submission.job.save_s if record.submission.job else 0.0)
    edges = [latest]
    for number, segment in enumerate(schedule.segments):
        edges += [start_of(schedule, number, record), segment.end - save]
    later = [edge for edge in edges if edge > now]
    return min(later) if later else None


def job_left(record: TaskRecord, now: datetime) -> Job | None:
    """The job as it stands now, to plan anew; None if there is nothing more to plan."""
    job, latest = record.submission.job, latest_start(record)
    running = bool(record.spans) and not record.spans[-1].how
    again = runs_left(record)
    if job is None or latest is None or now >= latest or overdue(record) or (running and again == 0):
        return None
    duration_s = left_s(record)
    max_runs = None if again is None else max(1, again + (1 if running else 0))
    try:
        return replace(
            job,
            duration_s=duration_s,
            power_profile=_tail(job.power_profile, duration_s),
            release=now,
            max_runs=max_runs,
        )
    except OutOfRange:  # rounding in the last moments
        return None


def _tail(profile: tuple[tuple[float, float], ...], duration_s: float) -> tuple[tuple[float, float], ...]:
    """The last `duration_s` of a power profile; longer than it, its first power holds before."""
    found: list[tuple[float, float]] = []
    missing_s = duration_s
    for part_s, power_w in reversed(profile):
        taken_s = min(part_s, missing_s)
        if taken_s > 0:
            found.append((taken_s, power_w))
        missing_s -= taken_s
    if missing_s > 0:
        found.append((missing_s, profile[0][1]))
    return tuple(reversed(found))


def worth_it(plan: Plan, record: TaskRecord) -> bool:
    """Whether a new plan that pauses a running task now still saves after what saving and restoring cost."""
    job, now, chosen = record.submission.job, plan.option("now"), plan.option()
    if job is None or now is None or chosen is None:
        return False
    extra_g = now.emissions.value * (job.save_s + job.restore_s) / max(plan.job.duration_s, 1.0)
    return now.emissions.value - chosen.emissions.value > extra_g
