"""What running, saving, restoring, idling and moving use: every joule in its slot and place."""

from __future__ import annotations

import pytest

from joulewise.core.errors import OutOfRange
from joulewise.core.plans import Segment
from joulewise.schedule.slots import lay_out
from joulewise.schedule.usage import paused_s, power_at, usage_of
from joulewise.testing.plans import FIRST, HOUR, hourly, small_job

MINUTE = HOUR / 60


def slots(hours=8):
    signals = {name: hourly(name, *[100] * hours) for name in ("DE", "SE")}
    return lay_out(signals, FIRST, FIRST + hours * HOUR, 3_600.0)


def part(region, first, last):
    return Segment(region=region, start=FIRST + first * HOUR, end=FIRST + last * HOUR)


def test_power_follows_the_work_not_the_clock():
    used = usage_of(small_job(), [part("DE", 0.5, 2.5)], slots())
    assert used.it_kwh[0].tolist() == pytest.approx([0.3, 0.3 + 0.2, 0.2, 0, 0, 0, 0, 0])
    assert (used.moves, used.paid_h, used.it_kwh[1].sum()) == ((), {"DE": 2.0}, 0.0)


def test_a_pause_saves_restores_and_idles():
    job = small_job(save_s=360.0, restore_s=720.0, idle_power_w=50.0)
    used = usage_of(job, [part("DE", 0, 1.1), part("DE", 3, 4.2)], slots())
    assert used.it_kwh.sum() == pytest.approx(1.0 + (360 + 720) * 400 / 3.6e6 + 1.9 * 0.05)
    assert used.it_kwh[0, 2] == pytest.approx(0.05)
    assert used.paid_h == {"DE": pytest.approx(4.2)}


def test_a_machine_that_is_let_go_neither_idles_nor_costs():
    used = usage_of(small_job(), [part("DE", 0, 1), part("DE", 3, 4)], slots())
    assert used.it_kwh[0].tolist() == pytest.approx([0.6, 0, 0, 0.4, 0, 0, 0, 0])
    assert used.paid_h == {"DE": 2.0}


def test_moving_takes_the_data_along_half_at_either_end():
    job = small_job(data_gb=50.0, idle_power_w=50.0)
    used = usage_of(job, [part("SE", 1, 2), part("DE", 4, 5)], slots())
    assert used.moves == (("DE", "SE"), ("SE", "DE"))
    assert used.moved_gb[:, [1, 4]].tolist() == [[25.0, 25.0], [25.0, 25.0]]
    assert used.moved_gb.sum() == 100.0
    assert used.it_kwh.sum() == pytest.approx(1.0)  # nobody idles at the place that was left


def test_without_data_nothing_moves():
    assert usage_of(small_job(), [part("SE", 1, 3)], slots()).moves == ()


def test_segments_that_hold_another_amount_of_work_are_refused():
    with pytest.raises(OutOfRange, match="3600 s of work"):
        usage_of(small_job(), [part("DE", 0, 1)], slots())


def test_power_at_the_end_is_that_of_the_last_stretch():
    assert [power_at(small_job(), done_s) for done_s in (0, 3_599, 3_600, 7_200)] == [600, 600, 400, 400]


def test_time_between_segments_is_a_pause():
    assert paused_s([part("DE", 0, 1), part("DE", 3, 4), part("DE", 5, 6)]) == 3 * 3_600
