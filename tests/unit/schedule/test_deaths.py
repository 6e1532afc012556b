"""Abrupt ends: longer and longer rests, and an end to it where nothing gets done."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise.core.plans import Task
from joulewise.core.ulid import new_ulid
from joulewise.schedule import deaths
from joulewise.schedule.clock import Clock
from joulewise.schedule.task_record import Span, Submission, TaskRecord

_spec = importlib.util.spec_from_file_location("simulated", Path(__file__).with_name("simulated.py"))
simulated = importlib.util.module_from_spec(_spec)
sys.modules["simulated"] = simulated
_spec.loader.exec_module(simulated)
Stage, at, hours = simulated.Stage, simulated.at, simulated.hours
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def killed_each_time(tmp_path, saved_at):
    stage = Stage(tmp_path)
    stage.controller.saved_at = saved_at
    stage.controller.poll_s = stage.controller.idle_poll_s = 1.0
    stage.world.on_wait.append(lambda: stage.place.vanish() if stage.place.state == "running" else None)
    return stage, stage.run(stage.submit(segments=hours((0, 4))))


def test_after_three_deaths_without_a_checkpoint_it_has_failed_and_says_why(tmp_path):
    stage, record = killed_each_time(tmp_path, lambda record: LONG_AGO)

    assert record.state == "failed"
    assert "3 times in a row without a new checkpoint" in record.detail
    first, second, third = stage.place.times("start")
    assert timedelta(seconds=1) <= second - first < third - second < timedelta(seconds=5)


@pytest.mark.parametrize("newest", [None, at(10_000)])
def test_where_it_gets_further_or_nobody_knows_it_goes_on_ten_times(tmp_path, newest):
    stage, record = killed_each_time(tmp_path, lambda record: newest)

    assert record.state == "lost"
    assert len(stage.place.times("start")) == 10


@pytest.mark.parametrize(("count", "rest_s"), [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (5000, 60)])
def test_rests_double_up_to_a_minute(count, rest_s):
    assert deaths.rest_s(count) == rest_s


def record_with(tmp_path, *ends):
    task = Task(id=new_ulid(), name="train", command=("true",), folder=str(tmp_path))
    submission = Submission(task=task, job=None, executor="local", submitted_at=at(0))
    spans = [Span(at(hour + 0.1), at(hour + 0.9), 100.0, how) for hour, how in enumerate(ends)]
    return TaskRecord(submission=submission, spans=spans)


@pytest.mark.parametrize(
    ("ends", "newest", "count"),
    [
        (("lost", "lost", "lost"), LONG_AGO, 3),
        (("lost", "lost", "lost"), None, 3),
        (("lost", "lost", "lost"), at(1.5), 1),
        (("lost", "lost", "lost"), at(2.5), 0),
        (("lost", "paused", "lost"), LONG_AGO, 1),
        ((), LONG_AGO, 0),
    ],
)
def test_deaths_count_since_the_last_pause_or_checkpoint(tmp_path, ends, newest, count):
    assert deaths.in_a_row(record_with(tmp_path, *ends), newest) == count


def test_only_whole_checkpoints_count_as_saved(tmp_path):
    record, clock = record_with(tmp_path), Clock()
    state = tmp_path / record.id / "state"
    state.mkdir(parents=True)
    for name in ("train.ckpt.new", "checkpoints.jnl", "train.ckpt.sums"):
        (state / name).write_text("x")
    assert deaths.saved_at(record, str(tmp_path), clock) == LONG_AGO

    (state / "train.ckpt").write_text("x")
    os.utime(state / "train.ckpt", (at(5).timestamp(),) * 2)
    assert deaths.saved_at(record, str(tmp_path), clock) == at(5)


def test_where_checkpoints_lie_elsewhere_nothing_is_known_of_them(tmp_path):
    record = record_with(tmp_path)
    record.submission = replace(record.submission, executor="k8s")
    assert deaths.saved_at(record, str(tmp_path), Clock()) is None
