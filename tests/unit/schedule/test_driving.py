"""The rules of driving: the deadline first, then the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from joulewise.core.figures import MODELLED, exact
from joulewise.core.plans import Job, Option, Plan, Segment, Task
from joulewise.schedule.driving import (
    job_left,
    latest_start,
    left_s,
    may_pause,
    next_moment,
    overdue,
    runs_left,
    share_of,
    wanted,
    worked_s,
    worth_it,
)
from joulewise.schedule.task_record import Schedule, Span, Submission, TaskRecord

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3600.0


def at(hours):
    return START + timedelta(hours=hours)


def job(**changes):
    values = {
        "name": "train",
        "duration_s": 4 * HOUR,
        "power_profile": ((HOUR, 200.0), (3 * HOUR, 100.0)),
        "release": at(0),
        "deadline": at(24),
        "home": "DE",
        "max_runs": 3,
        "save_s": 120.0,
        "restore_s": 300.0,
    }
    return Job(**{**values, **changes})


def record(*spans, segments=((2, 4), (8, 11)), jitter_s=0.0, planned=True, **changes):
    task = Task(id="01M81GQNNNC1KEHEG8319VW0RF", name="train", command=("true",), folder="/")
    submission = Submission(task=task, job=job(**changes), executor="local", submitted_at=at(0), jitter_s=jitter_s)
    found = tuple(Segment(region="DE", start=at(start), end=at(end)) for start, end in segments)
    schedule = Schedule(plan_id="p", made_at=at(0), chosen="paused", reason="", segments=found)
    return TaskRecord(submission=submission, schedule=schedule if planned else None, spans=list(spans))


def span(start, end, how="paused"):
    return Span(at(start), at(end), (end - start) * HOUR, how)


def test_work_counts_without_restoring_and_losses():
    assert worked_s(record()) == 0
    assert worked_s(record(span(2, 4))) == 2 * HOUR
    assert worked_s(record(span(2, 4), span(8, 9, ""))) == 3 * HOUR - 300
    assert worked_s(record(span(2, 4, "lost"), span(8, 9, ""))) == HOUR


def test_what_is_left_includes_restoring_after_a_pause():
    assert left_s(record()) == 4 * HOUR
    assert left_s(record(span(2, 4))) == 2 * HOUR + 300
    assert left_s(record(span(2, 4, ""))) == 2 * HOUR


def test_a_job_that_takes_longer_than_said_has_always_something_left():
    long = record(span(2, 7, ""))

    assert overdue(long)
    assert left_s(long) == 0.05 * 4 * HOUR
    assert wanted(long, at(7)) == (True, "it takes longer than planned, and runs to its end")


def test_the_latest_start_leaves_a_margin():
    assert latest_start(record()) == at(20) - timedelta(seconds=60)
    assert latest_start(record(span(2, 4))) == at(22) - timedelta(seconds=360)


@pytest.mark.parametrize(
    ("hours", "run"),
    [(0, False), (1.99, False), (2, True), (3.9, True), (3.97, False), (7.9, False), (8, True), (12, True)],
)
def test_it_runs_in_its_segments_and_after_the_last_has_begun(hours, run):
    assert wanted(record(), at(hours))[0] is run


def test_from_the_latest_start_on_it_runs_whatever_was_planned():
    late = record(segments=((23, 24),))

    assert not wanted(late, at(19.9))[0]
    assert wanted(late, at(19.99)) == (True, "it must run now to meet its deadline")


def test_without_a_plan_it_runs():
    assert wanted(record(planned=False), at(0))[0]
    assert wanted(record(segments=()), at(0))[0]


def test_jitter_shifts_later_starts_by_less_than_its_share():
    shifted = record(jitter_s=1e9)
    share = share_of(shifted.id)

    assert 0 < share < 1
    assert not wanted(shifted, at(2) + timedelta(seconds=0.05 * share * 2 * HOUR - 1))[0]
    assert wanted(shifted, at(2) + timedelta(seconds=0.05 * share * 2 * HOUR + 1))[0]


def test_a_start_at_once_is_not_shifted():
    assert wanted(record(segments=((0, 4),), jitter_s=1e9), at(0))[0]


def test_pauses_end_where_the_deadline_or_the_runs_do():
    running = record(span(2, 3, ""))

    assert may_pause(running, at(3))
    assert not may_pause(running, at(20.9))
    assert runs_left(running) == 2
    assert not may_pause(record(span(2, 3), span(4, 5), span(6, 7, "")), at(7))
    assert runs_left(record(max_runs=None)) is None


def test_the_next_moment_is_the_next_edge():
    assert next_moment(record(), at(0)) == at(2)
    assert next_moment(record(), at(3)) == at(4) - timedelta(seconds=120)
    assert next_moment(record(planned=False), at(3)) is None
    assert next_moment(record(), at(30)) is None


def test_what_is_left_to_plan_is_the_end_of_the_job():
    found = job_left(record(span(2, 5)), at(6))

    assert found.duration_s == HOUR + 300
    assert found.release == at(6)
    assert found.max_runs == 2
    assert found.power_profile == ((HOUR + 300, 100.0),)


def test_a_running_job_may_go_on_as_its_first_run():
    assert job_left(record(span(2, 3, "")), at(3)).max_runs == 3


def test_a_job_with_more_left_than_it_ever_had_keeps_its_first_power():
    found = job_left(record(span(2, 2, "paused")), at(3))

    assert found.power_profile[0] == (300.0, 200.0)
    assert found.duration_s == 4 * HOUR + 300


def test_nothing_is_planned_when_there_is_nothing_to_choose():
    assert job_left(record(), at(20)) is None
    assert job_left(record(span(2, 7, "")), at(7)) is None
    assert job_left(record(span(2, 3), span(4, 5), span(6, 7, "")), at(7)) is None
    assert job_left(record(), at(19.99)) is None


@pytest.mark.parametrize(("emissions_g", "worth"), [(50.0, True), (99.0, False)])
def test_a_pause_must_save_more_than_it_costs(emissions_g, worth):
    options = tuple(
        Option(
            name=name,
            segments=(Segment(region="DE", start=at(1), end=at(2)),),
            energy=exact(1.0, "J", MODELLED),
            emissions=exact(grams, "g", MODELLED),
        )
        for name, grams in (("now", 100.0), ("paused", emissions_g))
    )
    plan = Plan(id="p", created_at=at(0), job=job(), options=options, chosen="paused", reason="", forecast=())

    assert worth_it(plan, record()) is worth
    assert not worth_it(
        Plan(id="p", created_at=at(0), job=job(), options=(), chosen="paused", reason="", forecast=()), record()
    )
