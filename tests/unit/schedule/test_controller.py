"""The controller on a simulated machine: it keeps the plan, the deadline, and its head when all else fails."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule.task_journal import TaskJournal
from joulewise.schedule.task_record import Submission, schedule_of

_spec = importlib.util.spec_from_file_location("simulated", Path(__file__).with_name("simulated.py"))
simulated = importlib.util.module_from_spec(_spec)
sys.modules["simulated"] = simulated
_spec.loader.exec_module(simulated)
World, SimulatedPlace, at = simulated.World, simulated.SimulatedPlace, simulated.at

HOUR, Stage, hours, job, plan_of = simulated.HOUR, simulated.Stage, simulated.hours, simulated.job, simulated.plan_of


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def close_to(moment, wanted, seconds=130.0):
    return abs((moment - wanted).total_seconds()) <= seconds


def test_it_runs_in_the_planned_hours_and_pauses_between(stage):
    record = stage.run(stage.submit())

    assert record.state == "finished"
    assert [close_to(*pair) for pair in zip(stage.place.times("start"), [at(3), at(8)], strict=True)] == [True, True]
    [stopped] = stage.place.times("stop")
    assert close_to(stopped, at(4) - timedelta(seconds=60))
    assert record.accounted == "filed"
    assert [one.id for one in stage.ended] == [record.id]


def test_a_task_without_a_plan_runs_at_once(stage, tmp_path):
    task = Task(id=new_ulid(), name="now", command=("true",), folder="/")
    TaskJournal(stage.folder).create(Submission(task=task, job=None, executor="here", submitted_at=at(0)))

    assert stage.run(task.id).state == "finished"
    assert stage.place.times("start") == [at(0)]


def test_after_its_last_hours_have_begun_it_runs_to_its_end(tmp_path):
    stage = Stage(tmp_path, work_s=6 * HOUR)

    record = stage.run(stage.submit())

    assert record.state == "finished"
    assert len(stage.place.times("stop")) == 1
    assert record.ended_at > at(12)


def test_a_failure_ends_it_with_its_exit_code(tmp_path):
    stage = Stage(tmp_path, ends="failed")

    record = stage.run(stage.submit())

    assert (record.state, record.exit_code) == ("failed", 3)


def test_the_deadline_comes_first(stage):
    """Planned far too late (nobody was there for hours), it starts at the latest start."""
    record = stage.run(stage.submit(segments=hours((22, 22.2), (23.9, 24)), deadline=at(24)))

    assert record.state == "finished"
    assert record.ended_at <= at(24)
    assert stage.place.times("stop") == []


def test_it_is_not_paused_if_that_could_miss_the_deadline(stage):
    record = stage.run(stage.submit(segments=hours((20, 21), (23, 24)), deadline=at(22.05)))

    assert record.state == "finished"
    assert record.ended_at <= at(22.05)
    assert stage.place.times("stop") == []


def test_pauses_are_not_used_up_twice(stage):
    record = stage.run(stage.submit(segments=hours((3, 4), (6, 6.5), (8, 9.5)), max_runs=2))

    assert record.state == "finished"
    assert len(stage.place.times("stop")) == 1


def test_a_provider_that_is_down_for_hours_keeps_the_last_plan(stage):
    record = stage.run(stage.submit())

    assert record.state == "finished"
    assert any("the provider is down" in text for _, text in record.notes)
    assert stage.plans == []
    assert len(stage.place.times("start")) == 2


def test_a_planner_that_breaks_harms_nobody(stage):
    def broken(record, job, now):
        raise ZeroDivisionError("a bug of a plug-in")

    stage.planner = broken

    assert stage.run(stage.submit()).state == "finished"


def test_it_plans_anew_each_hour_what_is_left(stage):
    seen = []

    def planner(record, job, now):
        seen.append((now, job.duration_s))
        return plan_of(job, hours((5, 6), (10, 12)), now)

    stage.planner = planner
    record = stage.run(stage.submit())

    assert record.state == "finished"
    starts = stage.place.times("start")
    assert [close_to(*pair) for pair in zip(starts, [at(5), at(10)], strict=True)] == [True, True]
    assert seen[0][1] == 2 * HOUR
    assert seen[-1][1] < 1.2 * HOUR
    gaps = {round((later - earlier).total_seconds() / HOUR, 1) for (earlier, _), (later, _) in pairwise(seen)}
    assert gaps == {1.0}
    assert len(stage.plans) == len(seen)


def test_a_running_task_is_not_paused_for_less_than_pausing_costs(stage):
    def planner(record, job, now):
        later = replace(hours((20, 22))[0], start=now + timedelta(hours=3))
        return plan_of(job, (later,), now, emissions_g=99.9)

    stage.planner = planner
    stage.run(stage.submit(segments=hours((0, 3)), save_s=600.0, restore_s=600.0))

    assert stage.place.times("stop") == []


def test_starts_are_spread_and_each_task_keeps_its_own(tmp_path):
    moments = []
    for number in range(6):
        stage = Stage(tmp_path / str(number))
        stage.run(stage.submit(segments=hours((3, 6)), jitter_s=1200.0))
        [start] = stage.place.times("start")
        moments.append(start)

    assert all(at(3) <= moment <= at(3) + timedelta(seconds=0.05 * 3 * HOUR + 10) for moment in moments)
    assert len({moment.replace(microsecond=0) for moment in moments}) >= 4


def test_a_lost_task_is_started_again(stage):
    task_id = stage.submit(segments=hours((1, 4)))
    stage.controller.most_losses = 3
    lost = []

    def vanish():
        if len(lost) < 2 and stage.place.state == "running" and stage.place.left_s < 1.9 * HOUR - len(lost) * 600:
            stage.place.vanish()
            lost.append(1)

    stage.world.on_wait.append(vanish)
    record = stage.run(task_id)

    assert record.state == "finished"
    assert record.losses == 2
    assert len(stage.place.times("start")) == 3


def test_a_task_that_is_lost_again_and_again_is_given_up(stage):
    task_id = stage.submit(segments=hours((0, 4)))
    stage.controller.most_losses = 3
    stage.world.on_wait.append(lambda: stage.place.vanish() if stage.place.state == "running" else None)

    record = stage.run(task_id)

    assert record.state == "lost"
    assert "3 times" in record.detail
    assert record.accounted == "filed"


def test_a_job_that_does_not_react_is_left_running(tmp_path):
    stage = Stage(tmp_path, stubborn=True)

    record = stage.run(stage.submit())

    assert record.state == "finished"
    assert len(stage.place.times("stop")) == 1
    assert any("left running" in text for _, text in record.notes)


def test_a_place_that_refuses_is_asked_again(stage):
    task_id = stage.submit()
    stage.place.refuses = "the queue is closed"
    heal_at = at(2)
    stage.world.on_wait.append(
        lambda: setattr(stage.place, "refuses", "") if stage.world.clock.now() >= heal_at else None
    )

    record = stage.run(task_id)

    assert record.state == "finished"
    assert any("the queue is closed" in text for _, text in record.notes)


@pytest.mark.parametrize("step_hours", [-5.0, 2.0, 10.0])
@pytest.mark.parametrize("when", [1.0, 3.5, 6.0])
def test_a_step_of_the_clock_loses_nothing(stage, step_hours, when):
    task_id = stage.submit()
    stepped = []

    def step():
        if not stepped and stage.world.clock.now() >= at(when):
            stepped.append(1)
            stage.world.step_wall(step_hours)

    stage.world.on_wait.append(step)
    record = stage.run(task_id)

    assert record.state == "finished"
    assert record.ended_at <= at(24)
    assert sum(span.ran_s for span in record.spans) == pytest.approx(2 * HOUR, abs=120)


def test_a_clock_that_jumps_over_the_deadline_starts_it_at_once(stage):
    task_id = stage.submit()
    stage.world.on_wait.append(lambda: stage.world.step_wall(48) if stage.world.clock.now() < at(40) else None)

    record = stage.run(task_id)

    assert record.state == "finished"
    assert len(stage.place.times("start")) == 1


@pytest.mark.parametrize("steps", [1, 2, 40, 100, 140, 200, 250])
def test_another_controller_takes_over_at_any_instant(tmp_path, steps):
    stage = Stage(tmp_path)
    task_id = stage.submit()
    for _ in range(steps):
        if not stage.controller.step([task_id]):
            break
        stage.world.clock.sleep(stage.controller.pause_s([task_id]))
    stage.controller.close()  # what a kill does to the lock
    stage.controller = stage.made()

    record = stage.run(task_id)

    assert record.state == "finished"
    assert stage.place.times("submit") != []
    assert len(stage.place.times("start")) == 2
    assert len(stage.ended) == 1


def test_two_controllers_do_not_drive_the_same_task(stage):
    task_id = stage.submit()
    other = stage.made()
    assert stage.controller.step([task_id])
    calls = len(stage.place.calls)

    assert other.step([task_id])

    assert len(stage.place.calls) == calls
    other.close()


def test_a_folder_that_is_deleted_is_let_go(stage, caplog):
    import shutil

    kept, deleted = stage.submit(), stage.submit()
    stage.controller.step()
    shutil.rmtree(f"{stage.folder}/{deleted}")

    stage.controller.run()

    assert TaskJournal(stage.folder).read(kept).state == "finished"
    assert not stage.controller._held


def test_an_account_that_fails_does_not_bring_the_task_down(stage):
    def broken(record):
        raise ZeroDivisionError("a bug of ours")

    stage.controller.on_end = broken

    record = stage.run(stage.submit())

    assert record.state == "finished"
    assert "ZeroDivisionError" in record.accounted


def test_what_ended_without_an_account_is_accounted_for_later(stage):
    task_id = stage.submit()
    journal = TaskJournal(stage.folder)
    journal.end(task_id, at(5), simulated.TaskStatus(state="finished", exit_code=0), 7200.0)
    journal.close()

    record = stage.run(task_id)

    assert record.accounted == "filed"
    assert stage.place.calls == []


def test_cancelled_elsewhere_it_ends(stage):
    task_id = stage.submit()
    stage.controller.step([task_id])
    stage.place.cancel("")

    assert stage.run(task_id).state == "cancelled"


def test_the_schedule_of_a_plan_is_that_of_its_choice():
    plan = plan_of(job(), hours((1, 2), (4, 5)), at(0))

    assert schedule_of(plan).segments == hours((1, 2), (4, 5))
